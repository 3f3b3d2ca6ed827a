"""Steps that are not −η times a gradient: several in one call, an adaptive optimizer's, and those with a decay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from chainrule.check.reference.passes import Draw, gradients
from chainrule.check.rules.case import Case, Hypothesis

ALIKE, MOST, FEW = 0.01, 0.9, 8  # sizes within this of their median, in this share of at least so many cells
DIGITS = 1e-6  # of a tensor's maximum: smaller cells of the right gradient are no evidence of a sign
ONE_ROW = "the gradient is read from calls with one row, which do not show a division by the number of rows"
SEVERAL = "one call makes several updates with one row too, or a change that is not in proportion to the rate"
UNCLEAR = "with one row the step is that of the gradient, with several it is not: does one call make several updates?"
UNSEEN = (
    "a step alone, which fits none of the usual networks and losses: neither predictions nor a loss are computed by "
    "functions of their own; let the step return the loss, or write a forward"
)
DECAYS = {"l2-not-in-loss": "W", "l2-all-not-in-loss": "Wb"}  # rules of a decay -> the parameters that they shrink


@dataclass(frozen=True)
class Adaptive:
    """A step as large in every cell, whatever the gradient: Adam's first, RMSprop's, the sign's."""

    size: float  # of the change divided by the rate, or of the change where that is not known
    against: float  # share of the cells that move along the right gradient instead of against it

    def why(self, case: Case) -> str:
        """Why no gradient can be read from it."""
        by = f"{self.size:.6g}" + ("" if case.rate is None else "·η")
        moved = f"the step moves every cell by {by}, whatever its gradient, as Adam's or RMSprop's first step does"
        return f"{moved}: it shows the gradient's sign alone"


def adaptive(case: Case) -> Adaptive | None:
    """The first steps of an object, where their size does not follow the gradient."""
    if not case.from_step:
        return None
    sizes, signs = [], []
    for draw in case.draws:
        right = gradients(case.spec, draw)
        for name in case.tensors:
            theirs, ours = draw.grads[name], right[name]
            if theirs.shape != ours.shape:
                return None
            sizes.append(abs(theirs[theirs != 0]))
            clear = (theirs != 0) & (abs(ours) > DIGITS * abs(ours).max(initial=0.0))
            signs.append((np.sign(theirs) != np.sign(ours))[clear])
    size, other = np.concatenate(sizes), np.concatenate(signs)
    if size.size < FEW or not np.isfinite(size).all() or not other.size:
        return None
    middle = float(np.median(size))
    if (abs(size - middle) <= ALIKE * middle).mean() < MOST:
        return None
    return Adaptive(middle, float(other.mean()))


def at_rate(case: Case, fit: Hypothesis) -> Case:
    """The case at the η that the fit found in a step whose rate is not known: their gradients are −Δ/η then."""
    if not case.from_step or case.rate is not None or not fit.c:
        return case
    c = fit.c
    draws = [replace(draw, grads={name: g / c for name, g in draw.grads.items()}) for draw in case.draws]
    return replace(case, draws=draws, rate=c, solved=True)


def decay_of(case: Case, hypothesis: Hypothesis) -> tuple[Mapping[str, float], Hypothesis]:
    """λ by tensor, where a step shrinks parameters by η·λ, or where no loss says whether it has a penalty, which is no
    mistake of a pass; and what else there is."""
    decays = [rule for rule in hypothesis.rules if rule.key in DECAYS]
    if (not case.from_step and case.finding.loss) or not decays or hypothesis.c is None or hypothesis.c <= 0:
        return {}, hypothesis
    rest = tuple(part for part in hypothesis.parts if part[0] not in decays)
    return {name: hypothesis.c for name in case.tensors if name[0] in DECAYS[decays[0].key]}, Hypothesis(rest)


def without_decay(case: Case, decay: Mapping[str, float]) -> Case:
    """The case with what the step shrinks taken out."""
    draws = [
        replace(d, grads={name: g - decay.get(name, 0.0) * d.params[name] for name, g in d.grads.items()})
        for d in case.draws
    ]
    return replace(case, draws=draws)


def shows_rate(case: Case, rate: float | None) -> bool:
    """Whether the last layer's step is so many times the reference's gradient."""
    if rate is None or not case.from_step or case.rate is not None:
        return False
    last, draw = f"W{case.spec.depth}", case.draws[0]
    right = gradients(case.spec, draw)[last]
    if last not in draw.grads or draw.grads[last].shape != right.shape:
        return False
    return bool(abs((draw.grads[last] * right).sum() - rate * (right**2).sum()) <= 1e-6 * abs(rate) * (right**2).sum())


def row_by_row(case: Case, one: Draw) -> bool:
    """Whether each call takes the rows one after the other, each with its gradient and the rate that `one` shows."""
    last, unit = f"W{case.spec.depth}", case.rate or 1.0
    right = gradients(case.spec, one)[last]
    rate = unit * float((one.grads[last] * right).sum() / (right**2).sum())
    for draw in case.draws:
        params = dict(draw.params)
        for i in range(draw.n):
            step = gradients(case.spec, replace(draw, X=draw.X[i : i + 1], t=draw.t[i : i + 1], params=params))
            params = {name: value - rate * step[name] for name, value in params.items()}
        moved = {name: (draw.params[name] - params[name]) / unit for name in params}
        if not case.agrees(draw.grads, moved, draw, case.rate):
            return False
    return True
