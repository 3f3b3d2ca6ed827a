"""The numbers of the panel: they add up, multiply to what is shown, and are rounded where it says so."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, network_with
from chainrule.explain import trace_step
from pages import EXAMPLES, cell, lecture_trace, shown_terms, small_trace, step_with


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


ARITHMETIC = """() => {
  const sign = (text) => ({ "·": "*", "−": "-" })[text] ?? text;
  const to = { ...LATEX, op: sign, sign, number: (text) => text.replace("−", "-"), bracket: (inner) => `(${inner})`,
               fraction: (a, b) => `((${a})/(${b}))` };
  return Object.keys(EQUATIONS).filter((key) => TENSORS[key].shown).flatMap((key) =>
    Array.from({ length: rowsOf(key) * columnsOf(key) }, (_, n) => [Math.floor(n / columnsOf(key)), n % columnsOf(key)])
      .map(([i, j]) => [key, i, j, numeric(key, i, j, to, 8).join(" ").replace(/\\\\left|\\\\right/g, "")]));
}"""


@pytest.mark.parametrize("part", [*EXAMPLES, cr.Tanh()], ids=repr)
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


def test_numbers_with_a_power_of_ten_are_rounded_ones(show):
    page = show(small_trace())
    assert page.evaluate("[fixed(138230001, 8), fixed(138230001, 0), exactDigits(2000000), exactDigits(1e-9)]") == [
        "1.3823·10⁸", "1.4·10⁸", None, None,
    ]  # fmt: skip
