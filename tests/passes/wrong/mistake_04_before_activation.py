"""Regression with one hidden layer; every stage is kept for the way back."""

import numpy as np


class Regressor:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(12)
        self.W1 = rng.normal(size=(n_in, n_hidden)) * 0.4
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out)) * 0.4
        self.b2 = np.zeros(n_out)

    def forward(self, X):
        self.X = X
        self.Z1 = X @ self.W1 + self.b1
        self.A1 = 1 / (1 + np.exp(-self.Z1))
        return self.A1 @ self.W2 + self.b2

    def loss(self, out, Y):
        return np.mean(np.sum((out - Y) ** 2, axis=1))

    def backward(self, out, Y):
        dout = 2 * (out - Y) / len(Y)
        dZ1 = (dout @ self.W2.T) * self.A1 * (1 - self.A1)
        return {
            "W1": self.X.T @ dZ1,
            "b1": dZ1.sum(axis=0),
            "W2": self.Z1.T @ dout,
            "b2": dout.sum(axis=0),
        }
