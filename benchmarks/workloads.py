"""The five training problems everyone gets: the same rows, the same initial weights, the same rates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

RATES = {"SGD": 0.01, "Adam": 1e-4}  # low, so that the order of the rows hardly matters to the first losses
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
DTYPES = ("float32", "float64")

Array = np.ndarray[Any, np.dtype[Any]]


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
