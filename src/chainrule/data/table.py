"""A table: named columns of numbers, text or dates, from whatever holds one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from numbers import Real
from typing import Any

import numpy as np

from chainrule.arrays import Array, row_name
from chainrule.errors import InputError, nearest

MISSING = "(missing)"


@dataclass(frozen=True)
class Table:
    """Named columns of equal length: float64 with NaN where missing, datetime64, or objects with None where missing."""

    columns: dict[str, Array]
    first: int = 0  # the number that errors give the first row; 1 in a file

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
        begins = isinstance(rows, slice) and not rows.start and rows.step in (None, 1)  # the first row's number stays
        return Table({name: column[rows] for name, column in self.columns.items()}, self.first if begins else 0)

    def without(self, names: Sequence[str]) -> Table:
        return replace(self, columns={name: column for name, column in self.columns.items() if name not in names})


def as_table(X: Any) -> Table:
    """A Table from a Table, a mapping of columns, a list of rows that are mappings from the same names, as JSON has
    them, a matrix (columns x0, x1, …) or any dataframe narwhals knows."""
    if isinstance(X, Table):
        return X
    if isinstance(X, (list, tuple)) and X and isinstance(X[0], Mapping):
        X = _columns(X)
    if isinstance(X, Mapping):
        return Table({str(name): as_column(column, str(name)) for name, column in X.items()})
    return _matrix(X) if isinstance(X, (np.ndarray, list, tuple)) else _dataframe(X)


def refuse_masked(values: Any) -> None:
    if np.ma.is_masked(values):
        raise InputError(
            "X: expected numbers or text, got masked ones; X.astype(object).filled(None) keeps them missing"
        )


def _array(values: Any) -> Array:
    refuse_masked(values)
    array = np.asarray(values)
    if array.dtype.kind in "US" and not isinstance(values, np.ndarray):
        return np.asarray(values, dtype=object)  # numbers beside text in a list stay numbers
    return array


def _columns(rows: Sequence[Any]) -> dict[Any, list[Any]]:
    """The values of each name, from rows that are mappings; the first says which names there are."""
    names = list(rows[0])
    for index, row in enumerate(rows):
        if not isinstance(row, Mapping) or set(row) != set(names):
            found = list(row) if isinstance(row, Mapping) else repr(row)
            raise InputError(f"X: expected the columns {names} in every row, got {found} in {row_name(index)}")
    return {name: [row[name] for row in rows] for name in names}


def _matrix(X: Any) -> Table:
    matrix = _array(X)
    if matrix.ndim != 2:
        raise InputError(f"X: expected rows of a table, got an array of shape {matrix.shape}")
    return Table({f"x{i}": as_column(matrix[:, i], f"x{i}") for i in range(matrix.shape[1])})


def _dataframe(X: Any) -> Table:
    kind = type(X).__name__
    try:
        import narwhals as nw

        frame = nw.from_native(X)
    except ImportError:
        raise InputError("X: dataframes need narwhals; pip install narwhals") from None
    except TypeError:
        raise InputError(f"X: expected a table, a dataframe or an array, got {kind}") from None
    except nw.exceptions.NarwhalsError as error:
        raise InputError(f"X: {' '.join(str(error).split())}") from None
    if isinstance(frame, nw.LazyFrame):
        raise InputError(f"X: expected a dataframe with its rows, got a {kind}; X.collect() reads them")
    columns = {str(series.name): _series(series) for series in frame.iter_columns()}
    if len(columns) < len(frame.columns):
        raise InputError(f"X: expected unique column names, got {frame.columns}")
    return Table(columns)


def _series(series: Any) -> Array:
    """A narwhals series as a column; its nulls become NaN or None."""
    import narwhals as nw

    name, dtype = str(series.name), series.dtype
    if dtype.is_numeric():
        return as_column(series.cast(nw.Float64).to_numpy(), name)
    if isinstance(dtype, (nw.Date, nw.Datetime, nw.Duration)):
        return as_column(np.asarray(series.to_numpy()).astype("m8[us]" if dtype == nw.Duration else "M8[us]"), name)
    column = as_column(_objects(series.to_list()), name)
    return _as_text(column) if isinstance(dtype, (nw.Categorical, nw.Enum)) else column


def as_column(values: Any, name: str | None = None) -> Array:
    """One column: numbers as float64 where all that are not missing are numbers (durations: seconds), else text."""
    label = "column" if name is None else f"column {name!r}"
    column = _array(values)
    if column.ndim == 0:
        raise InputError(
            f"{label}: expected a list, one value per row, got {values!r}; a row alone is [{{name: value}}]"
        )
    if column.ndim != 1:
        raise InputError(f"{label}: expected one value per row, got shape {column.shape}")
    if column.dtype.kind in "cV":
        raise InputError(f"{label}: expected numbers or text, got {column.dtype}")
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    if column.dtype.kind == "m":
        return column / np.timedelta64(1, "s")
    if column.dtype.kind == "M":
        return column
    column = column.astype(object)
    cells = column.tolist()
    kinds = set(map(type, cells))
    if kinds <= {str, type(None)}:
        return column
    if any(issubclass(kind, (complex, np.complexfloating)) for kind in kinds):
        raise InputError(f"{label}: expected numbers or text, got complex numbers")
    cells = [None if type(cell) is not str and is_missing(cell) else cell for cell in cells]
    if not all(cell is None or _is_number(cell) for cell in cells):
        return _objects([cell if cell is None else _text(cell) for cell in cells])
    try:
        return np.array([np.nan if cell is None else float(cell) for cell in cells], dtype=np.float64)
    except OverflowError:
        raise InputError(f"{label}: expected numbers that float64 holds, got a whole number beyond 1e308") from None


def is_missing(cell: Any) -> bool:
    if cell is None:
        return True
    try:
        return bool(cell != cell)
    except (TypeError, InvalidOperation):
        return True  # pandas' NA is neither equal to itself nor different, a signaling NaN will not be asked
    except ValueError:
        return False  # an array in a cell


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (Real, Decimal)) and not isinstance(cell, bool)


def _text(cell: Any) -> str:
    """Whole numbers without a point, as `as_levels` writes them in a column of nothing but numbers."""
    if type(cell) is str:
        return cell
    if not _is_number(cell):
        return str(cell)
    try:
        number = float(cell)
    except OverflowError:
        return str(cell)
    whole = number.is_integer() and abs(number) < 2**53  # of which no other has the same digits
    return str(int(number)) if whole else f"{number:.15g}"


def _as_text(column: Array) -> Array:
    """Numbers that are names of categories; None where missing."""
    return column if column.dtype == object else _objects([None if x != x else _text(x) for x in column.tolist()])


def as_levels(column: Array) -> Array:
    """Every cell as text, whole numbers without a point, the missing ones as a level of their own."""
    cells = column.tolist()
    return np.fromiter(map(level_names(cells).__getitem__, cells), dtype=object, count=len(cells))


def level_names(cells: Sequence[Any]) -> dict[Any, str]:
    """Each different cell's level."""
    return {cell: MISSING if is_missing(cell) else _text(cell) for cell in set(cells)}


def _objects(cells: Sequence[Any]) -> Array:
    return np.fromiter(cells, dtype=object, count=len(cells))
