"""Functions that the executable mathematics uses and NumPy lacks, each stable over the whole range of floats."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from chainrule.arrays import Array


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x). Where e^-x overflows, the quotient is 0, which is right."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-x)))


def softplus(x: Array) -> Array:
    """log(1 + e^x)."""
    return np.asarray(np.logaddexp(0, x))


def log_softmax(z: Array) -> Array:
    """log softmax over the last axis, shifted by the row's maximum so that nothing overflows."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def softmax(z: Array) -> Array:
    """e^z over the sum of e^z along the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def one_hot(t: Array, n_classes: int) -> Array:
    """Class indices (B,) as rows of the identity (B, n_classes); rows that already are distributions stay as they are."""
    return t if t.ndim == 2 else np.equal.outer(t, np.arange(n_classes)).astype(np.float64)
