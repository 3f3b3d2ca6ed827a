"""The loss that a training step returns beside its update, where nothing else of theirs computes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.check.calling import digest
from chainrule.check.calling.binding import call
from chainrule.check.reading.script import NO_LOSS, is_loss

if TYPE_CHECKING:
    from chainrule.check.networks.theirs import Theirs


def loss_of_step(theirs: Theirs) -> float | None:
    """The loss of one step at the rate 0, so that it belongs to the parameters as they are; they are put back."""
    fn = theirs.fn("step")
    if fn is None or theirs.pairs:
        return None
    kept = {path: (place, np.copy(place.value)) for path, place in theirs.places.items()}
    whole = theirs.env
    theirs.env = replace(whole, roles=dict(whole.roles), names=dict(whole.names), used={})
    try:
        with theirs.slowed(0.0, held=True):
            theirs.env.slower = 0.0
            given = call(fn, theirs.env)
    except Exception:
        return None  # a step that does not run says so where it is a probe of its own
    finally:
        theirs.env = whole
        for place, value in kept.values():
            place.set(value)
    return _loss(fn, given, known=theirs.fn("forward") is not None)


def _loss(fn: Callable[..., Any], given: Any, *, known: bool) -> float | None:
    """A number called a loss, else the only one without a name; where predictions are not known either, any."""
    parts = list(given.items()) if isinstance(given, dict) else digest.parts(fn, given)
    numbers = [(str(name), value) for name, value in parts if digest.is_scalar(value)]
    named = [value for name, value in numbers if is_loss(name)]
    others = [value for name, value in numbers if not NO_LOSS.search(name.lower()) and (not known or name[:1] in "[")]
    found = named or (others if len(others) == 1 else [])
    return float(np.asarray(found[0], dtype=np.float64).reshape(-1)[0]) if found else None
