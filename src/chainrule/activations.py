"""The element-wise layers, and Softmax. dx is dy times the derivative at x; y is used where it makes that shorter."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from chainrule.arrays import Array, Views
from chainrule.errors import require_number
from chainrule.layers import LAYERS, Layer
from chainrule.settings import settings
from chainrule.special import erf, sigmoid, softmax, softplus


class ReLU(Layer):
    """The positive part. At 0 the derivative is taken as 0."""

    math = ("y = np.maximum(x, 0)", "dx = dy * (x > 0)")
    analytic = True
    kink = 0.0

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.maximum(x, 0, out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, x > 0, out=dx)


@settings
class LeakyReLU(Layer):
    """x where positive, slope·x elsewhere (Maas et al. 2013)."""

    slope: float = 0.01
    math = ("y = np.where(x > 0, x, slope * x)", "dx = dy * np.where(x > 0, 1, slope)")
    analytic = True
    kink = 0.0

    def __post_init__(self) -> None:
        require_number("LeakyReLU(slope)", self.slope)

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, self.slope, out=y)
        np.copyto(y, x, where=x > 0)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, self.slope, out=dx)
            np.copyto(dx, dy, where=x > 0)


@settings
class ELU(Layer):
    """x where positive, alpha·(e^x - 1) elsewhere (Clevert et al. 2016)."""

    alpha: float = 1.0
    math = (
        "y = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
        "dx = dy * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))",
    )
    analytic = True
    kink = 0.0

    def __post_init__(self) -> None:
        require_number("ELU(alpha)", self.alpha)

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(np.expm1(np.minimum(x, 0)), self.alpha, out=y)
        np.copyto(y, x, where=x > 0)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, self.alpha * np.exp(np.minimum(x, 0)), out=dx)
            np.copyto(dx, dy, where=x > 0)


SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


class SELU(Layer):
    """ELU with the two constants for which mean 0 and variance 1 are a fixed point (Klambauer et al. 2017)."""

    math = (
        f"alpha, scale = {SELU_ALPHA}, {SELU_SCALE}",
        "y = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))",
        "dx = dy * scale * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))",
    )
    analytic = True
    kink = 0.0

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(np.expm1(np.minimum(x, 0)), SELU_ALPHA, out=y)
        np.copyto(y, x, where=x > 0)
        y *= SELU_SCALE

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, SELU_ALPHA * np.exp(np.minimum(x, 0)), out=dx)
            np.copyto(dx, dy, where=x > 0)
            dx *= SELU_SCALE


class GELU(Layer):
    """x·Φ(x) with the normal distribution function Φ (Hendrycks and Gimpel 2016)."""

    math = (
        "phi = (1 + erf(x / sqrt(2))) / 2",
        "y = x * phi",
        "dx = dy * (phi + x * np.exp(-(x**2) / 2) / sqrt(2 * pi))",
    )
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, (1 + erf(x / sqrt(2))) / 2, out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            density = np.exp(-(x**2) / 2) / sqrt(2 * pi)
            np.multiply(dy, (1 + erf(x / sqrt(2))) / 2 + x * density, out=dx)


class GELUTanh(Layer):
    """GELU with Φ(x) replaced by (1 + tanh u)/2, u = √(2/π)·(x + 0.044715·x³), the cheaper form of the same paper."""

    math = (
        "t = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))",
        "y = x * (1 + t) / 2",
        "du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)",
        "dx = dy * ((1 + t) + x * (1 - t**2) * du) / 2",
    )
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, (1 + np.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))) / 2, out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            t = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x * x * x))
            du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x * x)
            np.multiply(dy, ((1 + t) + x * (1 - t * t) * du) / 2, out=dx)


class SiLU(Layer):
    """x·sigmoid(x), also known as swish (Elfwing et al. 2018)."""

    math = ("s = sigmoid(x)", "y = x * s", "dx = dy * (s + y * (1 - s))")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, sigmoid(x), out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            s = sigmoid(x)
            np.multiply(dy, s + y * (1 - s), out=dx)


class Mish(Layer):
    """x·tanh(softplus(x)) (Misra 2019)."""

    math = ("t = np.tanh(softplus(x))", "y = x * t", "dx = dy * (t + x * (1 - t**2) * sigmoid(x))")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.multiply(x, np.tanh(softplus(x)), out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            t = np.tanh(softplus(x))
            np.multiply(dy, t + x * (1 - t * t) * sigmoid(x), out=dx)


class Softplus(Layer):
    """log(1 + e^x), the smooth ReLU; its derivative is the sigmoid."""

    math = ("y = softplus(x)", "dx = dy * sigmoid(x)")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.copyto(y, softplus(x))

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, sigmoid(x), out=dx)


class Tanh(Layer):
    """The hyperbolic tangent."""

    math = ("y = np.tanh(x)", "dx = dy * (1 - y**2)")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.tanh(x, out=y)

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, 1 - y * y, out=dx)


class Sigmoid(Layer):
    """1 / (1 + e^-x)."""

    math = ("y = 1 / (1 + np.exp(-x))", "dx = dy * y * (1 - y)")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.copyto(y, sigmoid(x))

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.multiply(dy, y * (1 - y), out=dx)


class Softmax(Layer):
    """Rows of positive numbers that sum to 1, for the middle of a network; the loss applies its own.

    Every output depends on every input of its row: ∂y_k/∂x_i = y_k·(1[i = k] - y_i), so dx takes the whole Jacobian,
    not its diagonal.
    """

    math = ("y = softmax(x)", "dx = y * (dy - (dy * y).sum(axis=1, keepdims=True))")
    analytic = True

    def forward(self, p: Views, x: Array, y: Array, m: Views) -> None:
        np.copyto(y, softmax(x))

    def backward(self, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
        if dx is not None:
            np.subtract(dy, (dy * y).sum(axis=1, keepdims=True), out=dx)
            dx *= y


LAYERS.update(
    (kind.__name__, kind)
    for kind in (ReLU, LeakyReLU, ELU, SELU, GELU, GELUTanh, SiLU, Mish, Softplus, Tanh, Sigmoid, Softmax)
)
