"""Linear, Sigmoid and Sequential, in the manner of the big frameworks."""

import numpy as np

rng = np.random.default_rng(42)


class Linear:
    def __init__(self, in_features, out_features):
        self.W = rng.normal(0.0, 1.0 / np.sqrt(in_features), (in_features, out_features))
        self.b = np.zeros(out_features)
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW += self.x.T @ grad
        self.db += grad.sum(axis=0)
        return grad @ self.W.T


class Sigmoid:
    def forward(self, x):
        self.y = 1.0 / (1.0 + np.exp(-x))
        return self.y

    def backward(self, grad):
        return grad * self.y * (1.0 - self.y)


class HalfSquaredError:
    """E = 1/2 sum of squared errors, over all samples and outputs."""

    def forward(self, prediction, target):
        self.difference = prediction - target
        return 0.5 * np.sum(self.difference**2)

    def backward(self):
        return self.difference


class Sequential:
    def __init__(self, loss):
        self.layers = []
        self.criterion = loss

    def add(self, layer):
        self.layers.append(layer)
        return self

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        return self.criterion.forward(self.forward(x), t)

    def backward(self):
        grad = self.criterion.backward()
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad

    def update(self, lr):
        for layer in self.layers:
            if isinstance(layer, Linear):
                layer.W -= lr * layer.dW
                layer.b -= lr * layer.db


def build_model(n_in, n_hidden, n_out):
    return Sequential(HalfSquaredError()).add(Linear(n_in, n_hidden)).add(Sigmoid()).add(Linear(n_hidden, n_out))
