"""A softmax layer for a batch, with its Jacobian."""

import numpy as np


class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.weights = np.random.randn(n_inputs, n_neurons) * np.sqrt(2 / n_inputs)
        self.biases = np.zeros((1, n_neurons))

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.weights + self.biases

    def backward(self, dvalues):
        self.dweights = self.inputs.T @ dvalues
        self.dbiases = dvalues.sum(axis=0, keepdims=True)
        return dvalues @ self.weights.T


class Tanh:
    def forward(self, inputs):
        self.output = np.tanh(inputs)
        return self.output

    def backward(self, dvalues):
        return dvalues * (1 - self.output**2)


class Softmax:
    def forward(self, inputs):
        e = np.exp(inputs - inputs.max(axis=0))
        self.output = e / e.sum(axis=0)
        return self.output

    def backward(self, dvalues):
        dinputs = np.empty_like(dvalues)
        for index, (single_output, single_dvalues) in enumerate(zip(self.output.T, dvalues.T)):
            single_output = single_output.reshape(-1, 1)
            jacobian_matrix = np.diagflat(single_output) - np.dot(single_output, single_output.T)
            dinputs[:, index] = np.dot(jacobian_matrix, single_dvalues)
        return dinputs


class CrossEntropy:
    """-log of the probability given to the right class, mean over the batch; labels are one-hot rows."""

    def forward(self, y_pred, y_true):
        return -np.sum(y_true * np.log(y_pred)) / len(y_pred)

    def backward(self, y_pred, y_true):
        return -y_true / y_pred / len(y_pred)


class Model:
    def __init__(self, n_in, n_hidden, n_out):
        self.layers = [Dense(n_in, n_hidden), Tanh(), Dense(n_hidden, n_out), Softmax()]
        self.loss_function = CrossEntropy()

    def forward(self, X):
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def loss(self, X, y):
        return self.loss_function.forward(self.forward(X), y)

    def backward(self, X, y):
        d = self.loss_function.backward(self.forward(X), y)
        for layer in reversed(self.layers):
            d = layer.backward(d)
        return d


class RMSProp:
    def __init__(self, lr=1e-3, rho=0.9, eps=1e-7):
        self.lr, self.rho, self.eps = lr, rho, eps
        self.cache = {}

    def update(self, layers):
        for i, layer in enumerate(layers):
            if not hasattr(layer, "weights"):
                continue
            for name in ("weights", "biases"):
                g = getattr(layer, "d" + name)
                self.cache[i, name] = self.rho * self.cache.get((i, name), 0.0) + (1 - self.rho) * g**2
                param = getattr(layer, name)
                param -= self.lr * g / (np.sqrt(self.cache[i, name]) + self.eps)
