"""What a column of a table learns from training rows, and the features it becomes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Array, row_name
from chainrule.data.table import MISSING, as_levels, level_names
from chainrule.errors import InputError

MAX_LEVELS = 50  # categories of a column with a feature of their own
LARGEST = float(np.finfo(np.float64).max)
FLAGS = {0.0: "False", 1.0: "True"}
SQUASH = 3.0  # IQRs: further out, numbers are drawn in


class Column(ABC):
    """How one column becomes features. Frozen: what it learned is its fields."""

    name: str

    @property
    @abstractmethod
    def features(self) -> list[str]: ...

    @abstractmethod
    def transform(self, column: Array, first: int = 0) -> Array:
        """(N,) to (N, number of features); errors give the first row the number `first`."""


def numbers(name: str, column: Array, first: int = 0) -> Array:
    """The column, missing numbers where it holds nothing; InputError where it holds text or infinite numbers, whose
    first row has the number `first`."""
    if column.dtype != np.float64:
        text = next((cell for cell in column.tolist() if cell is not None), None)
        if text is not None:
            raise InputError(f"column {name!r}: expected numbers, got {text!r}")
        return np.full(len(column), np.nan)  # no cell says of what type it is
    wrong = np.isinf(column)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(f"column {name!r}: expected finite numbers, got {column[row]} in {row_name(row, first)}")
    return column


def _require_scalable(name: str, column: Array, *learned: Any) -> None:
    """Means, spreads and quantiles of numbers near the largest there are overflow."""
    if not all(np.isfinite(values).all() for values in learned):
        most = np.nanmax(abs(column))
        raise InputError(f"column {name!r}: its numbers, up to {most:g}, are too large to scale; divide or drop them")


@dataclass(frozen=True)
class Number(Column):
    """A column of numbers: missing values become the median, and get a flag where training rows had some."""

    name: str
    median: float
    flag: bool

    @abstractmethod
    def scaled(self, x: Array) -> Array:
        """(N,) to (N,)."""

    @property
    def features(self) -> list[str]:
        return [self.name, f"{self.name} is missing"] if self.flag else [self.name]

    def transform(self, column: Array, first: int = 0) -> Array:
        column = numbers(self.name, column, first)
        missing = np.isnan(column)
        z = self.scaled(np.where(missing, self.median, column))
        return np.column_stack([z, missing] if self.flag else [z])


@dataclass(frozen=True)
class Numeric(Number):
    """(x - centre)/scale.

    robust    median and IQR, then z/√(1 + (z/3)²): heavy tails are drawn in, order is kept
    standard  mean and standard deviation
    """

    method: str
    centre: float
    scale: float

    def __post_init__(self) -> None:
        if self.method not in ("robust", "standard") or not self.scale > 0:
            raise InputError(f"column {self.name!r}: expected a scale above 0, got {self.method!r} by {self.scale!r}")

    @classmethod
    def fit(cls, name: str, column: Array, method: str) -> Numeric:
        known = column[~np.isnan(column)]
        with np.errstate(over="ignore", invalid="ignore"):
            low, median, high = np.quantile(known, [0.25, 0.5, 0.75]).tolist()
            centre, scale = (median, high - low) if method == "robust" else (float(known.mean()), float(known.std()))
            scale = scale or float(known.std()) or 1.0  # no IQR where more than half the rows are equal
        _require_scalable(name, column, median, centre, scale)
        return cls(name, median, len(known) < len(column), method, centre, scale)

    def scaled(self, x: Array) -> Array:
        with np.errstate(over="ignore"):
            z = np.clip((x - self.centre) / self.scale, -LARGEST, LARGEST)
        return z / np.hypot(1, z / SQUASH) if self.method == "robust" else z


@dataclass(frozen=True)
class Quantile(Number):
    """The share of training rows below x, as a number from -√3 to √3 (variance 1)."""

    points: tuple[float, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        points, shares = self.points, self.shares
        rising = 0 < len(points) == len(shares) and list(points) == sorted(points)
        if not rising or not all(0 <= share <= 1 for share in shares):
            raise InputError(f"column {self.name!r}: expected rising points with a share each, got {points}, {shares}")

    @classmethod
    def fit(cls, name: str, column: Array, n_points: int = 101) -> Quantile:
        known = column[~np.isnan(column)]
        with np.errstate(over="ignore", invalid="ignore"):
            quantiles, median = np.quantile(known, np.linspace(0, 1, n_points)), float(np.median(known))
        _require_scalable(name, column, quantiles, median)
        points, first = np.unique(quantiles, return_index=True)
        last = np.append(first[1:], n_points) - 1
        shares = (first + last) / 2 / (n_points - 1)  # the middle of the ranks that share a value
        flag = len(known) < len(column)
        return cls(name, median, flag, tuple(points.tolist()), tuple(shares.tolist()))

    def scaled(self, x: Array) -> Array:
        return (2 * np.interp(x, self.points, self.shares) - 1) * np.sqrt(3)


@dataclass(frozen=True)
class Categorical(Column):
    """One feature per level; levels beyond the `max_levels` commonest share one.

    A level that no training row had is all zeros, or that shared feature where there is one. Where training rows had
    flags, numbers 0 and 1 are flags.
    """

    name: str
    levels: tuple[str, ...]
    others: bool

    @classmethod
    def fit(cls, name: str, column: Array, max_levels: int = MAX_LEVELS) -> Categorical:
        counts = Counter(as_levels(column).tolist())
        common = [level for level, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
        return cls(name, tuple(sorted(common[:max_levels])), len(common) > max_levels)

    @property
    def features(self) -> list[str]:
        return [f"{self.name}={level}" for level in self.levels] + ([f"{self.name}=other"] if self.others else [])

    def transform(self, column: Array, first: int = 0) -> Array:
        index = {level: i for i, level in enumerate(self.levels)}
        none, cells = len(index), column.tolist()
        if column.dtype == np.float64 and {*self.levels} <= {*FLAGS.values(), MISSING}:
            cells = [FLAGS.get(cell, cell) for cell in cells]
        places = {cell: index.get(level, none) for cell, level in level_names(cells).items()}
        found = np.fromiter(map(places.__getitem__, cells), dtype=np.intp, count=len(cells))
        hot = np.zeros((len(column), none + 1))  # the last column: none of the levels
        hot[np.arange(len(column)), found] = 1
        return hot if self.others else hot[:, :-1]


COLUMNS: dict[str, type[Column]] = {kind.__name__: kind for kind in (Numeric, Quantile, Categorical)}
