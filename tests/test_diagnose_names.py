"""Names and rows that are handed to `diagnose` and are none."""

import numpy as np
import pytest

import chainrule as cr
from bad_code import NET, found
from chainrule.errors import InputError


@pytest.mark.parametrize(
    ("name", "mapping", "said"),
    [
        ("Nett", {}, "Nett: not defined there; did you mean 'Net'"),
        (None, {"forward": "forwrd"}, r"--map forward=forwrd: no function or method 'forwrd'; did you mean 'forward'"),
        (None, {"forwards": "forward"}, "'forwards' cannot be named; these can: init, forward, loss, backward"),
        (None, {"X": "pixels"}, "no argument 'pixels'; known: .*X"),
        (None, {"W1": "V1"}, r"--map W1=V1: no one array is called 'V1'; known: W1, b1, W2, b2"),
        (None, {"W2": "W2"}, "--map: W1 missing; name every weight matrix, or none"),
        (None, {"W1": "W1", "W2": "b1"}, "these do not chain"),
        (None, {"dW1": "g1"}, "--map dW1=g1: no one array is called 'g1'"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(code, name, mapping, said):
    with pytest.raises(InputError, match=said):
        found(code(NET), name, mapping)


@pytest.mark.parametrize("mapping", [{"forward": 3}, {"": "x"}, "forward=think", [1]])
def test_a_mapping_maps_names_to_names(code, mapping):
    with pytest.raises(InputError, match="mapping: expected our names to theirs"):
        cr.diagnose(code(NET), mapping=mapping)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.ones((3, 2)), None, "both or neither"),
        (np.ones(3), np.ones(3), "expected \\(N, I\\)"),
        (np.ones((3, 2)), np.ones(4), "expected \\(N, I\\)"),
        ([["a", "b"]] * 3, [1, 2, 3], "X: expected numbers"),
        (np.full((3, 2), np.nan), [1, 2, 3], "X: expected finite numbers"),
    ],
)
def test_rows_that_are_none_are_refused(code, X, y, said):
    with pytest.raises(InputError, match=said):
        cr.diagnose(code(NET), X, y)
