"""Targets smoothed with ε on the way back: a loss of its own, which a pass without a loss may well descend."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw, gradients
from chainrule.check.rules.case import NOTHING, Case
from chainrule.check.rules.lines import fused_form

MOST = 0.6  # of ε: beyond, another class weighs as much as the right one
SAME = 1e-7


def smoothed(case: Case) -> tuple[Case, float] | None:
    """The case with the targets that give their gradient, and ε; None where none does on every draw."""
    if not fused_form(case.spec.form) or (case.from_step and case.rate is None):
        return None
    found = [_epsilon(case, draw) for draw in case.draws]
    epsilons = [epsilon for epsilon in found if epsilon is not None]
    if len(epsilons) < len(found) or max(epsilons) - min(epsilons) > SAME:
        return None
    epsilon = epsilons[0]
    draws, history = ([_softened(draw, epsilon) for draw in calls] for calls in (case.draws, case.history))
    other = replace(case, draws=draws, history=history)
    return (other, epsilon) if other.fits(NOTHING) is not None else None


def _softened(draw: Draw, epsilon: float) -> Draw:
    return replace(draw, t=(1 - epsilon) * draw.t + epsilon * _even(draw.t))


def _even(t: Array) -> Array:
    """What is left where nothing is known of the class: the same for each, ½ for one output."""
    return np.full_like(t, 1 / max(t.shape[1], 2))


def _epsilon(case: Case, draw: Draw) -> float | None:
    """ε by least squares on the last layer, whose gradient is linear in the targets."""
    last = f"W{case.spec.depth}"
    hard, even = (gradients(case.spec, one)[last] for one in (draw, replace(draw, t=_even(draw.t))))
    theirs = draw.grads.get(last)
    if theirs is None or theirs.shape != hard.shape or not np.isfinite(theirs).all() or not (even != hard).any():
        return None
    epsilon = float(((theirs - hard) * (even - hard)).sum() / ((even - hard) ** 2).sum())
    return epsilon if SAME < epsilon < MOST else None
