"""Mistake 15 where a column of ones stands for the bias: the column that is cut off on the way back."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.rule import Rule, add


def _handed_back(s: Scene, *, ones_first: bool) -> Array:
    """The gradient of what entered the layer, with that of its column of ones."""
    if s.b is None or s.b.size != s.W.shape[1]:
        raise LookupError("no bias for each unit")
    ones, rest = (s.dz @ s.b)[:, None], s.dz @ s.W.T
    return np.hstack([ones, rest] if ones_first else [rest, ones])


_CUT: dict[str, Any] = {
    "sentence": "The column that belongs to the ones is handed back, and one that belongs to a unit is cut off.",
    "question": "In which column of the layer's input do the ones stand, and which column do you leave out on the way back?",
    "cost": 1.2,
}
add(
    Rule(
        "ones-first-kept", 15, "the wrong column cut: the ones stand in the first",
        {"dx": lambda s: _handed_back(s, ones_first=True)[:, :-1]},
        formula="dx = (dz · Wᵀ)⟦[:, :-1]⟧", right="dx = (dz · Wᵀ)[:, 1:], without the column of the ones",
        change="Cut the column in which the forward put the ones: [:, 1:].", **_CUT,
    ),
    Rule(
        "ones-last-kept", 15, "the wrong column cut: the ones stand in the last",
        {"dx": lambda s: _handed_back(s, ones_first=False)[:, 1:]},
        formula="dx = (dz · Wᵀ)⟦[:, 1:]⟧", right="dx = (dz · Wᵀ)[:, :-1], without the column of the ones",
        change="Cut the column in which the forward put the ones: [:, :-1].", **_CUT,
    ),
)  # fmt: skip
