"""A table: named columns of numbers, text or dates, from whatever holds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError, nearest

MISSING = "(missing)"


@dataclass(frozen=True)
class Table:
    """Named columns of equal length: float64 with NaN where missing, datetime64, or objects with None where missing."""

    columns: dict[str, Array]

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError(f"columns: expected the same length, got {lengths}")

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __getitem__(self, name: str) -> Array:
        if name not in self.columns:
            raise InputError(f"no column {name!r}; {nearest(name, self.columns)}")
        return self.columns[name]

    def rows(self, rows: Any) -> Table:
        return Table({name: column[rows] for name, column in self.columns.items()})

    def without(self, names: Sequence[str]) -> Table:
        return Table({name: column for name, column in self.columns.items() if name not in names})


def as_table(X: Any) -> Table:
    """A Table from a Table, a mapping of columns, a matrix (columns x0, x1, …) or any dataframe narwhals knows."""
    if isinstance(X, Table):
        return X
    if isinstance(X, Mapping):
        return Table({str(name): as_column(column) for name, column in X.items()})
    if isinstance(X, (np.ndarray, list, tuple)):
        matrix = np.asarray(X)
        if matrix.ndim != 2:
            raise InputError(f"X: expected rows of a table, got an array of shape {matrix.shape}")
        return Table({f"x{i}": as_column(matrix[:, i]) for i in range(matrix.shape[1])})
    try:
        import narwhals as nw

        frame = nw.from_native(X, eager_only=True)
    except ImportError:
        raise InputError("X: dataframes need narwhals; pip install narwhals") from None
    except TypeError:
        raise InputError(f"X: expected a table, a dataframe or an array, got {type(X).__name__}") from None
    except nw.exceptions.NarwhalsError as error:
        raise InputError(f"X: {' '.join(str(error).split())}") from None
    return Table({str(name): _series(frame[name]) for name in frame.columns})


def _series(series: Any) -> Array:
    """A narwhals series as a column; its nulls become NaN or None."""
    if series.dtype.is_numeric():
        import narwhals as nw

        return as_column(series.cast(nw.Float64).to_numpy())
    if series.dtype.is_temporal():
        return np.asarray(series.to_numpy())
    cells = np.empty(len(series), dtype=object)
    nested = series.dtype.is_nested()
    cells[:] = [str(cell) if nested and cell is not None else cell for cell in series.to_list()]
    return as_column(cells)


def as_column(values: Any) -> Array:
    """One column: numbers as float64 where all that are not missing are numbers, else objects."""
    column = np.asarray(values)
    if column.ndim != 1:
        raise InputError(f"column: expected one value per row, got shape {column.shape}")
    if column.dtype.kind in "cV":
        raise InputError(f"column: expected numbers or text, got {column.dtype}")
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    if column.dtype.kind == "M":
        return column
    cells = [None if cell is None or cell != cell else cell for cell in column.astype(object).tolist()]
    if all(cell is None or (isinstance(cell, (int, float)) and not isinstance(cell, bool)) for cell in cells):
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
    out = np.empty(len(cells), dtype=object)
    out[:] = [cell if cell is None else str(cell) for cell in cells]
    return out


def as_levels(column: Array) -> Array:
    """Every cell as text, whole numbers without a point, the missing ones as a level of their own."""
    if column.dtype == np.float64:
        texts = [MISSING if cell != cell else f"{cell:.15g}" for cell in column.tolist()]
    else:
        texts = [MISSING if cell is None or cell != cell else str(cell) for cell in column.tolist()]
    out = np.empty(len(texts), dtype=object)
    out[:] = texts
    return out
