"""Dropout's masks: found among the arrays that a pass held, as the ones with which its loss comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw

TRIED = 48  # choices of masks in all


@dataclass(frozen=True)
class Mask:
    """The array that a pass held under this name, times what its forward multiplies it by."""

    name: str
    scale: float = 1.0

    def of(self, draw: Draw, units: int) -> Array | None:
        """(N, units)."""
        held = draw.held.get(self.name)
        return None if held is None else _rows(held, draw.n, units, self.scale)


def _rows(held: Array, n: int, units: int, scale: float = 1.0) -> Array | None:
    if held.shape == (n, units):
        return held * scale
    return held.T * scale if held.shape == (units, n) else None


def _is_mask(array: Array) -> bool:
    """Zeros and one other number above 0."""
    values = np.unique(array)
    return len(values) == 2 and values[0] == 0 and values[1] > 0


def choices(draws: Sequence[Draw], depth: int) -> Iterator[dict[int, Mask]]:
    """Masks by hidden layer, one layer alone and all of them."""
    layers = [[None, *_candidates(draws, layer)] for layer in range(depth - 1)]
    found = ({i: mask for i, mask in enumerate(chosen) if mask is not None} for chosen in product(*layers))
    yield from islice((chosen for chosen in found if chosen), TRIED)


def _candidates(draws: Sequence[Draw], layer: int) -> list[Mask]:
    first, found, seen = draws[0], list[Mask](), set[bytes]()
    units = first.params[f"W{layer + 1}"].shape[1]
    for name in first.held:
        rows = [Mask(name).of(draw, units) for draw in draws]
        if rows[0] is None or any(r is None for r in rows) or not _is_mask(rows[0]) or rows[0].tobytes() in seen:
            continue
        seen.add(rows[0].tobytes())
        found.append(Mask(name))
        if rows[0].max() == 1:
            found += [Mask(name, scale) for k in first.numbers for scale in (1 / k, 1 / (1 - k))]
    return found


def with_masks(draws: Sequence[Draw], masks: Mapping[int, Mask]) -> list[Draw]:
    """The draws with the forward's masks, and beside each the last other mask that was drawn."""
    found = []
    for draw in draws:
        forward, others = dict[int, Array](), dict[int, Array]()
        for layer, mask in masks.items():
            units = draw.params[f"W{layer + 1}"].shape[1]
            if (array := mask.of(draw, units)) is None:
                continue
            forward[layer] = array
            for held in draw.held.values():
                rows = _rows(held, draw.n, units)
                if rows is not None and _is_mask(rows) and not np.array_equal(rows > 0, array > 0):
                    others[layer] = rows
        found.append(replace(draw, masks=forward, drawn=others))
    return found
