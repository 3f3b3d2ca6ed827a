"""Whether one call of theirs changes its parameters, and how often, where no rate can be changed that would show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.watch import counting
from chainrule.check.probing.trial import Trial


def changes_again(trial: Trial, *, moves: bool) -> bool:
    """Whether one call changes a parameter, then another, then the first one again."""
    trial.start(trial.batches[0])

    def values() -> Sequence[Array]:
        return [trial.reading.places[name].value for name in trial.names]

    with counting(trial.reading.module.__file__, values) as order:
        if moves:
            trial.reading.evaluate()
        else:
            trial.reading.step()
    return len(order) > len(set(order)) > 1


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
