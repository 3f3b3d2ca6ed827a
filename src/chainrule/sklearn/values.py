"""The arrays that enter and leave an estimator: sample weights, and weights of the network by scikit-learn's names."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_array

from chainrule.arrays import Array
from chainrule.errors import InputError
from chainrule.layers import Dense
from chainrule.network import Network


class Arrays(list[Array]):
    """The weights as a list of arrays that share the network's memory; an entry that is set is written there."""

    def __init__(self, arrays: Iterable[Array], name: str) -> None:
        super().__init__(arrays)
        self.name = name

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, slice):
            assign(Arrays(self[index], self.name), value, self.name)
        else:
            self[index][...] = as_shaped(value, self[index].shape, f"{self.name}[{index}]")

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)


def weights(net: Network, letter: str, name: str) -> Arrays:
    """W1, W2, … or b1, b2, … of the network."""
    count = sum(isinstance(layer, Dense) for layer in net.layers)
    return Arrays([net[f"{letter}{k}"] for k in range(1, count + 1)], name)


def assign(arrays: Arrays, values: Sequence[Any], name: str) -> None:
    """Copy the values into the arrays. InputError, with both, where number or shapes differ."""
    if len(values) != len(arrays):
        raise InputError(f"{name}: expected {len(arrays)} arrays, one for each layer, got {len(values)}")
    checked = [as_shaped(value, own.shape, f"{name}[{i}]") for i, (own, value) in enumerate(zip(arrays, values))]
    for own, value in zip(arrays, checked):
        own[...] = value


def as_shaped(value: Any, shape: tuple[int, ...], name: str) -> Array:
    array = np.asarray(value)
    if array.shape != shape:
        raise InputError(f"{name}: expected shape {shape}, got {array.shape}")
    if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
        raise InputError(f"{name}: expected finite numbers")
    return array


def checked_weights(sample_weight: Any, n: int) -> Array | None:
    """Sample weights (n,) in float64."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, numbers.Number):
        sample_weight = np.full(n, sample_weight)
    w = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if w.shape != (n,):
        raise InputError(f"sample_weight: expected shape ({n},), one for each row of X, got {w.shape}")
    if (w < 0).any():
        raise InputError(f"sample_weight: expected numbers of at least zero, got {w.min():g}")
    if not w.any():
        raise InputError("sample_weight: expected at least one weight above zero, got all zero")
    return w
