"""Scripts without functions: one turn of the training loop is read, the file does not train."""

import json
import time

import pytest

from chainrule.errors import InputError
from more_training_loops import MAIN, NUMBERED_BATCHES, ROWS_WITH_NAMES, TUPLES
from training_loops import BATCHES, COLUMNS, LISTS, RATES, ROW_BY_ROW, SOFTMAX, WITHOUT_LOSS, XOR

RIGHT = {
    "XOR": XOR, "softmax": SOFTMAX, "columns": COLUMNS, "row by row": ROW_BY_ROW, "batches": BATCHES, "lists": LISTS,
    "without a loss": WITHOUT_LOSS, "rates in turn": RATES,
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_script_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert found.reference != "none"


HIDDEN_AFTER = """        W2 -= eta * np.outer(h, e)
        dh = (W2 @ e) * (1 - h ** 2)
"""
HIDDEN_BEFORE = "".join(reversed(HIDDEN_AFTER.splitlines(keepends=True)))
WRONG = {
    "the other error": (XOR, "expected_output - predicted_output", "predicted_output - expected_output", [2]),
    "no derivative in the hidden layer": (XOR, "error_hidden_layer * sigmoid_derivative(hidden_layer_output)",
                                          "error_hidden_layer", [8]),
    "no derivative in the output": (XOR, "error * sigmoid_derivative(predicted_output)", "error", [8]),
    "no ReLU in the backward pass": (SOFTMAX, "  dhidden[hidden_layer <= 0] = 0\n", "", [8]),
    "no 1/N": (SOFTMAX, "  dscores /= num_examples\n", "", [3]),
    "no decay in a gradient": (SOFTMAX, "  dW += reg * W\n", "", [14]),
    "a mean for a sum": (SOFTMAX, "db = np.sum(dhidden", "db = np.mean(dhidden", [6]),
    "no square": (COLUMNS, "1 - A1 ** 2", "1 - A1", [11]),
    "no 1/m in dW2": (COLUMNS, "dZ2 @ A1.T / m", "dZ2 @ A1.T", [3]),
    "the derivative twice": (COLUMNS, "dZ2 = A2 - Y", "dZ2 = (A2 - Y) * A2 * (1 - A2)", [8]),
    "updated weights": (ROW_BY_ROW, HIDDEN_BEFORE, HIDDEN_AFTER, [1]),
    "a bias that climbs": (ROW_BY_ROW, "b1 -= eta", "b1 += eta", [2]),
    "an update that climbs": (BATCHES, "W1 = W1 - learning", "W1 = W1 + learning", [2]),
    "a hidden mean": (BATCHES, "db1 = dz1.sum", "db1 = dz1.mean", [6]),
    "a batch's 1/N": (NUMBERED_BATCHES, "        ds /= len(yb)\n", "", [3]),
    "an update that climbs by another name": (TUPLES, "p -= learning", "p += learning", [2]),
    "no slope in main": (MAIN, "delta2.dot(W2.T) * sigmoid(hidden, True)", "delta2.dot(W2.T)", [8]),
    "no square in a row": (ROWS_WITH_NAMES, "1 - h ** 2", "1 - h", [11]),
    "a sign": (WITHOUT_LOSS, "syn1 +=", "syn1 -=", [2]),
    "no slope": (WITHOUT_LOSS, "l1_error * nonlin(l1,deriv=True)", "l1_error", [8]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_script_is_named(probed, text, right, wrong, numbers):
    assert right in text
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found


SPANISH = """
import numpy as np
np.random.seed(1)
X = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
pesos0, pesos1 = 2 * np.random.random((3, 4)) - 1, 2 * np.random.random((4, 1)) - 1
for i in range(100):
    capa1 = 1 / (1 + np.exp(-X @ pesos0))
    capa2 = 1 / (1 + np.exp(-capa1 @ pesos1))
    perdida = np.sum((capa2 - y) ** 2) / 2
    delta2 = (capa2 - y) * capa2 * (1 - capa2)
    delta1 = delta2 @ pesos1.T * capa1 * (1 - capa1)
    pesos1 -= 0.5 * capa1.T @ delta2
    pesos0 -= 0.5 * X.T @ delta1
"""


@pytest.mark.parametrize("name", ["perdida", "verlust", "perte", "loss"])
def test_a_loss_of_another_language_is_the_one_that_counts(probed, name):
    """Without the slope of the output's sigmoid the step is right for binary cross-entropy, but not for this loss."""
    right = SPANISH.replace("perdida", name)
    wrong = right.replace("(capa2 - y) * capa2 * (1 - capa2)", "capa2 - y")
    assert (probed(right).verdict, probed(right).consistent) == ("correct", True)
    assert (probed(wrong).verdict, probed(wrong).numbers) == ("wrong", [8])


def test_without_a_loss_the_report_says_on_what_it_rests(probed):
    found = probed(SPANISH.replace("(capa2 - y) * capa2 * (1 - capa2)", "capa2 - y").replace("perdida", "q"))
    assert (found.verdict, found.consistent) == ("correct", None)
    assert "binary cross-entropy, sum; no loss of yours was found to compare" in str(found)


def test_gradients_have_the_names_that_the_script_gives_them(probed):
    assert {row.label: row.called for row in probed(BATCHES).tables} == {
        "W1": "dW1", "b1": "db1", "W2": "dW2", "b2": "db2",
    }  # fmt: skip


def test_a_script_does_not_train(probed):
    start = time.process_time()
    assert probed(XOR.replace("epochs = 10000", "epochs = 10 ** 9")).verdict == "correct"
    assert time.process_time() - start < 60


def test_the_loop_of_a_notebook(probed):
    cells = [XOR[: XOR.index("# XOR")], "%matplotlib inline\n" + XOR[XOR.index("# XOR") : XOR.index("for epoch")]]
    cells = [*cells, XOR[XOR.index("for epoch") :]]
    found = probed(
        json.dumps({"cells": [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in cells]}),
        "theirs.ipynb",
    )
    assert (found.verdict, found.numbers) == ("correct", [])


NAMED = XOR.replace("inputs", "pixels").replace("expected_output", "goals")


def test_data_of_other_names_can_be_named(probed):
    odd = NAMED.replace("epochs = 10000", "epochs, pixels2 = 9, pixels")
    odd = odd.replace("dot(pixels, hidden", "dot(pixels + 0 * pixels2, hidden")
    with pytest.raises(InputError, match=r"line \d+.*the arrays that it reads: pixels, pixels2, goals; .*--map X=NAME"):
        probed(odd)
    assert probed(odd, mapping={"X": "pixels", "y": "goals"}).verdict == "correct"
    with pytest.raises(InputError, match="defines no such name: --map X=rows"):
        probed(odd, mapping={"X": "rows", "y": "goals"})


REFUSED = {
    "rows at random": (ROW_BY_ROW, "    total_loss = 0\n", "    total_loss = np.random.randint(9) * 0\n",
                       r"training loop \(line \d+\), but randint \(line \d+\) picks"),
    "an error in the loop": (BATCHES, "z1 = xb @ W1 + b1", "z1 = xb @ W1.T + b1", r"ValueError.*\(line 23\)"),
    "an error before it": (BATCHES, "W1 = np.random", "W1 = np.rndom", r"does not run: AttributeError.*\(line 9\)"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_read_is_said_in_one_line(probed, text, right, wrong, said):
    assert right in text
    with pytest.raises(InputError, match=said) as error:
        probed(text.replace(right, wrong))
    assert "\n" not in str(error.value)


def test_without_a_loss_and_a_prediction_there_is_nothing_to_compare(probed):
    lone = (
        BATCHES[: BATCHES.index("    order =")]
        + """    W1 -= 0.1 * X_train.T @ (X_train @ W1 @ W2 - y_train) @ W2.T
"""
    )
    with pytest.raises(InputError, match="no loss is computed in it, and no prediction; assign the loss to a name"):
        probed(lone)
