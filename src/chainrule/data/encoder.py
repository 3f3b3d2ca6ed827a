"""From rows of a table to rows of numbers: fitted on training rows, saved in the model file, applied to all others."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from math import prod
from typing import Any

import numpy as np

from chainrule.arrays import Array, Scaled, as_matrix, row_name
from chainrule.data.columns import MAX_LEVELS, Categorical, Column, Numeric, Quantile, numbers
from chainrule.data.table import Table, as_levels, as_table
from chainrule.errors import InputError, nearest, require_count

SCALES = ("robust", "standard", "quantile")
_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}.*)?$")


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
        keep: Sequence[str] = (),
        max_levels: int = MAX_LEVELS,
    ) -> TableEncoder:
        """Learn from training rows; columns to keep are used though they count the rows, or differ in nearly every one.
        InputError for unknown names or scales, and where no column is left."""
        table = as_table(X)
        if scale not in SCALES:
            raise InputError(f"scale: no scale {scale!r}; {nearest(scale, SCALES)}")
        require_count("max_levels", max_levels)
        for name in (*categorical, *drop, *keep):
            table[name]
        columns, notes, left_out = [], [], list(drop)
        for name in table.without(drop).names:
            column = as_levels(table[name]) if name in categorical else table[name]
            reason = None if name in categorical else _unsuitable(column, kept=name in keep)
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
        return [column.transform(table[column.name], table.first) for column in self.columns]


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
    numbers(name, column)
    return Quantile.fit(name, column) if scale == "quantile" else Numeric.fit(name, column, scale)


def _unsuitable(column: Array, *, kept: bool) -> str | None:
    """Why a column tells nothing about a new row; None where it may, or should by the user's word."""
    if column.dtype.kind == "M":
        return "a date"
    numeric = column.dtype == np.float64
    known = column[~np.isnan(column)] if numeric else np.array([c for c in column.tolist() if c is not None], object)
    if len(known) == 0:
        return "empty"
    levels = len(set(known.tolist()))
    if levels == 1 and len(known) == len(column):
        return f"always {known[0]!r}" if not numeric else f"always {known[0]:g}"
    if not numeric and all(_DATE.match(text) for text in known.tolist()):
        return "a date"
    if kept:
        return None
    if numeric:
        with np.errstate(over="ignore"):  # dense, not one by one: rows may have been drawn from the table before
            dense = np.ptp(known) + 1 < 2 * len(column)
        counts_rows = dense and levels == len(column) > 20 and (known == known.round()).all()
        return "it counts the rows; to use it, keep it" if counts_rows else None
    return (
        f"it differs in nearly every row ({levels:,} of {len(known):,})" if levels > max(20, 0.9 * len(known)) else None
    )


def matrix_of(table: Table) -> Array:
    """(N, number of columns). InputError where one holds anything but finite numbers."""
    for name, column in table.columns.items():
        missing = np.isnan(numbers(name, column, table.first))
        if missing.any():
            row = row_name(int(missing.argmax()), table.first)
            raise InputError(f"column {name!r}: expected a number in every row, got none in {row}")
    return np.column_stack(list(table.columns.values()))


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
            X = matrix_of(X)
        X = as_matrix(X.reshape(len(X), width), width, np.float32, "pixels")
        scale, shift = 2 / (self.high - self.low), (self.low + self.high) / (self.low - self.high)
        if X.dtype == np.uint8:
            return Scaled(X, scale, shift)
        return X.astype(np.float32) * np.float32(scale) + np.float32(shift)


ENCODERS: dict[str, type[Encoder]] = {kind.__name__: kind for kind in (TableEncoder, Pixels)}
