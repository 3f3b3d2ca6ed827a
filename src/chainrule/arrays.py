"""The array types of every signature, and the door through which a user's matrix enters: (N, I), finite, one dtype."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

from chainrule.errors import InputError
from chainrule.settings import settings

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
Views: TypeAlias = SimpleNamespace  # one layer's named arrays: parameters, gradients, or memory slots

LINE = 64  # bytes of a line of the cache
BLOCK_ROWS = 4096  # whole-data passes walk blocks of this many rows, in order


def zeros(shape: tuple[int, ...], dtype: Any) -> Array:
    """Zeros that start where a cache line does: vectors of a row then lie in one line instead of across two."""
    size = prod(shape) * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    start = -raw.ctypes.data % LINE
    return raw[start : start + size].view(dtype).reshape(shape)


def aligned(values: Array) -> Array:
    """The values as `zeros` lays them, in memory that can be written: a pickle may be a read-only memory map."""
    if values.ctypes.data % LINE == 0 and values.flags.writeable:
        return values
    copy = zeros(values.shape, values.dtype)
    copy[...] = values
    return copy


def is_sparse(X: Any) -> bool:
    return hasattr(X, "tocsr")


@settings
class Scaled:
    """Rows (N, I) of bytes that mean byte·scale + shift: backends compute so while they gather a batch."""

    values: Array  # uint8, C-contiguous
    scale: float
    shift: float
    dtype: Any = np.float32  # of the numbers that are meant

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Any) -> Array:
        """The chosen rows as numbers."""
        kind = np.dtype(self.dtype).type
        numbers = self.values[rows].astype(kind)
        numbers *= kind(self.scale)
        numbers += kind(self.shift)
        return np.asarray(numbers)


GATHERED = ("float32", "float64", "uint8")  # what batches are taken from as it is, row by row


def as_matrix(X: Any, n_columns: int, dtype: Any, name: str = "X") -> Any:
    """`X` as a C-contiguous (N, n_columns) array, as CSR of `dtype` when sparse, or Scaled; else InputError.

    Numbers of a type in `GATHERED` stay where they are, without a copy; others become `dtype`.
    """
    if isinstance(X, Scaled):
        return _of_width(replace(X, dtype=dtype), n_columns, name)
    if is_sparse(X):
        X = _of_width(_sparse(X, name), n_columns, name)
        _require_finite(X.data, dtype, name)
        return X.astype(dtype)  # a copy: its indices are right, and stay so
    X = _of_width(_dense(X, dtype, name), n_columns, name)
    _require_finite(X, dtype, name)
    return X


def _of_width(X: Any, n_columns: int, name: str) -> Any:
    if len(X.shape) != 2 or X.shape[1] != n_columns:
        raise InputError(f"{name}: expected shape (N, {n_columns}), got {X.shape}")
    if X.shape[0] == 0:
        raise InputError(f"{name}: expected at least one row, got none")
    return X


def _sparse(X: Any, name: str) -> Any:
    """CSR; InputError where its indices point outside of the matrix."""
    if X.dtype.kind not in "biuf":
        raise InputError(f"{name}: expected numbers, got {X.dtype}")
    if X.ndim != 2:
        raise InputError(f"{name}: expected a matrix, got {X.ndim} dimensions")
    X = X.tocsr()
    starts, columns = X.indptr, X.indices
    sound = len(starts) == X.shape[0] + 1 and starts[0] == 0 and starts[-1] <= min(len(columns), len(X.data))
    if not sound or (starts[1:] < starts[:-1]).any():
        raise InputError(f"{name}: expected sparse rows whose indptr grows from 0 to the number of entries")
    if len(columns) and not 0 <= columns.min() <= columns.max() < X.shape[1]:
        raise InputError(
            f"{name}: expected sparse columns from 0 to {X.shape[1] - 1}, got {columns.min()} to {columns.max()}"
        )
    return X


def _dense(X: Any, dtype: Any, name: str) -> Array:
    if np.ma.is_masked(X):
        raise InputError(f"{name}: expected numbers, got masked ones; fill them first")
    try:
        X = np.asarray(X)
        if X.dtype.kind not in "biufO":
            raise TypeError
        with np.errstate(over="ignore"):  # what is too large for dtype becomes inf, which is refused next
            as_it_is = X.dtype.name in GATHERED and X.dtype.isnative
            return np.require(X, dtype=None if as_it_is else dtype, requirements=["C", "A"])  # contiguous, aligned
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: expected numbers, got {_first_text(X)}") from error
    except OverflowError as error:
        raise InputError(f"{name}: expected numbers that {np.dtype(dtype)} holds, got a larger integer") from error


def dense_rows(X: Any, rows: Any) -> Array:
    """The chosen rows as an array; where X is one and `rows` a slice, without a copy."""
    picked = X[rows]
    return picked.toarray() if is_sparse(picked) else picked


def row_blocks(n: int, size: int = BLOCK_ROWS) -> Iterator[slice]:
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def row_name(index: int, first: int = 0) -> str:
    """What errors call a row: counted from 0, as NumPy and pandas do, or as the rows of a file from 1."""
    return f"row {first + index}"


def _require_finite(values: Array, dtype: Any, name: str) -> None:
    most = np.finfo(dtype).max
    if values.size == 0 or (values.min() >= -most and values.max() <= most):  # neither holds where there is a NaN
        return
    where = tuple(int(i) for i in np.argwhere(~(abs(values) <= most))[0])
    place = f"{row_name(where[0])}, column {where[1]}" if len(where) == 2 else f"entry {where[0]}"
    wanted = f"numbers that {np.dtype(dtype)} holds" if np.isfinite(values[where]) else "finite numbers"
    raise InputError(f"{name}: expected {wanted}, got {values[where]} at {place}")


def _first_text(X: Any) -> str:
    cells = np.asarray(X, dtype=object).ravel().tolist()
    texts = (repr(cell) for cell in cells if not isinstance(cell, (int, float, np.number)))
    other = X.dtype if isinstance(X, np.ndarray) else f"rows of unequal length ({type(X).__name__})"
    return str(next(texts, other))
