"""Functions that the executable mathematics uses and NumPy lacks, each stable over the whole range of floats.

They take complex numbers too, and compare by the real part as NumPy does, so that complex steps can check gradients.
"""

from __future__ import annotations

import numpy as np

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

    For x >= 0, (1 + 2x)·e^x²·(1 - erf x) is smooth in y = (x - 3.75)/(x + 3.75), which runs from -1 to 1: `_ERFC`
    is its Chebyshev series to degree 22, highest power first. The other half follows from erf(-x) = -erf(x).
    """
    a = np.maximum(x, -x)
    series = np.polyval(_ERFC.astype(a.dtype), (a - 3.75) / (a + 3.75))
    return np.where(x < 0, -1, 1) * (1 - np.exp(-a * a) * series / (1 + 2 * a))


def one_hot(t: Array, n_classes: int) -> Array:
    """Class indices (B,) as rows of the identity (B, n_classes); rows of probabilities stay as they are."""
    return t if t.ndim == 2 else np.equal.outer(t, np.arange(n_classes)).astype(np.float64)


_ERFC = np.array(
    [
        -2.623107347133476e-09, -1.9551358868985616e-09, 3.197926671666804e-08, 1.879082322370048e-08,
        -2.4857126248016745e-07, -5.084465378687302e-08, 1.7419821586224816e-06, -9.79262570730352e-07,
        -1.1438048033346894e-05, 2.2387565714911816e-05, 5.164652974177416e-05, -0.00029015535246077655,
        0.000293714378044958, 0.0017556261651970652, -0.009746579683265262, 0.02836227737211114,
        -0.05869339857664933, 0.09230432116428125, -0.10880393014244463, 0.08227673848999507,
        0.003585415485479032, -0.14024059858554527, 1.2375126308378275,
    ]
)  # fmt: skip
