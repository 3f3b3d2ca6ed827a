"""What y means: class labels, yes-or-no flags, values or counts. Which of them, the loss decides; what they are called,
the data of the first training. The network sees t, users see their own labels and units."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
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
            self.classes = _distinct(y.ravel())
            if len(self.classes) != 2:
                raise InputError(f"y: expected two classes for one output, got {_sample(self.classes)}")
        return self

    def encode(self, y: Any, dtype: Any) -> Array:
        y = _column(y, allow_matrix=True)
        if self.n_out == 1 and not (_is_probability(y) and _is_probability(self.classes)):
            return _indices(y.ravel(), self.classes)[:, None].astype(dtype)
        y = y[:, None] if y.ndim == 1 else y
        if y.shape[1] != self.n_out:
            raise InputError(f"y: expected shape (N, {self.n_out}), a flag for each output, got {y.shape}")
        if not _is_probability(y):
            raise InputError(f"y: expected flags, numbers from 0 to 1, got {_sample(_distinct(y.ravel()))}")
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
        y = _column(y, allow_matrix=True)
        try:
            y = np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"y: expected numbers, got {_sample(y.ravel())}") from error
        except OverflowError as error:
            raise InputError("y: expected numbers that float64 holds, got a larger integer") from error
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


def _column(y: Any, *, allow_matrix: bool = False) -> Array:
    y = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1 and not (allow_matrix and y.ndim == 2):
        raise InputError(f"y: expected shape (N,){' or (N, K)' if allow_matrix else ''}, got {y.shape}")
    if y.size == 0:
        raise InputError("y: expected at least one row, got none")
    return y


def _require_labels(y: Array) -> None:
    """InputError where some are missing."""
    if y.dtype == object:
        missing = [row for row, label in enumerate(y) if label is None or label != label]
    else:
        missing = np.flatnonzero(y != y).tolist()
    if missing:
        first = row_name(missing[0])
        raise InputError(f"y: expected a label in every row, got none in {first} ({len(missing)} missing)")


def _distinct(y: Array) -> Array:
    """The sorted classes; InputError where some are missing, or of another kind than the others."""
    _require_labels(y)
    try:
        found = np.unique(y)
    except TypeError:
        raise InputError(f"y: expected labels of one kind, got {_sample(y)}") from None
    if found.dtype == object and all(isinstance(label, str) for label in found):
        found = found.astype(str)
    elif found.dtype.kind not in "biufUSmM" and not all(isinstance(label, (bool, int, float)) for label in found):
        wrong = next(label for label in found if not isinstance(label, (bool, int, float)))
        raise InputError(f"y: expected labels that are numbers, text, bytes or NumPy's dates, got {wrong!r}")
    elif found.dtype.kind == "f" and (found == found.round()).all() and abs(found).max() < 2**53:
        found = found.astype(np.int64)
    return found


def _indices(y: Array, classes: Array) -> Array:
    """The position of each label among the sorted classes."""
    if y.dtype == object:
        _require_labels(y)
        y = y.astype(str) if classes.dtype.kind == "U" else y
    if (classes.dtype.kind == "U") != (y.dtype.kind == "U"):
        raise InputError(f"y: expected labels among {_sample(classes)}, got {_sample(y)}")
    try:
        place = np.searchsorted(classes, y).clip(0, len(classes) - 1)
    except TypeError:  # kinds that do not compare
        raise InputError(f"y: expected labels among {_sample(classes)}, got {_sample(y)}") from None
    wrong = classes[place] != y
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        found = f"{_sample(y[row : row + 1])} in {row_name(row)}"
        raise InputError(f"y: expected labels among {_sample(classes)}, got {found}")
    return np.asarray(place, dtype=np.intp)


def _is_probability(y: Array) -> bool:
    return y.dtype.kind in "fiub" and bool(((y >= 0) & (y <= 1)).all())


def _distributions(y: Array, n_out: int, dtype: Any) -> Array:
    if y.shape[1] != n_out:
        raise InputError(f"y: expected shape (N,) or (N, {n_out}), got {y.shape}")
    if not _is_probability(y) or abs(y.sum(axis=1) - 1).max() > 1e-3:
        raise InputError("y: expected rows of probabilities that add up to 1")
    return np.ascontiguousarray(y, dtype=dtype)


def _sample(values: Array, most: int = 6) -> str:
    shown = ", ".join(repr(value) for value in values[:most].tolist())
    return shown + (", …" if len(values) > most else "")
