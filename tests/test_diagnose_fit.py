"""Classes whose fit makes the weights that it trains: what makes them is taken apart from what trains them."""

import ast
import json

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reading.fitting import BEGIN, INIT, parted
from learners_fit import (
    ACCUMULATED,
    BY_METHODS,
    COUNTED,
    FUNCTION,
    HANDED,
    INNER,
    LASSO,
    LOCAL,
    MADE_BY_CHOICE,
    MADE_IN_ONE_LINE,
    MADE_IN_TWO_STEPS,
    NETWORK,
    ONES,
    PLAIN,
    ROWS,
    SET_UP_WITH_THE_ROWS,
    STATIC_HELPER,
    TRAINED_AT_THE_TOP,
    WARM,
)

RIGHT = {
    "plain": PLAIN, "by-methods": BY_METHODS, "local": LOCAL, "ones": ONES, "network": NETWORK, "rows": ROWS,
    "warm": WARM, "inner": INNER, "function": FUNCTION,
    "made-in-one-line": MADE_IN_ONE_LINE, "made-in-two-steps": MADE_IN_TWO_STEPS, "made-by-choice": MADE_BY_CHOICE,
    "set-up-with-the-rows": SET_UP_WITH_THE_ROWS, "counted": COUNTED, "static-helper": STATIC_HELPER,
    "trained-at-the-top": TRAINED_AT_THE_TOP, "accumulated": ACCUMULATED,
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
    (MADE_IN_ONE_LINE, "np.sum(p - y) / n_samples", "np.sum(p - y)", 3),
    (SET_UP_WITH_THE_ROWS, "-2 * self.X.T.dot(e) / self.m", "-2 * self.X.T.dot(e)", 3),
    (TRAINED_AT_THE_TOP, "np.dot(X.T, p - y)", "np.dot(X.T, y - p)", 2),
    (ACCUMULATED, "dW += np.outer(X[i], e) / len(X)", "dW += np.outer(X[i], e)", 3),
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


@pytest.mark.parametrize("text", [HANDED, ACCUMULATED], ids=["handed", "accumulated"])
def test_a_function_that_takes_its_weights_stays_as_it_is(text):
    tree = ast.parse(text)
    parted(tree)
    assert ast.unparse(tree) == ast.unparse(ast.parse(text))


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
