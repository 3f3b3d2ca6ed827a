"""Classes whose fit makes the weights that it trains: what makes them is taken apart from what trains them."""

import ast
import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reading.fitting import BEGIN, INIT, parted

PLAIN = """
import numpy as np

class LogisticRegression:
    def __init__(self, lr=0.001, n_iters=1000):
        self.lr = lr
        self.n_iters = n_iters
        self.weights = None
        self.bias = None

    def fit(self, X, y):
        n_samples, n_features = X.shape
        self.weights = np.zeros(n_features)
        self.bias = 0
        for _ in range(self.n_iters):
            p = 1 / (1 + np.exp(-(np.dot(X, self.weights) + self.bias)))
            self.weights -= self.lr * np.dot(X.T, p - y) / n_samples
            self.bias -= self.lr * np.sum(p - y) / n_samples

    def predict(self, X):
        p = 1 / (1 + np.exp(-(np.dot(X, self.weights) + self.bias)))
        return [1 if value > 0.5 else 0 for value in p]
"""

BY_METHODS = """
import numpy as np

class LinearRegression:
    def __init__(self, learning_rate, iterations):
        self.learning_rate, self.iterations = learning_rate, iterations

    def fit(self, X, y):
        self.m, self.n = X.shape
        self.X, self.y = X, y
        self.start()
        self.history = []
        for i in range(self.iterations):
            self.history.append(self.loss())
            self.update_weights()
        return self

    def start(self):
        self.W = np.zeros(self.n)
        self.b = 0

    def loss(self):
        return np.mean((self.predict(self.X) - self.y) ** 2)

    def update_weights(self):
        e = self.y - self.predict(self.X)
        self.W = self.W - self.learning_rate * -2 * self.X.T.dot(e) / self.m
        self.b = self.b - self.learning_rate * -2 * np.sum(e) / self.m

    def predict(self, X):
        return X.dot(self.W) + self.b
"""

LOCAL = """
import numpy as np

class LogReg:
    def fit(self, X, y, lr=0.1, epochs=100):
        w, b = np.zeros(X.shape[1]), 0
        for _ in range(epochs):
            p = 1 / (1 + np.exp(-(X @ w + b)))
            w -= lr * X.T @ (p - y) / len(y)
            b -= lr * np.mean(p - y)
        self.w, self.b = w, b
        return self

    def predict_proba(self, X):
        return 1 / (1 + np.exp(-(X @ self.w + self.b)))
"""

ONES = """
import numpy as np

class Ridge:
    def __init__(self, eta=0.01, n_iter=100):
        self.eta, self.n_iter = eta, n_iter

    def fit(self, X, y):
        X = np.c_[np.ones(len(X)), X]
        self.theta = np.zeros(X.shape[1])
        self.costs = []
        for _ in range(self.n_iter):
            e = X @ self.theta - y
            self.theta -= self.eta * X.T @ e / len(y)
            self.costs.append((e ** 2).sum() / (2 * len(y)))
        return self

    def predict(self, X):
        return np.c_[np.ones(len(X)), X] @ self.theta
"""

NETWORK = """
import numpy as np

class MLP:
    def __init__(self, n_hidden=16, lr=0.1, n_epochs=50, seed=1):
        self.n_hidden, self.lr, self.n_epochs = n_hidden, lr, n_epochs
        self.rng = np.random.default_rng(seed)

    def fit(self, X, y):
        n, d = X.shape
        k = len(np.unique(y))
        Y = np.eye(k)[y]
        self.W1 = self.rng.normal(0, 0.1, (d, self.n_hidden))
        self.b1 = np.zeros(self.n_hidden)
        self.W2 = self.rng.normal(0, 0.1, (self.n_hidden, k))
        self.b2 = np.zeros(k)
        for _ in range(self.n_epochs):
            h, p = self.forward(X)
            dz2 = (p - Y) / n
            dz1 = dz2 @ self.W2.T * (h > 0)
            self.W2 -= self.lr * h.T @ dz2
            self.b2 -= self.lr * dz2.sum(axis=0)
            self.W1 -= self.lr * X.T @ dz1
            self.b1 -= self.lr * dz1.sum(axis=0)
        return self

    def forward(self, X):
        h = np.maximum(0, X @ self.W1 + self.b1)
        z = h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return h, e / e.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.forward(X)[1].argmax(axis=1)
"""

ROWS = """
import numpy as np

class Online:
    def fit(self, X, y, lr=0.01, epochs=10):
        self.w = np.zeros(X.shape[1])
        self.b = 0.0
        for _ in range(epochs):
            for x, t in zip(X, y):
                e = 1 / (1 + np.exp(-(np.dot(x, self.w) + self.b))) - t
                self.w -= lr * e * x
                self.b -= lr * e

    def predict_proba(self, X):
        return 1 / (1 + np.exp(-(X @ self.w + self.b)))
"""

WARM = """
import numpy as np

class Softmax:
    def __init__(self, lr=0.1, max_iter=200):
        self.lr, self.max_iter = lr, max_iter
        self.W = None

    def fit(self, X, y):
        K = y.max() + 1
        if self.W is None:
            self.W, self.b = np.zeros((X.shape[1], K)), np.zeros(K)
        for it in range(self.max_iter):
            G = (self.predict_proba(X) - np.eye(K)[y]) / len(X)
            self.W -= self.lr * X.T @ G
            self.b -= self.lr * G.sum(axis=0)

    def predict_proba(self, X):
        z = X @ self.W + self.b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
"""

INNER = PLAIN.replace("        for _ in range(self.n_iters):", "        self._descend(X, y, n_samples)\n"
    "\n    def _descend(self, X, y, n_samples):\n        for _ in range(self.n_iters):")  # fmt: skip

FUNCTION = """
import numpy as np

def train(X, y, lr=0.1, epochs=1000):
    n, d = X.shape
    w = np.zeros(d)
    b = 0.0
    for epoch in range(epochs):
        p = 1 / (1 + np.exp(-(X @ w + b)))
        w -= lr * X.T @ (p - y) / n
        b -= lr * np.mean(p - y)
    return w, b

def predict(X, w, b):
    return 1 / (1 + np.exp(-(X @ w + b))) >= 0.5
"""

LASSO = """
import numpy as np

class Lasso:
    def __init__(self, rate, iterations, l1_penalty):
        self.rate, self.iterations, self.l1_penalty = rate, iterations, l1_penalty

    def fit(self, X, y):
        self.W, self.b = np.zeros(X.shape[1]), 0
        for i in range(self.iterations):
            e = self.predict(X) - y
            self.W = self.W - self.rate * (2 * X.T @ e + self.l1_penalty * np.sign(self.W)) / len(y)
            self.b = self.b - self.rate * 2 * e.mean()

    def predict(self, X):
        return X.dot(self.W) + self.b
"""

RIGHT = {
    "plain": PLAIN, "by-methods": BY_METHODS, "local": LOCAL, "ones": ONES, "network": NETWORK, "rows": ROWS,
    "warm": WARM, "inner": INNER, "function": FUNCTION,
    "lasso": LASSO, "lasso-of-another-name": LASSO.replace("l1_penalty", "strength"),
}  # fmt: skip

WRONG = [
    (PLAIN, "np.sum(p - y) / n_samples", "np.sum(p - y)", 3),
    (PLAIN, "np.dot(X.T, p - y)", "np.dot(X.T, y - p)", 2),
    (BY_METHODS, "-2 * self.X.T.dot(e) / self.m", "-2 * self.X.T.dot(e)", 3),
    (LOCAL, "X.T @ (p - y) / len(y)", "X.T @ (p - y)", 3),
    (ONES, "self.theta -= self.eta * X.T", "self.theta += self.eta * X.T", 2),
    (NETWORK, "            dz1 = dz2 @ self.W2.T * (h > 0)\n            self.W2 -= self.lr * h.T @ dz2\n",
     "            self.W2 -= self.lr * h.T @ dz2\n            dz1 = dz2 @ self.W2.T * (h > 0)\n", 1),
    (ROWS, "self.b -= lr * e", "self.b += lr * e", 2),
    (INNER, "np.sum(p - y) / n_samples", "np.sum(p - y)", 3),
    (FUNCTION, "X.T @ (p - y) / n", "X.T @ (p - y)", 3),
    (WARM, "/ len(X)", "/ X.shape[1]", 3),
]  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_a_fit_that_makes_its_weights_is_right(code, name):
    found = cr.diagnose(code(RIGHT[name]))
    assert (found.verdict, found.mistakes) == ("correct", ()), found
    assert {row.label for row in found.tables} >= {"W1", "b1"}


@pytest.mark.parametrize(("text", "right", "wrong", "mistake"), WRONG)
def test_a_mistake_in_such_a_fit_is_named(code, text, right, wrong, mistake):
    assert text.count(right) == 1
    found = cr.diagnose(code(text.replace(right, wrong)))
    assert (found.verdict, found.numbers) == ("wrong", [mistake]), found


def opened(text):
    tree = ast.parse(text)
    parted(tree)
    space = {}
    exec(compile(tree, "theirs.py", "exec"), space)
    return space


def test_what_makes_the_weights_is_apart_from_what_trains_them():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0, 1.0])
    model = opened(PLAIN)["LogisticRegression"]()
    assert getattr(model, BEGIN)(X, y) == ["bias", "weights"]
    assert model.weights.tolist() == [0, 0]
    model.weights = np.array([0.5, -0.5])
    model.fit(X, y)
    p = 1 / (1 + np.exp(-(X @ [0.5, -0.5])))
    np.testing.assert_allclose(model.weights, [0.5, -0.5] - 0.001 * X.T @ (p - y) / 3, rtol=1e-12)


def test_a_function_that_trains_is_handed_its_weights():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0, 1.0])
    space = opened(FUNCTION)
    w, b = space[INIT + "train"](X, y)
    assert (w.tolist(), b) == ([0, 0], 0.0)
    w, b = space["train"](X, y, lr=1.0, w=np.array([0.5, -0.5]), b=0.25)
    p = 1 / (1 + np.exp(-(X @ [0.5, -0.5] + 0.25)))
    np.testing.assert_allclose(w, [0.5, -0.5] - X.T @ (p - y) / 3, rtol=1e-12)
    assert b == pytest.approx(0.25 - np.mean(p - y))


def test_a_function_beside_one_that_makes_weights_stays_as_it_is():
    assert INIT + "train" not in opened(FUNCTION + "\ndef init(d):\n    return np.zeros(d), 0.0\n")


def test_a_fit_that_goes_over_the_rows_does_so():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0.0, 1.0, 1.0])
    model = opened(ROWS)["Online"]()
    getattr(model, BEGIN)(X, y)
    model.fit(X, y, lr=1.0)
    first = model.w
    assert np.any(first != 0)
    w = np.zeros(2)
    b = 0.0
    for x, t in zip(X, y):
        e = 1 / (1 + np.exp(-(x @ w + b))) - t
        w, b = w - e * x, b - e
    np.testing.assert_allclose(first, w, rtol=1e-12)


@pytest.mark.parametrize(
    ("takes", "before", "turn"),
    [("X, y", "self.n = len(X)", "self.W -= X.T @ y"), ("data", "self.W = 0", "self.W -= i"),
     ("X, y", "self.loss = 0", "self.loss += 1"), ("X, y", "self.p = X @ self.W", "p -= i")],
)  # fmt: skip
def test_a_fit_that_makes_no_weights_stays_as_it_is(takes, before, turn):
    text = f"class A:\n def fit(self, {takes}):\n  {before}\n  for i in range(3):\n   {turn}\n"
    tree = ast.parse(text)
    parted(tree)
    assert ast.unparse(tree) == ast.unparse(ast.parse(text))


@pytest.mark.parametrize("text", [PLAIN, FUNCTION], ids=["class", "function"])
def test_in_a_notebook_too(code, text):
    cells = [{"cell_type": "code", "source": [cell]} for cell in ("import numpy as np", text, "print('trained')")]
    assert cr.diagnose(code(json.dumps({"cells": cells}), "a.ipynb")).verdict == "correct"


def test_in_a_notebook_a_function_that_makes_weights_in_another_cell_counts():
    cells = [ast.parse(FUNCTION), ast.parse("def init(d):\n    return np.zeros(d), 0.0\n")]
    parted(*cells)
    assert ast.unparse(cells[0]) == ast.unparse(ast.parse(FUNCTION))
