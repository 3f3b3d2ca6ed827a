"""Regression network; the loss is np.mean over every entry, samples and outputs alike."""

import numpy as np


class MLPRegressor:
    def __init__(self, layer_sizes, random_state=0):
        rng = np.random.RandomState(random_state)
        self.coefs, self.intercepts = [], []
        for fan_in, fan_out in zip(layer_sizes[:-1], layer_sizes[1:]):
            bound = np.sqrt(6.0 / (fan_in + fan_out))
            self.coefs.append(rng.uniform(-bound, bound, (fan_in, fan_out)))
            self.intercepts.append(rng.uniform(-bound, bound, fan_out))

    def forward(self, X):
        activations = [X]
        for i, (W, b) in enumerate(zip(self.coefs, self.intercepts)):
            z = activations[-1] @ W + b
            activations.append(np.tanh(z) if i < len(self.coefs) - 1 else z)
        return activations

    def loss(self, X, Y):
        return np.mean((self.forward(X)[-1] - Y) ** 2)

    def gradients(self, X, Y):
        activations = self.forward(X)
        delta = 2.0 * (activations[-1] - Y) / Y.size
        coef_grads, intercept_grads = [None] * len(self.coefs), [None] * len(self.coefs)
        for i in reversed(range(len(self.coefs))):
            coef_grads[i] = activations[i].T @ delta
            intercept_grads[i] = delta.sum(axis=0)
            if i > 0:
                delta = (delta @ self.coefs[i].T) * (1.0 - activations[i] ** 2)
        return coef_grads, intercept_grads
