"""Deep ReLU network trained with AdamW."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out, rng):
        self.w = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw = self.x.T @ dy
        self.db = dy.sum(0)
        return dy @ self.w.T


class Relu:
    def forward(self, x):
        self.open = x > 0
        return x * self.open

    def backward(self, dy):
        return dy * self.open


class Net:
    """sizes: inputs, first hidden, second hidden, classes."""

    def __init__(self, sizes, seed=0):
        rng = np.random.default_rng(seed)
        self.layers = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:]):
            self.layers += [Dense(n_in, n_out, rng), Relu()]
        self.layers.pop()

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        z = x - x.max(axis=1, keepdims=True)
        self.p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return self.p

    def loss(self, p, y):
        return -np.log(p[np.arange(len(y)), y]).mean()

    def backward(self, y):
        d = (self.p - np.eye(self.p.shape[1])[y]) / len(y)
        for layer in reversed(self.layers):
            d = layer.backward(d)
        return d


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.lr, self.betas, self.eps, self.weight_decay = lr, betas, eps, weight_decay
        self.t = 0
        self.m, self.v = {}, {}

    def step(self, layers):
        self.t += 1
        b1, b2 = self.betas
        for i, layer in enumerate(layers):
            if not hasattr(layer, "w"):
                continue
            for name in ("w", "b"):
                value, grad = getattr(layer, name), getattr(layer, "d" + name)
                if name == "w":
                    grad = grad + self.weight_decay * value
                m = self.m[i, name] = b1 * self.m.get((i, name), 0) + (1 - b1) * grad
                v = self.v[i, name] = b2 * self.v.get((i, name), 0) + (1 - b2) * grad**2
                value -= self.lr * (m / (1 - b1**self.t)) / (np.sqrt(v / (1 - b2**self.t)) + self.eps)
