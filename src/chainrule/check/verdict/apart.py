"""Two explanations that agree on the data at hand: which equal sizes keep them together, and what data would tell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw
from chainrule.check.rules.case import Case, Hypothesis


def tells(case: Case, best: Hypothesis, others: Iterable[Hypothesis]) -> dict[str, str]:
    """Rules that fit as well as the best one of the same mistake -> what would tell them from it, in words."""
    found: dict[str, str] = {}
    if case.from_step and case.rate is None:  # every constant factor goes into the rate
        return {
            rule.key: f"with η = {other.c:.6g}; the step alone does not tell which"
            for other in others
            for rule in other.rules[:1]
            if any(rule.mistake == r.mistake and rule.key != r.key for r in best.rules) and other.c != best.c
        }
    for other in others:
        rule = other.rules[0]
        mine = any(rule.mistake == r.mistake and rule.key != r.key for r in best.rules) and not rule.constant
        if mine and rule.key not in found and (said := _apart(case, best, other)) is not None:
            found[rule.key] = said
    return found


def _apart(case: Case, one: Hypothesis, other: Hypothesis) -> str | None:
    """None where another number of rows leaves the two the same: one line in other words."""
    histories = [case.calls(h, case.draws[:1])[:1] for h in (one, other)]
    if not all(histories):
        return None
    gradients = []
    for hypothesis, ((draw, previous),) in zip((one, other), histories):
        c = 1.0 if hypothesis.c is None else hypothesis.c
        longer = _longer(draw)
        gradients.append(case.predicted(longer, hypothesis, c, None if previous is None else _longer(previous)))
    a, b = gradients
    if a is None or b is None or not any(_differ(a[name], b[name]) for name in case.tensors):
        return None
    return f"{equal_sizes(case.draws)}data of another batch size would tell"


def _differ(a: Array, b: Array) -> bool:
    return a.shape != b.shape or not np.allclose(a, b, rtol=1e-9, atol=1e-12 * abs(a).max(initial=0.0))


def _longer(draw: Draw) -> Draw:
    """The same network on another number of rows, which is that of no layer."""
    widths = {size for param in draw.params.values() for size in param.shape}
    count = next(n for n in range(2 * draw.n + 1, 10_000) if n not in widths)
    rows = np.arange(count) % draw.n
    masks = {layer: mask[rows] for layer, mask in draw.masks.items()}
    drawn = {layer: mask[rows] for layer, mask in draw.drawn.items()}
    return replace(draw, X=draw.X[rows], t=draw.t[rows], masks=masks, drawn=drawn, out=None, loss=None)


def equal_sizes(draws: Sequence[Draw]) -> str:
    """Which widths are as large as every batch: "N and K are both 3 here: "; empty where none is."""
    n, weights = draws[0].n, [draws[0].params[name] for name in sorted(draws[0].params) if name[0] == "W"]
    if n == 1 or any(draw.n != n for draw in draws):
        return ""
    sizes = {"I": weights[0].shape[0], "K": weights[-1].shape[1]}
    sizes |= {f"H{i + 1}" if len(weights) > 2 else "H": w.shape[1] for i, w in enumerate(weights[:-1])}
    same = [name for name, size in sizes.items() if size == n]
    if not same:
        return ""
    return f"{', '.join(['N', *same[:-1]])} and {same[-1]} are {'both' if len(same) == 1 else 'all'} {n} here: "
