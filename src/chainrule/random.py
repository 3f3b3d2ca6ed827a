"""Every random number of a training, a function of (seed, epoch, step, layer) alone: Philox4x64-10 as NumPy has it.

So a resumed run, a sharded batch and every backend see the same numbers. Key words of 2⁶³ and above are kept for
streams that belong to no layer.
"""

from __future__ import annotations

import numpy as np

from chainrule.arrays import Array

_ORDER, _INITIAL = 2**63, 2**63 + 1


def order(n: int, seed: int, epoch: int) -> Array:
    """The permutation in which `epoch` visits n rows: the stable ranking of n random 64-bit numbers."""
    bits = np.random.Philox(key=[seed, _ORDER], counter=[0, epoch, 0, 0]).random_raw(n)
    return np.argsort(bits, kind="stable")


def orders(n: int, seed: int, first: int, count: int) -> Array:
    """Those of `count` epochs, from the epoch `first` on: (count, n)."""
    return np.stack([order(n, seed, first + i) for i in range(count)])


def fill_mask(mask: Array, threshold: int, seed: int, layer: int, step: int, first_row: int = 0) -> None:
    """Dropout's mask of 0 and 1/keep for rows `first_row` and following of the global batch.

    Entry (row, column) takes the 16 bits at row·width + column of the stream, and is dropped when they are below
    `threshold` = 65536·rate.
    """
    begin, end = first_row * mask.shape[1], first_row * mask.shape[1] + mask.size
    stream = np.random.Philox(key=[seed, layer], counter=[0, 0, step, 0])
    stream.advance(begin // 16)  # 16 numbers of 16 bits come from one block of the counter
    begin, end = begin % 16, end - begin // 16 * 16
    bits = stream.random_raw(-(-end // 4)).astype("<u8", copy=False).view("<u2")[begin:end]
    np.multiply(bits.reshape(mask.shape) >= threshold, 65536 / (65536 - threshold), out=mask)


def initial(seed: int) -> np.random.Generator:
    """The stream of initial weights."""
    return np.random.Generator(np.random.Philox(key=[seed, _INITIAL]))
