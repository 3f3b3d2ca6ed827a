"""The loss with one number moved by h either way: what a gradient claims to know, tried out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from chainrule.arrays import Array

if TYPE_CHECKING:
    from chainrule.explain.build import Builder

STEP = 1e-5
MOST = 400  # cells of an array that are tried; of larger arrays the first rows and columns
EDGE = 5  # as many as the page shows of a large array


def nudges(builder: Builder) -> dict[str, tuple[Array, Array]]:
    """For each input, parameter and layer output the losses (rows, columns) at +h and -h; NaN where not tried."""
    loss_from, found = _losses(builder), {}
    for i, key in enumerate(builder.outputs):
        values = builder.tape.a[i].copy()
        found[f"d{key}"] = _both(values, lambda i=i, values=values: loss_from(i, values))  # type: ignore[misc]
    for slot in builder.plan.slots:
        values = slot.view(builder.params)
        i = slot.layer
        pair = _both(values, lambda i=i: loss_from(i, builder.tape.a[i]))  # type: ignore[misc]
        found[f"d{slot.label}"] = (np.atleast_2d(pair[0]), np.atleast_2d(pair[1]))
    return found


def _losses(builder: Builder) -> Callable[[int, Array], float]:
    """The objective as a function of what enters layer i (and of the parameters, which are moved in place)."""
    plan, data, objective = builder.plan, builder.data, builder.net.objective
    p = plan.views(builder.params)
    rows = [np.empty_like(values) for values in builder.tape.a]
    memory = [type(m)(**{name: slot.copy() for name, slot in vars(m).items()}) for m in builder.tape.m]

    def loss_from(i: int, values: Array) -> float:
        for k in range(i, len(plan.layers)):
            plan.layers[k].forward(p[k], values, rows[k + 1], memory[k])
            values = rows[k + 1]
        value = objective.loss(values, data.t, np.empty_like(values), data.total)
        return float(value + objective.penalty(builder.params[: plan.n_decay], data.total))

    return loss_from


def _both(values: Array, loss: Callable[[], float]) -> tuple[Array, Array]:
    above, below = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    tried = np.ndindex(*(size if values.size <= MOST else min(size, EDGE) for size in values.shape))
    for at in tried:
        kept = values[at]
        values[at] = kept + STEP
        above[at] = loss()
        values[at] = kept - STEP
        below[at] = loss()
        values[at] = kept
    return above, below
