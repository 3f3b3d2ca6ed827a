"""Which mistake is in it: wrong passes are named, right ones are called right."""

import json
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.cli import main

UPDATED = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

class Net:
    def __init__(self):
        self.W1 = np.array([[0.15, 0.25], [0.20, 0.30]])
        self.b1 = np.array([0.35, 0.35])
        self.W2 = np.array([[0.40, 0.50], [0.45, 0.55]])
        self.b2 = np.array([0.60, 0.60])
        self.lr = 0.5

    def forward(self, x):
        self.h = sigmoid(x @ self.W1 + self.b1)
        return sigmoid(self.h @ self.W2 + self.b2)

    def train(self, x, t):
        o = self.forward(x)
        d_o = (o - t) * o * (1 - o)
        self.W2 -= self.lr * self.h.T @ d_o
        d_h = d_o @ self.W2.T * self.h * (1 - self.h)
        self.W1 -= self.lr * x.T @ d_h
"""
UPDATE = "        self.W2 -= self.lr * self.h.T @ d_o\n"
RIGHT = UPDATED.replace(UPDATE, "") + UPDATE


@pytest.fixture
def code(tmp_path):
    def write(text, name="theirs.py"):
        Path(tmp_path, name).write_text(text)
        return str(tmp_path / name)

    return write


def test_the_2_2_2_example_from_updated_weights_is_mistake_1_and_its_rate_is_found(code):
    found = cr.diagnose(code(UPDATED))
    assert found.verdict == "wrong"
    assert found.numbers[0] == 1
    assert found.constants["η"] == pytest.approx(0.5)
    assert 1 not in cr.diagnose(code(RIGHT, "right.py")).numbers


def test_the_lecture_s_own_file_is_right():
    found = cr.diagnose(str(Path(__file__).parents[1] / "examples" / "from_scratch.py"))
    assert found.verdict == "correct"
    assert found.consistent
    assert not found.mistakes


def test_a_probe_that_the_code_does_not_offer_is_not_run_and_its_rules_are_not_tested():
    found = cr.diagnose(str(Path(__file__).parents[1] / "examples" / "from_scratch.py"))
    assert "one step" not in found.probes
    assert found.notes == ("one step: not run: it makes no step",)
    without = [rule.name for rule in (*RULES, *OBSERVATIONS) if not set(rule.probes) <= set(found.probes)]
    without.remove("sign: the update adds the gradient")  # their optimizers' steps show it as well
    assert set(found.not_tested) == set(without)
    assert "hidden delta from already updated weights" in found.not_tested


def test_the_command_tells_as_much_as_is_asked_for(code, capsys):
    path = code(UPDATED)
    told = {}
    for hint in range(5):
        main(["diagnose", path, "--hint", str(hint)])
        told[hint] = capsys.readouterr().out
    assert [("Mistake 1" in text) for text in told.values()] == [False, False, False, True, True]
    assert "Ask yourself" in told[2]
    assert "⟦(W − η·dW)⟧" in told[4]
    main(["diagnose", path, "--json"])
    assert json.loads(capsys.readouterr().out)["mistakes"][0]["mistake"] == 1
