"""What backward hands to the update need not be the gradient: minus it where the update adds, a sum where the update
divides. The pass as a whole is right then, and only the step shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from chainrule.check.evidence.formulas import adds, formula_of, goes_along
from chainrule.check.evidence.steps import over, same_call, step_draws
from chainrule.check.reference.passes import Draw, Spec, gradients
from chainrule.check.rules.case import NOTHING, SINGLE, TIGHT, Case, shaped

MINUS = "backward gives minus the gradient, and the update adds it: together they descend (shown with its sign turned)"
SUM = "backward gives the sum over the rows, and the 1/N stands in the update (shown here divided by N)"


def conventions(case: Case) -> Iterator[Case]:
    """The case with their gradients as the update uses them, where it does not take them as they are."""
    if case.from_step or not all(np.isfinite(g).all() for d in case.draws for g in d.grads.values()):
        return
    if (turned := turned_over(case)) is not None:
        yield turned
    if (whole := _made_up_for(case)) is not None:
        yield whole


def turned_over(case: Case) -> Case | None:
    """With minus their gradients, where these point away from the right ones and the update adds them."""
    if case.from_step or not _against(case) or not update_adds(case):
        return None
    return _divided(case, {draw.n: -1.0 for draw in (*case.draws, *case.history)}, MINUS)


def _against(case: Case) -> bool:
    """Whether the last layer's gradient points away from the right one on every draw."""
    last = f"W{case.spec.depth}"
    for draw in case.draws:
        right = gradients(case.spec, draw)[last]
        theirs = draw.grads.get(last)
        if theirs is None or theirs.shape != right.shape or not float((theirs * right).sum()) < 0:
            return False
    return True


def update_adds(case: Case) -> bool:
    """Whether the first of their steps goes along their own gradient in every cell; without a step, an optimizer's."""
    pairs = _pairs(case, step_draws(case.record, known=False)[0])
    if not pairs:
        driven = case.record.get("optimizers") or []
        return bool(driven) and all(adds(optimizer) for optimizer in driven)
    return all(goes_along(over(step.grads, -1.0), draw.grads) for step, draw in pairs)


def _pairs(case: Case, stepped: Sequence[Draw]) -> list[tuple[Draw, Draw]]:
    """Steps, each with the draw on its rows and parameters, whose masks it shares."""
    return [(step, draw) for step in stepped for draw in case.draws if same_call(step, draw)]


def _made_up_for(case: Case) -> Case | None:
    """Their gradients over the factor that the update makes up for: the step is exactly their rate times the right
    gradient. Where their rate is not known, a factor and a rate cannot be told apart."""
    stepped, rate = step_draws(case.record)
    pairs = _pairs(case, stepped)
    if not pairs:
        return _summed(case)
    if rate is None:
        return None
    factors: dict[int, float] = {}
    for draw in case.draws:
        c = factor(case.spec, draw)
        if not c or abs(factors.setdefault(draw.n, c) - c) > (SINGLE if case.single else TIGHT) * abs(c):
            return None
    shown = replace(case, from_step=True, rate=rate, draws=[replace(draw, grads=step.grads) for step, draw in pairs])
    if not set(shown.draws[0].grads) >= set(case.tensors) or shown.fits(NOTHING) is None:
        return None
    sums = all(abs(c / n - 1) < 1e-6 for n, c in factors.items())
    other = ", ".join(f"{c:.6g}" for c in dict.fromkeys(factors.values()))
    said = SUM if sums else f"backward gives the gradient times {other}, and the update makes up for it (shown divided)"
    return _divided(case, factors, said)


def _summed(case: Case) -> Case | None:
    """Their gradients divided by N where, without a step of their own, every optimizer of theirs does that."""
    driven = case.record.get("optimizers") or []
    dividing = [f for optimizer in driven if (f := formula_of(optimizer)) is not None and f.rows > 1]
    if not driven or len(dividing) < len(driven):
        return None
    if any(abs(factor(case.spec, draw) / draw.n - 1) > SINGLE for draw in case.draws):
        return None
    return _divided(case, {draw.n: float(draw.n) for draw in (*case.draws, *case.history)}, SUM)


def factor(spec: Spec, draw: Draw) -> float:
    """What the right gradient has to be multiplied by to be theirs, by least squares; 0 where shapes differ."""
    top = bottom = 0.0
    for name, right in gradients(spec, draw).items():
        if name in draw.grads:
            theirs, ours = shaped(draw.grads[name], right)
            if theirs.shape != ours.shape:
                return 0.0
            top, bottom = top + float((theirs * ours).sum()), bottom + float((ours * ours).sum())
    return top / bottom if bottom else 0.0


def _divided(case: Case, factors: Mapping[int, float], convention: str) -> Case | None:
    if not {draw.n for draw in case.history} <= set(factors):
        return None

    def all_of(draws: Sequence[Draw]) -> list[Draw]:
        return [replace(d, grads=over(d.grads, factors[d.n])) for d in draws]

    return replace(case, draws=all_of(case.draws), history=all_of(case.history), convention=convention)
