"""A step on a few rows with short numbers, which the page shows."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from chainrule.check.calling.sizes import Sizes
from chainrule.check.probing.sensible import require_sense
from chainrule.check.probing.trial import Trial


def small_step(trial: Trial) -> dict[str, Any] | None:
    """None where nothing runs on so few. 3-4-2 where the sizes are ours to choose."""
    setting, rows = trial.setting, (min(5, trial.setting.sizes.rows[0]),) * 3
    few = Sizes(min(setting.sizes.n_in, 3), (4, 6), min(setting.sizes.n_out, 2), rows)
    own = None if trial.own is None else (trial.own[0][:5], trial.own[1][:5])
    for sizes in (few, replace(setting.sizes, rows=rows))[own is not None :]:
        with suppress(Exception, SystemExit):
            small = Trial(trial.reading, replace(setting, sizes=sizes), own)
            batch = small.drawing().readable()
            small.start(batch)
            fresh = small.evaluate(batch)
            require_sense(small.reading, fresh)
            moves = small.moves(fresh)
            again = [] if moves else [small.evaluate(batch)]
            steps = []
            with suppress(Exception, SystemExit):
                steps = [small.steps(batch, 1)]
            return {
                "weights": list(small.chained.weights), "biases": list(small.chained.biases), "moves": moves,
                "transposed": small.chained.transposed, "draws": [fresh], "history": [fresh, *again],
                "rate": small.reading.rate(), "steps": steps,
            }  # fmt: skip
    return None
