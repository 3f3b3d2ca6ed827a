"""The panel that answers "why this number", in a real browser."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, network_with
from chainrule.explain import render, trace_step
from chainrule.optimizers import OPTIMIZERS
from pages import EXAMPLES, address, cell, lecture_trace, one_row_trace, small_trace, step_with


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


PARTS = [(part, cr.SGD()) for part in EXAMPLES]
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


def test_memory_of_an_optimizer_leads_to_where_it_comes_from(show):
    page = show(step_with(cr.ReLU(), cr.AdamW()), "#all/W1_after.0.1")
    links = [button.get_attribute("data-go") for button in page.locator("#why .terms .source").all()]
    assert links == ["W1_decayed.0.1", "m_W1_after.0.1", "v_W1_after.0.1"]
    page.locator('#why .terms [data-go="v_W1_after.0.1"]').click()
    assert address(page) == "#all/v_W1_after.0.1"
    assert "v_W1_after = " in page.locator("#why .code").inner_text()


@pytest.mark.parametrize(
    "part", [*EXAMPLES, *(kind(lr=0.1) for kind in OPTIMIZERS.values()), cr.AdamW(clip_norm=1e-3)], ids=repr
)
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
