"""A linear classifier: softmax loss, vectorised, no bias (a column of ones may be part of X)."""

import numpy as np


def softmax_loss_vectorized(W, X, y, reg):
    """Inputs: W (D, C), X (N, D), y (N,) labels, reg strength. Returns the loss and dW of W's shape."""
    num_train = X.shape[0]
    scores = X @ W
    scores -= scores.max(axis=1, keepdims=True)
    probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(num_train), y]).sum() / num_train
    loss += reg * np.sum(W**2)

    probs[np.arange(num_train), y] -= 1
    dW = X.T @ probs / num_train
    dW += 2 * reg * W
    return loss, dW
