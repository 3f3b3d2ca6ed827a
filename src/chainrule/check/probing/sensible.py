"""Does what came back look like a network at work, and like the same one in two calls?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.networks.result import DoesNotRun

SAME = 1e-6  # of a gradient's largest entry: rounding in another order is less

Evaluation = Mapping[str, Any]


def require_sense(reading: Any, fresh: dict[str, Any]) -> None:
    """It ran: does what came back look like a network at work?"""
    has_out = fresh["out"] is not None and fresh["out"].shape == fresh["t"].shape
    if not has_out and fresh["loss"] is None and not fresh["grads"]:
        steps = reading.__dict__.get("roles", {})
        if "step" not in steps:
            more = f"; {fresh['unread']}" if fresh["unread"] else ""
            raise DoesNotRun(f"it runs, but gives no prediction, no loss and no gradients{more}")
    if has_out and not np.isfinite(fresh["out"]).all():
        raise DoesNotRun(f"its prediction is {_odd(fresh['out'])} for inputs of ordinary size")
    if fresh["loss"] is not None and not np.isfinite(fresh["loss"]):
        raise DoesNotRun(f"its loss is {fresh['loss']} for inputs of ordinary size")


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
            return f"{called(one, name)}{place} is {g[at]:.6g}, then {again[at]:.6g}"
    return ""


def _odd(array: Array) -> str:
    return "NaN" if np.isnan(array).any() else "infinite"


def require_repeatable(fresh: dict[str, Any], again: dict[str, Any]) -> None:
    """The same parameters and rows, from a fresh start: the same prediction and loss."""
    same = fresh["out"] is None or np.array_equal(fresh["out"], again["out"])
    if not same or fresh["loss"] != again["loss"]:
        seen = "" if fresh["loss"] is None else f" ({fresh['loss']:.6g}, then {again['loss']:.6g})"
        raise Unseeded(
            f"it is random: the same call twice gives two results{seen}; draw from np.random, or from a Generator "
            "that the object or the file keeps, so that it can be seeded"
        )


class Unseeded(DoesNotRun):
    """Two calls that should be alike are not."""


def called(evaluation: Evaluation, name: str) -> str:
    return str(evaluation["called"].get(name, name))
