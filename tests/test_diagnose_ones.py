"""A bias as a column of ones: matrices that hold the biases of their layers are taken apart."""

import pytest

from columns_of_ones import CLASS, COLUMNS, COURSE, FIRST_LAYER, INSERTED, LAST, LOOP, SCRIPT

RIGHT = {
    "a class": CLASS, "a course's function": COURSE, "ones last": LAST, "np.insert": INSERTED, "columns": COLUMNS,
    "the first layer alone": FIRST_LAYER, "inputs with their ones": SCRIPT, "a script": LOOP,
}  # fmt: skip


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_pass_with_a_column_of_ones_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert not any("not compared" in note for note in found.notes)


SHAPES = {"W1": (5, 4), "W2": (4, 3), "b1": (4,), "b2": (3,)}


@pytest.mark.parametrize("text", [CLASS, COURSE, LAST, INSERTED])
def test_weights_and_biases_are_compared_apart(probed, text):
    shapes = {row.label: row.shape for row in probed(text).tables}
    turned = {name: shape[::-1] for name, shape in SHAPES.items()}  # as they store it: units × inputs
    assert shapes == (turned if text in (COURSE, INSERTED) else SHAPES)


@pytest.mark.parametrize(
    ("text", "called"),
    [(CLASS, ["dW1[1:]", "dW1[0]"]), (COURSE, ["Theta1_grad[:, 1:]", "Theta1_grad[:, 0]"]),
     (LAST, ["W1[:-1]", "W1[-1]"]), (LOOP, ["grad1[1:]", "grad1[0]"])],
)  # fmt: skip
def test_the_bias_is_the_row_that_meets_the_ones(probed, text, called):
    tables = {row.label: row.called for row in probed(text).tables}
    assert [tables["W1"], tables["b1"]] == called


WRONG = {
    "no derivative": (CLASS, " * (1 - self.h ** 2)", "", [8]),
    "no 1/N": (CLASS, "(self.p - y) / len(y)", "self.p - y", [3]),
    "a step that climbs": (CLASS, "-= self.lr", "+= self.lr", [2]),
    "decay on the biases": (COURSE, "Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]",
                            "Theta1_grad += lambda_ / m * Theta1", [14]),
    "no decay": (COURSE, "Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]", "pass", [14]),
    "no slope": (COURSE, " * a2[:, 1:] * (1 - a2[:, 1:])", "", [8]),
    "no ReLU in the backward pass": (LAST, " * (Z1 > 0)", "", [8]),
    "an update that climbs": (LAST, "params[key] -= lr", "params[key] += lr", [2]),
    "the other error": (INSERTED, "delta2 = 2 * (out - y)", "delta2 = 2 * (y - out)", [2]),
    "no square": (COLUMNS, "1 - self.inputs[i][:-1] ** 2", "1 - self.inputs[i][:-1]", [11]),
    "no derivative in the first layer": (FIRST_LAYER, "((d @ self.W2.T) * (1 - self.h ** 2))", "(d @ self.W2.T)", [8]),
    "a script without a derivative": (SCRIPT, " * hidden[:, :-1] * (1 - hidden[:, :-1])", "", [8]),
    "a script without 1/m": (LOOP, "d2 = (h - y) / m", "d2 = h - y", [3]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_pass_with_a_column_of_ones_is_named(probed, text, right, wrong, numbers):
    assert right in text
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found


@pytest.mark.parametrize(
    ("text", "right", "wrong", "first"),
    [(CLASS, "self.W2.T)[:, 1:]", "self.W2.T)[:, :-1]", True),
     (COURSE, "(d3 @ Theta2)[:, 1:]", "(d3 @ Theta2)[:, :-1]", True),
     (LAST, "[:-1].T", "[1:].T", False), (COLUMNS, "[:, :-1].T", "[:, 1:].T", False)],
)  # fmt: skip
def test_the_wrong_row_taken_off_the_weights_is_named(probed, text, right, wrong, first):
    assert right in text
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", [15]), found
    assert [rule.key for rule in found.mistakes] == ["ones-first-kept" if first else "ones-last-kept"]
