"""The panel that answers "why this number", in a real browser."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, example, network_with
from chainrule.explain import render, trace_step
from chainrule.optimizers import OPTIMIZERS
from pages import address, cell, lecture_trace, one_row_trace, shown_terms, small_trace


def test_pointing_at_a_cell_answers_in_a_fixed_order(show):
    page = show(lecture_trace(), "#dW1")
    cell(page, "dW1", 0, 1).hover()
    panel = page.locator("#why")
    order = (".say", ".formula", ".formula.numbers", ".terms", ".shapes", ".nudge", ".code")
    places = [
        page.evaluate(f"[...document.querySelectorAll('#why *')].indexOf($('why').querySelector('{k}'))") for k in order
    ]
    assert -1 not in places
    assert places == sorted(places)
    assert "This weight carries input 1 into unit 2" in panel.inner_text()
    assert "dW1 = x.T @ dz1" in panel.inner_text()
    assert "B is summed away" in panel.locator(".shapes").inner_text().replace("\n", " ")
    assert page.locator(".source-cell").count() == 8
    assert address(page) == "#dW1"
    cell(page, "dW1", 0, 1).click()
    assert address(page) == "#dW1.0.1"
    cell(page, "dW1", 1, 1).hover()
    assert "dW1[0, 1]" in panel.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#why.open").count() == 0
    assert address(page) == "#dW1"


def test_the_row_that_a_layer_norm_takes_is_outlined(show):
    net = network_with(cr.LayerNorm())
    X, y = data_for(net.loss)
    page = show(trace_step(net, X[:4], y[:4]), "#all/rstd1.2.0")
    sources = page.locator(".source-cell").evaluate_all("all => all.map((cell) => [cell.dataset.key, cell.dataset.i])")
    assert sources == [["centred1", "2"]] * net.plan.widths[1]


def test_relu_says_open_or_shut(show):
    page = show(lecture_trace(), "#dz1.0.0")
    assert "open" in page.locator("#why .say").inner_text()
    cell(page, "dz1", 0, 1).click()
    assert "shut" in page.locator("#why .say").inner_text()


def test_a_number_among_the_terms_leads_to_its_cell(show):
    page = show(lecture_trace(), "#dW1.0.1")
    page.locator('button[data-go="dz1.1.1"]').click()
    assert address(page) == "#dW1/dz1.1.1"
    assert "dz1[1, 1]" in page.locator("#why").inner_text()


@pytest.mark.parametrize("trace", [lecture_trace, small_trace])
def test_the_displayed_arithmetic_adds_up(show, trace):
    trace = trace()
    page, checked = show(trace, "#all"), 0
    for key in trace.equations:
        if not trace.tensors[key].shown:
            continue
        for i, j in np.ndindex(trace[key].shape):
            page.evaluate("([key, i, j]) => ask({key, i, j}, false)", [key, i, j])
            values, texts = shown_terms(page)
            digits = max(len(text.partition(".")[2]) for text in texts)
            assert digits <= 8
            assert round(sum(values[:-1]) - values[-1], digits) == 0, (key, i, j, texts)
            assert values[-1] == pytest.approx(trace[key][i, j], abs=0.6 * 10**-digits)
            text = page.locator("#why").inner_text()
            assert not re.search(r"−0(\.0+)?(?![\d.])", text), (key, i, j, text)
            checked += 1
    assert checked > 70


def test_a_sum_that_is_multiplied_has_brackets(show):
    net = cr.Network([cr.Dense(2)], cr.MeanSquaredError(), n_in=2, dtype=np.float64)
    net["W1"][...] = [[0.5, 1.0], [-1.0, 0.25]]
    page = show(trace_step(net, np.array(EXACT), np.ones((4, 2)), cr.SGD()), "#all/dl.0.0")
    latex = page.evaluate("latexOf('dl', 0, 0)").replace(" ", "")
    assert latex.endswith(r"\frac{2\cdot\left(z_{1,1}-t_{1,1}\right)}{K}")
    assert re.sub(r"\s", "", page.locator("#why .formula.numbers").inner_text()).startswith("=2·(1.25−1)")
    page = show(lecture_trace(), "#all/dl.0.0")
    assert "left(" not in page.evaluate("latexOf('dl', 0, 0)")


def test_an_argument_has_one_pair_of_brackets(show):
    net = network_with(cr.ReLU())
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], cr.SGD())
    page, key = show(trace, "#all"), next(name for name in trace.equations if name.startswith("a"))
    texts = []
    for i, j in np.ndindex(trace[key].shape):
        page.evaluate("([key, i, j]) => ask({key, i, j}, false)", [key, i, j])
        texts += page.locator("#why math").all_text_contents()
    assert any("(−" in text for text in texts)
    assert not any("((" in text for text in texts), texts


PARTS = [(example(kind), cr.SGD()) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]
PARTS += [(cr.Tanh(), kind()) for kind in OPTIMIZERS.values()]
PARTS += [(cr.ReLU(), cr.SGD(momentum=0.9, nesterov=True)), (cr.ReLU(), cr.Adam(weight_decay=0.1, clip_norm=0.01))]


@pytest.mark.parametrize(("part", "optimizer"), PARTS, ids=repr)
def test_the_page_computes_the_same_terms_and_explains_every_cell(show, part, optimizer):
    net = network_with(part)
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], optimizer)
    page = show(trace, "#all")
    sums = page.evaluate(
        """() => Object.fromEntries(Object.keys(EQUATIONS).map((key) =>
             [key, Array.from({ length: rowsOf(key) * columnsOf(key) }, (_, n) => {
               const i = Math.floor(n / columnsOf(key)), j = n % columnsOf(key);
               if (TENSORS[key].shown) { explanation(key, i, j); latexOf(key, i, j); }
               return products(key, i, j).reduce((sum, product) => sum + product.value, 0); })]))"""
    )
    assert set(sums) == set(trace.equations)
    for key, values in sums.items():
        np.testing.assert_allclose(np.reshape(values, trace[key].shape), trace[key], rtol=1e-12, atol=1e-12)
    assert "undefined" not in page.evaluate("document.body.innerText")
    assert "NaN" not in page.evaluate("document.body.innerText")


NUDGED_PARTS = [example(kind) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]
CLIPPED = cr.AdamW(clip_norm=1e-3)
NUDGED = [network_with(part) for part in NUDGED_PARTS]
NUDGED += [network_with(cr.SoftmaxCrossEntropy(0.1))]
NUDGED += [cr.Network([cr.Dense(3), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=np.float64,
                      l2=0.1, l1=0.05)]  # fmt: skip


def nudges(page, key):
    return page.evaluate(
        """(key) => Array.from({ length: rowsOf(key) }, (_, i) =>
             Array.from({ length: columnsOf(key) }, (_, j) => nudged(key, i, j)))""",
        key,
    )


def numbers_of(found, name):
    return np.array([[one[name] for one in row] for row in found])


@pytest.mark.parametrize("net", NUDGED, ids=repr)
def test_every_gradient_is_nudged_with_the_loss_that_the_network_itself_has(show, net):
    X, y = data_for(net.loss)
    X, y = X[:4], y[:4]
    trace = trace_step(net, X, y, cr.SGD())
    page = show(trace, "#all")
    gradients = [key for key, tensor in trace.tensors.items() if tensor.gradient_of]
    assert {"dx", "dW1", "db1", "dz1"} <= set(gradients)
    for key in gradients:
        quotients = numbers_of(nudges(page, key), "quotient")
        np.testing.assert_allclose(quotients, trace[key], rtol=1e-5, atol=1e-8, err_msg=key)
    if any(isinstance(layer, cr.Dropout) for layer in net.layers):
        return  # evaluated without its mask
    for label in net.state.named:
        values, found = np.atleast_2d(net[label]), nudges(page, f"d{label}")
        for i, j in np.ndindex(values.shape):
            for name, by in (("above", 1e-5), ("below", -1e-5)):
                kept = values[i, j]
                values[i, j] = kept + by
                assert found[i][j][name] == pytest.approx(net.evaluate(X, y)[0], rel=1e-12), (label, i, j)
                values[i, j] = kept


def test_a_value_is_nudged_once_its_gradient_is_known_and_leads_to_it(show):
    page = show(small_trace(), "#z1/z1.1.2")
    assert page.locator("#why .nudge").count() == 0  # nobody has asked for the gradient yet
    for value, gradient in (("z1.1.2", "dz1.1.2"), ("W1.2.0", "dW1.2.0")):
        page.evaluate(f"location.hash = '#all/{value}'")
        page.wait_for_function(f"$('why').querySelector('.nudge [data-go=\"{gradient}\"]')")
        ours = page.locator("#why .nudge").inner_text()
        page.locator("#why .nudge button").click()
        assert address(page) == f"#all/{gradient}"
        theirs = page.locator("#why .nudge").inner_text()
        assert re.findall(r"\d\.\d{12}|≈ \S+", ours) == re.findall(r"\d\.\d{12}|≈ \S+", theirs)[:3]
    page.evaluate("location.hash = '#all/L.0.0'")
    page.wait_for_function("state.cell.key === 'L'")
    assert page.locator("#why .nudge").count() == 0


def test_a_wrong_gradient_is_far_from_its_nudge(show):
    trace = small_trace()
    trace["dW1"][1, 2] *= -1
    page = show(trace, "#all/dW1.1.2")
    quotient, difference = re.findall(r"≈ (\S+)", page.locator("#why .nudge").inner_text())
    assert float(quotient.replace("−", "-")) == pytest.approx(-trace["dW1"][1, 2], rel=1e-4)
    assert difference == page.evaluate("scientific(-2 * entry('dW1', 1, 2))")


def test_where_the_loss_cannot_be_computed_again_the_panel_says_why(show):
    class Silent(cr.Layer):
        math = ()

        def forward(self, p, x, y, m):
            np.tan(x, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            np.multiply(dy, 1 + y * y, out=dx)

    class Own(Silent):
        math = ("y = np.tan(x)", "dx = dy * (1 + y ** 2)")

    class Strange(Silent):
        math = ("y = np.frompyfunc(np.tan, 1, 1)(x)", "dx = dy * (1 + y ** 2)")

    for layer, said in ((Own(), ""), (Silent(), "nothing says how a₁ is computed"), (Strange(), "cannot compute")):
        net = cr.Network([cr.Dense(3), layer, cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=np.float64)
        X, y = data_for(net.loss)
        page = show(trace_step(net, X[:4], y[:4]), "#all/dW1.1.1")
        assert page.locator("#why .nudge").count() == (not said)
        assert said in page.locator("#why").inner_text()
        if layer.math == ():
            page.evaluate("ask({ key: 'a1', i: 0, j: 0 }, true)")
            assert "does not state how this is computed" in page.locator("#why .say").inner_text()
            page.evaluate("ask({ key: 'dz2', i: 0, j: 0 }, true)")
            assert page.locator("#why .nudge").count() == 1  # what comes after it can be computed


ARITHMETIC = """() => {
  const sign = (text) => ({ "·": "*", "−": "-" })[text] ?? text;
  const to = { ...LATEX, op: sign, sign, number: (text) => text.replace("−", "-"), bracket: (inner) => `(${inner})`,
               fraction: (a, b) => `((${a})/(${b}))` };
  return Object.keys(EQUATIONS).filter((key) => TENSORS[key].shown).flatMap((key) =>
    Array.from({ length: rowsOf(key) * columnsOf(key) }, (_, n) => [Math.floor(n / columnsOf(key)), n % columnsOf(key)])
      .map(([i, j]) => [key, i, j, numeric(key, i, j, to, 8).join(" ").replace(/\\\\left|\\\\right/g, "")]));
}"""


@pytest.mark.parametrize("part", [kind for kind, _ in PARTS[:-2]], ids=repr)
def test_what_is_written_with_numbers_is_the_number(show, part):
    net = network_with(part)
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], cr.SGD(momentum=0.9))
    checked = 0
    for key, i, j, text in show(trace, "#all").evaluate(ARITHMETIC):
        if re.fullmatch(r"[-+*/(). \d]+", text):  # numbers and arithmetic alone: no functions, powers, or dots
            assert eval(text) == pytest.approx(trace[key][i, j], abs=1e-6, rel=1e-6), (key, i, j, text)
            checked += 1
    assert checked > 100


def test_the_formula_can_be_copied_as_latex(show):
    page = show(lecture_trace(), "#dW1.1.0")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.locator("#copy").click()
    assert page.locator("#copy").inner_text() == "Copied"
    latex = page.evaluate("window.copied")
    assert latex.startswith(r"\frac{\partial L}{\partial w_{12}} = x_{1,2}\cdot \frac{\partial L}{\partial z_{1,1}}+")
    assert latex.count("{") == latex.count("}")
    assert latex.isascii()


def test_the_panel_does_not_cover_the_number_that_is_asked_about(show):
    page = show(small_trace(), "#all")
    for asked in (cell(page, "W2_after", 3, 1), cell(page, "b1_after", 0, 2), cell(page, "dW2", 3, 0)):
        asked.hover()
        assert page.locator("#why.open").count() == 1
        box, panel = asked.bounding_box(), page.locator("#why").bounding_box()
        assert box["y"] + box["height"] <= panel["y"]
        page.keyboard.press("Escape")


def test_somebodys_wrong_cells_are_outlined_and_the_wrong_term_named(show):
    trace = small_trace()
    theirs = trace["dW1"].copy()
    row = int(np.argmax(np.abs(trace["x"][:, 1] * trace["dz1"][:, 2])))
    theirs[1, 2] -= 2 * trace["x"][row, 1] * trace["dz1"][row, 2]
    page = show(render(trace, yours={"W1": theirs, "b1": trace["db1"][0]}, verdict="one <sign>"), "#all")
    assert page.locator("#verdict").inner_text() == "one <sign>"
    wrong = page.locator("td.wrong")
    assert wrong.count() == 1
    assert (wrong.get_attribute("data-i"), wrong.get_attribute("data-j")) == ("1", "2")
    wrong.click()
    assert page.locator(".terms tr.wrong th").inner_text() == f"row {row + 1}"
    assert "has its sign turned" in page.locator(".wrong-term").inner_text()
    cell(page, "dW1", 0, 0).click()
    assert page.locator(".wrong-term").count() == 0


@pytest.mark.parametrize(
    ("key", "frames", "label"),
    [
        ("dW1", ["I 2 × B 1", "B 1 × O 2", "I 2 × O 2"], ["row 1"]),
        ("z1", ["B 1 × I 2", "I 2 × O 2", "B 1 × O 2"], ["input 1", "input 2"]),
        ("dx", ["B 1 × O 2", "O 2 × I 2", "B 1 × I 2"], ["unit 1", "unit 2"]),
        ("db1", ["B 1 × O 2", "1 × O 2"], ["row 1"]),
    ],
)
def test_a_batch_of_one_row_is_summed_over_its_row(show, key, frames, label):
    page = show(one_row_trace(), f"#all/{key}.0.0")
    assert [text.replace("\n", " ") for text in page.locator("#why .dims").all_inner_texts()] == frames
    assert page.locator("#why .terms tbody th").all_inner_texts()[: len(label)] == label
    if key == "dW1":
        assert page.locator("#why .box .what math").first.text_content().endswith("⊤")
        assert "B is summed away" in page.locator(".shapes").inner_text().replace("\n", " ")
        assert "--row0" in page.locator("#why .terms .bar i").first.get_attribute("style")


def test_the_gradient_of_the_loss_is_prediction_less_target_over_n(show):
    page = show(lecture_trace(), "#all/da1.0.0")
    assert page.evaluate("latexOf('da1', 0, 0)") == r"\frac{\partial L}{\partial a_{1,1}} = \frac{p_{1,1}-t_{1,1}}{N}"
    assert "Prediction less target over N" in page.locator("#why .say").inner_text()
    assert page.locator(".code code").first.inner_text() == "da1 = (p - t) / 4"
    assert page.locator(".source-cell").evaluate_all("cells => cells.map((c) => c.dataset.key)") == ["p", "t"]
    terms = page.locator("#why .terms tbody .factors").all_inner_texts()
    assert [re.sub(r"\s+", " ", text) for text in terms] == ["0.736 ÷ 4 ≈", "−1 ÷ 4 ="]
    page = show(lecture_trace(), "#da1")  # the stop of the walk
    assert page.locator("#step-title").inner_text() == "The division by N"


def test_a_gradient_n_times_too_large_is_called_so_at_the_loss(show):
    trace = lecture_trace()
    page = show(render(trace, yours={"a1": 4 * trace["da1"]}), "#all/da1.0.0")
    assert "4 times over (there are 4 rows)" in page.locator(".wrong-term").inner_text()
    page = show(render(trace, yours={"a1": trace["da1"]}), "#all/da1.0.0")
    assert page.locator(".wrong-term").count() == 0


EXACT = [[0.5, -1.0], [1.0, 0.0], [0.0, 1.0], [2.0, 0.5]]


def signs(page, key, i, j):
    """The = and ≈ of the formula in numbers, of the terms, and of their sum."""
    page.evaluate("([key, i, j]) => ask({key, i, j}, false)", [key, i, j])
    formula = [sign for sign in page.locator("#why .formula.numbers").inner_text() if sign in "=≈"]
    rows = page.locator("#why .terms .factors").all_inner_texts()
    return formula, [text.strip()[-1] for text in rows if text.strip()]


def test_equal_signs_stand_only_where_every_number_is_exact(show):
    net = network_with(cr.LayerNorm())
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], cr.SGD())
    page = show(trace, "#all")
    key = next(key for key, equation in trace.equations.items() if equation.stated.startswith("dx = rstd"))
    formula, terms = signs(page, key, 0, 0)
    assert formula == ["≈", "≈"]
    assert terms == ["≈"] * 4
    net = cr.Network([cr.Dense(2), cr.ReLU()], cr.HalfSquaredError(), n_in=2, dtype=np.float64)
    net["W1"][...] = [[0.5, 1.0], [-1.0, 0.25]]
    page = show(trace_step(net, np.array(EXACT), np.ones((4, 2)), cr.SGD(lr=0.5)), "#all")
    for key in ("z1", "a1"):
        formula, terms = signs(page, key, 0, 0)
        assert formula == ["=", "="], key
        assert set(terms) == {"="}, key


def test_nothing_times_a_rounded_number_is_exactly_nothing(show):
    _, terms = signs(show(lecture_trace(), "#all"), "dz1", 0, 1)  # a shut unit: its gradient times 0
    assert terms == ["=", "="]
    _, terms = signs(show(lecture_trace(), "#all"), "dz1", 0, 0)
    assert terms == ["≈", "≈"]


def test_an_exact_0_is_told_from_a_number_rounded_to_0(show):
    page = show(lecture_trace(), "#all")
    assert cell(page, "a1", 0, 1).inner_text() == "0"  # shut
    assert cell(page, "dz1", 0, 1).inner_text() == "0"
    trace = lecture_trace()
    trace["dz1"][0, 1] = 1e-5
    assert cell(show(trace, "#all"), "dz1", 0, 1).inner_text() == "0.000"


def step_with(part, optimizer=None):
    net = network_with(part)
    return trace_step(net, *data_for(net.loss), optimizer)


def test_the_numbers_of_a_term_make_the_value_that_is_shown(show):
    """Recomputed from the digits on the page, in every row of every panel."""
    page = show(step_with(cr.LayerNorm(), cr.Adam()), "#all")
    rows = page.evaluate(
        """() => Object.keys(TENSORS).filter((key) => TENSORS[key].shown && EQUATIONS[key]).flatMap((key) => {
             ask({ key, i: 0, j: 0 }, false);
             return [...document.querySelectorAll("#why .terms tbody tr:not(.rest)")].map((row) =>
               [key, row.querySelector(".factors")?.innerText ?? "", row.querySelector(".n").innerText]);
           })"""
    )
    shown = 0
    for key, factors, value in rows:
        text = factors.rstrip("=≈ \n").replace("−", "-").replace("×", "*").replace("÷", "/")
        if not text or "·10" in factors + value:  # a number as it stands
            continue
        digits = len(value.partition(".")[2])
        made, number = eval(text), float(value.replace("−", "-"))
        assert abs(made - number) <= 0.5001 * 10**-digits, (key, factors, value)
        shown += 1
    assert shown > 60


def test_memory_of_an_optimizer_leads_to_where_it_comes_from(show):
    page = show(step_with(cr.ReLU(), cr.AdamW()), "#all/W1_after.0.1")
    links = [button.get_attribute("data-go") for button in page.locator("#why .terms .source").all()]
    assert links == ["W1_decayed.0.1", "m_W1_after.0.1", "v_W1_after.0.1"]
    page.locator('#why .terms [data-go="v_W1_after.0.1"]').click()
    assert address(page) == "#all/v_W1_after.0.1"
    assert "v_W1_after = " in page.locator("#why .code").inner_text()


@pytest.mark.parametrize("part", [*NUDGED_PARTS, *(kind(lr=0.1) for kind in OPTIMIZERS.values()), CLIPPED], ids=repr)
def test_what_is_copied_needs_no_letters_beside_those_of_latex(show, part):
    optimizer = part if isinstance(part, cr.Optimizer) else None
    page = show(step_with(cr.ReLU() if optimizer else part, optimizer), "#all")
    copied = page.evaluate(
        "Object.keys(EQUATIONS).filter((key) => !TENSORS[key].helper).map((key) => latexOf(key, 0, 0))"
    )
    assert len(copied) > 8
    for text in copied:
        assert text.isascii(), text
        assert not re.search(r"(?<!\\)[A-Za-z]_[A-Za-z]{2}|'\^|'_", text), text  # names with _, two superscripts


def test_a_quotient_is_drawn_and_written_as_one(show):
    page = show(step_with(cr.Sigmoid()), "#all/a1.0.1")
    assert re.match(r"1 ÷ \d", page.locator("#why .factors").first.inner_text())
    assert page.locator("#why .shapes b").all_inner_texts() == ["1", "÷", "→"]


def test_numbers_with_a_power_of_ten_are_rounded_ones(show):
    page = show(small_trace())
    assert page.evaluate("[fixed(138230001, 8), fixed(138230001, 0), exactDigits(2000000), exactDigits(1e-9)]") == [
        "1.3823·10⁸", "1.4·10⁸", None, None,
    ]  # fmt: skip


def test_at_the_kink_the_panel_says_what_the_nudge_finds(show):
    net = cr.Network([cr.Dense(2), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=1, dtype=np.float64)
    net["W1"][...] = [[1.0, -1.0]]
    X, y = np.array([[0.0], [0.5]]), np.array([0, 1])
    page = show(trace_step(net, X, y), "#all/dz1.0.0")
    assert "exactly at the kink" in page.locator("#why .say").inner_text()
    page.evaluate("ask({ key: 'dz1', i: 1, j: 1 }, true)")
    assert "exactly at the kink" not in page.locator("#why .say").inner_text()
