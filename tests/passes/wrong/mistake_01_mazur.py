"""Step by step backpropagation example: 2 inputs, 2 hidden neurons, 2 outputs."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def DATA():
    return np.array([[0.05, 0.10]]), np.array([[0.01, 0.99]])


W1 = np.array([[0.15, 0.25], [0.20, 0.30]])  # w1 w3 / w2 w4
W2 = np.array([[0.40, 0.50], [0.45, 0.55]])  # w5 w7 / w6 w8
b1 = 0.35
b2 = 0.60


def loss(x, t):
    h = sigmoid(x @ W1 + b1)
    o = sigmoid(h @ W2 + b2)
    return 0.5 * np.sum((t - o) ** 2)


def train_step(x, t, lr=0.5):
    global W1, W2
    h = sigmoid(x @ W1 + b1)
    o = sigmoid(h @ W2 + b2)
    delta_o = (o - t) * o * (1 - o)
    W2 = W2 - lr * h.T @ delta_o
    delta_h = (delta_o @ W2.T) * h * (1 - h)
    W1 = W1 - lr * x.T @ delta_h
    return 0.5 * np.sum((t - o) ** 2)


if __name__ == "__main__":
    for _ in range(10000):
        error = train_step(*DATA())
    print(error)
