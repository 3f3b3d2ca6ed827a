"""Assignment 2, second part: any number of layers, inverted dropout with a seed, L2 with the half."""

import numpy as np


class FullyConnectedNet:
    def __init__(self, hidden_dims, input_dim, num_classes, dropout=1.0, reg=0.0, seed=None):
        self.reg = reg
        self.num_layers = 1 + len(hidden_dims)
        self.params = {}
        self.use_dropout = dropout != 1
        self.dropout_param = {"mode": "train", "p": dropout, "seed": seed}
        dims = [input_dim, *hidden_dims, num_classes]
        for i in range(self.num_layers):
            self.params[f"W{i + 1}"] = 0.01 * np.random.randn(dims[i], dims[i + 1])
            self.params[f"b{i + 1}"] = np.zeros(dims[i + 1])

    def loss(self, X, y=None):
        out, caches = X, []
        rng = np.random.RandomState(self.dropout_param["seed"])
        for i in range(1, self.num_layers):
            pre = out.dot(self.params[f"W{i}"]) + self.params[f"b{i}"]
            act = np.maximum(pre, 0)
            mask = None
            dropped = act
            if self.use_dropout and y is not None:
                p = self.dropout_param["p"]
                mask = (rng.rand(*act.shape) < p) / p
                dropped = act * mask
            caches.append((out, pre, mask))
            out = dropped
        L = self.num_layers
        scores = out.dot(self.params[f"W{L}"]) + self.params[f"b{L}"]
        if y is None:
            return scores

        N = X.shape[0]
        probs = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs /= probs.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(N), y]).mean()
        for i in range(1, L + 1):
            loss += 0.5 * self.reg * np.sum(self.params[f"W{i}"] ** 2)

        grads = {}
        dout = probs.copy()
        dout[np.arange(N), y] -= 1
        dout /= N
        grads[f"W{L}"] = out.T.dot(dout) + self.reg * self.params[f"W{L}"]
        grads[f"b{L}"] = dout.sum(axis=0)
        dout = dout.dot(self.params[f"W{L}"].T)
        for i in range(L - 1, 0, -1):
            x, pre, mask = caches[i - 1]
            if mask is not None:
                dout = dout * mask
            dout = dout * (pre > 0)
            grads[f"W{i}"] = x.T.dot(dout) + self.reg * self.params[f"W{i}"]
            grads[f"b{i}"] = dout.sum(axis=0)
            dout = dout.dot(self.params[f"W{i}"].T)
        return loss, grads
