"""A step whose rate nobody hands over: it is found, and what is shown is the gradient that the step is made of."""

import pytest

LITERAL = """
import numpy as np

class Net:
    def __init__(self, n_in=5, n_hidden=4, n_out=3):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(n_in, n_hidden)), np.zeros(n_hidden)
        self.W2, self.b2 = rng.normal(size=(n_hidden, n_out)), np.zeros(n_out)

    def forward(self, x):
        self.h = np.tanh(x @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def loss(self, x, t):
        return np.mean((self.forward(x) - t) ** 2)

    def train_step(self, x, t):
        d2 = 2 * (self.forward(x) - t) / t.size
        d1 = d2 @ self.W2.T * (1 - self.h ** 2)
        self.W2 -= 0.1 * self.h.T @ d2
        self.b2 -= 0.1 * d2.sum(axis=0)
        self.W1 -= 0.1 * x.T @ d1
        self.b1 -= 0.1 * d1.sum(axis=0)
"""
FOUND = "their step divided by the η that was found, 0.1"
XOR = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
rng = np.random.default_rng(0)
W1, W2 = rng.normal(size=(2, 4)), rng.normal(size=(4, 1))
lr = {rate}
for epoch in range(5000):
    h = sigmoid(X @ W1)
    out = sigmoid(h @ W2)
    d_out = (y - out) * out * (1 - out)
    d_h = d_out @ W2.T * h * (1 - h)
    W2 += lr * h.T @ d_out
    W1 += lr * X.T @ d_h
"""


def test_a_right_step_is_shown_as_the_gradient(diagnosed):
    found = diagnosed(LITERAL)
    assert found.verdict == "correct"
    assert max(row.worst for row in found.tables) < 1e-9
    assert FOUND in found.notes


def test_in_a_wrong_step_the_tensors_that_are_right_are_shown_so(diagnosed):
    found = diagnosed(LITERAL.replace(" * (1 - self.h ** 2)", ""))
    assert (found.verdict, found.mistakes[0].mistake) == ("wrong", 8)
    worst = {row.label: row.worst for row in found.tables}
    assert max(worst["W2"], worst["b2"]) < 1e-9 < min(worst["W1"], worst["b1"])
    assert FOUND in found.notes


def test_a_rate_that_is_handed_over_is_not_found(diagnosed):
    found = diagnosed(
        LITERAL.replace("(self, x, t):\n        d2", "(self, x, t, lr):\n        d2").replace("0.1", "lr")
    )
    assert found.verdict == "correct"
    assert not any("that was found" in note for note in found.notes)


@pytest.mark.parametrize("rate", [0.5, 0.25])
def test_without_a_loss_the_one_with_the_rate_they_name_is_the_likeliest(rate, diagnosed):
    found = diagnosed(XOR.format(rate=rate))
    assert found.verdict == "correct"
    assert "squared error, half the sum" in found.reference
    assert f"their step divided by the η that was found, {rate}" in found.notes


def test_shape_and_index_are_those_of_their_own_array(diagnosed):
    """Units × inputs: what they print for that cell is the number that is shown."""
    turned = LITERAL.replace("(n_in, n_hidden)", "(n_hidden, n_in)").replace("(n_hidden, n_out)", "(n_out, n_hidden)")
    turned = (
        turned.replace("@ self.W1", "@ self.W1.T")
        .replace("d2 @ self.W2.T", "d2 @ W2")
        .replace("self.h @ self.W2", "self.h @ self.W2.T")
    )
    turned = turned.replace("d2 @ W2", "d2 @ self.W2").replace("self.h.T @ d2", "d2.T @ self.h")
    turned = turned.replace("x.T @ d1", "d1.T @ x")
    assert diagnosed(turned).verdict == "correct"
    found = diagnosed(turned.replace("self.W1 -= 0.1 * d1.T @ x", "self.W1[3, 1] -= 1.0; self.W1 -= 0.1 * d1.T @ x"))
    rows = {row.label: row for row in found.tables}
    assert (rows["W1"].shape, rows["W2"].shape) == ((4, 5), (3, 4))
    assert rows["W1"].where == (3, 1)
    assert "W1[3, 1]: yours" in str(found)
