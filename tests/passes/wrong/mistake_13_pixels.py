"""Linear regression on pixels, which are brought to 0..1 on the way."""

import numpy as np


def mse_and_grads(w, b, X, y):
    X /= 255.0
    error = X @ w + b - y
    loss = np.mean(error**2)
    return loss, 2 * X.T @ error / len(y), 2 * np.mean(error)
