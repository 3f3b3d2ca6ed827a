"""Updates that are right and yet not −η times the gradient: what shrinks parameters, rates of their own, clipping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from chainrule.arrays import Array
from chainrule.check.evidence.steps import repeated_steps
from chainrule.check.reference.passes import Draw, gradients
from chainrule.check.rules.case import Case, Hypothesis, candidates, shaped
from chainrule.check.verdict.clipping import clipped

SAME = 1e-7  # of a rate: the same on two draws, or as it was given
OTHER = 1e-5  # of a rate: another one in a later step
Grads = Mapping[str, Array]
SHRINKS: Mapping[str, Callable[[str, Array], Array]] = {
    "": lambda name, p: np.zeros_like(p),
    "weights": lambda name, p: p if name[0] == "W" else np.zeros_like(p),
    "weights and biases": lambda name, p: p,
    "absolute weights": lambda name, p: np.sign(p) if name[0] == "W" else np.zeros_like(p),
}


@dataclass(frozen=True)
class Update:
    """What makes theirs of a right gradient, in words; λ by tensor where the step shrinks parameters too."""

    said: str
    decay: Mapping[str, float] = field(default_factory=dict)


def update_of(case: Case) -> Update | None:
    """How the right gradient becomes theirs, where a right update does that to it."""
    right = _right(case)
    if right is None:
        return None
    found = _terms(case, right) if case.from_step else None
    if found is None and (said := clipped(case, right)):
        found = Update(said)
    if found is None or case.from_step or not case.history:
        return found
    calls = replace(case, draws=[*case.draws, *case.history], history=())
    later = _right(calls)
    return found if later is not None and clipped(calls, later) else None


def other_rate(case: Case) -> Update | None:
    """A step along the right gradient, by a constant that is not their rate: no mistake of the pass."""
    right = _right(case) if case.from_step and len({draw.n for draw in case.draws}) > 1 else None
    if right is None or case.rate is None or (solved := _solved(case, right, "")) is None:
        return None
    return _own_rate(solved[0][0])


def shrunk_wrong(case: Case) -> tuple[Case, Hypothesis, Update] | None:
    """The cheapest rule that gives their step beside what shrinks the weights by λ/N, and the case without that; a λ
    that is the same for any number of rows is a rule itself."""
    if not case.from_step or case.spec.penalty is not None or len({draw.n for draw in case.draws}) < 2:
        return None
    tried = [h for h in candidates(case) if not h.constant and not any(rule.in_history for rule in h.rules)]
    for hypothesis in sorted(tried, key=lambda h: h.cost):
        predicted = [case.predicted(draw, hypothesis, 1.0) for draw in case.draws]
        wrong = [grads for draw, grads in zip(case.draws, predicted) if grads and _whole(case, draw, grads)]
        solved = _solved(case, wrong, "weights") if len(wrong) == len(case.draws) else None
        if solved is None or (case.rate is not None and abs(solved[0][0] - 1) > SAME):
            continue
        by_rows = [s * draw.n for (_, s), draw in zip(solved, case.draws)]
        if _steady(by_rows):
            return _without(case, [s for _, s in solved]), hypothesis, _shrinking(case, "weights", solved)
    return None


def _steady(shrinks: Sequence[float]) -> bool:
    """Whether it is the same above 0 on every draw."""
    return min(shrinks) > 0 and max(shrinks) - min(shrinks) <= SAME * max(shrinks)


def _whole(case: Case, draw: Draw, grads: Grads) -> bool:
    """Whether theirs and these have a number for each of the parameters'."""
    both = [(array, draw.params[name]) for name in case.tensors for array in (draw.grads[name], grads[name])]
    return all(shaped(array, param)[0].shape == param.shape and np.isfinite(array).all() for array, param in both)


def _without(case: Case, shrinks: Sequence[float]) -> Case:
    """The case without so many times the weights."""
    draws = [
        replace(d, grads={name: g - s * d.params[name] if name[0] == "W" else g for name, g in d.grads.items()})
        for d, s in zip(case.draws, shrinks)
    ]
    return replace(case, draws=draws)


def _right(case: Case) -> list[dict[str, Array]] | None:
    """The right gradients of all draws; None where theirs cannot be compared with them, cell by cell."""
    found = [gradients(case.spec, draw) for draw in case.draws]
    for draw, right in zip(case.draws, found):
        for name in case.tensors:
            if name not in draw.grads or shaped(draw.grads[name], right[name])[0].shape != right[name].shape:
                return None
            if not np.isfinite(draw.grads[name]).all():
                return None
    return found


def _terms(case: Case, right: Sequence[Grads]) -> Update | None:
    """The step as r times the gradient and s times what shrinks the parameters, r the rate or a rate of its own."""
    for what in SHRINKS if case.spec.penalty is None else [""]:
        solved = _solved(case, right, what)
        if solved is None or min(s for _, s in solved) < 0:
            continue
        shrinks = [s for _, s in solved]  # one factor can explain a single weight on any one draw
        if what and not (_steady(shrinks) or _steady([s * draw.n for s, draw in zip(shrinks, case.draws)])):
            continue
        rates = [r for r, _ in solved]
        if case.rate is None or abs(rates[0] - 1) <= SAME:
            return _shrinking(case, what, solved) if what else None
        later = _second(case, what)
        if later is not None and _changes(rates[0], *later) and not unlike_momentum(rates[0], *later):
            return _own_rate(rates[0])
    return None


def unlike_momentum(r: float, now: float, before: float) -> bool:
    """Whether a step that remembers the one before has a factor that no momentum gives: beginning at rest, the first
    step is the gradient times 1, 1 − μ where the two are averaged, or 1 + μ where it looks ahead (Nesterov)."""
    if abs(before) <= OTHER * r or abs(now - r) > OTHER * r:
        return False  # it remembers nothing, or its rate changes too, which may be all of it
    averaged, ahead = abs(r + before / now - 1), abs((r - 1) ** 2 - before)
    return min(abs(r - 1), averaged, ahead) > OTHER * r


def remembering(case: Case) -> str:
    """Of a step along the right gradient: why its factor is not that of its momentum alone; empty where it may be."""
    right = _right(case) if case.from_step and case.rate is not None else None
    solved = None if right is None else _solved(case, right, "")
    later = None if solved is None else _second(case, "")
    if solved is None or later is None or not unlike_momentum(solved[0][0], *later):
        return ""
    return f"the first step is {solved[0][0]:.9g}·η times the gradient, which momentum alone does not give"


def _solved(case: Case, right: Sequence[Grads], what: str) -> list[tuple[float, float]] | None:
    """r and s of each draw, r above 0 and the same on all; None where they do not give every cell."""
    found: list[tuple[float, float]] = []
    for draw, ours in zip(case.draws, right):
        shrink = {name: SHRINKS[what](name, draw.params[name]) for name in case.tensors}
        terms = [ours, shrink] if what else [ours]
        c = combined(case, draw.grads, terms, draw)
        if c is None or c[0] <= 0 or (found and abs(c[0] - found[0][0]) > SAME * c[0]):
            return None
        found.append((c[0], c[1] if what else 0.0))
    return found


def combined(case: Case, theirs: Grads, terms: Sequence[Grads], draw: Draw) -> list[float] | None:
    """The factors with which the terms add up to theirs, in every cell; None where there are none."""
    names = case.tensors

    def flat(grads: Grads) -> Array:
        return np.concatenate([shaped(grads[name], draw.params[name])[0].reshape(-1) for name in names])

    columns = np.stack([flat(term) for term in terms], axis=1)
    size = abs(columns).max(axis=0)
    if not size.all():
        return None
    c = np.linalg.lstsq(columns / size, flat(theirs), rcond=1e-14)[0] / size
    ours = {name: np.asarray(sum(f * term[name] for f, term in zip(c, terms))) for name in names}
    return [float(f) for f in c] if case.agrees(theirs, ours, draw, case.rate) else None


def _shrinking(case: Case, what: str, solved: Sequence[tuple[float, float]]) -> Update:
    lambdas = list(dict.fromkeys(f"{s / r:.9g}" for r, s in solved))
    by = f"η·λ, λ = {lambdas[0]}" if len(lambdas) == 1 else f"η·λ, λ = {', '.join(lambdas)} on the rows that were tried"
    if what.startswith("absolute"):
        return Update(f"the step also pulls the weights towards 0 by {by}, which the loss does not contain (L1)")
    r, s = solved[0]
    decay = {name: s / r for name in case.tensors if SHRINKS[what](name, case.draws[0].params[name]).any()}
    return Update(f"the step also shrinks the {what} by {by}, which the loss does not contain", decay)


def _own_rate(r: float) -> Update:
    return Update(
        f"the step is {r:.9g}·η times the gradient: a rate of its own, as momentum or a decay of the rate give it"
    )


def _changes(r: float, now: float, before: float) -> bool:
    """Whether the next step has another rate than the first, or keeps something of the step before."""
    return abs(now - r) > OTHER * r or abs(before) > OTHER * r


def _second(case: Case, what: str) -> tuple[float, float] | None:
    """The second step of the same object as factors on its own gradient and on the one before; None where it is not."""
    for steps in repeated_steps(case.record, case.rate):
        if len(steps) < 2:
            continue
        first, second = steps[:2]
        before, now = (gradients(case.spec, draw) for draw in (first, second))
        shrink = {name: SHRINKS[what](name, second.params[name]) for name in case.tensors}
        terms = [now, before, *([shrink] if what else [])]
        c = combined(case, second.grads, terms, second)
        return None if c is None else (c[0], c[1])
    return None
