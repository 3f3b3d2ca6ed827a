"""Gradients that are clipped on purpose, cell by cell or by their norm: right wherever the bound lets them through."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw
from chainrule.check.rules.case import Case, Hypothesis, candidates, shaped

FEW = 3  # cells that are cut, and cells that are not, at least
SAME = 1e-7  # of a bound or a rate
NORM = 1e-4  # of a norm: some add a little to it before they divide
Grads = Mapping[str, Array]


def clipped(case: Case, right: Sequence[Grads]) -> str:
    """How theirs is the right gradient cut at one bound, the same on every draw; empty where it is not."""
    return _by_value(case, right) or _by_norm(case, right, whole=True) or _by_norm(case, right, whole=False)


def clipped_wrong(case: Case) -> tuple[Hypothesis, str] | None:
    """The cheapest rule whose gradient, cut at one bound, is theirs, and how it is cut; None where there is none."""
    tried = [h for h in candidates(case) if not h.constant and not any(rule.in_history for rule in h.rules)]
    for hypothesis in sorted(tried, key=lambda h: h.cost):
        wrong = [case.predicted(draw, hypothesis, 1.0) for draw in case.draws]
        ours = [grads for grads, draw in zip(wrong, case.draws) if grads is not None and _fits(case, draw, grads)]
        if len(ours) == len(wrong) and (said := clipped(case, ours)):
            return hypothesis, f"{said.partition(';')[0]}, on top of the mistake"
    return None


def _fits(case: Case, draw: Draw, ours: Grads) -> bool:
    """Whether the two can be compared cell by cell."""
    pairs = [shaped(draw.grads[name], ours[name]) for name in case.tensors]
    return all(a.shape == b.shape and np.isfinite(a).all() and np.isfinite(b).all() for a, b in pairs)


def _known(case: Case) -> bool:
    return not case.from_step or case.rate is not None


def _cells(case: Case, draw: Draw, ours: Grads, names: Sequence[str]) -> tuple[Array, Array]:
    pairs = [shaped(draw.grads[name], ours[name]) for name in names]
    return np.concatenate([a.reshape(-1) for a, _ in pairs]), np.concatenate([b.reshape(-1) for _, b in pairs])


def _by_value(case: Case, right: Sequence[Grads]) -> str:
    bounds: list[float] = []
    rates: list[float] = []
    cut = left = 0
    for draw, ours in zip(case.draws, right):
        theirs, g = _cells(case, draw, ours, case.tensors)
        bound = float(abs(theirs).max(initial=0.0))
        inside = (abs(theirs) < (1 - SAME) * bound) & (g != 0)
        if not inside.any():
            return ""
        rate = 1.0 if _known(case) else float(np.median(theirs[inside] / g[inside]))
        if rate <= 0 or not case.agrees(draw.grads, _clip(ours, rate, bound), draw, case.rate):
            return ""
        outside = int((abs(rate * g) > (1 + SAME) * bound).sum())
        bounds += [bound] if outside else []
        rates, cut, left = [*rates, rate], cut + outside, left + int(inside.sum())
    if min(cut, left) < FEW or _differ(bounds, SAME) or _differ(rates, SAME):
        return ""
    return f"every cell of the gradient is clipped at ±{bounds[0] / rates[0]:.6g}; within, it is right"


def _clip(ours: Grads, rate: float, bound: float) -> dict[str, Array]:
    return {name: np.clip(rate * g, -bound, bound) for name, g in ours.items()}


def _by_norm(case: Case, right: Sequence[Grads], *, whole: bool) -> str:
    """Theirs is the gradient, of all or of each tensor, times what brings its norm to the bound where it is larger."""
    norms: list[float] = []
    rights: list[float] = []
    factors: list[float] = []
    for draw, ours in zip(case.draws, right):
        for names in [case.tensors] if whole else [[name] for name in case.tensors]:
            theirs, g = _cells(case, draw, ours, names)
            size = float((g * g).sum())
            factor = float((theirs * g).sum()) / size if size else 0.0
            if factor <= 0:
                return ""
            one = {name: factor * ours[name] for name in names}
            if any(case.differing(draw.grads[n], g, draw.params[n], case.rate).any() for n, g in one.items()):
                return ""
            factors.append(factor)
            rights.append(float(np.sqrt(size)))
            norms.append(factor * rights[-1])
    return _bound(norms, rights, factors, known=_known(case), whole=whole)


def _bound(
    norms: Sequence[float], rights: Sequence[float], factors: Sequence[float], *, known: bool, whole: bool
) -> str:
    """One norm wherever the factor is below 1; where the rate is not known, one norm everywhere."""
    cut = [norm for norm, factor in zip(norms, factors) if factor < 1 - SAME or not known]
    let = [norm for norm, factor in zip(norms, factors) if factor >= 1 - SAME and known]
    if not cut or _differ(cut, NORM) or (known and max(factors) > 1 + SAME):
        return ""
    if len(cut) + len(let) < 2 or max(let, default=0.0) > max(cut) * (1 + NORM) or not _differ(rights, 10 * NORM):
        return ""
    at = f" at {cut[0]:.6g}" if known else ""
    return f"the norm of {'the whole gradient' if whole else 'each gradient'} is clipped{at}; its direction is right"


def _differ(numbers: Sequence[float], by: float) -> bool:
    return bool(numbers) and max(numbers) - min(numbers) > by * max(numbers)
