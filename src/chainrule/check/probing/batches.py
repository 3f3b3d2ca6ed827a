"""A step over two batches in one call, where their code has a name for the size of one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from chainrule.check.calling.binding import arguments, is_batch_size
from chainrule.check.networks.result import NotOffered
from chainrule.check.probing.trial import Trial
from chainrule.check.reading.names import BATCH
from chainrule.check.reading.rows import PARTS

SEED, ROWS = 100, 8  # in two batches of half
SLOW = 1e-6  # the share of the rate at which the order of the batches makes no difference


def in_batches(trial: Trial) -> dict[str, Any]:
    """One step over two batches, where their code has a name for the size of one; LookupError where it has none."""
    batch = trial.drawing().draw(SEED, ROWS).even()
    rows = len(batch.X)
    trial.start(batch)
    with batches_of(trial.reading, rows // 2), trial.reading.slowed(SLOW, held=trial.reading.held_rate() is not None):
        after, _ = trial.reading.step()
        shown = _shown_loss(trial.reading)
    return batch.record | {"after": after, "rate": None, "size": rows // 2, "shown loss": shown}


def _shown_loss(reading: Any) -> float | None:
    """The loss that the step shows, of the last of its batches or of all."""
    with contextlib.suppress(Exception):
        found: float | None = reading.shown_loss()
        return found
    return None


@contextlib.contextmanager
def batches_of(reading: Any, rows: int) -> Iterator[None]:
    """Batches of so many rows: an argument, an attribute or a name of the module, or the parts of a script's rows."""
    spaces = [vars(owner) for owner in (reading.object, reading.module) if hasattr(owner, "__dict__")]
    kept = [(space, name, value) for space in spaces for name, value in space.items()
            if BATCH.search(name.lower()) and type(value) is int]  # fmt: skip
    held = vars(reading.module)
    parts = [(held, PARTS, held[PARTS])] if PARTS in held else []  # a script's
    step = reading.fn("step")
    asks = step is not None and any(map(is_batch_size, arguments(step)))
    if not kept and not asks:
        raise NotOffered("no batches")
    before, reading.env.batch = reading.env.batch, rows
    try:
        for space, name, _ in kept:
            space[name] = rows
        for space, name, _ in parts:
            space[name] = reading.n // rows
        yield
    finally:
        for space, name, value in [*kept, *parts]:
            space[name] = value
        reading.env.batch = before
