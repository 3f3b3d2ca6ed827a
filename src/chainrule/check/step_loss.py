"""The loss that a training step returns beside its update, where nothing else of theirs computes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.check import digest
from chainrule.check.binding import call
from chainrule.check.infer import Finding
from chainrule.check.script import NO_LOSS, is_loss

if TYPE_CHECKING:
    from chainrule.check.theirs import Theirs


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


def with_step_loss(record: Mapping[str, Any], find: Callable[[Mapping[str, Any]], Finding | None]) -> Mapping[str, Any]:
    """The record with that loss as its loss: where it makes a network known here, or where it is of one update.

    The loss of a call that makes several updates is that of one of them, or their sum.
    """
    inner = {key: with_step_loss(record[key], find) for key in ("fewer rows", "one row") if record.get(key)}
    record = {**record, **inner}
    if any(draw["loss"] is not None or draw["step loss"] is None for draw in record["draws"]):
        return record
    draws = [{**draw, "loss": draw["step loss"]} for draw in record["draws"]]
    other = {**record, "draws": draws, "numeric": record["step numeric"]}
    finding = find(other)
    if finding is None or not finding.loss:
        return record if {"fewer rows", "one row"} & set(record) else other
    absolute = "absolute" in finding.spec.form.name  # shows how far the training is
    return record if absolute and (plain := find(record)) is not None and plain.out else other
