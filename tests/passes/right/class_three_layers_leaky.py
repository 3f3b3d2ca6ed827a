"""Homework 3: a network with two hidden layers, leaky ReLU, linear output, squared error averaged over samples."""

import numpy as np

SLOPE = 0.05


def lrelu(z):
    return np.where(z > 0, z, SLOPE * z)


def d_lrelu(z):
    return np.where(z > 0, 1.0, SLOPE)


class Net:
    def __init__(self, d, h1, h2, k):
        np.random.seed(0)
        self.W1, self.b1 = np.random.randn(d, h1) * 0.3, np.zeros(h1)
        self.W2, self.b2 = np.random.randn(h1, h2) * 0.3, np.zeros(h2)
        self.W3, self.b3 = np.random.randn(h2, k) * 0.3, np.zeros(k)

    def forward(self, x):
        self.a0 = x
        self.z1 = self.a0 @ self.W1 + self.b1
        self.a1 = lrelu(self.z1)
        self.z2 = self.a1 @ self.W2 + self.b2
        self.a2 = lrelu(self.z2)
        self.out = self.a2 @ self.W3 + self.b3
        return self.out

    def loss(self, out, t):
        # squared distance, averaged over the samples
        return np.sum((out - t) ** 2) / len(t)

    def backward(self, t):
        g3 = 2 * (self.out - t) / len(t)
        self.dW3, self.db3 = self.a2.T @ g3, g3.sum(0)
        g2 = g3 @ self.W3.T * d_lrelu(self.z2)
        self.dW2, self.db2 = self.a1.T @ g2, g2.sum(0)
        g1 = g2 @ self.W2.T * d_lrelu(self.z1)
        self.dW1, self.db1 = self.a0.T @ g1, g1.sum(0)
