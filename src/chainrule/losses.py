"""What training makes small. A loss gives its value and its gradient together, and owns the only 1/n.

z (B, K) is the network's output, before the link that turns it into a prediction; t the targets; n the size of the
*global* batch, or the sum of its sample weights, so that the gradients of shards simply add.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from chainrule.activations import Sigmoid, Softmax
from chainrule.arrays import Array
from chainrule.errors import require_number
from chainrule.layers import Layer
from chainrule.settings import Settings, settings
from chainrule.special import one_hot, sigmoid, softmax, softplus


class Loss(Settings, ABC):
    """`rows` is the equation of one sample; a call weights the rows, adds them up in float64, divides by n."""

    math: ClassVar[tuple[str, ...]] = ()  # of the whole loss, without sample weights
    analytic: ClassVar[bool] = False
    applies: ClassVar[type[Layer] | None] = None  # the activation inside the link: no such layer may stand before
    target: ClassVar[str] = "values"  # labels, flags or values: what t holds (targets.py)

    @abstractmethod
    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        """The loss of each row (B,); writes its gradient, not yet divided by n, into dz (B, K)."""

    def link(self, z: Array) -> Array:
        """Predictions (B, K) from outputs (B, K)."""
        return z

    def kinks(self, z: Array, t: Array) -> Array | None:
        """How far each entry is from a kink, with its sign; None where the loss is smooth."""
        return None

    def __call__(self, z: Array, t: Array, dz: Array, n: float, w: Array | None = None) -> float:
        """Σ w_i·loss_i / n; writes its gradient into dz."""
        rows = self.rows(z, t, dz)
        if w is not None:
            rows = rows * w
            dz *= w[:, None]
        dz /= n
        return rows.sum(dtype=np.result_type(rows, np.float64)) / n


@settings
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of softmax(z) with class indices t (B,), or with one-hot or soft targets t (B, K).

    Softmax and logarithm together leave dz = (prediction - target)/n. Label smoothing s mixes the targets with the
    uniform distribution: (1 - s)·q + s/K.
    """

    smoothing: float = 0.0
    math = (
        "q = (1 - smoothing) * one_hot(t, z.shape[1]) + smoothing / z.shape[1]",
        "loss = -(q * log_softmax(z)).sum() / n",
        "dz = (softmax(z) - q) / n",
    )
    analytic = True
    applies = Softmax
    target = "labels"

    def __post_init__(self) -> None:
        require_number("SoftmaxCrossEntropy(smoothing)", self.smoothing, 0.0, 1.0)

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        q = one_hot(t, z.shape[1])  # (B, K)
        if self.smoothing:
            q = (1 - self.smoothing) * q + self.smoothing / z.shape[1]
        np.subtract(z, z.max(axis=1, keepdims=True), out=dz)
        e = np.exp(dz)
        total = e.sum(axis=1, keepdims=True)  # (B, 1)
        dz -= np.log(total)  # log softmax
        rows = -(q * dz).sum(axis=1)
        np.divide(e, total, out=dz)
        dz -= q
        return rows

    def link(self, z: Array) -> Array:
        return softmax(z)


class BinaryCrossEntropy(Loss):
    """Cross-entropy of sigmoid(z) with t (B, K) in [0, 1], summed over the outputs: one yes-or-no question each."""

    math = ("loss = (softplus(z) - t * z).sum() / n", "dz = (sigmoid(z) - t) / n")
    analytic = True
    applies = Sigmoid
    target = "flags"

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(sigmoid(z), t, out=dz)
        return (softplus(z) - t * z).sum(axis=1)

    def link(self, z: Array) -> Array:
        return sigmoid(z)


class MeanSquaredError(Loss):
    """(z - t)² averaged over rows and outputs; t (B, K)."""

    math = ("loss = ((z - t) ** 2).sum() / (n * z.shape[1])", "dz = 2 * (z - t) / (n * z.shape[1])")
    analytic = True

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        rows = np.square(dz).mean(axis=1)
        dz *= 2 / z.shape[1]
        return rows


class HalfSquaredError(Loss):
    """½·Σ(z - t)² over the outputs, averaged over rows: the form of worked examples; t (B, K)."""

    math = ("loss = ((z - t) ** 2).sum() / 2 / n", "dz = (z - t) / n")
    analytic = True

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        return np.square(dz).sum(axis=1) / 2


class MeanAbsoluteError(Loss):
    """|z - t| averaged over rows and outputs: fits the median; t (B, K)."""

    math = ("loss = np.abs(z - t).sum() / (n * z.shape[1])", "dz = np.sign(z - t) / (n * z.shape[1])")
    analytic = True

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        rows = np.maximum(dz, -dz).mean(axis=1)
        np.sign(dz, out=dz)
        dz /= z.shape[1]
        return rows

    def kinks(self, z: Array, t: Array) -> Array:
        return z - t


@settings
class Huber(Loss):
    """½·e² where |e| = |z - t| <= delta, delta·(|e| - delta/2) beyond, averaged over rows and outputs (Huber 1964)."""

    delta: float = 1.0
    math = (
        "e = z - t",
        "loss = np.where(np.abs(e) <= delta, e**2 / 2, delta * (np.abs(e) - delta / 2)).sum() / (n * z.shape[1])",
        "dz = np.clip(e, -delta, delta) / (n * z.shape[1])",
    )
    analytic = True

    def __post_init__(self) -> None:
        require_number("Huber(delta)", self.delta, open_low=True)

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        np.subtract(z, t, out=dz)
        size = np.maximum(dz, -dz)
        near = np.minimum(size, self.delta)  # e²/2 up to delta, a straight line from there
        np.clip(dz, -self.delta, self.delta, out=dz)
        dz /= z.shape[1]
        return (near * (size - near / 2)).mean(axis=1)

    def kinks(self, z: Array, t: Array) -> Array:
        return np.maximum(z - t, t - z) - self.delta


@settings
class QuantileLoss(Loss):
    """The pinball loss: quantile·e where e = t - z is positive, (quantile - 1)·e elsewhere, averaged.

    It fits that quantile (Koenker and Bassett 1978).
    """

    quantile: float = 0.5
    math = (
        "e = t - z",
        "loss = np.maximum(quantile * e, (quantile - 1) * e).sum() / (n * z.shape[1])",
        "dz = np.where(e > 0, -quantile, np.where(e < 0, 1 - quantile, 0)) / (n * z.shape[1])",
    )
    analytic = True

    def __post_init__(self) -> None:
        require_number("QuantileLoss(quantile)", self.quantile, 0.0, 1.0, open_low=True)

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        e = t - z  # (B, K)
        rows = np.maximum(self.quantile * e, (self.quantile - 1) * e).mean(axis=1)
        np.subtract((1 - self.quantile) * (e < 0), self.quantile * (e > 0), out=dz)
        dz /= z.shape[1]
        return rows

    def kinks(self, z: Array, t: Array) -> Array:
        return z - t


class Poisson(Loss):
    """Negative log-likelihood of counts t (B, K) with rate e^z, without log t!, summed over the outputs."""

    math = ("loss = (np.exp(z) - t * z).sum() / n", "dz = (np.exp(z) - t) / n")
    analytic = True
    target = "counts"

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        rate = self.link(z)
        np.subtract(rate, t, out=dz)
        return (rate - t * z).sum(axis=1)

    def link(self, z: Array) -> Array:
        with np.errstate(over="ignore"):  # an infinite rate makes the loss infinite, and that is reported
            return np.exp(z)


class PoissonDeviance(Poisson):
    """Half the deviance of counts t (B, K) from a Poisson rate e^z: 0 where the rate is t, summed over the outputs.

    It is the Poisson loss plus what depends on t alone, t·log t - t, so the gradient is the same.
    """

    math = ("loss = (np.exp(z) - t * z + t * np.log(np.where(t > 0, t, 1)) - t).sum() / n", "dz = (np.exp(z) - t) / n")

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        constant = t * np.log(np.where(t > 0, t, 1)) - t  # t·log t is 0 at 0
        return super().rows(z, t, dz) + constant.sum(axis=1)


LOSSES: dict[str, type[Loss]] = {
    kind.__name__: kind
    for kind in (
        SoftmaxCrossEntropy, BinaryCrossEntropy, MeanSquaredError, HalfSquaredError,
        MeanAbsoluteError, Huber, QuantileLoss, Poisson, PoissonDeviance,
    )
}  # fmt: skip
