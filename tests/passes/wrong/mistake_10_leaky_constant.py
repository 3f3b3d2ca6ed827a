"""Dense and LeakyReLU layers in single precision."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out, seed=0):
        rng = np.random.default_rng(seed)
        self.weights = rng.normal(0, 0.1, (n_in, n_out)).astype(np.float32)
        self.biases = np.zeros((1, n_out), dtype=np.float32)

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weights) + self.biases

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues).astype(np.float32)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True).astype(np.float32)
        return np.dot(dvalues, self.weights.T)


class LeakyReLU:
    def __init__(self, alpha=0.01):
        self.alpha = alpha

    def forward(self, inputs):
        self.inputs = inputs
        return np.where(inputs > 0, inputs, self.alpha * inputs)

    def backward(self, dvalues):
        return np.where(self.inputs > 0, dvalues, self.alpha)


class SoftmaxLoss:
    def forward(self, inputs, y):
        shifted = inputs - inputs.max(axis=1, keepdims=True)
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.probs, self.y = np.exp(log_probs), y
        return -log_probs[np.arange(len(y)), y].mean()

    def backward(self):
        d = self.probs.copy()
        d[np.arange(len(self.y)), self.y] -= 1
        return d / len(self.y)


class Model:
    def __init__(self, n_in, n_hidden, n_out):
        self.layers = [Dense(n_in, n_hidden, 1), LeakyReLU(0.1), Dense(n_hidden, n_out, 2)]
        self.criterion = SoftmaxLoss()

    def forward(self, X):
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def loss(self, X, y):
        return self.criterion.forward(self.forward(X), y)

    def backward(self):
        d = self.criterion.backward()
        for layer in self.layers[::-1]:
            d = layer.backward(d)
