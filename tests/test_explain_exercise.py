"""The text file of an exercise: what it takes, and one line that names the key where it does not fit."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import trace_step, worksheet
from chainrule.explain.exercise import LECTURE, parse_exercise

WEIGHTS, BIASES, TARGETS = LECTURE[LECTURE.index("W1 =") :], "b1 = [0.1, -0.3, 0.2]", "targets = [0, 1, 2, 1]"
HUGE = "9" * 400

WRONG = {
    "a word among biases": (BIASES, 'b1 = ["x", 0.1, 0.2]', "b1: expected finite numbers"),
    "a word for biases": (BIASES, 'b1 = "abc"', "b1: expected finite numbers, got 'abc'"),
    "a table for biases": (BIASES, "b1 = {}", "b1: expected numbers"),
    "NaN": (BIASES, "b1 = [nan, 0.0, 0.0]", "b1: expected finite numbers"),
    "a truth for a number": (BIASES, "b1 = [true, false, true]", "b1: expected numbers"),
    "400 digits": ("[ 0.5, -1.0,  2.0]", f"[{HUGE}, 1, 1]", "inputs: expected"),
    "ragged inputs": ("[ 0.5, -1.0,  2.0]", "[0.5, -1.0]", "inputs: expected rows of equally many numbers"),
    "ragged targets": (TARGETS, "targets = [[0], [1, 2]]", "targets: expected rows of equally many numbers"),
    "too few targets": (TARGETS, "targets = [0, 1]", "targets: expected 4, one for each row of inputs, got 2"),
    "a word for targets": (TARGETS, 'targets = "abc"', "targets: expected a list"),
    "a number for targets": (TARGETS, "targets = 1", "targets: expected a list"),
    "a class too many": (TARGETS, "targets = [0, 1, 7, 1]", "targets: expected classes from 0 to 2.*got 7"),
    "words without classes": (TARGETS, 'targets = ["a", "b", "a", "b"]', "targets: expected 3 classes"),
    "columns that are a number": (BIASES, f"columns = 5\n{BIASES}", "columns: expected a list of 3 names.*got 5"),
    "columns that are a word": (BIASES, f'columns = "abc"\n{BIASES}', "columns: expected a list of 3 names"),
    "too few columns": (BIASES, f'columns = ["a"]\n{BIASES}', "columns: expected a list of 3 names.*column of inputs"),
    "classes that are a number": (BIASES, f"classes = 5\n{BIASES}", "classes: expected a list of 3 names"),
    "one class twice": (BIASES, f'classes = ["a", "a", "c"]\n{BIASES}', "classes: expected different names"),
    "layers that are a number": ('layers = ["dense", "relu"]', "layers = 5", "layers: expected a list such as"),
    "no loss": ('loss = "SoftmaxCrossEntropy"', 'loss = ""', "loss: no ''"),
    "an empty key": (BIASES, f'"" = 1\n{BIASES}', "no ''"),
    "a power": (BIASES, f'"W²" = 1\n{BIASES}', "no 'W²'"),
    "a truth for a rate": ("rate = 0.5", "rate = true", "rate: expected numbers, got True"),
    "a list for a penalty": ("rate = 0.5", "rate = 0.5\nl2 = [1]", r"l2: expected shape \(\), got \(1,\)"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_one_line_with_its_key(name):
    old, new, message = WRONG[name]
    assert LECTURE.count(old) == 1
    with pytest.raises(cr.InputError, match=f"^sheet.toml: {message}") as error:
        parse_exercise(LECTURE.replace(old, new), "sheet.toml")
    assert "\n" not in str(error.value)


def test_columns_and_classes_are_the_names_on_the_page():
    names = 'columns = ["length", "width", "mass"]\nclasses = ["a", "b", "c"]\ntargets = ["a", "b", "c", "b"]'
    own = parse_exercise(LECTURE.replace(TARGETS, names))
    trace = trace_step(own.net, own.X, own.y, own.optimizer)
    given = parse_exercise(LECTURE)
    np.testing.assert_array_equal(trace["dW1"], trace_step(given.net, given.X, given.y, given.optimizer)["dW1"])
    assert trace.axes["input"].names == ("length", "width", "mass")
    assert trace.axes[trace.tensors["t"].columns].names == ("a", "b", "c")


def test_a_class_may_be_absent_from_the_rows():
    own = parse_exercise(LECTURE.replace(TARGETS, "targets = [0, 1, 0, 1]"))
    assert trace_step(own.net, own.X, own.y, own.optimizer)["t"].shape == (4, 3)


def test_a_sheet_with_a_number_at_a_kink_says_what_to_do_there():
    at_0 = LECTURE.replace("[ 0.5, -1.0,  2.0]", "[0.0, 0.0, 0.0]").replace(BIASES, "b1 = [0.0, -0.3, 0.2]")
    for text, told in ((at_0, True), (LECTURE, False)):
        assert (worksheet.KINK in worksheet.page([worksheet.Sheet.make(parse_exercise(text))], solved=False)) is told
