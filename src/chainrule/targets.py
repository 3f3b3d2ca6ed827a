"""What y means: class labels, yes-or-no flags, values or counts. Which of them, the loss decides; what they are called,
the data of the first training. The network sees t, users see their own labels and units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from chainrule.arrays import Array, row_name
from chainrule.errors import InputError
from chainrule.losses import Loss


@dataclass(eq=False, repr=False)
class Target(ABC):
    """Between y as users write it and t (B,) or (B, K) as the loss takes it; p (B, K) are the loss's linked outputs."""

    n_out: int
    score_name: ClassVar[str]

    @abstractmethod
    def fit(self, y: Any) -> Target:
        """Learn the names from training data; InputError where y does not suit the network's outputs."""

    @abstractmethod
    def encode(self, y: Any, dtype: Any) -> Array: ...

    @abstractmethod
    def decode(self, p: Array) -> Array:
        """Predictions as users want them."""

    def read(self, z: Array, loss: Loss) -> Array:
        """What `decode` and `contributions` take, from the network's outputs."""
        return loss.link(z)

    def restore(self, t: Array) -> Array:
        """y again, from t."""
        return self.decode(t)

    def probabilities(self, p: Array) -> Array:
        raise InputError("predict_proba: the network predicts values, not classes")

    def spread(self, t: Array, w: Array | None = None) -> float:
        """What `contributions` are measured against."""
        return 1.0

    @abstractmethod
    def contributions(self, p: Array, t: Array, spread: float) -> Array:
        """What each row adds to the score (B,): their mean is the score, their spread its standard error."""


@dataclass(eq=False, repr=False)
class Labels(Target):
    """One of K classes per row: labels of any kind, or rows of K probabilities (one-hot or soft)."""

    classes: Array = field(default_factory=lambda: np.empty(0))  # in the order of the outputs; indices before training
    score_name = "accuracy"

    def __post_init__(self) -> None:
        if not self.classes.size:
            self.classes = np.arange(self.n_out)

    def fit(self, y: Any) -> Labels:
        y = _column(y, allow_matrix=True)
        if y.ndim == 2:
            self.classes = np.arange(self.n_out)
            return self
        found = _distinct(y)
        if np.issubdtype(found.dtype, np.integer) and found[0] >= 0 and found[-1] < self.n_out:
            found = np.arange(self.n_out)  # already indices; a class may be absent from these rows
        if len(found) != self.n_out:
            raise InputError(f"y: expected {self.n_out} classes, one per output, got {len(found)}: {_sample(found)}")
        self.classes = found
        return self

    def encode(self, y: Any, dtype: Any) -> Array:
        y = _column(y, allow_matrix=True)
        if y.ndim == 2:
            return _distributions(y, self.n_out, dtype)
        return _indices(y, self.classes)

    def read(self, z: Array, loss: Loss) -> Array:
        return z  # the link keeps their order, but may round two that differ to one number

    def decode(self, p: Array) -> Array:
        return self.classes[p.argmax(axis=1)]

    def restore(self, t: Array) -> Array:
        return self.classes[t] if t.ndim == 1 else self.decode(t)

    def probabilities(self, p: Array) -> Array:
        return p

    def contributions(self, p: Array, t: Array, spread: float) -> Array:
        return np.asarray(p.argmax(axis=1) == (t if t.ndim == 1 else t.argmax(axis=1)), dtype=np.float64)


@dataclass(eq=False, repr=False)
class Flags(Target):
    """Yes or no for each output: with one output two classes of any kind, with K a matrix of 0 and 1 (multi-label).

    Numbers in between are taken as probabilities. A row scores where all its flags are right.
    """

    classes: Array = field(default_factory=lambda: np.arange(2))
    score_name = "accuracy"

    def fit(self, y: Any) -> Flags:
        y = _column(y, allow_matrix=True)
        if y.dtype == bool:
            self.classes = np.array([False, True])
        elif self.n_out == 1 and not _is_probability(y):
            self.classes = _distinct(y)
            if len(self.classes) != 2:
                raise InputError(f"y: expected two classes for one output, got {_sample(self.classes)}")
        return self

    def encode(self, y: Any, dtype: Any) -> Array:
        y = _column(y, allow_matrix=True)
        y = y[:, None] if y.ndim == 1 else y
        if y.shape[1] != self.n_out:
            raise InputError(f"y: expected shape (N, {self.n_out}), a flag for each output, got {y.shape}")
        if self.n_out == 1 and not (_is_probability(y) and _is_probability(self.classes)):
            return _indices(y[:, 0], self.classes)[:, None].astype(dtype)
        if not _is_probability(y):
            raise InputError(f"y: expected flags, numbers from 0 to 1, got {_sample(_distinct(y))}")
        return np.ascontiguousarray(y, dtype=dtype)

    def decode(self, p: Array) -> Array:
        yes = self.classes[(p > 0.5).astype(np.intp)]
        return yes[:, 0] if self.n_out == 1 else yes

    def probabilities(self, p: Array) -> Array:
        return np.hstack([1 - p, p]) if self.n_out == 1 else p

    def contributions(self, p: Array, t: Array, spread: float) -> Array:
        return np.asarray(((p > 0.5) == (t > 0.5)).all(axis=1), dtype=np.float64)


@dataclass(eq=False, repr=False)
class Values(Target):
    """Numbers, (N,) or (N, K). The network fits (y - centre)/scale; predictions are put back. The score is R²."""

    centre: Array = field(default_factory=lambda: np.zeros(1))
    scale: Array = field(default_factory=lambda: np.ones(1))
    flat: bool = True  # y was (N,), so predictions are too
    score_name = "R²"

    def fit(self, y: Any) -> Values:
        self.flat = _column(y, allow_matrix=True).ndim == 1
        return self

    def standardise(self, y: Any) -> Values:
        """Take centre and scale from y."""
        y = self._matrix(y)
        self.centre, self.scale = y.mean(axis=0), y.std(axis=0)
        self.scale[self.scale == 0] = 1.0
        return self

    def _matrix(self, y: Any) -> Array:
        y = _numbers(_column(y, allow_matrix=True))
        y = y[:, None] if y.ndim == 1 else y
        if y.shape[1] != self.n_out:
            raise InputError(f"y: expected shape (N, {self.n_out}), one value for each output, got {y.shape}")
        if not np.isfinite(y).all():
            row = int(np.argwhere(~np.isfinite(y))[0, 0])
            raise InputError(f"y: expected finite numbers, got {y[row].tolist()} in {row_name(row)}")
        return y

    def scaled(self, y: Any) -> Array:
        """t in float64, without an end where it is too large even for that."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((self._matrix(y) - self.centre) / self.scale)

    def encode(self, y: Any, dtype: Any) -> Array:
        t = self.scaled(y)
        fits = (abs(t) <= np.finfo(dtype).max).all(axis=1)
        if not fits.all():
            row = int(fits.argmin())
            got = np.asarray(y)[row].tolist()
            raise InputError(f"y: expected numbers that {np.dtype(dtype)} holds, got {got} in {row_name(row)}")
        return np.ascontiguousarray(t, dtype=dtype)

    def decode(self, p: Array) -> Array:
        standardised = (self.centre != 0).any() or (self.scale != 1).any()
        y = p * self.scale + self.centre if standardised else p  # in float64: the centre may be far from the spread
        return y[:, 0] if self.flat and self.n_out == 1 else y

    def spread(self, t: Array, w: Array | None = None) -> float:
        if (t == t[:1]).all():  # their mean may be rounded
            return 0.0
        mean = np.average(t, axis=0, weights=w)
        return float(np.average(((t - mean) ** 2).mean(axis=1, dtype=np.float64), weights=w))

    def contributions(self, p: Array, t: Array, spread: float) -> Array:
        rows = np.square(p.astype(np.float64) - t).mean(axis=1)
        return np.asarray(1 - rows / spread if spread else np.where(rows == 0, 1.0, 0.0))


@dataclass(eq=False, repr=False)
class Counts(Values):
    """Numbers of at least 0, not shifted: the loss takes their logarithm's place itself."""

    def standardise(self, y: Any) -> Counts:
        return self

    def _matrix(self, y: Any) -> Array:
        y = super()._matrix(y)
        if y.min() < 0:
            raise InputError(f"y: expected counts of at least 0, got {y.min():g}")
        return y


TARGETS: dict[str, type[Target]] = {"labels": Labels, "flags": Flags, "values": Values, "counts": Counts}


def target_for(loss: Loss, n_out: int) -> Target:
    return TARGETS[loss.target](n_out)


ONE_KIND: tuple[Any, ...] = (str, bytes, np.datetime64, (Real, np.bool_))  # what objects of an array may all be


def _column(y: Any, *, allow_matrix: bool = False) -> Array:
    if np.ma.is_masked(y):
        raise InputError("y: expected targets, got masked ones; fill them first")
    given = y.to_numpy() if hasattr(y, "to_numpy") else y
    y = np.asarray(given)
    if y.dtype.kind in "US" and not isinstance(given, np.ndarray):
        y = np.asarray(given, dtype=object)  # numbers beside text in a list stay numbers
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 and not (allow_matrix and y.ndim == 2):
        raise InputError(f"y: expected shape (N,){' or (N, K)' if allow_matrix else ''}, got {y.shape}")
    if y.size == 0:
        raise InputError("y: expected at least one row, got none")
    return _unboxed(y)


def _unboxed(y: Array) -> Array:
    """Objects of one kind as an array of that kind: dataframes with columns of flags and of numbers hold objects."""
    y = y.astype(object) if y.dtype.kind == "T" else y  # NumPy's strings of any length
    if y.dtype != object:
        return y
    found = set(map(type, y.ravel().tolist()))
    alike = any(all(issubclass(each, kind) for each in found) for kind in ONE_KIND)
    unboxed = np.array(y.tolist()) if alike else y
    return unboxed if unboxed.dtype.kind != "f" or (unboxed == y).all() else y  # of large integers some would be one


def are_numbers(values: Array) -> Array:
    """Whether each cell is a real number, or True or False."""
    if values.dtype != object:
        return np.full(values.shape, values.dtype.kind in "biuf")
    from decimal import Decimal  # slow to import, and only objects need it

    flags = [isinstance(cell, (Real, Decimal, np.bool_)) for cell in values.ravel().tolist()]
    return np.reshape(flags, values.shape)


def as_float64(values: Array, name: str) -> Array:
    try:
        return np.asarray(values, dtype=np.float64)
    except OverflowError as error:
        raise InputError(f"{name}: expected numbers that float64 holds, got a larger integer") from error


def _numbers(y: Array) -> Array:
    if y.dtype.kind not in "biuf" and not (numbers := are_numbers(y)).all():
        raise InputError(f"y: expected numbers, got {_first(y, ~numbers)}")
    return as_float64(y, "y")


def _require_labels(y: Array) -> None:
    """InputError where some are missing."""
    rows = y.reshape(len(y), -1)
    if y.dtype == object:
        from chainrule.data.table import is_missing  # slow to import, and only what is not of one kind needs it

        missing = [row for row, cells in enumerate(rows.tolist()) if any(map(is_missing, cells))]
    else:
        missing = np.flatnonzero((rows != rows).any(axis=1)).tolist()
    if missing:
        first = row_name(missing[0])
        raise InputError(f"y: expected a label in every row, got none in {first} ({len(missing)} missing)")


def _distinct(y: Array) -> Array:
    """The sorted classes; InputError where some are missing, of another kind than the others, or in no model file."""
    _require_labels(y)
    try:
        found = np.unique(y)
    except TypeError:
        one_of_each = list({type(label): label for label in y.ravel().tolist()}.values())
        raise InputError(f"y: expected labels of one kind, got {_sample(np.array(one_of_each, object))}") from None
    if found.dtype.kind not in "biufUSmM":
        labels = found.tolist()
        wrong = next((label for label in labels if np.asarray(label).dtype == object), labels[0])
        raise InputError(f"y: expected labels that are 64-bit numbers, text, bytes or NumPy's dates, got {wrong!r}")
    if found.dtype.kind == "f":
        if not np.isfinite(found).all():
            raise InputError(f"y: expected finite labels, got {_first(y, ~np.isfinite(y))}")
        if (found == found.round()).all() and abs(found).max() < 2**53:
            found = found.astype(np.int64)
    return found


def _indices(y: Array, classes: Array) -> Array:
    """The position of each label among the sorted classes."""
    if y.dtype == object:
        _require_labels(y)
    classes = _unboxed(classes)
    if (classes.dtype.kind == "U") != (y.dtype.kind == "U"):
        raise InputError(f"y: expected labels among {_sample(classes)}, got {_sample(y)}")
    try:
        place = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    except TypeError:  # kinds that do not compare
        raise InputError(f"y: expected labels among {_sample(classes)}, got {_sample(y)}") from None
    wrong = classes[place] != y
    if wrong.any():
        raise InputError(f"y: expected labels among {_sample(classes)}, got {_first(y, wrong)}")
    return np.asarray(place, dtype=np.intp)


def _is_probability(y: Array) -> bool:
    return y.dtype.kind in "fiub" and bool(((y >= 0) & (y <= 1)).all())


def _distributions(y: Array, n_out: int, dtype: Any) -> Array:
    if y.shape[1] != n_out:
        raise InputError(f"y: expected shape (N,) or (N, {n_out}), got {y.shape}")
    p = _numbers(y) if y.dtype.kind not in "biuf" else y
    if not _is_probability(p) or abs(p.sum(axis=1) - 1).max() > 1e-3:
        with np.errstate(invalid="ignore"):
            right = ((p >= 0) & (p <= 1)).all(axis=1) & (abs(p.sum(axis=1) - 1) <= 1e-3)
        row = int(np.argmin(right))
        got = f"[{_sample(y[row])}] in {row_name(row)}"
        raise InputError(f"y: expected rows of probabilities that add up to 1, got {got}")
    return np.ascontiguousarray(p, dtype=dtype)


def _first(y: Array, wrong: Array) -> str:
    """What errors show of cells: the first wrong one, and its row."""
    return f"{_sample(y[wrong][:1])} in {row_name(int(np.argwhere(wrong)[0, 0]))}"


def _sample(values: Array, most: int = 6) -> str:
    values = values.astype(str) if values.dtype.kind in "mM" else values  # nanoseconds would be listed as integers
    shown = ", ".join(repr(value) for value in values[:most].tolist())
    return shown + (", …" if len(values) > most else "")
