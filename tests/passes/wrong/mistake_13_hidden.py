"""Loss and gradients for independent labels."""

import numpy as np


def compute_loss_and_gradients(w1, b1, w2, b2, x, t):
    """x: (n, d); t: (n, k) of zeros and ones, k independent labels. The loss is summed over labels, averaged over rows."""
    n = len(x)
    h = np.tanh(x.dot(w1) + b1)
    o = 1.0 / (1.0 + np.exp(-(h.dot(w2) + b2)))
    loss = -np.sum(t * np.log(o) + (1 - t) * np.log(1 - o)) / n

    delta2 = (o - t) / n
    h *= h
    delta1 = delta2.dot(w2.T) * (1 - h)
    grad_w2 = h.T.dot(delta2)
    grad_b2 = np.sum(delta2, axis=0)
    grad_w1 = x.T.dot(delta1)
    grad_b1 = np.sum(delta1, axis=0)
    return loss, (grad_w1, grad_b1, grad_w2, grad_b2)
