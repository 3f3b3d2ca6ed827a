"""Targets in another order: which order gives their gradient, where rows have one of a few classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw, Fault, Scene, factor, forward, gradients
from chainrule.check.rules.case import Case

MANY = 20_000  # arrangements tried


def order_of(case: Case, draw: Draw) -> Array | None:
    """Row i is compared with the target of row order[i]; None where no arrangement gives their gradient."""
    kinds, labels = np.unique(draw.t, axis=0, return_inverse=True)
    labels = labels.reshape(-1)
    last = f"b{case.spec.depth}" if f"b{case.spec.depth}" in case.tensors else f"W{case.spec.depth}"
    if len(kinds) > 3 or gradients(case.spec, draw)[last].shape != draw.grads[last].shape:
        return None
    of_weights = _of_weights(case, draw, kinds)
    for arrangement in islice(_arrangements(labels, len(kinds)), MANY):
        if of_weights is not None and of_weights(arrangement).any():
            continue
        order = _as_order(labels, arrangement)
        fault = Fault("loss", partial(_as_if, draw.t[order]))
        ours = gradients(case.spec, draw, [fault])
        if case.agrees(draw.grads, ours, draw, case.rate):
            return None if (arrangement == labels).all() else order
    return None


def _of_weights(case: Case, draw: Draw, kinds: Array) -> Callable[[Array], Array] | None:
    """Where the last weights' gradient is not theirs, by arrangement: a row's part of it follows from the row's class
    alone, and is computed once."""
    spec, name = case.spec, f"W{case.spec.depth}"
    if name not in case.tensors or spec.link.odd or spec.form.odd:  # which may join the rows
        return None
    trace, penalty = forward(spec, draw), 0.0 if spec.penalty is None else spec.penalty.gradient(name, draw)
    x, o, rows = trace.x[-1], trace.o, np.arange(draw.n)
    with np.errstate(all="ignore"):
        slopes = (spec.form.slope(o, np.broadcast_to(kind, o.shape)) for kind in kinds)
        dz = np.stack([spec.link.pull(trace.z[-1], factor(spec, draw, o) * slope) for slope in slopes])  # (kinds, N, K)
    theirs, W = draw.grads[name], draw.params[name]
    return lambda arrangement: case.differing(theirs, x.T @ dz[arrangement, rows] + penalty, W, case.rate)


def _as_if(t: Array, s: Scene) -> Array:
    return s.output_dz(t)


def _as_order(labels: Array, arrangement: Array) -> Array:
    """An order of the rows that turns labels into the arrangement."""
    order = np.empty(len(labels), int)
    for kind in np.unique(labels):
        order[arrangement == kind] = np.flatnonzero(labels == kind)
    return order


def _arrangements(labels: Array, kinds: int) -> Iterator[Array]:
    """Every way to give the rows as many of each class as there are."""
    counts = [int((labels == kind).sum()) for kind in range(kinds)]

    def fill(prefix: list[int]) -> Iterator[Array]:
        if len(prefix) == len(labels):
            yield np.array(prefix)
            return
        for kind in range(kinds):
            if counts[kind]:
                counts[kind] -= 1
                yield from fill([*prefix, kind])
                counts[kind] += 1

    return fill([])
