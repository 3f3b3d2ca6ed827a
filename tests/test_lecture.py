"""The lecture's file and the library are the same mathematics; its page points at the lines it quotes."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from palmerpenguins import load_penguins

import chainrule as cr
from chainrule.explain import render, trace_step
from chainrule.explain.exercise import LECTURE, parse_exercise
from chainrule.optimizers import OPTIMIZERS
from chainrule.schedules import SCHEDULES
from conftest import TIGHT

ROOT = Path(__file__).parent.parent
LINKED = re.compile(r"\[`([^`]+)`\]\(\.\./([^#)]+)#L(\d+)\)")


@pytest.fixture(scope="module")
def lecture():
    spec = importlib.util.spec_from_file_location("from_scratch", ROOT / "examples" / "from_scratch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_lectures_file_and_the_library_end_with_equal_weights(lecture, capsys):
    rng = np.random.default_rng(1)
    inputs, actual = lecture.spiral(30, 3, rng)
    theirs = [lecture.Dense(2, 16, rng), lecture.ReLU(), lecture.Dense(16, 3, rng)]
    net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    for number, layer in enumerate((theirs[0], theirs[2]), start=1):
        net[f"W{number}"][...], net[f"b{number}"][...] = layer.weights, layer.bias[0]
    lecture.train(theirs, lecture.SoftmaxLoss(), lecture.SGD(0.5), inputs, actual, epochs=200)
    assert "accuracy" in capsys.readouterr().out
    for _ in range(200):
        net.step(inputs, actual, cr.SGD(lr=0.5))
    np.testing.assert_allclose(net["W1"], theirs[0].weights, atol=TIGHT)
    np.testing.assert_allclose(net["b1"], theirs[0].bias[0], atol=TIGHT)
    np.testing.assert_allclose(net["W2"], theirs[2].weights, atol=TIGHT)
    np.testing.assert_allclose(net["b2"], theirs[2].bias[0], atol=TIGHT)


def test_the_lectures_file_needs_numpy_alone():
    text = (ROOT / "examples" / "from_scratch.py").read_text()
    assert re.findall(r"^(?:import|from) (\w+)", text, re.M) == ["numpy"]
    assert len(text.splitlines()) <= 120


def test_the_lectures_page_points_at_the_lines_it_quotes():
    links = LINKED.findall((ROOT / "docs" / "lecture.md").read_text())
    assert len(links) >= 14
    for code, name, line in links:
        assert code in (ROOT / name).read_text().splitlines()[int(line) - 1], f"{name}#L{line} is not {code}"


def test_the_readme_points_at_the_dense_class():
    ((name, line),) = re.findall(r"\(([\w/]+\.py)#L(\d+)\)", (ROOT / "README.md").read_text())
    assert (ROOT / name).read_text().splitlines()[int(line) - 1] == "class Dense:"


@pytest.mark.slow
def test_the_figures_of_the_lectures_page_are_what_its_command_prints():
    command = [sys.executable, str(ROOT / "examples" / "division_by_n.py")]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    page = (ROOT / "docs" / "lecture.md").read_text()
    (with_n,) = re.findall(r"\| with /N \| ([\d.]+) \| ([\d.]+) \| ([\d.]+)", page)
    (without,) = re.findall(r"\| without \| ([\d.]+) \| ([\d.]+) \| ([\d.]+)", page)
    rows = [line.split()[-3:] for line in printed.splitlines()[1:3]]
    for told, measured in zip((*with_n, *without), (float(cell) for row in rows for cell in row)):
        assert abs(float(told) - measured) <= 0.02
    assert float(rows[1][1]) < 0.2 < 0.9 < float(rows[0][1])
    up, down = (float(line.split()[-1]) for line in printed.splitlines()[-2:])
    assert up == pytest.approx(1.077, abs=0.01)
    assert down > 1e6


def test_the_librarys_page_names_every_layer_loss_and_initializer():
    page = (ROOT / "docs" / "library.md").read_text()
    for name in (*cr.LAYERS, *cr.LOSSES, *cr.INITIALIZERS, *OPTIMIZERS, *SCHEDULES):
        assert f"`{name}" in page, name


def test_the_lectures_page_leads_to_cells_of_the_step_it_describes():
    exercise = parse_exercise(LECTURE)
    trace = trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer, exercise.title)
    linked = re.findall(r"\(step\.html#(\w+)\.(\d+)\.(\d+)\)", (ROOT / "docs" / "lecture.md").read_text())
    assert {key for key, _, _ in linked} == {"z1", "dW1", "db1", "dx", "dz1", "da1", "W1_after"}
    values = {key: trace[key][int(i), int(j)] for key, i, j in linked}
    assert all(np.isfinite(value) for value in values.values())
    opened, shut = (trace["z1"][int(i), int(j)] for key, i, j in linked if key == "dz1")
    assert opened > 0 > shut
    page, kept = render(trace), (ROOT / "docs" / "step.html").read_text(encoding="utf-8")
    number = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")  # its last digits are the CPU's
    assert number.sub("#", page) == number.sub("#", kept), "run docs/screens.py"
    ours, theirs = ([float(text) for text in number.findall(html)] for html in (page, kept))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["README.md", "docs/explain.md", "docs/library.md"])
def test_the_python_on_the_pages_runs(name, tmp_path, monkeypatch):
    load_penguins().to_csv(tmp_path / "penguins.csv", index=False)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)
    names = {"cr": cr, "np": np, "layers": [cr.Dense(3)], "loss": cr.SoftmaxCrossEntropy(), "n_in": 4}
    assert blocks
    for block in blocks:
        exec(block, names)
