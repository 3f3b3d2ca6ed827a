"""How data is handed over, and draws of it for a network whose layers are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.chain import Chained
from chainrule.check.calling.sizes import Sizes
from chainrule.check.probing.samples import inputs, parameters, targets


@dataclass(frozen=True)
class Setting:
    """How data is handed over."""

    layout: str
    kind: str
    sizes: Sizes


@dataclass
class Batch:
    X: Array  # (N, I)
    t: Array  # (N, K)
    params: dict[str, Array]

    @property
    def record(self) -> dict[str, Any]:
        """It, as every call on it is kept."""
        return {"X": self.X, "t": self.t, "params": self.params}

    def rounded(self, rows: bool) -> Batch:
        """The same to one decimal, which a reader can follow; the rows too where they are ours."""
        X, t = (self.X.round(1), self.t.round(1)) if rows else (self.X, self.t)
        return Batch(X, t, {name: np.asarray(value.round(1)) for name, value in self.params.items()})

    def even(self) -> Batch:
        """An even number of its rows."""
        n = len(self.X) // 2 * 2
        return Batch(self.X[:n], self.t[:n], self.params)


@dataclass(frozen=True)
class Drawing:
    """Rows, targets and parameters by seeds; rows of the user's `own` in their place."""

    setting: Setting
    chained: Chained
    shapes: Mapping[str, tuple[int, ...]]  # of the parameters
    own: tuple[Array, Array] | None
    own_targets: bool  # it is to give back its inputs

    def draw(self, seed: int, rows: int) -> Batch:
        rng, sizes = np.random.default_rng(seed), self.setting.sizes
        n = 1 if self.setting.layout in ("vector", "column") else rows
        X, t = inputs(rng, n, sizes.n_in), targets(rng, self.setting.kind, n, sizes.n_out)
        if self.own is not None:
            X, t = (self.own[0][:1], self.own[1][:1]) if n == 1 else self.own
        if self.own_targets and sizes.n_in == sizes.n_out:
            t = X.copy()
        return Batch(X, t, parameters(rng, self.shapes))

    def batch(self, i: int) -> Batch:
        """The draw that is probed i-th; its first hidden unit stays below 0 on every row."""
        batch = self.draw(100 + i, self.setting.sizes.rows[i])
        bias = self.chained.biases[0]
        if len(self.chained.weights) > 1 and bias is not None and batch.params[bias].size > 2:
            batch.params[bias].reshape(-1)[0] = -abs(self._first(batch)[:, 0]).max() - 0.1
        return batch

    def readable(self) -> Batch:
        """A draw of short numbers, none 0, no two alike in a row, that opens about half of the first units."""
        drawn = [self.draw(seed, self.setting.sizes.rows[0]).rounded(self.own is None) for seed in range(200)]
        return max(drawn, key=self._lively)

    def _lively(self, batch: Batch) -> float:
        bias = self.chained.biases[0]
        z = self._first(batch) + (batch.params[bias].reshape(-1) if bias is not None else 0.0)
        rows = (row for w in self.chained.weights for row in np.atleast_2d(batch.params[w]).tolist())
        alike = sum(len(row) - len(set(row)) for row in rows)
        zeros = sum(int((value == 0).sum()) for value in (*batch.params.values(), batch.X))
        open_ = z > 0
        stuck = (open_.mean(axis=0) % 1 == 0).sum() + (open_.mean(axis=1) % 1 == 0).sum()
        return -float(abs(open_.mean() - 0.5) + stuck + zeros + 0.5 * alike + (abs(z) < 0.05).sum())

    def _first(self, batch: Batch) -> Array:
        """What the first weights give, (N, units)."""
        W = batch.params[self.chained.weights[0]]
        W = W.reshape(-1, 1) if W.ndim < 2 else W.T if self.chained.transposed else W
        return batch.X @ W
