"""A classifier for zeros and ones."""

import numpy as np


class BinaryClassifier:
    def __init__(self, n_features, n_hidden, seed=1):
        rng = np.random.default_rng(seed)
        self.W1 = rng.normal(size=(n_features, n_hidden)) * 0.1
        self.b1 = np.zeros(n_hidden)
        self.w2 = rng.normal(size=n_hidden) * 0.1
        self.b2 = 0.0

    def forward(self, X):
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = np.maximum(self.Z1, 0)
        self.p = 1 / (1 + np.exp(-(self.A1 @ self.w2 + self.b2)))  # (N,)
        return self.p

    def loss(self, p, y):
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def backward(self, X, y):
        n = len(y)
        dz2 = (self.p - y) / n  # (N,)
        self.dw2 = self.A1.T @ dz2
        self.db2 = dz2.sum()
        dA1 = np.outer(dz2, self.w2)
        dZ1 = dA1 * (self.Z1 > 0)
        self.dW1 = X.T @ dZ1
        self.db1 = dZ1.sum(axis=0)

    def step(self, X, y, lr=0.1):
        loss = self.loss(self.forward(X), y)
        self.backward(X, y)
        self.W1 -= lr * self.dW1
        self.w2 -= lr * self.dw2
        self.b2 -= lr * self.db2
        return loss
