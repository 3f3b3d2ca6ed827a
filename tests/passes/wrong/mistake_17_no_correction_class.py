"""Adam for a linear softmax model, in a class of its own."""

import numpy as np


class Softmax:
    def __init__(self, n_in, n_out):
        self.W = np.random.default_rng(0).normal(size=(n_in, n_out)) * 0.1
        self.b = np.zeros(n_out)

    def loss_and_grads(self, X, y):
        s = X @ self.W + self.b
        s = s - s.max(axis=1, keepdims=True)
        logp = s - np.log(np.exp(s).sum(axis=1, keepdims=True))
        d = np.exp(logp)
        d[np.arange(len(y)), y] -= 1.0
        d /= len(y)
        return -logp[np.arange(len(y)), y].mean(), {"W": X.T @ d, "b": d.sum(axis=0)}


class Adam:
    def __init__(self, model, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.model, self.lr, self.beta1, self.beta2, self.eps = model, lr, beta1, beta2, eps
        self.m = {"W": 0.0, "b": 0.0}
        self.v = {"W": 0.0, "b": 0.0}

    def step(self, grads):
        for name, g in grads.items():
            self.m[name] = self.beta1 * self.m[name] + (1 - self.beta1) * g
            self.v[name] = self.beta2 * self.v[name] + (1 - self.beta2) * np.square(g)
            param = getattr(self.model, name)
            param -= self.lr * self.m[name] / (np.sqrt(self.v[name]) + self.eps)
