"""Central differences in double precision, relative to the largest entry; cells at a kink are left out."""

import numpy as np


def gradient_check(f, x, analytic, h=1e-6, tolerance=1e-6):
    x = np.array(x, dtype=np.float64)
    here = f(x)
    numeric, kink = np.zeros_like(x), np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        plus = f(x)
        x[i] = old - h
        minus = f(x)
        x[i] = old
        numeric[i] = (plus - minus) / (2 * h)
        kink[i] = abs(plus - 2 * here + minus) / h  # the two one-sided slopes differ
    scale = np.abs(numeric).max()
    difference = np.abs(numeric - analytic)[kink < 1e-3 * scale]
    return bool(difference.max(initial=0.0) <= tolerance * scale)
