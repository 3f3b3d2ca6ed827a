"""Dropout for a regression network, mask as an argument."""

import numpy as np

KEEP = 0.8


def make_mask(n, n_hidden, seed=0):
    return np.random.default_rng(seed).random((n, n_hidden)) < KEEP


def forward(params, X, mask):
    z1 = X @ params["W1"] + params["b1"]
    a1 = np.maximum(z1, 0)
    d1 = a1 * mask / KEEP
    out = d1 @ params["W2"] + params["b2"]
    return z1, d1, out


def loss_and_grads(params, X, T, mask):
    z1, d1, out = forward(params, X, mask)
    N = X.shape[0]
    loss = np.sum((out - T) ** 2) / (2 * N)
    dout = (out - T) / N
    dd1 = dout @ params["W2"].T
    da1 = dd1 * mask
    dz1 = da1 * (z1 > 0)
    grads = {
        "W1": X.T @ dz1,
        "b1": dz1.sum(axis=0),
        "W2": d1.T @ dout,
        "b2": dout.sum(axis=0),
    }
    return loss, grads
