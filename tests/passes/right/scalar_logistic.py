"""Logistic regression with for loops, week 2 of the course, before vectorisation."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def cost_and_gradient(w, b, X, y):
    m, n = X.shape
    J = 0.0
    dw = np.zeros(n)
    db = 0.0
    for i in range(m):
        z = np.dot(w, X[i]) + b
        a = sigmoid(z)
        J += -(y[i] * np.log(a) + (1 - y[i]) * np.log(1 - a))
        dz = a - y[i]
        for j in range(n):
            dw[j] += X[i, j] * dz
        db += dz
    return J / m, dw / m, db / m


def gradient_descent(w, b, X, y, alpha, iterations):
    for it in range(iterations):
        J, dw, db = cost_and_gradient(w, b, X, y)
        w = w - alpha * dw
        b = b - alpha * db
        if it % 100 == 0:
            print(f"Iteration {it:4}: cost {J:0.4f}")
    return w, b
