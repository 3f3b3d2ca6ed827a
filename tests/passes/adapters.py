"""Run a hand-written pass of any style: set its parameters, take its loss, its gradients, its steps.

A pass is started afresh from its file for every measurement, so that nothing it keeps can reach the next one.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from passes.entry import Pass

FOLDER = Path(__file__).parent
SIZES = {"N": 7, "I": 4, "H": 5, "J": 6, "K": 3}  # all different, none of them 1 or 2
Array = np.ndarray
Values = dict[str, Array]


def _labels(rng: np.random.Generator, n: int, k: int) -> Array:
    return np.where(rng.random(n) < 0.5, 0, k - 1)  # the classes in between are absent


TARGETS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "labels": _labels,
    "onehot": lambda rng, n, k: np.eye(k)[_labels(rng, n, k)],
    "flat": lambda rng, n, k: (rng.random(n) < 0.5).astype(float),
    "binary": lambda rng, n, k: (rng.random((n, 1)) < 0.5).astype(float),
    "multilabel": lambda rng, n, k: (rng.random((n, k)) < 0.5).astype(float),
    "real": lambda rng, n, k: rng.normal(size=(n, k)),
    "real column": lambda rng, n, k: rng.normal(size=n),
    "unit": lambda rng, n, k: rng.random((n, k)),
}


def batch(entry: Pass, seed: int = 0, n: int | None = None) -> tuple[Array, Array, dict[str, int]]:
    """Inputs, targets and sizes for a pass; another seed and n give another batch."""
    sizes = {**SIZES, **entry.sizes}
    sizes["N"] = n or sizes["N"]
    rng = np.random.default_rng(100 + seed)
    X = rng.normal(size=(sizes["N"], sizes["I"]))
    return X, TARGETS[entry.data](rng, sizes["N"], sizes["K"]), sizes


@functools.cache
def _code(file: str) -> CodeType:
    path = FOLDER / file
    return compile(path.read_text(), str(path), "exec")


@functools.cache
def _compiled(text: str, mode: str) -> CodeType:  # the same few texts, for thousands of measurements
    return compile(text, "<entry>", mode)


def load(file: str) -> dict[str, Any]:
    """The namespace of a file, executed afresh."""
    module = ModuleType("passes_" + Path(file).stem)
    sys.modules[module.__name__] = module  # dataclasses look there
    exec(_code(file), module.__dict__)
    return module.__dict__


class Run:
    """One pass with its data, its parameters set to `values` where given."""

    def __init__(self, entry: Pass, values: Values | None = None, seed: int = 0, n: int | None = None):
        self.entry, self.space = entry, load(entry.file)
        self.space["np"] = np
        self.feed(seed, n)
        self.run(entry.make)
        for path, value in (values or {}).items():
            self.set(path, value)

    def feed(self, seed: int, n: int | None = None) -> None:
        """Put a batch in the namespace."""
        self.space["lr"] = self.entry.rate
        if self.entry.data == "own":
            self.space["X"], self.space["Y"] = self.space["DATA"]()
            return
        self.space["X"], self.space["Y"], sizes = batch(self.entry, seed, n)
        self.space.update(sizes)

    def run(self, statements: str) -> None:
        """Execute statements in the namespace of the file."""
        exec(_compiled(statements, "exec"), self.space)

    def value(self, expression: str) -> Any:
        """Evaluate `a; b; expression` in the namespace of the file."""
        *statements, last = expression.split("; ")
        self.run("; ".join(statements))
        return eval(_compiled(last, "eval"), self.space)

    def array(self, expression: str) -> Array:
        """A copy of what an expression gives, as float64."""
        return np.array(self.value(expression), dtype=np.float64)

    def set(self, path: str, value: Array) -> None:
        """Write a parameter, in place where it is an array or a list, so that those who share it see it."""
        now = eval(_compiled(path, "eval"), self.space)
        if isinstance(now, list):
            now[:] = value.tolist()
        elif isinstance(now, np.ndarray) and now.dtype == np.float64:
            now[...] = value
        else:  # a number, or an array in float32, which is promoted
            self.space["_value"] = value if isinstance(now, np.ndarray) else float(value)
            self.run(f"{path} = _value")

    def parameters(self) -> Values:
        """A copy of all parameters."""
        return {path: self.array(path) for path in self.entry.tensors}

    def loss(self) -> float:
        """The pass's own loss."""
        return float(self.value(self.entry.loss))

    def gradients(self) -> Values:
        """The pass's own gradients; from the change of a step where it does not show them."""
        if self.entry.backward:
            self.run(self.entry.backward)
            return {path: self.array(grad) for path, grad in self.entry.tensors.items()}
        before = self.parameters()
        self.run(self.entry.step)
        after = self.parameters()
        return {path: (value - after[path]) / self.entry.rate for path, value in before.items()}


def start(entry: Pass) -> Values:
    """Parameters of ordinary size, so that no gradient is lost in rounding."""
    if entry.data == "own":
        return Run(entry).parameters()
    rng = np.random.default_rng(7)
    return {path: rng.normal(0, 0.5, value.shape) for path, value in Run(entry).parameters().items()}


def numeric(entry: Pass, values: Values, seed: int = 0, n: int | None = None) -> Values:
    """Central differences of the pass's own loss."""
    result = {path: np.zeros_like(value) for path, value in values.items()}
    for path, value in values.items():
        for index in np.ndindex(value.shape):
            ends = []
            for sign in (1, -1):
                moved = value.copy()
                moved[index] += sign * entry.nudge
                ends.append(Run(entry, {**values, path: moved}, seed, n).loss())
            result[path][index] = (ends[0] - ends[1]) / (2 * entry.nudge)
    return result


def distance(ours: Values, theirs: Values) -> float:
    """The worst difference in units of each tensor's largest entry; infinite where a shape or a number is wrong.

    A tensor of nothing but rounding is measured by a millionth of the largest entry of all.
    """
    worst, floor = 0.0, 1e-6 * max(np.abs(value).max() for value in ours.values())
    for path, value in ours.items():
        other = theirs[path]
        if other.shape != value.shape or not np.isfinite(other).all():
            return np.inf
        gap, scale = np.abs(other - value).max(), max(np.abs(value).max(), floor)
        worst = max(worst, gap / scale if scale > 0 else np.inf if gap > 0 else 0.0)
    return float(worst)


class Optimizer:
    """The textbook update, one tensor at a time; the reference for what `step` claims."""

    def __init__(self, entry: Pass):
        self.kind, self.lr, self.t = entry.optimizer, entry.rate, 0
        self.s = {"mu": 0.9, "rho": 0.9, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "decay": 0.0, "weight_decay": 0.0}
        self.s |= entry.settings
        self.m: Values = {}
        self.v: Values = {}

    def update(self, values: Values, grads: Values) -> Values:
        """Parameters after one step."""
        lr = self.lr / (1 + self.s["decay"] * self.t)
        self.t += 1
        rule = getattr(self, self.kind)
        return {path: rule(path, value, grads[path], lr) for path, value in values.items()}

    def sgd(self, path: str, w: Array, g: Array, lr: float) -> Array:
        return w - lr * g

    def momentum(self, path: str, w: Array, g: Array, lr: float) -> Array:
        self.m[path] = self.s["mu"] * self.m.get(path, 0.0) - lr * g
        return w + self.m[path]

    def adagrad(self, path: str, w: Array, g: Array, lr: float) -> Array:
        self.v[path] = self.v.get(path, 0.0) + g * g
        return w - lr * g / (np.sqrt(self.v[path]) + self.s["eps"])

    def rmsprop(self, path: str, w: Array, g: Array, lr: float) -> Array:
        self.v[path] = self.s["rho"] * self.v.get(path, 0.0) + (1 - self.s["rho"]) * g * g
        return w - lr * g / (np.sqrt(self.v[path]) + self.s["eps"])

    def adam(self, path: str, w: Array, g: Array, lr: float) -> Array:
        b1, b2 = self.s["beta1"], self.s["beta2"]
        self.m[path] = b1 * self.m.get(path, 0.0) + (1 - b1) * g
        self.v[path] = b2 * self.v.get(path, 0.0) + (1 - b2) * g * g
        m, v = self.m[path] / (1 - b1**self.t), self.v[path] / (1 - b2**self.t)
        return w - lr * m / (np.sqrt(v) + self.s["eps"])

    def adamw(self, path: str, w: Array, g: Array, lr: float) -> Array:
        # Decoupled: the decay acts on the weight matrices, the gradient does not see it.
        return self.adam(path, w * (1 - lr * self.s["weight_decay"]) if w.ndim == 2 else w, g, lr)


def steps_of(entry: Pass, values: Values, count: int = 3) -> tuple[Values, Values]:
    """Parameters after some steps: as its optimizer's formula gives them, and as the pass does."""
    run, reference, expected = Run(entry, values), Optimizer(entry), values
    for _ in range(count):
        run.run(entry.step)
        expected = reference.update(expected, Run(entry, expected).gradients())
    return expected, run.parameters()
