"""Every number of a step is the sum of the terms it is explained with; the page and the worksheets hold them."""

import base64
import csv
import io
import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, example, network_with
from chainrule.explain import render, trace_step, words, worksheet
from chainrule.explain.exercise import LECTURE, parse_exercise, read_exercise
from chainrule.explain.lines import FUNCTIONS
from chainrule.explain.payload import heat_map
from chainrule.explain.worksheet import Sheet, answers_csv, page, text, variant
from chainrule.optimizers import OPTIMIZERS
from conftest import TIGHT

ROOT = Path(__file__).parent.parent
PARTS = [*map(example, cr.LAYERS.values()), *map(example, cr.LOSSES.values())]
PARTS += [cr.SoftmaxCrossEntropy(0.1), cr.LeakyReLU(0.3), cr.Huber(0.5), cr.QuantileLoss(0.8)]
OPTIMIZED = [kind() for kind in OPTIMIZERS.values()]
OPTIMIZED += [cr.SGD(momentum=0.9), cr.SGD(momentum=0.9, nesterov=True), cr.SGD(weight_decay=0.1)]
OPTIMIZED += [cr.ClassicalMomentum(nesterov=True)]
OPTIMIZED += [cr.Adam(clip_norm=0.01), cr.SGD(cr.ExponentialDecay(0.1, 0.5))]


def trace_with(part, optimizer=None, steps=0, **settings):
    """A step of the part's own network; with `steps` before it, so that the optimizer remembers something."""
    net = network_with(part)
    if settings:
        net = cr.Network(net.layers, net.loss, net.n_in, dtype=np.float64, **settings)
    X, y = data_for(net.loss)
    for _ in range(steps):
        net.step(X, y, optimizer)
    return net, X[:4], y[:4], trace_step(net, X[:4], y[:4], optimizer)


def worst(trace):
    """How far the terms of any cell are from adding up to it, relative to 1 or the cell."""
    errors = [0.0]
    for key in trace.equations:
        values = trace[key]
        for i, j in np.ndindex(values.shape):
            errors.append(abs(trace.total(key, i, j) - values[i, j]) / max(1.0, abs(values[i, j])))
    return max(errors)


def everything_is_explained(trace):
    """All that the walk shows has an equation, except what is given."""
    given = set(trace.walk[0].shows)
    shown = {key for step in trace.walk for key in step.shows} - given
    assert shown <= set(trace.equations)
    figures = {k for stage in trace.stages for c in stage.columns for k in (*c.values, *c.gradients, *c.after)}
    assert figures == shown | given


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_the_terms_of_every_cell_add_up(part):
    net, X, y, trace = trace_with(part)
    everything_is_explained(trace)
    assert worst(trace) < TIGHT
    gradients = net.gradients(X, y)
    for label, gradient in gradients.items():
        np.testing.assert_allclose(trace[f"d{label}"], np.atleast_2d(gradient), rtol=TIGHT, atol=1e-15)
    np.testing.assert_allclose(trace["dx"], net.input_gradients(X, y), rtol=TIGHT, atol=1e-15)
    assert json.loads(re.search(r'id="data">(.*?)</script>', render(trace), re.S)[1])["title"] == trace.title


@pytest.mark.parametrize("optimizer", OPTIMIZED, ids=repr)
def test_the_terms_of_every_update_add_up(optimizer):
    net, X, y, trace = trace_with(cr.Tanh(), optimizer, steps=2)
    everything_is_explained(trace)
    assert worst(trace) < TIGHT
    before = net.state.params.copy()
    net.step(X, y, optimizer)
    for label, after in net.state.named.items():
        np.testing.assert_allclose(trace[f"{label}_after"], np.atleast_2d(after), rtol=TIGHT, atol=1e-15)
    assert (before != net.state.params).any()
    assert trace.title in render(trace)


@pytest.mark.parametrize(
    "penalty", [{"l2": 0.1}, {"l1": 0.05}, {"l2": 0.1, "l1": 0.05}, {"l2": 0.1, "penalty_by_batch": True}], ids=str
)
def test_penalties_are_terms_too(penalty):
    net, X, y, trace = trace_with(cr.ReLU(), **penalty)
    assert worst(trace) < TIGHT
    np.testing.assert_allclose(trace.loss, net.evaluate(X, y)[0], rtol=TIGHT)
    np.testing.assert_allclose(trace["dW1"], net.gradients(X, y)["W1"], rtol=TIGHT)


@pytest.mark.parametrize("part", [cr.ReLU(), cr.LayerNorm(), cr.SoftmaxCrossEntropy()], ids=repr)
def test_a_wrong_number_or_a_missing_term_is_noticed(part):
    """The controls: one entry off by a part in ten thousand millions, one term left out, one sign turned."""
    trace = trace_with(part)[-1]
    trace["dW1"][0, 0] += 1e-10
    assert worst(trace) > TIGHT
    for change in (lambda terms: terms[1:], lambda terms: (replace(terms[0], coefficient=-1.0), *terms[1:])):
        trace = trace_with(part)[-1]
        trace.equations["z1"] = replace(trace.equations["z1"], terms=change(trace.equations["z1"].terms))
        assert worst(trace) > 1e-3


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_the_lines_that_are_shown_run_and_give_the_numbers(part):
    trace = trace_with(part, cr.Adam(), steps=1)[-1]
    made = set(trace.equations)
    names = FUNCTIONS | {key: tensor.values for key, tensor in trace.tensors.items() if key not in made}
    for key, equation in trace.equations.items():
        exec(equation.line, names)
        names[key] = np.reshape(names[key], trace[key].shape)
        np.testing.assert_allclose(names[key], trace[key], rtol=1e-10, atol=1e-14, err_msg=equation.line)


def test_the_lines_of_an_optimizer_are_those_it_states():
    trace = trace_with(cr.Tanh(), cr.AdamW(), steps=1)[-1]
    between = [key for key in trace.equations if "W1" in key and not trace.tensors[key].shown]
    assert between == ["W1_decayed", "m_W1_after", "v_W1_after"]
    assert [trace.equations[key].stated for key in between] == list(cr.AdamW().lines(matrix=True, clipped=False)[:-1])
    assert trace.equations["W1_after"].stated == cr.AdamW().math[-1]


def test_the_network_stays_as_it_is_and_float32_is_traced_in_float64():
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(4), cr.Dropout(0.5), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3)
    X, y = rng.normal(size=(6, 3)), np.arange(6) % 2
    before = net.state.params.copy()
    trace = trace_step(net, X, y, cr.Adam())
    np.testing.assert_array_equal(net.state.params, before)
    assert net.state.step == 0
    assert net.target is None
    assert all(tensor.values.dtype == np.float64 for tensor in trace.tensors.values())
    assert worst(trace) < TIGHT


def test_the_page_shows_itself_in_a_notebook(tmp_path):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    page = cr.explain(net, np.ones((3, 2)), [0, 1, 2])
    html = page._repr_html_()
    assert html.startswith("<iframe")
    assert unescape(re.search(r'srcdoc="([^"]*)"', html)[1]) == page.html
    page.save(tmp_path / "step.html")
    assert (tmp_path / "step.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(cr.InputError, match="cannot write"):
        page.save(tmp_path / "nowhere" / "step.html")
    with pytest.raises(cr.InputError, match="expected a chainrule Network"):
        cr.explain([1], np.ones((3, 2)), [0, 1, 2])


def test_a_layer_of_ones_own_is_explained_by_the_lines_it_states():
    class Cube(cr.Layer):
        math = ("y = x**3", "dx = dy * 3 * x**2")

        def forward(self, p, x, y, m):
            np.power(x, 3, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            np.multiply(dy, 3 * x * x, out=dx)

    class Silent(Cube):
        math = ()

    rng = np.random.default_rng(0)
    for layer, explained in ((Cube(), True), (Silent(), False)):
        net = cr.Network([cr.Dense(3), layer, cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2)
        trace = trace_step(net, rng.normal(size=(3, 2)), [0, 1, 1])
        assert ("a1" in trace.equations) is explained
        assert worst(trace) < TIGHT
        assert trace.title in render(trace)


def test_outputs_whose_powers_overflow_are_explained_without_them():
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    net["W1"][...] = 1e5 * np.arange(6).reshape(2, 3)
    trace = trace_step(net, np.eye(2), [0, 2])
    assert worst(trace) < TIGHT
    assert all(np.isfinite(tensor.values).all() for tensor in trace.tensors.values())


def test_names_in_the_page_cannot_become_markup():
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    bad = "</script><script>alert(1)</script>"
    net.info["columns"] = [bad, "<img src=x onerror=alert(2)>"]
    html = cr.explain(net, np.ones((3, 2)), [bad, "a & b", "\u2028"], title=bad).html
    assert html.count("</script>") == 2
    assert "<img" not in html
    assert "<title>&lt;/script&gt;" in html
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])
    assert data["axes"]["input"]["names"] == net.info["columns"]
    assert bad in data["axes"]["units1"]["names"]


def test_a_wide_layer_is_a_page_below_8_mb():
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(1000), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), n_in=784)
    html = cr.explain(net, rng.normal(size=(4, 784)), np.arange(4)).html
    assert 3e6 < len(html.encode()) < 8e6
    wider = cr.Network([cr.Dense(3000), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), n_in=784)
    assert len(cr.explain(wider, rng.normal(size=(4, 784)), np.arange(4)).html.encode()) < 8e6


def test_yours_is_outlined_where_it_differs():
    trace = trace_with(cr.ReLU())[-1]
    theirs = trace["dW1"].copy()
    theirs[1, 2] *= -1
    html = render(trace, yours={"W1": theirs, "b1": trace["db1"][0]}, verdict="the sign of <one> cell")
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.S)[1])
    wrong = np.array(data["yours"]["W1"]["wrong"])
    assert wrong.sum() == 1
    assert wrong[1, 2] == 1
    assert not np.any(data["yours"]["b1"]["wrong"])
    assert data["verdict"] == "the sign of <one> cell"
    with pytest.raises(cr.InputError, match="'Q1'"):
        render(trace, yours={"Q1": theirs})


def test_a_heat_map_has_the_strongest_entry_under_each_pixel(rng):
    values = rng.normal(size=(300, 1001))
    values[7, 498] = -9.0
    drawn = heat_map(values, 9.0)
    pixels = np.frombuffer(base64.b64decode(drawn["data"]), np.int8).reshape(drawn["height"], drawn["width"])
    assert pixels.shape == (56, 200)
    assert np.argwhere(pixels == -127).tolist() == [[1, 99]]  # where rows 5 to 9 and columns 495 to 499 are
    tiny = heat_map(np.array([[1.0] * 12, [0.0, np.nan] * 6]), 1.0)
    assert (tiny["height"], tiny["width"]) == (12, 60)
    assert np.frombuffer(base64.b64decode(tiny["data"]), np.int8).reshape(12, 60)[0].tolist() == [127] * 60


# Exercises and worksheets


def test_the_lectures_case():
    exercise = parse_exercise(LECTURE)
    assert [type(layer).__name__ for layer in exercise.net.layers] == ["Dense", "ReLU"]
    assert exercise.net.n_in == exercise.net.n_out == 3
    assert len(exercise.X) in (2, 4, 8)
    for values in (exercise.X, exercise.net["W1"], exercise.net["b1"]):
        np.testing.assert_array_equal(values, np.round(values, 1))
    trace = trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer)
    assert worst(trace) < TIGHT
    p, t = trace["p"], trace["t"]
    np.testing.assert_allclose(trace["da1"], (p - t) / 4, rtol=TIGHT)
    np.testing.assert_allclose(trace["dW1"], exercise.X.T @ trace["dz1"], rtol=TIGHT)
    np.testing.assert_allclose(trace["W1_after"], exercise.net["W1"] - 0.5 * trace["dW1"], rtol=TIGHT)


def test_the_exercises_of_the_repository_are_ones():
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "explain.md").read_text(encoding="utf-8"), re.S)
    for exercise in (read_exercise(ROOT / "examples" / "step.toml"), parse_exercise(block)):
        trace = trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer)
        assert trace.summary.startswith(("3-4-2", "2-3-2"))
        assert worst(trace) < TIGHT


def test_an_exercise_names_its_columns_and_classes_in_any_order():
    text = LECTURE.replace("[0, 1, 2, 1]", '["owl", "cat", "dog", "cat"]')
    named = parse_exercise('classes = ["owl", "cat", "dog"]\ncolumns = ["age", "size", "fur"]\n' + text)
    trace = trace_step(named.net, named.X, named.y, named.optimizer)
    assert trace.axes["units1"].names == ("owl", "cat", "dog")
    assert trace.axes["input"].names == ("age", "size", "fur")
    plain = parse_exercise(LECTURE)
    np.testing.assert_array_equal(trace["t"], trace_step(plain.net, plain.X, plain.y)["t"])
    with pytest.raises(cr.InputError, match="no class 'cow'"):
        parse_exercise('classes = ["owl", "cat", "dog"]\n' + text.replace('"dog"', '"cow"'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("inputs = [", "inputz = ["), "inputs: expected it"),
        (("rate = 0.5", "rate = 0.5\nW9 = [[1.0]]"), "no 'W9'"),
        (("relu", "rellu"), "did you mean 'relu'"),
        (("b1 = [0.1, -0.3, 0.2]", "b1 = [0.1]"), r"b1: expected shape \(3,\), got \(1,\)"),
        (("targets = [0, 1, 2, 1]", "targets = [0, 1]"), "targets: expected 4, one for each row of inputs, got 2"),
        (("rate = 0.5", "rate = -1"), "lr"),
        (("rate = 0.5", "rate = = 1"), "not a TOML file"),
        (("2.0],", "2.0, 1],"), "inputs: expected rows"),
    ],
)
def test_an_exercise_that_does_not_fit_together_is_one_line(change, message):
    def step():
        exercise = parse_exercise(LECTURE.replace(*change))
        return trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer)

    with pytest.raises(cr.InputError, match=message) as error:
        step()
    assert "\n" not in str(error.value)


def test_the_worksheet_has_blanks_where_its_solution_has_the_answers():
    sheet = Sheet.make(parse_exercise(LECTURE))
    empty, solved = page([sheet], solved=False), page([sheet], solved=True)
    blanks = re.findall(r'<td class="blank"><sup>(\d+)</sup>(.*?)</td>', empty)
    answers = re.findall(r'<td class="blank"><sup>(\d+)</sup>(.*?)</td>', solved)
    assert [number for number, _ in blanks] == [str(blank.number) for blank in sheet.blanks]
    assert {answer for _, answer in blanks} == {""}
    for blank, (number, answer) in zip(sheet.blanks, answers, strict=True):
        assert number == str(blank.number)
        assert answer == text(blank.answer)
        assert blank.answer == sheet.trace[blank.key][blank.i, blank.j]
        assert abs(float(answer.replace("−", "-")) - blank.answer) <= 0.0005
    assert re.sub(r"(</sup>)[^<]*", r"\1", solved).count("<td") == empty.count("<td")
    assert {blank.key for blank in sheet.blanks} >= {"z1", "a1", "p", "l", "L", "da1", "dz1", "dW1", "db1", "W1_after"}


def test_every_student_has_other_numbers_and_the_right_answers():
    exercise = parse_exercise(LECTURE)
    sheets = [Sheet.make(exercise, id) for id in ("anna", "bob", "anna")]
    assert answers_csv(sheets[:1]) == answers_csv(sheets[2:])
    assert sheets[0].trace.loss != sheets[1].trace.loss
    rows = list(csv.DictReader(io.StringIO(answers_csv(sheets[:2]))))
    assert {row["id"] for row in rows} == {"anna", "bob"}
    for id in ("anna", "bob"):
        own = variant(exercise, id)
        gradients = own.net.gradients(own.X, own.y)
        told = {row["cell"]: float(row["answer"]) for row in rows if row["id"] == id and row["cell"].startswith("dW1")}
        assert told
        for cell, answer in told.items():
            i, j = map(int, re.findall(r"\d+", cell)[1:])
            assert answer == pytest.approx(gradients["W1"][i, j], rel=1e-9, abs=1e-12)
        np.testing.assert_array_equal(own.X, np.round(own.X, 1))
    np.testing.assert_array_equal(exercise.net["W1"], parse_exercise(LECTURE).net["W1"])


SPOKEN = [(network_with(example(kind)), cr.SGD()) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]
SPOKEN += [(network_with(cr.ReLU()), kind(lr=0.1)) for kind in OPTIMIZERS.values()]
SPOKEN += [(network_with(cr.SoftmaxCrossEntropy(0.1)), cr.AdamW(clip_norm=1e-3))]
SPOKEN += [(network_with(cr.ReLU()), kind(0.1, 0.9, nesterov=True)) for kind in (cr.SGD, cr.ClassicalMomentum)]


def general_words(net, optimizer):
    """The stated lines whose cells have no sentence of their own."""
    trace = trace_step(net, *data_for(net.loss), optimizer)
    general = (words.GENERIC, words.BACK, words.MOVED)
    found = {key: words.cell_words(equation, trace) for key, equation in trace.equations.items()}
    return [trace.equations[key].stated for key, say in found.items()
            if say in general and not trace.tensors[key].helper]  # fmt: skip


@pytest.mark.parametrize(("net", "optimizer"), SPOKEN, ids=repr)
def test_every_number_of_the_library_has_a_sentence_of_its_own(net, optimizer):
    assert general_words(net, optimizer) == []


def test_numbers_of_other_layers_have_a_general_sentence():
    class Cube(cr.Layer):
        math = ("y = x ** 3", "dx = dy * 3 * x ** 2")

        def forward(self, p, x, y, m):
            np.power(x, 3, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            np.multiply(dy, 3 * x**2, out=dx)

    net = cr.Network([cr.Dense(3), Cube(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=np.float64)
    assert general_words(net, cr.SGD()) == list(Cube.math)


def test_columns_of_a_data_frame_are_named():
    pandas = pytest.importorskip("pandas")
    net = cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2)
    X = pandas.DataFrame({"length": [1.0, 2.0], "mass": [3.0, 4.0]})
    assert trace_step(net, X, [0, 1]).axes["input"].names == ("length", "mass")
    assert trace_step(net, X.to_numpy(), [0, 1]).axes["input"].names == ("1", "2")


def test_no_student_gets_a_number_at_a_kink():
    """In whole hundredths, as on paper: a sum of exactly 0 may be 3e-17 in floating point, and pass a ReLU."""
    exercise, kinks = parse_exercise(LECTURE), []

    def sums(own):
        tenths = [np.rint(10 * array).astype(int) for array in (own.X, own.net["W1"], own.net["b1"])]
        return tenths[0] @ tenths[1] + 10 * tenths[2]

    for n in range(200):
        assert (sums(variant(exercise, f"s{n}")) != 0).all(), n
        first = worksheet._with_numbers(exercise, worksheet._rng(f"s{n}", "numbers"))
        assert worksheet.is_at_a_kink(first) == (sums(first) == 0).any()
        kinks.append(worksheet.is_at_a_kink(first))
    assert 0 < sum(kinks) < 30


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.5"), (-0.0, "0"), (-0.0004, "0.000"), (-0.25, "−0.25"), (3, "3")]
)
def test_numbers_on_paper(value, shown):
    assert text(value) == shown
