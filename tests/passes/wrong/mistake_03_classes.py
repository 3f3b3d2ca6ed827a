"""Sigmoid hidden layer, softmax output, momentum."""

import numpy as np


class MomentumNet:
    def __init__(self, n_in, n_hidden, n_out, mu=0.9):
        r = np.random.RandomState(3)
        self.params = {
            "W1": r.randn(n_in, n_hidden) * 0.2,
            "b1": np.zeros((1, n_hidden)),
            "W2": r.randn(n_hidden, n_out) * 0.2,
            "b2": np.zeros((1, n_out)),
        }
        self.mu = mu
        self.velocity = {k: np.zeros_like(v) for k, v in self.params.items()}

    def forward(self, X):
        p = self.params
        self.X = X
        self.h = 1 / (1 + np.exp(-(X @ p["W1"] + p["b1"])))
        s = self.h @ p["W2"] + p["b2"]
        e = np.exp(s - s.max(1, keepdims=True))
        self.probs = e / e.sum(1, keepdims=True)
        return self.probs

    def loss(self, probs, Y):
        return -(Y * np.log(probs)).sum() / Y.shape[0]

    def backward(self, Y):
        ds = (self.probs - Y) / Y.shape[1]
        grads = {"W2": self.h.T @ ds, "b2": ds.sum(0, keepdims=True)}
        dz = ds @ self.params["W2"].T * self.h * (1 - self.h)
        grads["W1"] = self.X.T @ dz
        grads["b1"] = dz.sum(0, keepdims=True)
        return grads

    def step(self, X, Y, lr):
        loss = self.loss(self.forward(X), Y)
        grads = self.backward(Y)
        for k in self.params:
            self.velocity[k] = self.mu * self.velocity[k] - lr * grads[k]
            self.params[k] += self.velocity[k]
        return loss
