"""Layers that update themselves."""

import numpy as np


class FCLayer:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    # computes dE/dW, dE/dB for a given output_error=dE/dY. Returns input_error=dE/dX.
    def backward_propagation(self, output_error, learning_rate):
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        return np.dot(output_error, self.weights.T)


class ActivationLayer:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward_propagation(self, input_data):
        self.input = input_data
        return self.activation(self.input)

    def backward_propagation(self, output_error, learning_rate):
        return self.activation_prime(self.input) * output_error


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x) ** 2


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


class Network:
    def __init__(self, n_in=2, n_hidden=3, n_out=1):
        self.layers = [FCLayer(n_in, n_hidden), ActivationLayer(tanh, tanh_prime)]
        self.layers += [FCLayer(n_hidden, n_out), ActivationLayer(tanh, tanh_prime)]

    def predict(self, input_data):
        output = input_data
        for layer in self.layers:
            output = layer.forward_propagation(output)
        return output

    def loss(self, x, y):
        return mse(y, self.predict(x))

    def train_step(self, x, y, learning_rate):
        output = self.predict(x)
        error = mse_prime(y, output)
        for layer in reversed(self.layers):
            error = layer.backward_propagation(error, learning_rate)
        return mse(y, output)


if __name__ == "__main__":
    x_train = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
    y_train = np.array([[0], [1], [1], [0]], dtype=float)
    net = Network()
    for i in range(1000):
        err = net.train_step(x_train, y_train, 0.1)
    print("error=%f" % err)
