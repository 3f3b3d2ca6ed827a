"""A wrong gradient that is clipped as well is named; a right one that is clipped is right."""

import pytest

import chainrule as cr
from bad_code import NET

VALUES = '{"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": self.h.T @ dz2, "b2": dz2.sum(0)}'
CLIPS = {
    "by value": "{k: np.clip(g, -0.2, 0.2) for k, g in GRADS.items()}",
    "by norm": "{k: g * min(1, 0.9 / np.sqrt(sum((a ** 2).sum() for a in GRADS.values()))) for k, g in GRADS.items()}",
}
FAULTS = [
    ("(1 - self.h ** 2)", "(1 - self.h)", 11),
    ("dz1.sum(0)", "dz1.mean(0)", 6),
    ("* (1 - self.h ** 2)", "", 8),
]


def text_of(clip, right="", wrong=""):
    return NET.replace(VALUES, clip.replace("GRADS", VALUES)).replace(right, wrong)


@pytest.mark.parametrize("clip", CLIPS)
def test_a_right_gradient_that_is_clipped_is_right(code, clip):
    found = cr.diagnose(code(text_of(CLIPS[clip])), seconds=200)
    assert found.verdict == "correct"
    assert any("clipped" in note for note in found.notes)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize(("right", "wrong", "number"), FAULTS)
def test_a_wrong_gradient_that_is_clipped_is_named(code, clip, right, wrong, number):
    found = cr.diagnose(code(text_of(CLIPS[clip], right, wrong)), seconds=200)
    assert (found.verdict, found.numbers) == ("wrong", [number])
    assert any("clipped" in note and "on top of the mistake" in note for note in found.notes)
