"""Logistic regression as a class, one column of weights."""

import numpy as np


class LogisticRegression:
    def __init__(self, n_features):
        self.w = np.random.default_rng(4).normal(size=(n_features, 1)) * 0.1
        self.b = np.zeros((1, 1))

    def forward(self, X):
        return 1 / (1 + np.exp(-(X @ self.w + self.b)))

    def loss(self, X, y):
        p = self.forward(X).ravel()
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    def train_step(self, X, y, lr=0.1):
        loss = self.loss(X, y)
        p = self.forward(X)
        dz = (p - y) / len(y)
        self.w = self.w - lr * X.T @ dz
        self.b = self.b - lr * dz.sum(axis=0, keepdims=True)
        return loss
