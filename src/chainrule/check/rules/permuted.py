"""Targets in another order: which order gives their gradient, where rows have one of a few classes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw, Fault, Scene, gradients
from chainrule.check.rules.case import Case

MANY = 20_000  # arrangements tried


def order_of(case: Case, draw: Draw) -> Array | None:
    """Row i is compared with the target of row order[i]; None where no arrangement gives their gradient."""
    kinds, labels = np.unique(draw.t, axis=0, return_inverse=True)
    labels = labels.reshape(-1)
    last = f"b{case.spec.depth}" if f"b{case.spec.depth}" in case.tensors else f"W{case.spec.depth}"
    if len(kinds) > 3 or gradients(case.spec, draw)[last].shape != draw.grads[last].shape:
        return None
    for arrangement in islice(_arrangements(labels, len(kinds)), MANY):
        order = _as_order(labels, arrangement)
        fault = Fault("loss", partial(_as_if, draw.t[order]))
        ours = gradients(case.spec, draw, [fault])
        if case.agrees(draw.grads, ours, draw, case.rate):
            return None if (arrangement == labels).all() else order
    return None


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
