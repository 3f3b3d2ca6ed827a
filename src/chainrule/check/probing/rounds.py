"""Whether one call of theirs changes its parameters, and how often: by the rate, else by the order of the changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.watch import counting
from chainrule.check.probing.batch import Batch
from chainrule.check.probing.trial import Trial


def changes_again(trial: Trial, *, moves: bool) -> bool:
    """Whether one call changes a parameter, then another, then the first one again, where no rate would show it."""
    trial.start(trial.batches[0])

    def values() -> Sequence[Array]:
        return [trial.reading.places[name].value for name in trial.names]

    with counting(trial.reading.module.__file__, values) as order:
        if moves:
            trial.reading.evaluate()
        else:
            trial.reading.step()
    return len(order) > len(set(order)) > 1


def several_updates(trial: Trial, batch: Batch, *, moves: bool, single: bool = False) -> bool | None:
    """Whether one call changes the last layer's weights out of proportion to the rate, as several updates do.

    Those of the layers before depend on it in one update too, where the delta comes from updated weights.
    None where there is no rate that could be another.
    """
    whole = _change(trial, batch, 1.0, moves=moves, held=False)
    halves = [_change(trial, batch, 0.5, moves=moves, held=held) for held in (False, True)]
    half = next((half for half in halves if (half != whole).any()), None)
    if half is None or half.shape != whole.shape:
        return None
    weight = abs(batch.params[trial.chained.weights[-1]]).max()
    near, eps = (1e-5, np.finfo(np.float32).eps) if single else (1e-9, np.finfo(np.float64).eps)
    return not (abs(2 * half - whole) <= near * abs(whole).max() + 16 * eps * weight).all()


def _change(trial: Trial, batch: Batch, share: float, *, moves: bool, held: bool) -> Array:
    """What one call does to the last layer's weights at a share of its rate."""
    last = trial.chained.weights[-1]
    trial.start(batch)
    with trial.reading.slowed(share, held=held):
        after = trial.evaluate(batch)["after"] if moves else trial.step(batch, set())[0]
    return np.asarray(after[last] - batch.params[last], dtype=np.float64)


def stands_still(reading: Any, steps: list[dict[str, Any]]) -> bool:
    """Whether nothing that they call a step has moved a parameter, or returned any."""
    pairs = [(after, step["params"]) for step in steps for after in step["after"]]
    still = all(
        np.array_equal(after.get(name, value), value) for after, params in pairs for name, value in params.items()
    )
    return still and not getattr(reading, "returns", False)


def stepping(reading: Any) -> str:
    """What their step is called."""
    fn = reading.fn("step") or reading.fn("update") if hasattr(reading, "fn") else None
    return getattr(fn, "__name__", "its step")
