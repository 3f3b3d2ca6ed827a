"""The doors of `diagnose` and `check`: how much is told, JSON, names, and rows of the user's own."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.probing.process import probe
from chainrule.check.report.words import as_json, headline, table, text
from chainrule.check.verdict.judging import judge
from chainrule.cli import main
from chainrule.errors import InputError
from two_layers import NET, UNDIVIDED, UNKNOWN

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
    assert as_json(diagnosed(NET))["not_tested"] != []
    assert as_json(diagnosed(NET), 3)["not_tested"] is as_json(diagnosed(NET), 3)["needs"] is None  # not told, not none
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
    assert all(key in out for key in KEYS)


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


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((3, 2)), None, "X and y: expected both or neither"),
        ([["a", 1]] * 3, [0, 1, 0], "X: expected numbers; encode text first"),
        ([[1, 10**400]] * 3, [0, 1, 0], "X: expected numbers that float64 holds, got a larger integer"),
        (np.ones((3, 2)), [0, np.inf, 1], "y: expected finite numbers"),
        (np.ones((3, 2)), np.ma.array([0, 1, 0], mask=[0, 0, 1]), "y: expected numbers, got masked ones"),
    ],
)
def test_rows_that_are_no_numbers_are_refused(code, X, y, message):
    with pytest.raises(cr.InputError, match=message):
        cr.diagnose(code(NET), X, y)


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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rows", "0"), "at least 2, got 0"),
        (("--rows", "5"), "how many of the rows, which were not given"),
        (("--target", "y"), "the target of rows, which were not given"),
    ],
)
def test_options_of_data_that_is_not_given_are_refused(code, capsys, words, said):
    with pytest.raises(SystemExit):
        main(["diagnose", code(NET), *words])
    assert said in capsys.readouterr().err


OPTIMIZER = """
import numpy as np

class Momentum:
    def __init__(self, lr=0.1, mu=0.9):
        self.lr, self.mu, self.v = lr, mu, {}
    def update(self, params, grads):
        for k in params:
            self.v[k] = self.mu * self.v.get(k, 0) - self.lr * grads[k]
            params[k] += self.v[k]
"""


def test_an_optimizer_alone_asks_for_a_network_beside_it(code):
    with pytest.raises(InputError, match=r"found Momentum, but no network: .* put one into the same file"):
        cr.diagnose(code(OPTIMIZER))
    assert cr.diagnose(code(NET + OPTIMIZER.replace("import numpy as np\n", ""))).verdict == "correct"
    with pytest.raises(InputError, match="no forward and backward"):
        cr.diagnose(code(OPTIMIZER.replace("lr", "loud")))
