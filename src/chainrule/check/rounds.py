"""How often one call of theirs changes its parameters, where no rate can be changed that would show it."""

from __future__ import annotations

from collections.abc import Sequence

from chainrule.arrays import Array
from chainrule.check.trial import Trial
from chainrule.check.watch import counting


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
