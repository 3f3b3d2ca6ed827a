"""How fast training is on this machine: five problems, from tiny to wide, in seconds and as a share of the peak."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule import __version__
from chainrule.activations import ReLU
from chainrule.arrays import Array
from chainrule.backends import compiled
from chainrule.backends.threads import limit
from chainrule.layers import Dense
from chainrule.losses import SoftmaxCrossEntropy
from chainrule.network import Network
from chainrule.optimizers import SGD, Adam
from chainrule.training import train

RATES = {"SGD": 0.01, "Adam": 1e-4}  # low, so that the order of the rows hardly matters to the first losses
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Workload:
    """A dense network with ReLU between its layers and softmax with cross-entropy behind the last."""

    name: str
    widths: tuple[int, ...]
    batch: int
    steps: int  # an epoch

    @property
    def rows(self) -> int:
        return self.batch * self.steps

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(I, O) of every layer."""
        return tuple(pairwise(self.widths))

    @property
    def flops(self) -> int:
        """Of a step's matrix products: forward, dW, and dx wherever a layer is below to receive it."""
        products = [n_in * n_out for n_in, n_out in self.shapes]
        return 2 * self.batch * (3 * sum(products) - products[0])

    def data(self, dtype: str) -> tuple[Array, Array]:
        """X (N, I) and labels (N,) that a linear map tells: something to learn, whatever the shape."""
        rng = np.random.default_rng(0)
        X = rng.normal(size=(self.rows, self.widths[0]))
        teacher = rng.normal(size=(self.widths[0], self.widths[-1]))
        return X.astype(dtype), np.argmax(X @ teacher, axis=1)

    def initial(self, dtype: str) -> list[tuple[Array, Array]]:
        """Weights (I, O) and biases (O,) of every layer."""
        rng = np.random.default_rng(1)
        return [
            ((rng.normal(size=(n_in, n_out)) * np.sqrt(2 / n_in)).astype(dtype), np.zeros(n_out, dtype))
            for n_in, n_out in self.shapes
        ]

    def __str__(self) -> str:
        return f"{self.batch}: {'-'.join(map(str, self.widths))}"


WORKLOADS = {
    load.name: load
    for load in (
        Workload("spiral", (2, 64, 3), batch=300, steps=1),
        Workload("digits", (64, 64, 10), batch=32, steps=56),
        Workload("tab", (32, 128, 128, 2), batch=256, steps=40),
        Workload("fashion", (784, 128, 128, 10), batch=128, steps=100),
        Workload("wide", (784, 2048, 2048, 10), batch=512, steps=2),
    )
}


@dataclass(frozen=True)
class Speed:
    """Of one workload: seconds a step (the median of the rounds), threads, and the share of what they could do."""

    seconds: float
    threads: int | None
    peak: float | None


def network(load: Workload, dtype: str) -> Network:
    """The workload's network with its initial weights."""
    layers = [layer for units in load.widths[1:] for layer in (Dense(units), ReLU())][:-1]
    net = Network(layers, SoftmaxCrossEntropy(), load.widths[0], dtype=dtype)
    for i, (W, b) in enumerate(load.initial(dtype), start=1):
        net[f"W{i}"][...], net[f"b{i}"][...] = W, b
    return net


def measure(load: Workload, rule: str, dtype: str, rounds: int = 9, threads: int | None = None) -> Speed:
    """Train it: an epoch to warm up, then rounds of at least 50 ms, each with the peak of its moment beside it."""
    optimizer = SGD(RATES["SGD"]) if rule == "SGD" else Adam(RATES["Adam"], BETA1, BETA2, EPSILON)
    net = network(load, dtype)
    data = load.data(dtype)
    training = iter(train(net, data, optimizer, batch_size=load.batch, epochs=10**9, threads=threads))
    next(training)
    began = time.perf_counter()
    record = next(training)
    epochs = max(1, round(0.05 / (time.perf_counter() - began)))
    seconds, shares = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(epochs):
            record = next(training)
        seconds.append((time.perf_counter() - began) / (epochs * load.steps))
        if record.backend == compiled.NAME:
            shares.append(load.flops / seconds[-1] / peak(dtype, 0.02, record.threads or 1))
    return Speed(statistics.median(seconds), record.threads, statistics.median(shares) if shares else None)


def peak(dtype: str, seconds: float, threads: int) -> float:
    """Floating-point operations a second of threads that only multiply and add, all at once; the best of so many
    seconds. Measured in float32: a vector has half as many float64."""
    with compiled.ThreadsRefused((threads, threads, True)):
        found = float(compiled.kernels().peak(compiled.current_isa(), seconds, threads))
    return found / {"float32": 1, "float64": 2}[dtype]


def information() -> dict[str, Any]:
    """What decides speed here: backend, instruction set, threads."""
    found: dict[str, Any] = {
        "chainrule": __version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "backend": "compiled",
        "threads": limit(),
        "cores": os.cpu_count(),
    }
    net = network(WORKLOADS["spiral"], "float32")
    found["backend"] = net.backend
    if net.backend_reason is not None:
        found["reason"] = net.backend_reason
        return found
    found["instruction set"] = compiled.current_isa()
    found["instruction sets that run here"] = compiled.kernels().isas()
    for name, threads in {"one thread": 1, "all threads": limit()}.items():
        found[f"peak GFLOP/s, float32, {name}"] = round(peak("float32", 0.2, threads) / 1e9)
    return found
