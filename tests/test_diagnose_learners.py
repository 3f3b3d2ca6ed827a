"""Scripts as learners write them, each right one with wrong ones beside it."""

import pytest

from learners_batches import DEEP_LISTS, EPOCH_SUM, ROWS_ADDED_UP, SPLIT, SUM_OF_SQUARES
from learners_optimizers import ADAM_DICT, MOMENTUM_DICT, RMSPROP_LIST
from learners_scripts import HALF_E, LITERAL, NUMBERED_ROWS, ONE_HOT, UNTIL, XOR_13

RIGHT = {
    "13 lines": XOR_13, "one-hot rows made with digits": ONE_HOT, "half a square called E": HALF_E,
    "a sum of mean losses": EPOCH_SUM, "lists of layers": DEEP_LISTS, "a sum of squares over batches": SUM_OF_SQUARES,
    "gradients of rows added up": ROWS_ADDED_UP, "divided by 4": LITERAL, "range(4)": NUMBERED_ROWS,
    "while the loss is large": UNTIL, "rows for testing": SPLIT,
    "RMSprop over lists": RMSPROP_LIST, "Adam over dictionaries": ADAM_DICT,
    "momentum over dictionaries": MOMENTUM_DICT,
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_script_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert found.reference != "none"


HIDDEN = "    dZ1 = dZ2@W2.T*A1*(1-A1)\n"
OUTPUT = "    W2 -= 1.0*A1.T@dZ2; b2 -= 1.0*dZ2.sum(0,keepdims=True)\n"
WRONG = {
    "no slope in 13 lines": (XOR_13, "*A1*(1-A1)", "", [8]),
    "updated weights in 13 lines": (XOR_13, HIDDEN + OUTPUT, OUTPUT + HIDDEN, [1]),
    "no 1/N beside digits": (ONE_HOT, "delta2 = (y_pred - y_onehot) / X.shape[0]", "delta2 = y_pred - y_onehot", [3]),
    "no slope behind half a square": (HALF_E, "(d - o) * o * (1 - o)", "(d - o)", [8]),
    "no 2 in a batch": (EPOCH_SUM, "2 * (pred - yb)", "(pred - yb)", [3]),
    "the z for the a": (EPOCH_SUM, "da1 * a1 * (1 - a1)", "da1 * z1 * (1 - z1)", [11]),
    "no 1/m in db": (DEEP_LISTS, "np.sum(dZ, axis=1, keepdims=True) / m", "np.sum(dZ, axis=1, keepdims=True)", [3]),
    "no slope in a list": (DEEP_LISTS, "(W[l].T @ dZ) * (Z[l-1] > 0)", "W[l].T @ dZ", [8]),
    "no 1/N in a batch": (SUM_OF_SQUARES, "2 * diff / xb.shape[0]", "2 * diff", [3]),
    "no 1/N in one update": (ROWS_ADDED_UP, "0.1 * db1 / N", "0.1 * db1", [3]),
    "no slope in a sum of rows": (ROWS_ADDED_UP, "(W2.T @ d2) * (z1 > 0)", "W2.T @ d2", [8]),
    "no division by 4": (LITERAL, "(a2 - y) / 4", "(a2 - y)", [3]),
    "half a slope in a row": (NUMBERED_ROWS, "do * w2 * h * (1-h)", "do * w2 * (1-h)", [11]),
    "one update that climbs": (UNTIL, "W2 - 0.1 * dW2", "W2 + 0.1 * dW2", [2]),
    "no 1/N beside rows for testing": (SPLIT, " / len(X_train)\n    dW2", "\n    dW2", [3]),
    "no slope before RMSprop": (RMSPROP_LIST, "(1 - h * h)", "(1 - h)", [11]),
    "no 1/N before Adam": (ADAM_DICT, "    dscores /= N\n", "", [3]),
    "no square before Adam": (ADAM_DICT, "(1 - h ** 2)", "(1 - h)", [11]),
    "no 1/m before momentum": (MOMENTUM_DICT, "dW1 = (1/m) * dZ1 @ X.T", "dW1 = dZ1 @ X.T", [3]),
}  # fmt: skip


PRINTED = """
import numpy as np
X = np.random.randn(100, 4)
y = np.random.randn(100, 1)
w1 = np.random.randn(4, 6); b1 = np.zeros((1, 6))
w2 = np.random.randn(6, 1); b2 = np.zeros((1, 1))
for epoch in range(100):
    a1 = np.tanh(X @ w1 + b1)
    y_hat = a1 @ w2 + b2
    error = y_hat - y
    mse = np.mean(error ** 2)
    grad = 2 * error / len(X)
    dw2 = a1.T @ grad
    db2 = grad.sum(axis=0)
    dz1 = grad @ w2.T * (1 - a1 ** 2)
    dw1 = X.T @ dz1
    db1 = dz1.sum(axis=0)
    w2 -= 0.01 * dw2
    b2 -= 0.01 * db2
    w1 -= 0.01 * dw1
    b1 -= 0.01 * db1
"""


def test_one_output_without_a_loss_is_not_compared_with_a_softmax(probed):
    assert probed(PRINTED).verdict == "correct"
    found = probed(PRINTED.replace("(1 - a1 ** 2)", "(1 - a1)"))
    assert (found.verdict, found.numbers) == ("wrong", [11])


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_script_is_named(probed, text, right, wrong, numbers):
    assert right in text
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found
