"""Logistic output layer over a sigmoid layer, likelihood ascent."""

import numpy as np


class LogisticNet:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(5)
        self.V = rng.normal(0, 0.5, (n_in, n_hidden))
        self.c = np.zeros(n_hidden)
        self.U = rng.normal(0, 0.5, (n_hidden, n_out))
        self.d = np.zeros(n_out)

    def probabilities(self, X):
        self.H = 1 / (1 + np.exp(-(X @ self.V + self.c)))
        S = self.H @ self.U + self.d
        S = np.exp(S - S.max(axis=1, keepdims=True))
        return S / S.sum(axis=1, keepdims=True)

    def loss(self, X, Y):
        """Negative log-likelihood, mean over the rows; Y is one-hot."""
        return -np.sum(Y * np.log(self.probabilities(X))) / len(X)

    def fit_batch(self, X, Y, eta):
        P = self.probabilities(X)
        err = Y
        err -= P
        err /= len(X)
        back = err @ self.U.T * self.H * (1 - self.H)
        self.U += eta * self.H.T @ err
        self.d += eta * err.sum(axis=0)
        self.V += eta * X.T @ back
        self.c += eta * back.sum(axis=0)
        return self.loss(X, Y)
