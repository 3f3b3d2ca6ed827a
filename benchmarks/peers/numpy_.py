"""NumPy by hand: every array allocated once, every operation into one of them, all parameters in one flat array."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np

from chainrule.bench import BETA1, BETA2, EPSILON, RATES, Array, Workload
from peers import Peer


class Buffers:
    """All arrays of the training; views of the flat ones by layer."""

    def __init__(self, load: Workload, dtype: str) -> None:
        initial = load.initial(dtype)
        self.params = np.concatenate([part.ravel() for pair in initial for part in pair])
        self.grads, self.scratch = np.empty_like(self.params), np.empty_like(self.params)
        self.m, self.v = np.zeros_like(self.params), np.zeros_like(self.params)
        self.W, self.b = views(load, self.params)
        self.dW, self.db = views(load, self.grads)
        self.x = [np.empty((load.batch, width), dtype) for width in load.widths]  # x[i] enters layer i
        self.d = [np.empty_like(x) for x in self.x]
        self.on = [np.empty(x.shape, bool) for x in self.x]
        self.column = np.empty((load.batch, 1), dtype)
        self.t = np.empty(load.batch, np.int64)
        self.firsts = np.arange(load.batch) * load.widths[-1]


def views(load: Workload, flat: Array) -> tuple[list[Array], list[Array]]:
    """Weights and biases in a flat array."""
    matrices, vectors, start = [], [], 0
    for n_in, n_out in load.shapes:
        matrices.append(flat[start : start + n_in * n_out].reshape(n_in, n_out))
        vectors.append(flat[start + n_in * n_out : start + (n_in + 1) * n_out])
        start += (n_in + 1) * n_out
    return matrices, vectors


def forward(net: Buffers) -> None:
    for i, (W, b) in enumerate(zip(net.W, net.b)):
        z = net.x[i + 1]
        np.matmul(net.x[i], W, out=z)
        np.add(z, b, out=z)
        if i + 1 < len(net.W):
            np.maximum(z, 0, out=z)


def loss_of(net: Buffers) -> float:
    """Mean cross-entropy; its gradient in d[-1]."""
    z, dz, column = net.x[-1], net.d[-1], net.column
    np.subtract(z, z.max(axis=1, keepdims=True, out=column), out=z)
    np.exp(z, out=dz)
    np.sum(dz, axis=1, keepdims=True, out=column)
    np.divide(dz, column, out=dz)
    chosen = net.firsts + net.t
    total = np.log(column, out=column).sum() - z.ravel()[chosen].sum()
    dz.ravel()[chosen] -= 1
    np.multiply(dz, 1 / len(z), out=dz)
    return float(total) / len(z)


def backward(net: Buffers) -> None:
    for i in reversed(range(len(net.W))):
        np.matmul(net.x[i].T, net.d[i + 1], out=net.dW[i])
        np.add.reduce(net.d[i + 1], axis=0, out=net.db[i])
        if i:
            np.matmul(net.d[i + 1], net.W[i].T, out=net.d[i])
            np.greater(net.x[i], 0, out=net.on[i])
            np.multiply(net.d[i], net.on[i], out=net.d[i])


def sgd(net: Buffers) -> None:
    np.multiply(net.grads, RATES["SGD"], out=net.grads)
    np.subtract(net.params, net.grads, out=net.params)


def adam(net: Buffers, step: int) -> None:
    """With both bias corrections in the rate and in epsilon: fewer passes over memory."""
    root = sqrt(1 - BETA2**step)
    np.multiply(net.v, BETA2, out=net.v)
    np.multiply(net.grads, net.grads, out=net.scratch)
    np.multiply(net.scratch, 1 - BETA2, out=net.scratch)
    np.add(net.v, net.scratch, out=net.v)
    np.multiply(net.m, BETA1, out=net.m)
    np.multiply(net.grads, 1 - BETA1, out=net.grads)
    np.add(net.m, net.grads, out=net.m)
    np.sqrt(net.v, out=net.scratch)
    np.add(net.scratch, EPSILON * root, out=net.scratch)
    np.divide(net.m, net.scratch, out=net.scratch)
    np.multiply(net.scratch, RATES["Adam"] * root / (1 - BETA1**step), out=net.scratch)
    np.subtract(net.params, net.scratch, out=net.params)


class NumPy(Peer):
    name = "NumPy, buffers allocated once"
    packages = ("numpy",)
    floor = True

    def update(self, net: Buffers, optimizer: str, step: int) -> None:
        if optimizer == "SGD":
            sgd(net)
        else:
            adam(net, step)

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        X, y = load.data(dtype)
        net, step, rng = Buffers(load, dtype), 0, np.random.default_rng(2)
        while True:
            total = 0.0
            for rows in rng.permutation(load.rows).reshape(load.steps, load.batch):
                step += 1
                np.take(X, rows, axis=0, out=net.x[0], mode="clip")  # the other modes copy once more
                np.take(y, rows, out=net.t, mode="clip")
                forward(net)
                total += loss_of(net)
                backward(net)
                self.update(net, optimizer, step)
            yield total / load.steps


class Products(Peer):
    """What a step cannot do without, on OpenBLAS: forward, dW, and dx above the first layer. Nothing else."""

    name = "bare matrix products (OpenBLAS)"
    packages = ("numpy",)
    floor = True
    trains = False

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        net = Buffers(load, dtype)
        for array in (*net.x, *net.d):
            array[...] = np.random.default_rng(0).normal(size=array.shape)
        while True:
            for _ in range(load.steps):
                for i, W in enumerate(net.W):
                    np.matmul(net.x[i], W, out=net.x[i + 1])
                for i in reversed(range(len(net.W))):
                    np.matmul(net.x[i].T, net.d[i + 1], out=net.dW[i])
                    if i:
                        np.matmul(net.d[i + 1], net.W[i].T, out=net.d[i])
            yield float("nan")


PEERS = (NumPy(), Products())
