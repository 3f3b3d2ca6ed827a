"""Gradient check in single precision."""

import numpy as np


def gradient_check(f, x, analytic, eps=1e-4, tolerance=1e-4):
    x = x.astype(np.float32)
    numeric = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + np.float32(eps)
        plus = np.float32(f(x))
        x[i] = old - np.float32(eps)
        minus = np.float32(f(x))
        x[i] = old
        numeric[i] = (plus - minus) / np.float32(2 * eps)
    error = np.linalg.norm(numeric - analytic) / (np.linalg.norm(numeric) + np.linalg.norm(analytic))
    return error < tolerance
