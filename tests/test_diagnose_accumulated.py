"""Gradients that a call adds to those of the call before, all or those of one kind; the table shows that call."""

import pytest

import chainrule as cr

LAYERS = """
import numpy as np

class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.weights = 0.4 * np.random.randn(n_inputs, n_neurons)
        self.biases = np.zeros(n_neurons)
        self.dweights, self.dbiases = np.zeros_like(self.weights), np.zeros_like(self.biases)

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights {w} self.inputs.T @ dvalues
        self.dbiases {b} dvalues.sum(axis=0)
        return dvalues @ self.weights.T

class ReLU:
    def forward(self, inputs):
        self.inputs = inputs
        return np.maximum(inputs, 0)

    def backward(self, dvalues):
        return dvalues * (self.inputs > 0)

class MSELoss:
    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return np.mean((y_pred - y_true) ** 2)

    def backward(self):
        return 2 * (self.y_pred - self.y_true) / self.y_true.size
"""


def diagnosed(tmp_path, w, b):
    path = tmp_path / "layers.py"
    path.write_text(LAYERS.format(w=w, b=b))
    return cr.diagnose(str(path))


def test_gradients_that_are_assigned_are_right(tmp_path):
    assert (found := diagnosed(tmp_path, "=", "=")).verdict == "correct"
    assert found.mistakes == ()


@pytest.mark.parametrize(("w", "b", "off"), [("+=", "=", "W"), ("=", "+=", "b"), ("+=", "+=", "Wb")])
def test_gradients_that_are_added_are_named_by_kind(tmp_path, w, b, off):
    found = diagnosed(tmp_path, w, b)
    assert (found.verdict, found.numbers) == ("wrong", [12])
    kinds = {"W": "of the weights", "b": "of the biases", "Wb": "gradients accumulated"}
    assert kinds[off] in found.mistakes[0].name
    assert {row.label[0] for row in found.tables if row.worst > 0.1} == set(off)
    assert {row.label[0] for row in found.tables if row.worst < 1e-9} == {"W", "b"} - set(off)
    assert ": yours " in str(found)
