"""Central differences of their own loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.arrays import Array
from chainrule.check.probing.batch import Batch
from chainrule.check.probing.trial import Trial

STEP = 1e-3  # of the differences; near a corner a hundredth of it
SAME = 1e-5  # of two steps' differences: no corner lies within
MANY = 400  # entries to difference in all


def differences(trial: Trial, batch: Batch, names: Sequence[str] | None = None) -> dict[str, Array]:
    """With h and h/2 combined; NaN beside a corner. Of all parameters or some; empty where they are too many."""
    trial.start(batch)
    wanted = {name: value for name, value in batch.params.items() if names is None or name in names}
    if sum(value.size for value in wanted.values()) > MANY:
        return {}
    numeric: dict[str, Array] = {}
    for name, value in wanted.items():
        numeric[name] = np.empty(value.shape)
        for index in np.ndindex(value.shape):
            numeric[name][index] = _difference(trial, batch, name, index)
    return numeric


def _difference(trial: Trial, batch: Batch, name: str, index: tuple[int, ...]) -> float:
    def at(h: float) -> float:
        moved = batch.params[name].copy()
        moved[index] += h
        trial.put(Batch(batch.X, batch.t, batch.params | {name: moved}))
        if trial.reading.draws:
            trial.randomness.reset()
        value = trial.reading.loss()
        return float("nan") if value is None else value

    def central(h: float) -> float:
        return (at(h) - at(-h)) / (2 * h)

    wide, half = central(STEP), central(STEP / 2)
    if _same(wide, half):
        return (4 * half - wide) / 3
    near, nearer = central(STEP / 100), central(STEP / 200)  # a corner lies within the step
    return nearer if _same(near, nearer) else float("nan")


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= SAME * max(abs(a), abs(b), 1e-3)
