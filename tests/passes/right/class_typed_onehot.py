"""Typed implementation of a two-layer perceptron for one-hot targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass
class Gradients:
    W1: Array
    b1: Array
    W2: Array
    b2: Array


class MultiLayerPerceptron:
    """input -> tanh hidden -> softmax output."""

    def __init__(self, num_inputs: int, num_hidden: int, num_classes: int, seed: int | None = 0) -> None:
        rng = np.random.default_rng(seed)
        self.W1: Array = rng.normal(0.0, 0.1, (num_inputs, num_hidden))
        self.b1: Array = np.zeros((1, num_hidden))
        self.W2: Array = rng.normal(0.0, 0.1, (num_hidden, num_classes))
        self.b2: Array = np.zeros((1, num_classes))

    def forward(self, X: Array) -> tuple[Array, Array]:
        X = np.array(X, dtype=float, copy=True)
        hidden = np.tanh(X @ self.W1 + self.b1)
        logits = hidden @ self.W2 + self.b2
        logits = logits - np.max(logits, axis=1, keepdims=True)
        exp = np.exp(logits)
        return hidden, exp / np.sum(exp, axis=1, keepdims=True)

    def loss(self, X: Array, Y: Array) -> float:
        _, probabilities = self.forward(X)
        return float(-np.mean(np.sum(Y * np.log(probabilities), axis=1)))

    def backward(self, X: Array, Y: Array) -> Gradients:
        hidden, probabilities = self.forward(X)
        delta_out = (probabilities - Y) / X.shape[0]
        delta_hidden = (delta_out @ self.W2.T) * (1.0 - np.square(hidden))
        return Gradients(
            W1=X.T @ delta_hidden,
            b1=delta_hidden.sum(axis=0, keepdims=True),
            W2=hidden.T @ delta_out,
            b2=delta_out.sum(axis=0, keepdims=True),
        )
