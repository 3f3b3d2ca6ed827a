"""An MLP whose layers all have the same width."""

import numpy as np


class MLP:
    def __init__(self, sizes, seed=None):
        rng = np.random.default_rng(seed)
        self.weights = [rng.normal(0, np.sqrt(2 / m), (m, n)) for m, n in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros(n) for n in sizes[1:]]

    def forward(self, X):
        self.zs, self.acts = [], [X]
        for i, (W, b) in enumerate(zip(self.weights, self.biases)):
            z = self.acts[-1] @ W + b
            self.zs.append(z)
            self.acts.append(np.maximum(z, 0) if i + 1 < len(self.weights) else z)
        return self.acts[-1]

    def loss(self, X, Y):
        return np.sum((self.forward(X) - Y) ** 2) / (2 * len(X))

    def backprop(self, X, Y):
        out = self.forward(X)
        nabla_w = [np.zeros_like(W) for W in self.weights]
        nabla_b = [np.zeros_like(b) for b in self.biases]
        delta = (out - Y) / len(X)
        for i in range(len(self.weights) - 1, -1, -1):
            nabla_w[i] = self.acts[i + 1].T @ delta
            nabla_b[i] = np.sum(delta, axis=0)
            if i:
                delta = (delta @ self.weights[i].T) * (self.zs[i - 1] > 0)
        return nabla_w, nabla_b
