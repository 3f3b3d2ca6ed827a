"""The gradients that their steps show: (before − after)/η, of one step, of several, of steps on other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.evidence.draws import draws_of
from chainrule.check.reference.passes import Draw


def step_draws(record: Mapping[str, Any], *, known: bool = True) -> tuple[list[Draw], float | None]:
    """(before − after)/η of the first of their steps, or before − after where η is not known, or not `known`."""
    rate = record.get("rate")
    if record["moves"]:
        pairs = [(call, call["after"]) for call in record["draws"]]
    else:
        pairs = [(call, call["after"][0]) for call in record["steps"] if call["after"]]
        rate = pairs[0][0]["rate"] if pairs else None
    rate = rate if known else None
    return _moved(pairs, rate, record), rate


def step_history(record: Mapping[str, Any], rate: float | None) -> list[Draw]:
    """Steps of one object on other data, its parameters set back in between."""
    calls = record.get("step history") or []
    return _moved([(call, call["after"][0]) for call in calls], rate, record)


def repeated_steps(record: Mapping[str, Any], rate: float | None) -> list[list[Draw]]:
    """Consecutive steps of one object on the same rows, each from the parameters that the one before left."""
    found = []
    for call in record["steps"]:
        before, steps = call["params"], []
        for after in call["after"]:
            steps.append(({**call, "params": before}, after))
            before = before | {name: value for name, value in after.items() if name in before}
        found.append(_moved(steps, rate, record))
    return found


def _moved(pairs: Sequence[tuple[Any, Any]], rate: float | None, record: Mapping[str, Any]) -> list[Draw]:
    calls = []
    for call, after in pairs:
        grads = {
            name: _difference(before, value) / (rate or 1.0)
            for name, before in call["params"].items()
            if (value := after.get(name)) is not None and (value.shape == before.shape or value.ndim >= before.ndim)
        }
        calls.append({**call, "grads": grads, "out": None, "loss": None})
    return draws_of(record, calls, record["transposed"])


def _difference(before: Array, after: Array) -> Array:
    """Where the two cannot be subtracted, an array of the other shape, which no gradient has."""
    try:
        return np.asarray(before - after)
    except ValueError:
        return after


def same_call(step: Draw, draw: Draw) -> bool:
    same = all(np.array_equal(value, draw.params[name]) for name, value in step.params.items())
    return same and np.array_equal(step.X, draw.X)


def over(grads: Mapping[str, Array], c: float) -> dict[str, Array]:
    return {name: g / c for name, g in grads.items()}
