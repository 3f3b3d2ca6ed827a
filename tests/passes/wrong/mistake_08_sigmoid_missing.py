"""Three-layer network with sigmoid units and a quadratic cost."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    s = sigmoid(z)
    return s * (1 - s)


class NeuralNetwork:
    def __init__(self, input_size, hidden_size, output_size):
        self.W1 = np.random.randn(input_size, hidden_size)
        self.b1 = np.random.randn(hidden_size)
        self.W2 = np.random.randn(hidden_size, output_size)
        self.b2 = np.random.randn(output_size)

    def forward(self, X):
        self.z2 = np.dot(X, self.W1) + self.b1
        self.a2 = sigmoid(self.z2)
        self.z3 = np.dot(self.a2, self.W2) + self.b2
        yHat = sigmoid(self.z3)
        return yHat

    def costFunction(self, X, y):
        self.yHat = self.forward(X)
        return 0.5 * np.sum((y - self.yHat) ** 2)

    def costFunctionPrime(self, X, y):
        """Compute derivative with respect to W1, b1, W2 and b2 for a given X and y."""
        self.yHat = self.forward(X)
        delta3 = -(y - self.yHat)
        dJdW2 = np.dot(self.a2.T, delta3)
        dJdb2 = np.sum(delta3, axis=0)
        delta2 = np.dot(delta3, self.W2.T) * sigmoid_prime(self.z2)
        dJdW1 = np.dot(X.T, delta2)
        dJdb1 = np.sum(delta2, axis=0)
        return dJdW1, dJdb1, dJdW2, dJdb2
