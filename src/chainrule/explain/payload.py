"""What of a trace's arrays goes into the page: small ones whole, of large ones as much as the page can use."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.explain.trace import Tensor, Trace

LARGE = 20_000  # entries from which an array is sent in float32, or computed by the page from its equation
BUDGET = 1_300_000  # large arrays' entries in all; what does not fit is sent as its first rows and columns
CORNER = 64
WINDOWED = 10  # rows or columns from which the page shows a window of the numbers, and a heat map of all
MAP = ((12, 56), (60, 200))  # the fewest and most pixels of a heat map, down and across


class Payload:
    """For each array what the page gets: its numbers, their largest size, and a heat map where not all are shown."""

    def __init__(self, trace: Trace) -> None:
        self.trace, self.left = trace, BUDGET
        self.numbers: dict[str, dict[str, Any]] = {}
        for tensor in sorted(trace.tensors.values(), key=lambda tensor: tensor.rows != "batch"):  # the small ones first
            self._numbers(tensor.key)

    def __getitem__(self, key: str) -> dict[str, Any]:
        values = self.trace[key]
        largest = float(np.abs(values).max(initial=0, where=np.isfinite(values)))
        found = self.numbers[key] | {"largest": largest}
        return found | {"map": heat_map(values, largest)} if max(values.shape) > WINDOWED else found

    def _numbers(self, key: str) -> dict[str, Any]:
        if key not in self.numbers:
            self.numbers[key] = self._chosen(self.trace.tensors[key])
        return self.numbers[key]

    def _chosen(self, tensor: Tensor) -> dict[str, Any]:
        values = tensor.values
        if values.size < LARGE:
            return {"data": _base64(values, np.float64)}
        if tensor.rows != "batch" and self._is_computed(tensor.key):
            return {}
        if values.size <= self.left:
            self.left -= values.size
            return {"data": _base64(values, np.float32), "single": True}
        corner = values[:CORNER, :CORNER]
        return {"data": _base64(corner, np.float64), "corner": corner.shape}

    def _is_computed(self, key: str) -> bool:
        """Whether the page can compute any cell, at the cost of one term for each row of the batch."""
        equation = self.trace.equations.get(key)
        factors = {factor.key for term in equation.terms for factor in term.factors} if equation else set()
        return bool(factors) and all("corner" not in self._numbers(factor) for factor in factors)


def heat_map(values: Array, largest: float) -> dict[str, Any]:
    """For each pixel the entry of largest size that it covers, from -127 to 127."""
    height, width = (min(most, max(fewest, n)) for (fewest, most), n in zip(MAP, values.shape))
    rows, columns = np.arange(height) * values.shape[0] // height, np.arange(width) * values.shape[1] // width

    def pooled(pick: np.ufunc) -> Array:
        return pick.reduceat(pick.reduceat(values, rows, axis=0), columns, axis=1)

    high, low = pooled(np.fmax), pooled(np.fmin)
    strongest = np.nan_to_num(np.where(high > -low, high, low) / (largest or 1), posinf=1, neginf=-1)
    return {"height": height, "width": width, "data": _base64(np.round(strongest * 127), np.int8)}


def _base64(values: Array, dtype: Any) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<")).tobytes()).decode()
