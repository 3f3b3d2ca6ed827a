"""Mistake 3 where no rule says it: the whole gradient is one number times the derivative of their own loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from chainrule.arrays import Array
from chainrule.check.evidence.draws import DIFFERENCES, numeric
from chainrule.check.probing.probes import GRADIENTS, LOSS, NUMERIC
from chainrule.check.rules.case import Case, of_layer, shaped
from chainrule.check.rules.rule import Observation, add

SAME = 1e-6  # of a tensor's largest cell, beside differences of the loss
NEAR = 1e-3  # to 1: no factor that anyone leaves out
FACTORS: dict[str, Callable[[int, int], float]] = {  # of N rows and K outputs
    "N": lambda n, k: n, "1/N": lambda n, k: 1 / n, "K": lambda n, k: k, "1/K": lambda n, k: 1 / k,
    "2": lambda n, k: 2, "1/2": lambda n, k: 1 / 2, "N·K": lambda n, k: n * k, "1/(N·K)": lambda n, k: 1 / (n * k),
    "N·K/2": lambda n, k: n * k / 2, "2/(N·K)": lambda n, k: 2 / (n * k), "N/2": lambda n, k: n / 2,
    "2/N": lambda n, k: 2 / n, "2·N": lambda n, k: 2 * n, "1/(2·N)": lambda n, k: 1 / (2 * n),
    "K/2": lambda n, k: k / 2, "2/K": lambda n, k: 2 / k, "N/K": lambda n, k: n / k, "K/N": lambda n, k: k / n,
    "N²": lambda n, k: n**2, "1/N²": lambda n, k: 1 / n**2, "ln 2": lambda n, k: np.log(2), "1/ln 2": lambda n, k: 1 / np.log(2),
    "ln 10": lambda n, k: np.log(10), "1/ln 10": lambda n, k: 1 / np.log(10),
}  # fmt: skip


def _factor(case: Case) -> str | None:
    first, second = numeric(case.record), numeric(case.record, "numeric second", 2)
    if not first:
        raise LookupError(NUMERIC)
    if set(first) - set(case.draws[0].grads) or (case.from_step and case.rate is None):
        return None
    c = ratio(case.draws[0].grads, first)
    if c is None or c <= 0 or abs(c - 1) <= NEAR:
        return None
    sizes, found = [case.draws[0].t.shape], [c]
    if second and len(case.draws) > 2 and not case.from_step:
        if (again := ratio(case.draws[2].grads, second)) is None:
            return None
        sizes, found = [*sizes, case.draws[2].t.shape], [c, again]
    names = [name for name, factor in FACTORS.items() if _gives(factor, sizes, found)]
    rows = [n for n, _ in sizes]
    if rows == [1, 1]:
        names = [name for name in names if "N" not in name]  # one row at a time does not show it
    same = len(found) > 1 and abs(found[1] - c) <= SAME * c  # of a step it may be what a momentum leaves of it
    if not names and not same:
        return None  # it depends on the data
    at = f"{c:.9g}" if same else ", ".join(f"{value:.6g} with {n} rows" for value, n in zip(found, rows))
    always = ", whatever the rows" if same and len(set(rows)) > 1 else ""
    return f"all of it is {' or '.join(names) or 'a constant'} times the derivative of your loss: {at}{always}"


def _gives(factor: Callable[[int, int], float], sizes: Sequence[tuple[int, ...]], found: Sequence[float]) -> bool:
    return all(abs(factor(size[0], size[1]) - value) <= SAME * value for size, value in zip(sizes, found))


def ratio(theirs: Mapping[str, Array], right: Mapping[str, Array]) -> float | None:
    """The one number that leads from all cells of the right tensors to theirs; None where there is none."""
    pairs = {name: shaped(theirs[name], array) for name, array in right.items()}
    if any(mine.shape != array.shape for mine, array in pairs.values()):
        return None
    known = {name: ~np.isnan(array) for name, (_, array) in pairs.items()}
    top = sum(float((mine * array)[known[name]].sum()) for name, (mine, array) in pairs.items())
    bottom = sum(float((array * array)[known[name]].sum()) for name, (_, array) in pairs.items())
    if not bottom or not np.isfinite(top):
        return None
    c = top / bottom
    for name, (mine, array) in pairs.items():
        largest = max(abs(c * array[known[name]]).max(initial=0.0), DIFFERENCES * abs(c) * of_layer(right, name))
        if not (abs(mine - c * array)[known[name]] <= SAME * largest).all():
            return None
    return c


add(
    Observation(
        "factor", 3, "one factor on the whole gradient", _factor, "The whole gradient is one number times the derivative of the loss.",
        "dz = ⟦c⟧·∂loss/∂z", "dz = ∂loss/∂z",
        "By what does your loss divide or multiply, and where does each of these numbers appear on the way back?",
        "Differentiate the loss as it is written, with its means, halves and constants; or leave them out of the loss as well.",
        (GRADIENTS, LOSS), needs_reference=False, alone=True, cost=1.5,
    ),
)  # fmt: skip
