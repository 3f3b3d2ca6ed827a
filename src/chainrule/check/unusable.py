"""Gradients that no rule can explain, because they are no numbers or other ones in each call: said in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.arrays import Array

SAME = 1e-6  # of a gradient's largest entry: rounding in another order is less

Evaluation = Mapping[str, Any]
KINDS: tuple[tuple[str, Callable[[Array], Array]], ...] = (("NaN", np.isnan), ("infinity", np.isinf))


def said(record: Mapping[str, Any]) -> str:
    """Why no mistake is looked for; empty where their gradients are finite, and the same in two calls."""
    first = record["draws"][0]
    odd = {
        kind: [_called(first, name) for name, g in first["grads"].items() if found(g).any()] for kind, found in KINDS
    }
    holding = [
        f"{' and '.join(names)} {'holds' if len(names) == 1 else 'hold'} {kind}" for kind, names in odd.items() if names
    ]
    if holding:
        return f"The gradient is no number: {'; '.join(holding)}."
    if not record.get("two calls"):
        return ""
    return f"The pass is random: two calls on the same data differ: {record['two calls']}."


def differing(one: Evaluation, other: Evaluation) -> str:
    """Where the gradients of two calls that should be alike are the furthest apart, or the parameters, or ""."""
    kept = "grads" if one["grads"] else "after"
    for name, g in one.get(kept, {}).items():
        again = other[kept].get(name)
        if again is None or again.shape != g.shape or not (np.isfinite(g).all() and np.isfinite(again).all()):
            continue
        apart: Array = abs(g - again)
        if g.size and apart.max() > SAME * max(abs(g).max(), abs(again).max()):
            at = np.unravel_index(int(np.argmax(apart)), g.shape)
            place = f"[{', '.join(map(str, at))}]" if at else ""
            return f"{_called(one, name)}{place} is {g[at]:.6g}, then {again[at]:.6g}"
    return ""


def _called(evaluation: Evaluation, name: str) -> str:
    return str(evaluation["called"].get(name, name))
