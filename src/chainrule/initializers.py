"""Where weights start. Each draws an array whose variance depends on the layer's inputs I and outputs O."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import require_number
from chainrule.settings import Settings, settings


class Initializer(Settings, ABC):
    """A distribution of starting values."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        """A float64 array of `shape` for a layer of `n_in` inputs and `n_out` outputs."""


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> Array:
    bound = np.sqrt(3 * variance)
    return rng.uniform(-bound, bound, shape)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], variance: float) -> Array:
    return rng.normal(0.0, np.sqrt(variance), shape)


class HeNormal(Initializer):
    """Normal with variance 2/I: ReLU halves the second moment, the 2 restores it (He et al. 2015)."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _normal(rng, shape, 2 / n_in)


class HeUniform(Initializer):
    """Uniform with variance 2/I."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _uniform(rng, shape, 2 / n_in)


class GlorotNormal(Initializer):
    """Normal with variance 2/(I + O), between what keeps forward and backward variance (Glorot and Bengio 2010)."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _normal(rng, shape, 2 / (n_in + n_out))


class GlorotUniform(Initializer):
    """Uniform with variance 2/(I + O)."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _uniform(rng, shape, 2 / (n_in + n_out))


class LeCunNormal(Initializer):
    """Normal with variance 1/I; what SELU is derived for (LeCun et al. 1998)."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _normal(rng, shape, 1 / n_in)


class LeCunUniform(Initializer):
    """Uniform with variance 1/I."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return _uniform(rng, shape, 1 / n_in)


@settings
class Normal(Initializer):
    """Normal with a fixed standard deviation, whatever the layer's size."""

    std: float = 0.01

    def __post_init__(self) -> None:
        require_number("Normal(std)", self.std)

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return rng.normal(0.0, self.std, shape)


class Zeros(Initializer):
    """All zero; right for biases, and for a network without hidden layer."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """All one; right for scales."""

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], n_in: int, n_out: int) -> Array:
        return np.ones(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    kind.__name__: kind
    for kind in (
        HeNormal, HeUniform, GlorotNormal, GlorotUniform, LeCunNormal, LeCunUniform, Normal, Zeros, Ones,
    )
}  # fmt: skip
