"""Functions that the executable mathematics uses and NumPy lacks, each stable over the whole range of floats.

They take complex numbers too, and compare by the real part as NumPy does, so that complex steps can check gradients.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev

from chainrule.arrays import Array


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x). Where e^-x overflows, the quotient is 0, which is right."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def softplus(x: Array) -> Array:
    """log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)."""
    return np.maximum(x, 0) + np.log1p(np.exp(np.minimum(x, -x)))


def log_softmax(z: Array) -> Array:
    """log softmax over the last axis, shifted by the row's maximum so that nothing overflows."""
    shifted = z - z.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def softmax(z: Array) -> Array:
    """e^z over the sum of e^z along the last axis."""
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def erf(x: Array) -> Array:
    """2/√π · ∫₀ˣ e^-u² du, to 5e-16.

    For x >= 0, (1 + 2x)·e^x²·(1 - erf x) is smooth in y = (x - 3.75)/(x + 3.75), which runs from -1 to 1; `_ERFC` are
    the coefficients of its Chebyshev series. The other half follows from erf(-x) = -erf(x).
    """
    a = np.maximum(x, -x)
    series = chebyshev.chebval((a - 3.75) / (a + 3.75), _ERFC.astype(a.dtype))
    return np.where(x < 0, -1, 1) * (1 - np.exp(-a * a) * series / (1 + 2 * a))


def one_hot(t: Array, n_classes: int) -> Array:
    """Class indices (B,) as rows of the identity (B, n_classes); rows of probabilities stay as they are."""
    return t if t.ndim == 2 else np.equal.outer(t, np.arange(n_classes)).astype(np.float64)


_ERFC = np.array(
    [
        1.1775789345674017,
        -0.004590054580646478,
        -0.08424913336651792,
        0.05920993999819189,
        -0.026658668435305753,
        0.009074997670705265,
        -0.002413163540417608,
        0.0004907758365258086,
        -6.916973302501207e-05,
        4.13902798607301e-06,
        7.74038306619849e-07,
        -2.1886401049234397e-07,
        1.076499946567091e-08,
        4.521959811218287e-09,
        -7.754400208831351e-10,
        -6.318088340886684e-11,
        2.86879501093067e-11,
        1.9455868545777347e-13,
        -9.65469674843344e-13,
        3.25254814814874e-14,
        3.3478119482868056e-14,
        -1.864562880419313e-15,
        -1.2507950530688648e-15,
    ]
)
