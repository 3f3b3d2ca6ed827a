"""How much each row counts in the loss: weights of rows and of classes, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.backends.reference import Data
from chainrule.errors import InputError, require_number
from chainrule.targets import Target, are_numbers, as_float64


def as_weights(values: Any, n: int, name: str = "sample_weight") -> Array:
    """Weights (n,), finite, at least 0 and not all 0; else InputError."""
    if np.ma.is_masked(values):
        raise InputError(f"{name}: expected numbers, got masked ones; fill them first")
    w = np.asarray(values)
    if w.shape != (n,):
        raise InputError(f"{name}: expected shape ({n},), got {w.shape}")
    wrong = ~are_numbers(w)
    if not wrong.any():
        w = as_float64(w, name) if w.dtype == object else w
        wrong = ~(np.isfinite(w) & (w >= 0))
    if wrong.any():
        raise InputError(f"{name}: expected finite numbers of at least 0, got {w[wrong][:1].tolist()[0]!r}")
    if not w.any():
        raise InputError(f"{name}: expected at least one above 0, got all 0")
    return w


def weighted(data: Data, sample_weight: Any, dtype: Any) -> Data:
    """The data with its weights checked, without rows of weight 0."""
    with np.errstate(over="ignore", under="ignore"):  # what leaves the numbers of dtype is refused next
        w = as_weights(sample_weight, len(data)).astype(dtype)
    as_weights(w, len(data), f"sample_weight as {np.dtype(dtype)}")
    return that_count(Data(data.X, data.t, w))


def that_count(data: Data) -> Data:
    """The rows of weight above 0: the others are dropped here, and nowhere else."""
    return data if data.w is None or data.w.all() else data.rows(np.flatnonzero(data.w))


def class_weights(target: Target, t: Array, class_weight: Any) -> Array:
    """Weights (N,) of the rows from those of their classes: a dict by label, or "balanced"; else InputError."""
    classes = getattr(target, "classes", None)
    if t.ndim == 2 and t.shape[1] == 1 and np.isin(t, (0, 1)).all():  # probabilities in between are of no one class
        t = t[:, 0].astype(np.intp)
    if classes is None or t.ndim != 1:
        raise InputError("class_weight: expected one class label per row; these targets have none")
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise InputError(f"class_weight: expected 'balanced' or a dict, got {class_weight!r}")
        counts = np.bincount(t, minlength=len(classes))
        per_class = np.divide(len(t), len(classes) * counts, where=counts > 0, out=np.zeros(len(classes)))
    elif not isinstance(class_weight, Mapping):
        raise InputError(f"class_weight: expected 'balanced' or a dict, got {class_weight!r}")
    else:
        known = classes.tolist()
        for label, weight in class_weight.items():
            if label not in known:
                raise InputError(f"class_weight: expected labels among {known}, got {label!r}")
            require_number(f"class_weight of {label!r}", weight)
        per_class = np.array([class_weight.get(label, 1.0) for label in known], dtype=np.float64)
    return np.asarray(per_class[t])
