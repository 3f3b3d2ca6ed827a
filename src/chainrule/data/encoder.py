"""From rows of a table to rows of numbers: fitted on training rows, saved in the model file, applied to all others."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from math import prod
from typing import Any

import numpy as np

from chainrule.arrays import Array, Scaled, as_matrix
from chainrule.data.table import Table, as_levels, as_table
from chainrule.errors import InputError, nearest, require_count

MAX_LEVELS = 50  # categories of a column with a feature of their own
LARGEST = float(np.finfo(np.float64).max)
SQUASH = 3.0  # IQRs: further out, numbers are drawn in
SCALES = ("robust", "standard", "quantile")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}.*)?$")


class Column(ABC):
    """How one column becomes features. Frozen: what it learned is its fields."""

    name: str

    @property
    @abstractmethod
    def features(self) -> list[str]: ...

    @abstractmethod
    def transform(self, column: Array) -> Array:
        """(N,) to (N, number of features)."""


def _numbers(name: str, column: Array) -> Array:
    if column.dtype != np.float64:
        text = next((cell for cell in column.tolist() if cell is not None), None)
        raise InputError(f"column {name!r}: expected numbers, got {text!r}")
    wrong = np.isinf(column)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(f"column {name!r}: expected finite numbers, got {column[row]} in row {row + 1}")
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

    def transform(self, column: Array) -> Array:
        column = _numbers(self.name, column)
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

    A level that no training row had is all zeros, or that shared feature where there is one.
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

    def transform(self, column: Array) -> Array:
        index = {level: i for i, level in enumerate(self.levels)}
        none = len(index)
        found = np.array([index.get(level, none) for level in as_levels(column).tolist()])
        hot = np.zeros((len(column), none + 1))  # the last column: none of the levels
        hot[np.arange(len(column)), found] = 1
        return hot if self.others else hot[:, :-1]


COLUMNS: dict[str, type[Column]] = {kind.__name__: kind for kind in (Numeric, Quantile, Categorical)}


class Encoder(ABC):
    """From raw rows to (N, n_features) numbers."""

    @property
    @abstractmethod
    def n_features(self) -> int: ...

    @abstractmethod
    def transform(self, X: Any) -> Any: ...


@dataclass(frozen=True)
class TableEncoder(Encoder):
    """The columns that are used, each with what it learned; `notes` say which were left out, and why."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)
    left_out: tuple[str, ...] = ()  # may be absent at prediction, and are not looked at

    @classmethod
    def fit(
        cls,
        X: Any,
        *,
        scale: str = "robust",
        categorical: Sequence[str] = (),
        drop: Sequence[str] = (),
        max_levels: int = MAX_LEVELS,
    ) -> TableEncoder:
        """Learn from training rows. InputError for unknown names or scales, and where no column is left."""
        table = as_table(X)
        if scale not in SCALES:
            raise InputError(f"scale: no scale {scale!r}; {nearest(scale, SCALES)}")
        require_count("max_levels", max_levels)
        for name in (*categorical, *drop):
            table[name]
        columns, notes, left_out = [], [], list(drop)
        for name in table.without(drop).names:
            column = as_levels(table[name]) if name in categorical else table[name]
            reason = None if name in categorical else _unsuitable(column)
            if reason:
                notes.append(f"{name}: left out, {reason}")
                left_out.append(name)
            else:
                columns.append(_fit_column(name, column, scale, max_levels))
        if not columns:
            raise InputError(f"columns: expected at least one that can be used, got none ({'; '.join(notes)})")
        return cls(tuple(columns), tuple(notes), tuple(left_out))

    @property
    def features(self) -> list[str]:
        return _distinct([feature for column in self.columns for feature in column.features])

    @property
    def n_features(self) -> int:
        return len(self.features)

    def transform(self, X: Any) -> Array:
        """(N, n_features) float64. InputError names the columns that are missing or unknown."""
        return np.hstack(self.blocks(X))

    def blocks(self, X: Any) -> list[Array]:
        """The features of each column by themselves, float64."""
        table = as_table(X)
        wanted = [column.name for column in self.columns]
        missing = [name for name in wanted if name not in table.columns]
        extra = [name for name in table.names if name not in wanted and name not in self.left_out]
        if missing or extra:
            parts = [f"missing {', '.join(missing)}"] * bool(missing) + [f"unknown {', '.join(extra)}"] * bool(extra)
            raise InputError(f"columns: expected those of training, got {' and '.join(parts)}")
        if len(table) == 0:
            raise InputError("rows: expected at least one, got none")
        return [column.transform(table[column.name]) for column in self.columns]


def _distinct(names: list[str]) -> list[str]:
    """The names, counted where they repeat (a column may be called like another one's flag): `a`, `a (2)`."""
    taken, distinct = set(names), dict[str, None]()
    for name in names:
        free = name
        if name in distinct:
            free = next(f"{name} ({i})" for i in count(2) if f"{name} ({i})" not in taken)
            taken.add(free)
        distinct[free] = None
    return list(distinct)


def _fit_column(name: str, column: Array, scale: str, max_levels: int) -> Column:
    if column.dtype != np.float64:
        return Categorical.fit(name, column, max_levels)
    _numbers(name, column)
    return Quantile.fit(name, column) if scale == "quantile" else Numeric.fit(name, column, scale)


def _unsuitable(column: Array) -> str | None:
    """Why a column tells nothing about a new row; None where it may."""
    if column.dtype.kind == "M":
        return "a date"
    numeric = column.dtype == np.float64
    known = column[~np.isnan(column)] if numeric else np.array([c for c in column.tolist() if c is not None], object)
    if len(known) == 0:
        return "empty"
    levels = len(set(known.tolist()))
    if levels == 1 and len(known) == len(column):
        return f"always {known[0]!r}" if not numeric else f"always {known[0]:g}"
    if numeric:
        with np.errstate(over="ignore"):
            one_apart = levels == len(column) > 20 and np.ptp(known) == len(column) - 1
        counts_rows = one_apart and (known == known.round()).all()
        return "it counts the rows" if counts_rows else None
    if all(_DATE.match(text) for text in known.tolist()):
        return "a date"
    return (
        f"it differs in nearly every row ({levels:,} of {len(known):,})" if levels > max(20, 0.9 * len(known)) else None
    )


@dataclass(frozen=True)
class Pixels(Encoder):
    """Grey values from `low` to `high` as numbers from -1 to 1; images (N, rows, columns) as rows of pixels."""

    low: float
    high: float
    n_pixels: int

    @classmethod
    def fit(cls, X: Array) -> Pixels:
        low, high = float(X.min()), float(X.max())
        if low == high:
            raise InputError(f"pixels: expected different values, got {low:g} everywhere")
        return cls(low, high, X[0].size)

    @property
    def n_features(self) -> int:
        return self.n_pixels

    def transform(self, X: Any) -> Array | Scaled:
        """(N, n_pixels) float32; bytes stay bytes until they are read. InputError where a row has more or fewer pixels,
        or no numbers."""
        X = X if isinstance(X, Table) else np.asarray(X)
        width = len(X.columns) if isinstance(X, Table) else prod(X.shape[1:])
        if width != self.n_pixels:
            raise InputError(f"pixels: expected {self.n_pixels:,} in each row, as in training, got {width:,}")
        if isinstance(X, Table):
            X = np.column_stack([_numbers(name, column) for name, column in X.columns.items()])
        X = as_matrix(X.reshape(len(X), width), width, np.float32, "pixels")
        scale, shift = 2 / (self.high - self.low), (self.low + self.high) / (self.low - self.high)
        if X.dtype == np.uint8:
            return Scaled(X, scale, shift)
        return X.astype(np.float32) * np.float32(scale) + np.float32(shift)


ENCODERS: dict[str, type[Encoder]] = {kind.__name__: kind for kind in (TableEncoder, Pixels)}
