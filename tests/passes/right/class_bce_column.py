"""Binary classification with a single sigmoid output; targets have shape (n, 1)."""

import numpy as np


class Network:
    def __init__(self, n_in, n_hidden):
        self.W1 = np.random.randn(n_in, n_hidden) * 0.5
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = np.random.randn(n_hidden, 1) * 0.5
        self.b2 = np.zeros((1, 1))

    @staticmethod
    def sigmoid(z):
        return 1.0 / (1.0 + np.exp(-z))

    def forward(self, X):
        self.X = X
        self.A1 = np.tanh(X @ self.W1 + self.b1)
        self.A2 = self.sigmoid(self.A1 @ self.W2 + self.b2)
        return self.A2

    def loss(self, Y):
        return -np.mean(Y * np.log(self.A2) + (1 - Y) * np.log(1 - self.A2))

    def backward(self, Y):
        m = Y.shape[0]
        dZ2 = self.A2 - Y
        self.dW2 = self.A1.T @ dZ2 / m
        self.db2 = dZ2.sum(axis=0, keepdims=True) / m
        dZ1 = (dZ2 @ self.W2.T) * (1 - self.A1**2)
        self.dW1 = self.X.T @ dZ1 / m
        self.db1 = dZ1.sum(axis=0, keepdims=True) / m

    def update(self, learning_rate):
        self.W1 -= learning_rate * self.dW1
        self.b1 -= learning_rate * self.db1
        self.W2 -= learning_rate * self.dW2
        self.b2 -= learning_rate * self.db2
