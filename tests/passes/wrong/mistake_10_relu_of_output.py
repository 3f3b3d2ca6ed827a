"""Two ReLU layers of the same width; the way back is written out."""

import numpy as np


def relu(z):
    return z * (z > 0)


def init(n_in, width, n_out, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(n_in, width), (width, width), (width, n_out)]
    return [rng.normal(0, np.sqrt(2 / s[0]), s) for s in shapes], [np.zeros(s[1]) for s in shapes]


def forward(Ws, bs, X):
    z1 = X @ Ws[0] + bs[0]
    z2 = relu(z1) @ Ws[1] + bs[1]
    z3 = relu(z2) @ Ws[2] + bs[2]
    return [z1, z2, z3]


def cost(Ws, bs, X, Y):
    return np.sum((forward(Ws, bs, X)[-1] - Y) ** 2) / (2 * len(X))


def backward(Ws, bs, X, Y):
    z1, z2, out = forward(Ws, bs, X)
    d3 = (out - Y) / len(X)
    d2 = (d3 @ Ws[2].T) * (z2 > 0)
    d1 = (d2 @ Ws[1].T) * (z2 > 0)
    dWs = [X.T @ d1, relu(z1).T @ d2, relu(z2).T @ d3]
    dbs = [d.sum(axis=0) for d in (d1, d2, d3)]
    return dWs, dbs
