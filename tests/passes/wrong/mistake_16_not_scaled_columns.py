"""Notebook on dropout."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward_propagation_with_dropout(X, parameters, keep_prob=0.5):
    np.random.seed(1)
    W1, b1, W2, b2 = parameters["W1"], parameters["b1"], parameters["W2"], parameters["b2"]
    Z1 = np.dot(W1, X) + b1
    A1 = np.tanh(Z1)
    D1 = np.random.rand(A1.shape[0], A1.shape[1])
    D1 = D1 < keep_prob
    dropped = A1 * D1 / keep_prob
    Z2 = np.dot(W2, dropped) + b2
    A2 = sigmoid(Z2)
    return A2, (A1, D1, dropped, A2)


def compute_cost(A2, Y):
    return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]


def backward_propagation_with_dropout(X, Y, parameters, cache, keep_prob=0.5):
    m = X.shape[1]
    A1, D1, dropped, A2 = cache
    dZ2 = A2 - Y
    dW2 = 1.0 / m * np.dot(dZ2, dropped.T)
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(parameters["W2"].T, dZ2)
    dA1 = dA1 * D1
    dZ1 = dA1 * (1 - A1**2)
    dW1 = 1.0 / m * np.dot(dZ1, X.T)
    db1 = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}
