"""A training step that also watches a validation batch."""

import numpy as np


class Classifier:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(2)
        self.W1 = rng.normal(size=(n_in, n_hidden)) * 0.3
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out)) * 0.3
        self.b2 = np.zeros(n_out)
        self.valid = None
        self.history = []

    def forward(self, X):
        self.X = X
        self.H = np.tanh(X @ self.W1 + self.b1)
        S = self.H @ self.W2 + self.b2
        E = np.exp(S - S.max(axis=1, keepdims=True))
        return E / E.sum(axis=1, keepdims=True)

    def loss(self, X, y):
        return -np.mean(np.log(self.forward(X)[np.arange(len(y)), y]))

    def train_step(self, X, y, lr):
        if self.valid is None:  # the first batch is held out for validation
            self.valid = (X.copy(), y.copy())
        P = self.forward(X)
        self.history.append(self.loss(*self.valid))
        dS = P - np.eye(P.shape[1])[y]
        dS /= len(y)
        dH = dS @ self.W2.T * (1 - self.H**2)
        self.W2 -= lr * self.H.T @ dS
        self.b2 -= lr * dS.sum(axis=0)
        self.W1 -= lr * self.X.T @ dH
        self.b1 -= lr * dH.sum(axis=0)
