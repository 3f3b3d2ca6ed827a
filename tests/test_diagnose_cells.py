"""The cells that a report shows: in the shape that a tensor has in the user's code, and where they tell something."""

import json

import pytest

from chainrule.check.reference.passes import gradients
from chainrule.check.report.words import as_json, headline, text, worst
from two_layers import NET, UNDIVIDED

COLUMNS = """import numpy as np

def initialize_parameters(n_x, n_h, n_y):
    rng = np.random.default_rng(0)
    W1, W2 = rng.normal(size=(n_h, n_x)), rng.normal(size=(n_y, n_h))
    return {"W1": W1, "b1": np.zeros((n_h, 1)), "W2": W2, "b2": np.zeros((n_y, 1))}

def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return A2, {"A1": A1, "A2": A2}

def compute_cost(A2, Y):
    return float(-np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1])

def backward_propagation(parameters, cache, X, Y):
    m, A1 = X.shape[1], cache["A1"]
    dZ2 = cache["A2"] - Y
    dZ1 = (parameters["W2"].T @ dZ2) * (1 - A1**2)
    dW2, db2 = dZ2 @ A1.T / m, dZ2.sum(axis=1, keepdims=True) / m
    dW1, db1 = dZ1 @ X.T / m, dZ1.sum(axis=1, keepdims=True) / m
    dW1[2, 0] += 1
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
"""
ROWS = NET.replace("return {", "g = {").replace(
    "dz2.sum(0)}", 'dz2.sum(0)}\n        g["W1"][2, 1] += 1\n        return g'
)


def test_shape_and_place_are_those_of_the_users_own_array(diagnosed):
    found = diagnosed(COLUMNS)
    assert found.verdict == "not consistent", str(found)
    assert [(row.called, row.shape) for row in found.tables] == [
        ("dW1", (4, 5)), ("dW2", (3, 4)), ("db1", (4, 1)), ("db2", (3, 1)),
    ]  # fmt: skip
    assert "\ndW1[2, 0]: yours " in text(found, 1)
    assert "  4×5  " in text(found)
    assert "  3×1  " in text(found)
    plain = json.loads(json.dumps(as_json(found)))
    assert (plain["cell"]["where"], plain["tensors"][0]["shape"]) == ([2, 0], [4, 5])
    assert found.theirs["W1"].shape == (5, 4)
    assert found.theirs["W1"][0, 2] == plain["cell"]["theirs"]
    assert headline(found).endswith("the page shows them transposed.")


def test_where_weights_are_inputs_by_units_nothing_is_turned(diagnosed):
    found = diagnosed(ROWS)
    assert [row.shape for row in found.tables] == [(5, 4), (4, 3), (4,), (3,)]
    assert worst(found).where == (2, 1)
    assert "transposed" not in headline(found)


def test_a_gradient_of_another_shape_is_told_in_the_users_shapes(diagnosed):
    found = diagnosed(COLUMNS.replace("dW1[2, 0] += 1", "dW1 = dW1[:, :4]"))
    assert "\ndW1: yours has shape (4, 4), that of the parameter is (4, 5)\n" in str(found), str(found)


@pytest.mark.parametrize("code", [NET, UNDIVIDED])
def test_among_cells_of_one_error_the_one_shown_is_not_that_of_a_dead_unit(diagnosed, code):
    found = diagnosed(code)
    assert all(abs(row.right) > 1e-3 for row in found.tables), str(found)
    if not found.ok:
        right = gradients(found.spec, found.small)
        assert set(right) == {row.label for row in found.tables}
        assert abs(worst(found).right) == max(abs(row.right) for row in found.tables)


LAYERS = """import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.W2 = np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)

    def forward(self, X):
        self.h = np.tanh(X @ self.W1)
        return self.h @ self.W2

    def loss(self, X, y):
        return ((self.forward(X) - y) ** 2).sum()

    def backward(self, X, y):
        d = 2 * (self.forward(X) - y)
        self.dW2 = self.h.T @ d
        self.dW1 = X.T @ (d @ self.W2.T * (1 - self.h**2))
"""
NOISE = "        self.dW1 = self.dW1 + {of}.normal(size=self.dW1.shape)\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (NOISE.format(of="np.random.default_rng()"), "The pass is random: two calls on the same data differ: dW1["),
        ("        self.dW1 = self.dW1 * np.nan\n", "The gradient is no number: dW1 holds NaN."),
        ("        self.dW1 *= np.inf\n        self.dW2 *= np.nan\n", "dW2 holds NaN; dW1 holds infinity."),
    ],
)
def test_a_gradient_that_is_random_or_no_number_is_told_as_such(diagnosed, line, said):
    found = diagnosed(LAYERS + line)
    assert (found.verdict, found.ok) == ("not consistent", False)
    assert said in text(found, 0)
    assert said in as_json(found)["said"]
    assert "no known mistake" not in str(found)


@pytest.mark.parametrize("line", [NOISE.format(of="np.random.default_rng(1)"), "        self.dW1 *= self.dW1\n"])
def test_one_that_is_the_same_in_each_call_and_wrong_is_told_as_before(diagnosed, line):
    assert "no known mistake explains it" in text(diagnosed(LAYERS + line), 0)
    assert diagnosed(LAYERS).verdict == "correct"
