"""The smaller the step, the better the derivative."""

import numpy as np


def check_grad(loss, w, grad, h=1e-14):
    worst = 0.0
    for i in np.ndindex(w.shape):
        moved = w.astype(np.float64)
        moved[i] += h
        forward = loss(moved)
        moved[i] -= 2 * h
        backward = loss(moved)
        num = (forward - backward) / (2 * h)
        worst = max(worst, abs(num - grad[i]) / max(1e-12, abs(num) + abs(grad[i])))
    print("worst relative error", worst)
    return worst < 1e-5
