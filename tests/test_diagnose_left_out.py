"""No parameter is left out of the comparison without a word: a bias of any name, and what fits into no layer."""

import pytest

import chainrule as cr

LAYERS = """
import numpy as np

class Capa:
    def __init__(self, n_inputs, n_neurons):
        self.{w} = 0.4 * np.random.randn(n_inputs, n_neurons)
        self.{b} = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.{w} + self.{b}

    def backward(self, dvalues):
        self.d{w} = self.inputs.T @ dvalues
        self.d{b} = dvalues.{sum}(axis=0, keepdims=True)
        return dvalues @ self.{w}.T

class Tanh:
    def forward(self, inputs):
        self.output = np.tanh(inputs)
        return self.output

    def backward(self, dvalues):
        return dvalues * (1 - self.output**2)

class MSELoss:
    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return np.mean((y_pred - y_true) ** 2)

    def backward(self):
        return 2 * (self.y_pred - self.y_true) / self.y_true.size
"""

SCALED = """
import numpy as np

class Net:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.gain = np.ones(n_in)

    def forward(self, X):
        self.X = X
        self.p = (X * self.gain) @ self.W + self.b
        return self.p

    def loss(self, y):
        return np.sum((self.p - y) ** 2) / 2

    def backward(self, y):
        d = self.p - y
        self.dW, self.db = (self.X * self.gain).T @ d, d.sum(axis=0)
        {gain}
"""


def diagnosed(tmp_path, source):
    path = tmp_path / "program.py"
    path.write_text(source)
    return cr.diagnose(str(path))


@pytest.mark.parametrize(("w", "b"), [("pesos", "sesgos"), ("kern", "versatz"), ("weights", "offset")])
def test_a_row_beside_one_matrix_of_a_layer_is_its_bias(tmp_path, w, b):
    right = diagnosed(tmp_path, LAYERS.format(w=w, b=b, sum="sum"))
    assert (right.verdict, right.mistakes) == ("correct", ())
    assert [row.label for row in right.tables] == ["W1", "W2", "b1", "b2"]
    wrong = diagnosed(tmp_path, LAYERS.format(w=w, b=b, sum="mean"))
    assert (wrong.verdict, wrong.mistakes[0].mistake) == ("wrong", 6)


def test_a_parameter_with_a_gradient_that_fits_into_no_layer_is_named(tmp_path):
    found = diagnosed(tmp_path, SCALED.format(gain="self.dgain = np.zeros_like(self.gain)"))
    assert not found.ok
    assert "gain could not be compared" in str(found)


def test_what_has_no_gradient_is_no_parameter(tmp_path):
    found = diagnosed(tmp_path, SCALED.format(gain=""))
    assert found.ok
    assert "could not be compared" not in str(found)
