"""Check with a comfortable step; anything off by more than a thousandth is called a bug."""

import numpy as np


def grad_ok(func, theta, g, step=0.1):
    approx = np.empty_like(theta)
    for k in range(theta.size):
        e = np.zeros_like(theta)
        e.flat[k] = step
        approx.flat[k] = (func(theta + e) - func(theta - e)) / (2 * step)
    return bool(np.max(np.abs(approx - g)) < 1e-3 * np.max(np.abs(approx)))
