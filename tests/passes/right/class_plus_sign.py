"""The blog classic: error = target minus output, and the corrections are added to the weights."""

import numpy as np


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)  # x is the output of the sigmoid already
    return 1 / (1 + np.exp(-x))


class NeuralNetwork:
    def __init__(self, n_in, n_hidden, n_out):
        np.random.seed(1)
        self.syn0 = 2 * np.random.random((n_in, n_hidden)) - 1
        self.syn1 = 2 * np.random.random((n_hidden, n_out)) - 1

    def predict(self, x):
        return nonlin(np.dot(nonlin(np.dot(x, self.syn0)), self.syn1))

    def loss(self, x, y):
        return 0.5 * np.sum((y - self.predict(x)) ** 2)

    def train_step(self, x, y, alpha=1.0):
        l1 = nonlin(np.dot(x, self.syn0))
        l2 = nonlin(np.dot(l1, self.syn1))
        # how much did we miss?
        l2_error = y - l2
        l2_delta = l2_error * nonlin(l2, deriv=True)
        # how much did each l1 value contribute to the l2 error?
        l1_error = l2_delta.dot(self.syn1.T)
        l1_delta = l1_error * nonlin(l1, deriv=True)
        self.syn1 += alpha * l1.T.dot(l2_delta)
        self.syn0 += alpha * x.T.dot(l1_delta)
        return np.mean(np.abs(l2_error))
