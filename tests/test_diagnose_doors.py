"""The doors of `diagnose` and `check`: how much is told, JSON, names, rows, a reference that is given, and the page."""

import json
import re
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.as_network import network_of
from chainrule.check.diagnose import judge
from chainrule.check.forms import FORMS, LINKS, SCALES
from chainrule.check.page import page_of
from chainrule.check.process import probe
from chainrule.check.reference import Draw, Penalty, Spec, gradients, loss
from chainrule.check.report import as_json, headline, table, text
from chainrule.cli import main
from chainrule.errors import InputError
from chainrule.optimizers import SGD

NET = """import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out))
        self.b2 = np.zeros(n_out)

    def forward(self, X):
        self.h = np.maximum(X @ self.W1 + self.b1, 0)
        z = self.h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def loss(self, X, y):
        return -(y * np.log(self.forward(X))).sum() / len(X)

    def backward(self, X, y):
        dz2 = (self.p - y) / len(X)
        dz1 = dz2 @ self.W2.T * (self.h > 0)
        return {"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": self.h.T @ dz2, "b2": dz2.sum(0)}
"""
UNDIVIDED = NET.replace("(self.p - y) / len(X)", "self.p - y")
UNKNOWN = NET.replace("np.maximum(X @ self.W1 + self.b1, 0)", "np.sin(X @ self.W1 + self.b1)").replace(
    "(self.h > 0)", "np.cos(X @ self.W1 + self.b1)"
)
CHROMIUM = shutil.which("chromium")


@pytest.fixture
def code(tmp_path):
    def write(text, name="theirs.py"):
        (tmp_path / name).write_text(text)
        return str(tmp_path / name)

    return write


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory):
    """The diagnosis of a text, made once."""
    folder = tmp_path_factory.mktemp("code")

    @cache
    def diagnosis(text):
        path = folder / f"code{len(list(folder.iterdir()))}.py"
        path.write_text(text)
        return cr.diagnose(path)

    return diagnosis


# How much it tells


def test_no_lower_hint_says_what_a_higher_one_keeps(diagnosed):
    d = diagnosed(UNDIVIDED)
    (rule,) = d.mistakes
    kept = {
        1: ["yours", "W1[", "W2[", "right 0", "consistent"],
        2: [rule.question, "Ask yourself"],
        3: [rule.name, rule.sentence, "Mistake", "mistake", "1/N", "cross-entropy"],
        4: [rule.formula, rule.right, rule.change, "⟦", "probes", "numeric"],
    }
    for hint in range(5):
        for shown in (text(d, hint), headline(d, hint), json.dumps(as_json(d, hint)["mistakes"], ensure_ascii=False)):
            for level, words in kept.items():
                if hint < level:
                    assert [word for word in words if word in shown] == [], (hint, shown)
    for level, words in kept.items():
        assert any(word in text(d, level) for word in words)


def test_the_loss_s_name_does_not_give_an_unwise_piece_away(diagnosed):
    twice = NET.replace(
        "        return self.p\n", "        e = np.exp(self.p)\n        return e / e.sum(1, keepdims=True)\n"
    )
    d = diagnosed(twice)
    assert "twice" in text(d, 3)
    for hint in range(3):
        assert "twice" not in text(d, hint)
        assert "twice" not in json.dumps(as_json(d, hint))


@pytest.mark.parametrize("hint", [5, -1])
def test_a_hint_that_is_none_is_refused(code, capsys, hint):
    with pytest.raises(SystemExit):
        main(["diagnose", code(NET), "--hint", str(hint)])
    assert "--hint: expected 0 to 4" in capsys.readouterr().err


KEYS = {
    "subject", "verdict", "ok", "said", "consistent_with_own_loss", "reference", "asked_for", "cell", "questions",
    "mistakes", "layers", "constants", "also", "tells", "tensors", "probes", "not_tested", "needs", "notes",
}  # fmt: skip


def test_json_is_strict_has_the_same_keys_always_and_nan_is_null(diagnosed, code, capsys):
    nan = UNDIVIDED.replace("X.T @ dz1", "X.T @ dz1 * np.nan")
    for d in (diagnosed(NET), diagnosed(UNDIVIDED), diagnosed(UNKNOWN), diagnosed(nan)):
        for hint in range(5):
            found = as_json(d, hint)
            assert set(found) == KEYS
            assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert as_json(diagnosed(nan))["cell"]["theirs"] is None
    main(["diagnose", code(UNDIVIDED), "--json"])
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert err == ""
    found = json.loads(out)
    assert (found["verdict"], found["ok"], found["mistakes"][0]["mistake"]) == ("wrong", False, 3)
    assert {row["label"] for row in found["tensors"]} == {"W1", "b1", "W2", "b2"}


def test_the_help_names_every_key(capsys):
    main(["diagnose", "--help"])
    out = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert all(key in out for key in KEYS - {"subject"})


# check


def test_check_prints_one_table_and_what_it_compared_with(code, capsys):
    main(["check", code(NET)])
    out = capsys.readouterr().out
    assert re.search(r"tensor +yours +shape +worst error +where +theirs +right +numeric", out)
    assert len(re.findall(r"^[Wb][12] +[Wb][12] .*\de-1\d ", out, re.MULTILINE)) == 4
    assert "cross-entropy" in out
    with pytest.raises(SystemExit):
        main(["check", code(UNDIVIDED)])
    out, err = capsys.readouterr()
    assert re.search(r"W1 +W1 +5×4 +\S+ +\[\d, \d\]", out)
    assert "the gradient is not right" in err


def test_check_works_by_the_numeric_check_alone_and_says_so(code, capsys):
    main(["check", code(UNKNOWN)])
    assert "differences of your own loss alone" in capsys.readouterr().out
    wrong = UNKNOWN.replace("np.cos(", "np.sin(")
    with pytest.raises(SystemExit):
        main(["check", code(wrong)])
    out, err = capsys.readouterr()
    assert "differences of your own loss alone" in out
    assert "not right" in err


def test_a_table_of_another_shape_has_no_numbers(diagnosed):
    d = diagnosed(NET.replace("X.T @ dz1", "(X.T @ dz1)[:2]"))
    assert re.search(r"W1 +W1 +2×4 +shape$", table(d.tables), re.MULTILINE)


# Names


ODD = (
    NET.replace("def forward", "def ponder").replace("self.forward(", "self.ponder(").replace("def loss", "def badness")
)
ODD = ODD.replace("def backward", "def blame").replace("W1", "alpha").replace("W2", "omega")
ODD = ODD.replace('{"alpha": ', '{"first": ').replace('"omega": ', '"second": ')
NAMES = ["forward=ponder", "loss=badness", "backward=blame", "W1=alpha", "b1=b1", "W2=omega", "b2=b2"]
NAMES += ["dW1=first", "dW2=second"]


def test_names_that_no_convention_knows_can_be_given(code, capsys):
    path = code(ODD)
    mapping = dict(pair.split("=") for pair in NAMES)
    assert cr.diagnose(path, mapping=mapping).verdict == "correct"
    with pytest.raises(InputError, match="found Net, but no network that runs"):
        cr.diagnose(path)
    wrong = code(ODD.replace("(self.p - y) / len(X)", "self.p - y"), "wrong.py")
    assert cr.diagnose(wrong, mapping=mapping).numbers == [3]
    main(["check", path, "--map", *NAMES])
    assert re.search(r"W1 +first", capsys.readouterr().out)


FUNCTIONS = """import numpy as np

def badness(alpha, beta, omega, gamma, pixels, wanted):
    h = np.tanh(pixels @ alpha + beta)
    return ((h @ omega + gamma - wanted) ** 2).sum() / 2

def blame(alpha, beta, omega, gamma, pixels, wanted):
    h = np.tanh(pixels @ alpha + beta)
    dz = h @ omega + gamma - wanted
    dh = dz @ omega.T * (1 - h * h)
    return pixels.T @ dh, dh.sum(0), h.T @ dz, dz.sum(0)
"""


def test_functions_whose_parameters_have_other_names(code):
    names = {"loss": "badness", "backward": "blame", "X": "pixels", "y": "wanted"}
    names |= {"W1": "alpha", "b1": "beta", "W2": "omega", "b2": "gamma"}
    assert cr.diagnose(code(FUNCTIONS), mapping=names).verdict == "correct"
    wrong = code(FUNCTIONS.replace("(1 - h * h)", "(1 - h)"), "wrong.py")
    assert not cr.diagnose(wrong, mapping=names).ok


@pytest.mark.parametrize("word", ["forward", "=think", "forward="])
def test_a_map_without_both_names_is_refused(code, capsys, word):
    with pytest.raises(SystemExit):
        main(["diagnose", code(NET), "--map", word])
    assert "--map: expected ours=theirs" in capsys.readouterr().err


# Rows of the user's own


def test_rows_of_the_user_s_own_are_used(code, tmp_path, capsys):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(9, 7)), rng.integers(0, 3, 9)
    assert cr.diagnose(code(NET), X, y).verdict == "correct"
    found = cr.diagnose(code(UNDIVIDED), X, np.eye(3)[y])
    assert found.numbers[0] == 3
    assert {row.label: row.shape for row in found.tables}["W1"] == (7, 4)
    assert found.small.X.tolist() == X[:5].tolist()
    rows = "\n".join(",".join(map(str, [*x, label])) for x, label in zip(X.round(3), y))
    (tmp_path / "rows.csv").write_text("a,b,c,d,e,f,g,label\n" + rows)
    main(["check", code(NET), str(tmp_path / "rows.csv"), "--rows", "6", "--target", "label"])
    assert re.search(r"W1 +W1 +7×4", capsys.readouterr().out)
    (tmp_path / "text.csv").write_text("a,b,label\nx,1,0\ny,2,1\nz,3,0\n")
    with pytest.raises(SystemExit):
        main(["diagnose", code(NET), "--data", str(tmp_path / "text.csv"), "--target", "label"])
    assert "got text in a" in capsys.readouterr().err


def test_two_explanations_that_these_rows_cannot_tell_apart_are_both_given(code):
    """With 3 rows of 3 outputs, a factor of 3 may be either; with 4 rows it is one of them."""
    rng = np.random.default_rng(2)
    X, t = rng.normal(size=(4, 5)), np.eye(3)[[0, 1, 2, 1]]
    both = cr.diagnose(code(UNDIVIDED), X[:3], t[:3])
    assert both.numbers == [3]
    keys = {both.mistakes[0].key, *(rule.key for rule in both.also)}
    assert {"n-missing", "k-missing"} <= keys
    assert "N and K are both 3 here: data of another batch size would tell" in str(both)
    one = cr.diagnose(code(UNDIVIDED), X, t)
    assert (one.mistakes[0].key, one.also, dict(one.tells)) == ("n-missing", (), {})


def test_the_search_ends_with_the_time_and_says_so(code):
    reading = probe(Path(code(UNDIVIDED)), None, {}, 60.0)["readings"][0]
    setting = next(setting for setting in reading["settings"] if judge(reading, setting).numbers == [3])
    cut = judge(reading, setting, until=0.0)
    assert (cut.verdict, cut.mistakes) == ("not consistent", ())
    assert "the search for the mistake was not finished" in str(cut)
    assert "note: not searched further: the time was over; allow more with --seconds" in str(cut)


# A reference that is given


def asked(last="softmax", hidden=None):
    ends = {"softmax": cr.SoftmaxCrossEntropy(), "squares": cr.HalfSquaredError()}
    return cr.Network([cr.Dense(8), hidden or cr.ReLU(), cr.Dense(3)], ends[last], n_in=6)


def test_a_network_that_was_asked_for_is_a_verdict_of_its_own(code, tmp_path, capsys):
    right = cr.diagnose(code(NET), reference=asked())
    assert right.ok
    assert right.asked.agrees
    summed = code(UNDIVIDED.replace("sum() / len(X)", "sum()"), "sum.py")
    found = cr.diagnose(summed, reference=asked())
    assert found.ok
    assert found.consistent
    assert not found.asked.agrees
    assert found.asked.factor == pytest.approx(11)
    assert "11 times what was asked for; a sum against a mean is a convention" in str(found)
    other = cr.diagnose(code(NET), reference=asked(hidden=cr.Tanh()))
    assert other.ok
    assert "your predictions are not that network's" in other.asked.why
    asked().save(tmp_path / "asked.safetensors")
    main(["check", code(NET), "--reference", str(tmp_path / "asked.safetensors")])
    assert "It is the gradient of the loss that was asked for." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["check", summed, "--reference", str(tmp_path / "asked.safetensors")])
    assert "not the gradient of the loss that was asked for" in capsys.readouterr().err


def test_a_loss_function_that_was_asked_for(code):
    def mean(p, t):
        return -(t * np.log(p)).sum() / len(p)

    def squares(p, t):
        return ((p - t) ** 2).mean()

    assert cr.diagnose(code(NET), reference=mean).asked.agrees
    found = cr.diagnose(code(NET), reference=squares)
    assert found.ok
    assert not found.asked.agrees
    assert found.asked.factor is None


def test_a_reference_decides_where_there_is_no_loss(code):
    silent = re.sub(r"    def loss.*?\n\n", "", NET, flags=re.DOTALL).replace("self.p - y", "2 * (self.p - y)")
    assert cr.diagnose(code(silent), reference=asked()).verdict == "wrong"


CHECK = """
def grad_check(f, x, grad, eps=1e-5):
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        if abs((f(up) - f(down)) / (2 * eps) - grad[i]) > 1e-2:
            return False
    return True
"""


def test_a_reference_is_compared_with_the_pass_beside_a_gradient_check_and_never_ignored(code):
    both = cr.diagnose(code(NET + CHECK), reference=asked())
    assert both.numbers == [18]
    assert both.asked.agrees
    with pytest.raises(InputError, match="the gradient check grad_check has no gradient of its own to compare"):
        cr.diagnose(code("import numpy as np\n" + CHECK, "alone.py"), reference=asked())


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (3, "expected a chainrule Network or a function"),
        (cr.SoftmaxCrossEntropy(), "expected a chainrule Network or a function"),
        (cr.Network([cr.Dense(4), cr.LayerNorm(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), 5), "expected dense layers"),
        (cr.Network([cr.Dense(3)], cr.Huber(), 5), "Huber.* give the loss as a function"),
        (lambda p: 0.0, "the loss function failed: TypeError"),
    ],
)
def test_a_reference_that_is_none_is_refused(code, reference, said):
    with pytest.raises(InputError, match=said):
        cr.diagnose(code(NET), reference=reference)


# The reference as a network of ours


SPECS = [
    Spec((acts,), link, form, scale, penalty)
    for acts, link, form, scale, penalty in [
        (cr.ReLU(), LINKS[0], FORMS[0], SCALES[0], Penalty(0.1)),
        (cr.Tanh(), LINKS[0], FORMS[0], SCALES[1], Penalty(0.1, per_row=True)),
        (None, LINKS[6], FORMS[0], SCALES[2], None),
        *((cr.Sigmoid(), LINKS[1], FORMS[13], scale, None) for scale in SCALES),
        *((cr.ReLU(), link, FORMS[26], scale, None) for link, scale in zip(LINKS[:5], SCALES)),
        *((cr.LeakyReLU(0.1), LINKS[2], FORMS[27], scale, None) for scale in SCALES),
    ]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_reference_becomes_a_network_with_the_same_loss_and_gradients(spec):
    rng = np.random.default_rng(0)
    shapes = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    draw = Draw(rng.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]], {k: rng.normal(size=s) for k, s in shapes.items()})
    net = network_of(spec, draw)
    trace = cr.explain(net, draw.X, draw.t, SGD()).trace
    assert trace.loss == pytest.approx(loss(spec, draw), rel=1e-12)
    right = gradients(spec, draw)
    for name in shapes:
        np.testing.assert_allclose(trace[f"d{name}"].reshape(right[name].shape), right[name], rtol=1e-9, atol=1e-12)
    for key in trace.equations:
        for i, j in np.ndindex(trace[key].shape):
            assert trace.total(key, i, j) == pytest.approx(trace[key][i, j], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec((cr.ReLU(),), LINKS[5], FORMS[0]), "cross-entropy of softmax over the batch: no loss here"),
        (Spec((cr.ReLU(),), LINKS[0], FORMS[0], penalty=Penalty(1.0, biases=True)), "the penalty reaches the biases"),
    ],
)
def test_what_is_no_network_of_ours_is_said(spec, said):
    draw = Draw(np.ones((2, 1)), np.eye(2), {"W1": np.ones((1, 1)), "W2": np.ones((1, 2))})
    with pytest.raises(InputError, match=said):
        network_of(spec, draw)


# The page


def test_the_page_is_written_and_its_head_says_the_verdict(code, diagnosed, tmp_path, capsys):
    main(["diagnose", code(UNDIVIDED), "--html", str(tmp_path / "step.html")])
    assert "Saved to" in capsys.readouterr().out
    assert "mistake 3" in (tmp_path / "step.html").read_text()
    asked_less = diagnosed(UNDIVIDED).page(hint=1).html
    assert "mistake 3" not in asked_less
    assert '"tell":false' in asked_less
    with pytest.raises(InputError, match="hint 1; ask for that or more"):
        diagnosed(UNDIVIDED).page(hint=0)
    with pytest.raises(InputError, match="no network known here gives its loss"):
        page_of(diagnosed(UNKNOWN))
    with pytest.raises(SystemExit):
        main(["diagnose", code(UNKNOWN), "--html", str(tmp_path / "none.html")])
    assert "no page for" in capsys.readouterr().err
    assert not (tmp_path / "none.html").exists()


@pytest.fixture
def show(tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven with playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    complaints = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])

        def show(page, address=""):
            path = tmp_path / "page.html"
            page.save(path)
            shown = browser.new_context(viewport={"width": 1280, "height": 720}).new_page()
            shown.on("console", lambda message: complaints.append(message.text))
            shown.on("pageerror", lambda error: complaints.append(str(error)))
            shown.goto(path.as_uri() + address)
            return shown

        yield show
        browser.close()
    assert complaints == []


TRANSPOSED = NET.replace("dz2 @ self.W2.T * (self.h > 0)", "dz2 @ self.W2.T")  # the mask of ReLU is missing


def test_wrong_cells_have_an_outline_and_a_name_and_right_ones_have_none(show, diagnosed):
    page = show(diagnosed(TRANSPOSED).page(), "#all")
    lane = page.locator('figure[data-lane="yours"]')
    assert lane.count() == 2
    wrong = lane.locator("td.wrong")
    assert 0 < wrong.count() <= 16
    assert lane.first.locator("td.wrong").count() == wrong.count()  # W2 and b2 are right
    outline = "e => getComputedStyle(e).outlineStyle"
    assert set(wrong.evaluate_all(f"all => all.map({outline})")) == {"dashed"}
    assert all("yours" in label and label.endswith(", differs") for label in labels(wrong))
    right = lane.locator("td.c:not(.wrong)")
    assert right.count() >= 10
    assert "dashed" not in right.evaluate_all(f"all => all.map({outline})")
    assert not any("differs" in label for label in labels(right))
    assert page.get_by_role("grid", name=re.compile("yours")).count() == 2
    captions = lane.locator("figcaption").all_inner_texts()
    assert f"{wrong.count()} differ" in captions[0]
    assert "right" in captions[1]
    assert "mistake" in page.locator("#verdict").inner_text()


def labels(cells):
    return cells.evaluate_all("all => all.map((e) => e.getAttribute('aria-label'))")


def test_a_right_pass_has_no_outline_and_says_so(show, diagnosed):
    page = show(diagnosed(NET).page())
    assert page.locator('figure[data-lane="yours"] td.c').count() > 20
    assert page.locator("td.wrong").count() == 0
    assert page.locator("#verdict").inner_text() == "The gradient is right."
    assert "no cell of yours differs" in page.locator("#why").inner_text()


def test_the_page_opens_at_a_wrong_cell_and_shows_the_wrong_terms(show, diagnosed):
    page = show(diagnosed(UNDIVIDED).page())
    assert page.locator("#count").inner_text().startswith("All")
    assert page.locator("td.selected").count() == 1
    assert "the outlined terms are there 5 times over (there are 5 rows)" in page.locator(".wrong-term").inner_text()
    right, yours = page.locator(".terms tr.wrong .n"), page.locator(".terms tr.wrong .own")
    assert right.count() == yours.count() == 5
    twin = page.locator("td.twin")
    box, panel = twin.bounding_box(), page.locator("#why").bounding_box()
    assert box["y"] + box["height"] <= panel["y"]  # theirs is not under the panel
    page.locator('td[data-key="dW1"][data-i="1"][data-j="1"]').first.hover()
    assert "dW1[1, 1]" in page.locator("#why").inner_text()


def test_another_array_in_the_place_of_a_factor_is_named(show, diagnosed):
    page = show(diagnosed(TRANSPOSED).page())
    assert "it has ∂L/∂a₁ where ∂L/∂z₁ belongs" in page.locator(".wrong-term").inner_text()


def test_at_a_lower_hint_the_panel_names_no_term(show, diagnosed):
    page = show(diagnosed(UNDIVIDED).page(hint=2))
    assert re.fullmatch(r"Yours is \S+, off by \S+\.", page.locator(".wrong-term").inner_text())
    assert page.locator(".terms tr.wrong").count() == 0
