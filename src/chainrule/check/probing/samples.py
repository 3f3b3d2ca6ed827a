"""Data on which no two mistakes look alike: every dimension of another size, one dead unit, one class absent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np

from chainrule.arrays import Array

LAST_CLASS_TOO = "labels with the last class among them"  # for code that counts the classes by the largest label


def inputs(rng: np.random.Generator, n: int, n_in: int) -> Array:
    return rng.normal(size=(n, n_in))


def targets(rng: np.random.Generator, kind: str, n: int, n_out: int) -> Array:
    """t (N, K): one-hot rows in which the last class never occurs unless it has to, flags, or values."""
    if kind in ("one-hot", "labels", "column of labels", LAST_CLASS_TOO) and n_out > 1:
        classes = max(n_out - 1, 1) if n_out > 2 else n_out
        labels = rng.integers(0, classes, n)
        labels[0] = n_out - 1 if kind == LAST_CLASS_TOO else labels[0]
        return np.eye(n_out)[labels]
    if kind in ("flags", "one-hot", "labels"):
        flags = (rng.random((n, n_out)) < 0.5).astype(np.float64)
        flags[0], flags[-1] = 1.0, 0.0
        return flags
    return rng.uniform(0.1, 0.9, size=(n, n_out))  # inside the range of a sigmoid


def given_targets(t: Array, kind: str, layout: str) -> Array:
    """Targets as their code takes them."""
    if kind in ("labels", LAST_CLASS_TOO):
        return t.argmax(axis=1) if t.shape[1] > 1 else t[:, 0].astype(int)
    if kind == "column of labels":
        return t.argmax(axis=1)[:, None]
    if kind == "row of values":
        return t[:, 0].copy()
    return as_given(t, layout)


def as_given(rows: Array, layout: str) -> Array:
    """Rows of samples, in the layout their code works in."""
    if layout == "columns" or layout == "column":
        return rows.T.copy()
    return rows[0].copy() if layout == "vector" else rows[:, 0].copy() if layout == "numbers" else rows.copy()


def as_rows(array: Array, layout: str, n: int, width: int) -> Array | None:
    """What they computed, (N, width) again; None where it has another size."""
    if array.size != n * width:
        return None
    if layout in ("columns", "column") and array.ndim == 2:
        return array.T if array.shape == (width, n) else None
    if array.ndim == 2 and array.shape != (n, width):
        return None
    return array.reshape(n, width)


def parameters(rng: np.random.Generator, shapes: Mapping[str, Sequence[int]]) -> dict[str, Array]:
    """Weights for which every layer keeps its scale, and biases away from 0."""
    values = {}
    for name, shape in shapes.items():
        wide = max(shape) if len(shape) > 1 else 1
        spread = 1.3 / sqrt(wide) if len(shape) > 1 and min(shape) > 1 else 0.4
        values[name] = rng.normal(scale=spread, size=shape)
    return values
