"""How a gradient becomes a step. An optimizer is frozen settings and one in-place update on flat arrays.

p are the parameters, g their gradient, m, v, c the optimizer's memory (moments, kept in the State), η the learning rate
at this step. Every optimizer takes decoupled weight decay λ (p ← p - η·λ·p, on matrices only) and clipping of g to a
global norm.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import field
from math import nextafter, sqrt
from typing import Any, ClassVar

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import require_number
from chainrule.schedules import LearningRate, rate_at, require_rate
from chainrule.settings import Settings, settings

BLOCK = 32_768  # elements an update handles at once: its temporaries stay in the cache, none is as large as the network


@settings
class Optimizer(Settings, ABC):
    lr: LearningRate
    weight_decay: float = field(default=0.0, kw_only=True)  # by name: Adam(0.001, 0.9, 0.999) are its own
    clip_norm: float | None = field(default=None, kw_only=True)

    n_moments: ClassVar[int] = 0
    math: ClassVar[tuple[str, ...]] = ()  # `update` as NumPy text, memory in the order of the moments, t from 1

    def __post_init__(self) -> None:
        kind = type(self).__name__
        require_rate(f"{kind}(lr)", self.lr)
        require_number(f"{kind}(weight_decay)", self.weight_decay)
        if self.clip_norm is not None:
            require_number(f"{kind}(clip_norm)", self.clip_norm, open_low=True)

    @classmethod
    def moment_counts(cls) -> tuple[int, ...]:
        """The values of `n_moments` that its settings lead to."""
        return (cls.n_moments,)

    def scalars(self, step: int) -> tuple[float, ...]:
        """What `update` needs besides the arrays, η first; `step` counts the updates already made."""
        return (rate_at(self.lr, step),)

    def table(self, first: int, n: int) -> tuple[Array, Exception | None]:
        """The scalars of n steps from `first` on (n, k), in float64; of fewer, and why, where the schedule raises."""
        if n > 8 and isinstance(self.lr, (int, float)):  # the same arithmetic on all steps at once
            scalars = self.scalars(np.arange(first, first + n))  # type: ignore[arg-type]
            table = np.empty((n, len(scalars)))
            for k, values in enumerate(scalars):
                table[:, k] = values
            return table, None
        rows, refusal = [], None
        try:
            for step in range(first, first + n):
                rows.append(self.scalars(step))
        except Exception as error:
            refusal = error
        return np.array(rows or np.empty((0, 1)), np.float64), refusal

    @abstractmethod
    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        """The equation, in place, on any block of the flat arrays; g may be overwritten."""

    def lines(self, matrix: bool, clipped: bool) -> tuple[str, ...]:
        """The whole step of one parameter as NumPy text: clipping where the gradient was longer, decay, update."""
        clip = ("g = g * clip_norm / norm",) if clipped else ()
        decay = ("p = p - lr * weight_decay * p",) if matrix and self.weight_decay else ()
        return (*clip, *decay, *self.math)

    def apply(self, params: Array, grads: Array, moments: Array, n_decay: int, scalars: tuple[float, ...]) -> None:
        """One step on the whole network."""
        if self.clip_norm is not None:
            clip(grads, self.clip_norm)
        if self.weight_decay:
            params[:n_decay] *= 1 - scalars[0] * self.weight_decay
        for start in range(0, len(params), BLOCK):
            block = slice(start, start + BLOCK)
            self.update(params[block], grads[block], moments[:, block], scalars)


def _power(base: float, t: Any) -> Any:
    """base**t of one step or of an array of them, with the same bits: NumPy's power has others on some CPUs."""
    return np.array([base**i for i in t.tolist()]) if isinstance(t, np.ndarray) else base**t


def clip(grads: Array, limit: float) -> None:
    """Scale the gradient to norm `limit` where it is longer (Pascanu et al. 2013)."""
    blocks = (grads[start : start + BLOCK] for start in range(0, len(grads), BLOCK))
    norm = sqrt(sum(float(np.dot(block, block)) for block in blocks))
    if norm > limit:
        grads *= limit / norm


@settings
class SGD(Optimizer):
    """p ← p - η·g; with momentum μ: v ← μ·v + g, p ← p - η·v; Nesterov's form: p ← p - η·(g + μ·v)."""

    lr: LearningRate = 0.1
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("SGD(momentum)", self.momentum, 0.0, 1.0)

    @property
    def n_moments(self) -> int:  # type: ignore[override]
        return int(self.momentum > 0)

    @classmethod
    def moment_counts(cls) -> tuple[int, ...]:
        return (0, 1)

    @property
    def math(self) -> tuple[str, ...]:  # type: ignore[override]
        if not self.momentum:
            return ("p = p - lr * g",)
        step = "p = p - lr * g - lr * momentum * v" if self.nesterov else "p = p - lr * v"
        return ("v = momentum * v + g", step)

    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        (lr,) = scalars
        if self.momentum:
            (v,) = moments
            v *= self.momentum
            v += g
            g = g + self.momentum * v if self.nesterov else v
        p -= lr * g


@settings
class ClassicalMomentum(Optimizer):
    """v ← μ·v - η·g; p ← p + v; Nesterov's form: p ← p + μ·v - η·g, with the new v (Sutskever et al. 2013).

    The rate is part of the velocity: what earlier steps have left keeps the rate it was made with, where SGD's momentum
    takes the present one. The two are the same while the rate is constant. scikit-learn's form.
    """

    lr: LearningRate = 0.1
    momentum: float = 0.9
    nesterov: bool = False

    n_moments: ClassVar[int] = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("ClassicalMomentum(momentum)", self.momentum, 0.0, nextafter(1.0, 2.0))  # 1 never forgets

    @property
    def math(self) -> tuple[str, ...]:  # type: ignore[override]
        step = "p = p + momentum * v - lr * g" if self.nesterov else "p = p + v"
        return ("v = momentum * v - lr * g", step)

    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        (lr,) = scalars
        (v,) = moments
        g *= -lr
        v *= self.momentum
        v += g
        p += self.momentum * v + g if self.nesterov else v


@settings
class AdaGrad(Optimizer):
    """c ← c + g²; p ← p - η·g/(√c + ε) (Duchi et al. 2011)."""

    lr: LearningRate = 0.01
    epsilon: float = 1e-7

    n_moments: ClassVar[int] = 1
    math = ("c = c + g**2", "p = p - lr * g / (np.sqrt(c) + epsilon)")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("AdaGrad(epsilon)", self.epsilon, open_low=True)

    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        (lr,) = scalars
        (c,) = moments
        c += g * g
        p -= lr * g / (np.sqrt(c) + self.epsilon)


@settings
class RMSProp(Optimizer):
    """c ← ρ·c + (1 - ρ)·g²; p ← p - η·g/(√c + ε) (Tieleman and Hinton 2012)."""

    lr: LearningRate = 0.001
    rho: float = 0.9
    epsilon: float = 1e-7

    n_moments: ClassVar[int] = 1
    math = ("c = rho * c + (1 - rho) * g**2", "p = p - lr * g / (np.sqrt(c) + epsilon)")

    def __post_init__(self) -> None:
        super().__post_init__()
        require_number("RMSProp(rho)", self.rho, 0.0, 1.0)
        require_number("RMSProp(epsilon)", self.epsilon, open_low=True)

    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        (lr,) = scalars
        (c,) = moments
        c *= self.rho
        c += (1 - self.rho) * (g * g)
        p -= lr * g / (np.sqrt(c) + self.epsilon)


@settings
class Adam(Optimizer):
    """m ← β₁·m + (1 - β₁)·g; v ← β₂·v + (1 - β₂)·g²; p ← p - η·m̂/(√v̂ + ε), where m̂ = m/(1 - β₁ᵗ),
    v̂ = v/(1 - β₂ᵗ) undo the start at zero and t counts from 1 (Kingma and Ba 2015)."""

    lr: LearningRate = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    n_moments: ClassVar[int] = 2
    math = (
        "m = beta1 * m + (1 - beta1) * g",
        "v = beta2 * v + (1 - beta2) * g**2",
        "p = p - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + epsilon)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        kind = type(self).__name__
        require_number(f"{kind}(beta1)", self.beta1, 0.0, 1.0)
        require_number(f"{kind}(beta2)", self.beta2, 0.0, 1.0)
        require_number(f"{kind}(epsilon)", self.epsilon, open_low=True)

    def scalars(self, step: int) -> tuple[float, ...]:
        t = step + 1
        return rate_at(self.lr, step), 1 - _power(self.beta1, t), 1 - _power(self.beta2, t)

    def update(self, p: Array, g: Array, moments: Array, scalars: tuple[float, ...]) -> None:
        lr, correction1, correction2 = scalars
        m, v = moments
        m *= self.beta1
        m += (1 - self.beta1) * g
        v *= self.beta2
        g *= g
        g *= 1 - self.beta2
        v += g
        np.multiply(v, 1 / correction2, out=g)
        np.sqrt(g, out=g)
        g += self.epsilon
        np.divide(m, g, out=g)
        g *= lr / correction1
        p -= g


@settings
class AdamW(Adam):
    """Adam with decoupled weight decay, p ← p - η·λ·p before the step (Loshchilov and Hutter 2019)."""

    weight_decay: float = field(default=0.01, kw_only=True)


@settings
class AdamEpsilonHat(Adam):
    """Adam with p ← p - η·√(1 - β₂ᵗ)/(1 - β₁ᵗ)·m/(√v + ε): the form at the end of section 2 of its paper.

    The correction is outside the root, so ε counts for more at the start (it is the paper's ε̂). scikit-learn's form.
    """

    math = (
        *Adam.math[:2],
        "p = p - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + epsilon)",
    )

    def scalars(self, step: int) -> tuple[float, ...]:
        lr, correction1, correction2 = super().scalars(step)
        return lr, correction1 / np.sqrt(correction2), 1.0


OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.__name__: kind for kind in (SGD, ClassicalMomentum, AdaGrad, RMSProp, Adam, AdamW, AdamEpsilonHat)
}
