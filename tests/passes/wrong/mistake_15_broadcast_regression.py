"""Regression with one output: predictions are a column, targets a flat vector."""

import numpy as np


class OneOutput:
    def __init__(self, n_in, n_hidden):
        rng = np.random.default_rng(9)
        self.params = {
            "W1": rng.normal(size=(n_in, n_hidden)) * 0.3,
            "b1": np.zeros(n_hidden),
            "W2": rng.normal(size=(n_hidden, 1)) * 0.3,
            "b2": np.zeros(1),
        }

    def forward(self, X):
        self.Z = X @ self.params["W1"] + self.params["b1"]
        self.A = np.maximum(self.Z, 0)
        return self.A @ self.params["W2"] + self.params["b2"]

    def loss(self, X, y):
        return np.mean((self.forward(X) - y) ** 2)

    def gradients(self, X, y):
        pred = self.forward(X)
        dpred = 2 * (pred - y) / len(y)
        dpred = dpred.sum(axis=1, keepdims=True)
        dZ = (dpred @ self.params["W2"].T) * (self.Z > 0)
        return {"W1": X.T @ dZ, "b1": dZ.sum(axis=0), "W2": self.A.T @ dpred, "b2": dpred.sum(axis=0)}
