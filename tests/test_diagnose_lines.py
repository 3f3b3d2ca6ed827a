"""Linear and logistic regression, as most courses begin: w (I,) with targets (N,), θ with a column of ones, one number
w beside one number b; as functions, classes and scripts."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reference.passes import gradients

THETA = """
import numpy as np

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def cost(theta, X, y, lam):
    m = len(y)
    p = sigmoid(X @ theta)
    J = -(y @ np.log(p) + (1 - y) @ np.log(1 - p)) / m + lam / (2 * m) * np.sum(theta[1:] ** 2)
    grad = X.T @ (p - y) / m
    grad[1:] += lam / m * theta[1:]
    return J, grad
"""

UNPENALISED = """
import numpy as np

def cost(theta, X, y):
    p = 1 / (1 + np.exp(-X.dot(theta)))
    return (-y.dot(np.log(p)) - (1 - y).dot(np.log(1 - p))) / y.size, X.T.dot(p - y) / y.size
"""

TWO_LAMBDAS = """
import numpy as np

def cost(X, y, w, b, lam=1):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + lam / (2 * len(y)) * np.sum(w ** 2)

def gradient(X, y, w, b, lam):
    e = 1 / (1 + np.exp(-(X @ w + b))) - y
    dw = np.zeros(len(w))
    for j in range(len(w)):
        dw[j] = (e * X[:, j]).mean() + lam / len(y) * w[j]
    return dw, e.mean()
"""

DESCENT = """
import numpy as np

def loss(X, y, theta):
    return np.sum((X @ theta - y) ** 2) / (2 * len(y))

def descend(X, y, theta, alpha, steps):
    for _ in range(steps):
        theta = theta - alpha / len(y) * X.T @ (X @ theta - y)
    return theta
"""

COPIED = DESCENT.replace("    for _ in", "    theta = theta.copy()\n    for _ in")

WHOLE_NUMBER = """
import numpy as np

def initialize(dim):
    w = np.zeros((dim, 1))
    b = 0
    return w, b

def propagate(w, b, X, Y):
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    cost = -np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return {"dw": X @ (A - Y).T / X.shape[1], "db": np.mean(A - Y)}, cost
"""

COLUMNS = """
import numpy as np

def initialize(dim):
    return np.zeros((dim, 1)), 0.0

def propagate(w, b, X, Y):
    m = X.shape[1]
    A = 1 / (1 + np.exp(-(w.T @ X + b)))
    grads = {"dw": X @ (A - Y).T / m, "db": np.sum(A - Y) / m}
    return grads, -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m"""

KAGGLE = COLUMNS.replace("dim", "dimension").replace("propagate", "forward_backward_propagation")

HYPOTHESIS = """
import numpy as np

def hypothesis(X, theta):
    return X @ theta

def compute_cost(X, y, theta):
    return ((hypothesis(X, theta) - y) ** 2).sum() / (2 * len(y))

def compute_gradients(X, y, theta):
    return X.T @ (hypothesis(X, theta) - y) / len(y)
"""

NUMBERS = """
def compute_cost(x, y, w, b):
    total = 0
    for i in range(len(x)):
        total += (w * x[i] + b - y[i]) ** 2
    return total / (2 * len(x))

def compute_gradient(x, y, w, b):
    dw = db = 0
    for i in range(len(x)):
        e = w * x[i] + b - y[i]
        dw += e * x[i]
        db += e
    return dw / len(x), db / len(x)
"""

OF_LISTS = """
def predict(x, w, b):
    return w * x + b

def loss(xs, ys, w, b):
    return sum((predict(x, w, b) - y) ** 2 for x, y in zip(xs, ys)) / len(xs)

def gradient(xs, ys, w, b):
    pairs = [(2 * (predict(x, w, b) - y), x) for x, y in zip(xs, ys)]
    return sum(e * x for e, x in pairs) / len(xs), sum(e for e, _ in pairs) / len(xs)
"""

CLASS = """
import numpy as np

class Line:
    def __init__(self, lr=0.01):
        self.w = 0.0
        self.b = 0.0
        self.lr = lr

    def predict(self, x):
        return self.w * x + self.b

    def loss(self, x, y):
        return ((self.predict(x) - y) ** 2).mean()

    def step(self, x, y):
        e = self.predict(x) - y
        self.w -= self.lr * 2 * (e * x).mean()
        self.b -= self.lr * 2 * e.mean()
"""

SCRIPT = """
import numpy as np
X = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
y = 2 * X + 1
m, c = 0.0, 0.0
L = 0.01
n = len(X)
for i in range(100):
    guess = m * X + c
    D_m = -2 / n * sum(X * (y - guess))
    D_c = -2 / n * sum(y - guess)
    m = m - L * D_m
    c = c - L * D_c
print(m, c)
"""

COLUMN_SCRIPT = """
import numpy as np
x = np.random.rand(100, 1)
y = 4 + 3 * x
w, b = np.random.randn(1), np.random.randn(1)
for epoch in range(1000):
    error = b + w * x - y
    loss = (error ** 2).mean()
    b = b - 0.1 * 2 * error.mean()
    w = w - 0.1 * 2 * (x * error).mean()
"""

RIGHT = {
    "theta": THETA, "unpenalised": UNPENALISED, "two-lambdas": TWO_LAMBDAS, "descent": DESCENT, "columns": COLUMNS,
    "copied": COPIED, "whole-number": WHOLE_NUMBER, "kaggle": KAGGLE, "hypothesis": HYPOTHESIS,
    "numbers": NUMBERS, "of-lists": OF_LISTS, "class": CLASS, "script": SCRIPT, "column-script": COLUMN_SCRIPT,
}  # fmt: skip

WRONG = [
    (THETA, "grad[1:] += lam / m * theta[1:]", "grad += lam / m * theta", 14),
    (THETA, "X.T @ (p - y) / m", "X.T @ (p - y)", 3),
    (UNPENALISED, "X.T.dot(p - y)", "X.T.dot(y - p)", 2),
    (WHOLE_NUMBER, '"db": np.mean(A - Y)', '"db": np.sum(A - Y)', 3),
    (KAGGLE, "@ (A - Y).T / m", "@ (A - Y).T", 3),
    (TWO_LAMBDAS, " + lam / len(y) * w[j]", "", 14),
    (DESCENT, "alpha / len(y) * X", "alpha * X", 3),
    (COLUMNS, "np.sum(A - Y) / m}", "np.sum(A - Y)}", 3),
    (NUMBERS, "dw / len(x), db / len(x)", "dw, db", 3),
    (NUMBERS, "db += e", "db = e", 6),
    (NUMBERS, "dw += e * x[i]", "dw += e", 4),
    (OF_LISTS, "sum(e * x for e, x in pairs) / len(xs)", "-sum(e * x for e, x in pairs) / len(xs)", 2),
    (CLASS, "(e * x).mean()", "(e * x).sum()", 3),
    (CLASS, "self.b -= ", "self.b += ", 2),
    (SCRIPT, "D_c = -2 / n * sum(y - guess)", "D_c = -2 / n * sum(X * (y - guess))", 6),
    (SCRIPT, "m = m - L * D_m\n    c = c - L", "m = m + L * D_m\n    c = c + L", 2),
    (COLUMN_SCRIPT, "(x * error).mean()", "(x * error).sum()", 3),
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_linear_model_is_right(code, name):
    found = cr.diagnose(code(RIGHT[name]))
    assert (found.verdict, found.mistakes) == ("correct", ()), found
    assert found.spec is not None, found
    assert "W1" in [row.label for row in found.tables]


@pytest.mark.parametrize(("text", "right", "wrong", "mistake"), WRONG)
def test_its_mistake_is_named(code, text, right, wrong, mistake):
    assert text.count(right) == 1
    found = cr.diagnose(code(text.replace(right, wrong)))
    assert (found.verdict, found.numbers) == ("wrong", [mistake]), found


@pytest.mark.parametrize("name", ["unpenalised", "descent", "numbers", "class", "script"])
def test_its_page_shows_the_same_gradients(code, name):
    found = cr.diagnose(code(RIGHT[name]))
    assert found.small is not None
    right = gradients(found.spec, found.small)
    for label, gradient in found.small.grads.items():
        np.testing.assert_allclose(gradient, right[label], rtol=1e-9, atol=1e-12)
    assert found.page().trace.tensors


def test_a_gradient_that_is_all_that_a_function_returns_has_a_word_in_the_table(code):
    found = cr.diagnose(code(HYPOTHESIS))
    assert [row.called for row in found.tables] == ["returned"]


def test_a_penalty_that_leaves_out_the_first_number_is_named_so(code):
    found = cr.diagnose(code(THETA))
    assert str(found.spec).endswith("ΣW[1:]²/N"), found


def test_the_factor_of_a_step_along_an_unknown_loss_is_told_where_its_rate_is(code):
    """1/2·m is m/2: a bracket is missing, so the loss is N² times what the step descends."""
    text = DESCENT.replace(
        "np.sum((X @ theta - y) ** 2) / (2 * len(y))", "1 / 2 * len(y) * np.sum((X @ theta - y) ** 2)"
    )
    found = cr.diagnose(code(text))
    assert (found.verdict, found.numbers) == ("wrong", [3]), found
    assert "all of it is 1/N² times the derivative of your loss" in str(found)


def test_a_decay_that_is_another_on_every_draw_is_none(code):
    """With a single weight, some factor on it explains any step; a decay is the same on all rows."""
    found = cr.diagnose(code(CLASS.replace("2 * (e * x).mean()", "(2 * (e * x).mean() + 0.5 * self.w)")))
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert "shrinks the weights by η·λ" in str(found)
