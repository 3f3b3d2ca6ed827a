"""The pieces a hand-written network is made of, as the reference knows them: activations, links, losses and scales.

Activations are the library's own layers. A piece that is consistent but unwise (softmax over the batch, softmax twice,
a broadcast difference) says so in `odd` and names its mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from chainrule.activations import ELU, GELU, GELUTanh, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from chainrule.arrays import Array
from chainrule.layers import Layer
from chainrule.special import sigmoid, softmax

_NONE = SimpleNamespace()  # an element-wise layer reads neither parameters nor memory

ACTIVATIONS: tuple[Layer | None, ...] = (
    ReLU(), Sigmoid(), Tanh(), LeakyReLU(0.01), LeakyReLU(0.1), LeakyReLU(0.2), LeakyReLU(0.05), LeakyReLU(0.3),
    LeakyReLU(0.001), ELU(), Softplus(), SiLU(), GELU(), GELUTanh(), None,
)  # fmt: skip


def apply(layer: Layer | None, z: Array) -> Array:
    """y = f(z); None is the identity."""
    if layer is None:
        return z
    y = np.empty_like(z)
    layer.forward(_NONE, z, y, _NONE)
    return y


def slope(layer: Layer | None, z: Array) -> Array:
    """f′(z)."""
    return np.ones_like(z) if layer is None else pull(layer, z, np.ones_like(z))


def pull(layer: Layer | None, z: Array, dy: Array) -> Array:
    """dy · f′(z)."""
    if layer is None:
        return dy
    y, dz = apply(layer, z), np.empty_like(z)
    layer.backward(_NONE, _NONE, z, y, dy, dz, _NONE)
    return dz


def name_of(layer: Layer | None) -> str:
    return "identity" if layer is None else repr(layer).removesuffix("()")


@dataclass(frozen=True)
class Link:
    """From the last z (N, K) to the prediction o (N, K), and do back to dz."""

    name: str
    f: Callable[[Array], Array]
    pull: Callable[[Array, Array], Array]  # z, do -> dz
    diagonal: Callable[[Array], Array] | None = None  # o -> ∂o_k/∂z_k, where a mistake may use it alone
    odd: str = ""
    mistake: int | None = None


def _softmax_pull(z: Array, do: Array) -> Array:
    p = softmax(z)
    return p * (do - (do * p).sum(axis=-1, keepdims=True))


IDENTITY = Link("identity", lambda z: z, lambda z, do: do)
SIGMOID = Link("sigmoid", sigmoid, lambda z, do: do * sigmoid(z) * (1 - sigmoid(z)), lambda o: o * (1 - o))
SOFTMAX = Link("softmax", softmax, _softmax_pull, lambda o: o * (1 - o))
TANH = Link("tanh", np.tanh, lambda z, do: do * (1 - np.tanh(z) ** 2), lambda o: 1 - o**2)
RELU = Link("ReLU", lambda z: np.maximum(z, 0), lambda z, do: do * (z > 0), lambda o: (o > 0) * 1.0)
SOFTMAX_TWICE = Link(
    "softmax twice",
    lambda z: softmax(softmax(z)),
    lambda z, do: _softmax_pull(z, _softmax_pull(softmax(z), do)),
    odd="softmax is applied to what is already a softmax: no probability leaves the middle",
    mistake=9,
)
SOFTMAX_BATCH = Link(
    "softmax over the batch",
    lambda z: softmax(z.T).T,
    lambda z, do: _softmax_pull(z.T, do.T).T,
    odd="softmax runs over axis 0, the rows of the batch: a row's prediction depends on the others",
    mistake=9,
)
SIGMOID_TWICE = Link(
    "sigmoid twice",
    lambda z: sigmoid(sigmoid(z)),
    lambda z, do: SIGMOID.pull(z, SIGMOID.pull(sigmoid(z), do)),
    odd="sigmoid is applied to what is already a sigmoid: every prediction lies between 0.5 and 0.73",
    mistake=9,
)
LINKS = (SOFTMAX, SIGMOID, IDENTITY, TANH, RELU, SOFTMAX_BATCH, SOFTMAX_TWICE, SIGMOID_TWICE)


@dataclass(frozen=True)
class Form:
    """A loss as cells of o (N, K) and t (N, K), summed; `slope` is the sum's derivative by o, in the shape of o."""

    name: str
    cells: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    links: tuple[str, ...]  # the links it is used with, the usual ones first
    epsilon: float = 0.0
    odd: str = ""
    mistake: int | None = None
    bound: float = 0.0  # the δ of Huber's error


def _cross_entropy(epsilon: float) -> Form:
    def cells(o: Array, t: Array) -> Array:
        return -t * np.log(o + epsilon)

    links = ("softmax", "softmax over the batch", "softmax twice", "sigmoid")
    return Form("cross-entropy", cells, lambda o, t: -t / (o + epsilon), links, epsilon)


def _binary(epsilon: float) -> Form:
    def cells(o: Array, t: Array) -> Array:
        return -t * np.log(o + epsilon) - (1 - t) * np.log(1 - o + epsilon)

    def derivative(o: Array, t: Array) -> Array:
        return -t / (o + epsilon) + (1 - t) / (1 - o + epsilon)

    links = ("sigmoid", "sigmoid twice", "softmax")
    return Form("binary cross-entropy", cells, derivative, links, epsilon)


_SQUARED = ("identity", "sigmoid", "tanh", "softmax", "ReLU", "softmax over the batch", "sigmoid twice")
SQUARED = Form("squared error", lambda o, t: (o - t) ** 2, lambda o, t: 2 * (o - t), _SQUARED)
ABSOLUTE = Form("absolute error", lambda o, t: abs(o - t), lambda o, t: np.sign(o - t), _SQUARED)
BROADCAST = Form(
    "squared error",
    lambda o, t: (o - t.T) ** 2,
    lambda o, t: 2 * (o - t.T).sum(axis=1, keepdims=True),
    _SQUARED,
    odd="(N, 1) minus (N,) broadcasts to (N, N): every prediction is compared with every target",
    mistake=15,
)
BOUNDS = (1.0, 0.5, 1.345, 1.35, 1.5, 2.0, 0.1, 0.2, 0.25, 0.75, 1.25, 3.0)


def huber(delta: float) -> Form:
    """e² up to δ, 2·δ·|e| − δ² beyond: twice Huber's, as the squared error is."""

    def cells(o: Array, t: Array) -> Array:
        size = abs(o - t)
        near = np.minimum(size, delta)
        return np.asarray(near * (2 * size - near))

    def derivative(o: Array, t: Array) -> Array:
        return np.asarray(2 * np.clip(o - t, -delta, delta))

    return Form(f"Huber's error, δ = {delta:g}", cells, derivative, _SQUARED, bound=delta)


EPSILONS = (0.0, 1e-8, 1e-7, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-6, 1e-5, 1e-11, 1e-20, 1e-100)
FORMS = (
    *(_cross_entropy(epsilon) for epsilon in EPSILONS),
    *(_binary(epsilon) for epsilon in EPSILONS),
    SQUARED, ABSOLUTE, BROADCAST,
    *(huber(delta) for delta in BOUNDS),
)  # fmt: skip


@dataclass(frozen=True)
class Scale:
    """What the summed cells are multiplied by, from (N, number of cells, K)."""

    name: str
    factor: Callable[[int, int, int], float]


SCALES = (
    Scale("mean over the rows", lambda n, cells, k: 1 / n),
    Scale("sum", lambda n, cells, k: 1.0),
    Scale("mean over rows and outputs", lambda n, cells, k: 1 / cells),
    Scale("half the sum", lambda n, cells, k: 0.5),
    Scale("half the mean over the rows", lambda n, cells, k: 0.5 / n),
    Scale("half the mean over rows and outputs", lambda n, cells, k: 0.5 / cells),
    Scale("sum over the rows of the mean over outputs", lambda n, cells, k: n / cells),
    Scale("half the sum over the rows of the mean over outputs", lambda n, cells, k: 0.5 * n / cells),
)
