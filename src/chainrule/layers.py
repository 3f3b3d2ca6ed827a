"""The derivation. Each layer is its equations twice: as text that can be executed, and as forward beside backward.

Dimensions: B rows of a batch, I inputs, O outputs. `d<name>` is ∂loss/∂name, in the shape of `name`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from chainrule.arrays import Array, Views
from chainrule.errors import require_count, require_number
from chainrule.initializers import HeNormal, Initializer, Ones, Zeros
from chainrule.settings import Settings, settings


class Layer(Settings, ABC):
    """One differentiable step. It keeps no tensors: all it reads and writes is an argument.

    forward   reads p, x (B, I)           writes y (B, O) and m
    backward  reads p, x, y, m, dy (B, O) writes g and dx (B, I); dx is None where nobody reads it
    p, g      views of the layer's parameters and of their gradients; g is overwritten, never added to
    m         named slots of the batch for what backward must remember beyond x and y
    """

    math: ClassVar[tuple[str, ...]] = ()  # NumPy text: executed by the tests, shown beside the real matrices
    kink: ClassVar[float | None] = None  # the input at which the derivative jumps
    analytic: ClassVar[bool] = (
        False  # forward takes complex numbers (compared by real part): complex steps can check it
    )

    def width(self, n_in: int) -> int:
        return n_in

    def shapes(self, n_in: int) -> dict[str, tuple[int, ...]]:
        """Parameter names and shapes."""
        return {}

    def initializers(self) -> dict[str, Initializer]:
        """Where each parameter starts."""
        return {}

    def memory(self, n_in: int) -> dict[str, int]:
        """Names and widths of the slots in m, each (B, width). A slot named mask is filled before forward."""
        return {}

    @abstractmethod
    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None: ...

    @abstractmethod
    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None: ...

    def infer(self, p: Views, x: Array, y: Array, m: Views) -> None:
        """Forward at prediction time."""
        self.forward(p, x, y, m)


@settings
class Dense(Layer):
    """Affine map y = x·W + b with weights W (I, O) and bias b (O,)."""

    units: int
    weights: Initializer = HeNormal()
    bias: Initializer = Zeros()
    math = ("y = x @ W + b", "dW = x.T @ dy", "db = dy.sum(axis=0)", "dx = dy @ W.T")
    analytic = True

    def __post_init__(self) -> None:
        require_count("Dense(units)", self.units)

    def width(self, n_in: int) -> int:
        return self.units

    def shapes(self, n_in: int) -> dict[str, tuple[int, ...]]:
        return {"W": (n_in, self.units), "b": (self.units,)}

    def initializers(self) -> dict[str, Initializer]:
        return {"W": self.weights, "b": self.bias}

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.matmul(x, p.W, out=y)
        y += p.b

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        np.matmul(x.T, dy, out=g.W)
        np.sum(dy, axis=0, out=g.b)
        if dx is not None:
            np.matmul(dy, p.W.T, out=dx)


@settings
class Dropout(Layer):
    """Sets each input to 0 with probability `rate` while training and scales the others by 1/(1 - rate).

    Prediction passes the input on unchanged: the scaling has kept its expectation (inverted dropout, Srivastava et al.
    2014). The mask holds 0 or 1/keep; 16 random bits decide each entry, so keep is 1 - round(65536·rate)/65536.
    """

    rate: float
    math = ("y = x * mask", "dx = dy * mask")
    analytic = True

    def __post_init__(self) -> None:
        require_number("Dropout(rate)", self.rate, 0.0, 1.0)

    @property
    def threshold(self) -> int:
        """A 16-bit number below it drops the entry."""
        return min(round(self.rate * 65536), 65535)

    def memory(self, n_in: int) -> dict[str, int]:
        return {"mask": n_in}

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, m.mask, out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, m.mask, out=dx)

    def infer(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.copyto(y, x)


@settings
class LayerNorm(Layer):
    """Each row to mean 0 and variance 1, then scaled by gamma (I,) and shifted by beta (I,) (Ba et al. 2016).

    xhat depends on every entry of its row, through the mean and through the variance: hence the two terms taken off dx.
    """

    epsilon: float = 1e-5
    math = (
        "centred = x - x.mean(axis=1, keepdims=True)",
        "rstd = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)",
        "xhat = centred * rstd",
        "y = xhat * gamma + beta",
        "dgamma = (dy * xhat).sum(axis=0)",
        "dbeta = dy.sum(axis=0)",
        "dxhat = dy * gamma",
        "dx = rstd * (dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=1, keepdims=True))",
    )
    analytic = True

    def __post_init__(self) -> None:
        require_number("LayerNorm(epsilon)", self.epsilon, open_low=True)

    def shapes(self, n_in: int) -> dict[str, tuple[int, ...]]:
        return {"gamma": (n_in,), "beta": (n_in,)}

    def initializers(self) -> dict[str, Initializer]:
        return {"gamma": Ones(), "beta": Zeros()}

    def memory(self, n_in: int) -> dict[str, int]:
        return {"xhat": n_in, "rstd": 1}

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.subtract(x, x.mean(axis=1, keepdims=True), out=m.xhat)
        np.divide(1, np.sqrt(np.square(m.xhat).mean(axis=1, keepdims=True) + self.epsilon), out=m.rstd)
        m.xhat *= m.rstd
        np.multiply(m.xhat, p.gamma, out=y)
        y += p.beta

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        np.sum(dy * m.xhat, axis=0, out=g.gamma)
        np.sum(dy, axis=0, out=g.beta)
        if dx is not None:
            dxhat = dy * p.gamma  # (B, I)
            along = (dxhat * m.xhat).mean(axis=1, keepdims=True)
            np.subtract(dxhat, dxhat.mean(axis=1, keepdims=True) + m.xhat * along, out=dx)
            dx *= m.rstd


LAYERS: dict[str, type[Layer]] = {kind.__name__: kind for kind in (Dense, Dropout, LayerNorm)}
