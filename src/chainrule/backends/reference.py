"""The specification in NumPy: forward through the layers, the loss, back through the layers, one update.

Everything a step writes is allocated once, in a Tape; nothing as large as the network is allocated per step.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from math import inf, isfinite
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from chainrule.arrays import Array, Views, dense_rows, row_blocks
from chainrule.errors import Diverged, InputError
from chainrule.layers import Dropout
from chainrule.losses import Loss
from chainrule.optimizers import BLOCK, Optimizer
from chainrule.plan import Plan
from chainrule.random import fill_mask, orders
from chainrule.settings import settings
from chainrule.state import State
from chainrule.targets import Target

__all__ = ["NAME", "Inference", "Steps", "evaluate", "whole_gradients"]
NAME = "reference"


@settings
class Objective:
    """What is minimised: the loss, plus l2/2·ΣW² + l1·Σ|W| over the matrices.

    `by_batch`: scikit-learn's form. A batch's penalty is divided by what its loss is divided by, its rows or the sum of
    their weights; an epoch's loss is the mean over rows of the losses of their batches, whatever their weights.
    """

    loss: Loss
    l2: float = 0.0
    l1: float = 0.0
    by_batch: bool = False

    def rates(self, total: float) -> tuple[float, float]:
        """l2 and l1 as they count in a batch of `total`."""
        scale = 1 / total if self.by_batch else 1.0
        return self.l2 * scale, self.l1 * scale

    def penalty(self, matrices: Array, total: float, grads: Array | None = None) -> float:
        """The penalty of the matrices, for a batch of `total`; adds its gradient."""
        if not (self.l2 or self.l1):
            return 0.0
        l2, l1 = self.rates(total)
        value: Any = 0.0  # complex under complex steps
        for start in range(0, len(matrices), BLOCK):
            block = matrices[start : start + BLOCK]
            value += l2 / 2 * np.dot(block, block) + (l1 * np.maximum(block, -block).sum() if l1 else 0.0)
            if grads is not None:
                grads[start : start + BLOCK] += l2 * block + l1 * np.sign(block)
        return value if np.iscomplexobj(matrices) else float(value)


@settings
class Data:
    """Rows as the network takes them: X (N, I) dense or CSR, t as the loss takes it, w (N,) or None, all aligned."""

    X: Any
    t: Array
    w: Array | None = None

    def __len__(self) -> int:
        return int(self.X.shape[0])

    @property
    def total(self) -> float:
        return float(len(self)) if self.w is None else float(self.w.sum(dtype=np.float64))

    def rows(self, rows: Any) -> Data:
        return Data(self.X[rows], self.t[rows], None if self.w is None else self.w[rows])


class Best:
    """The parameters of the lowest loss, of two that are kept; the other two are those under way, whose loss comes."""

    def __init__(self, params: Array) -> None:
        self.kept = np.empty((2, len(params)), params.dtype)
        self.kept[0] = params
        self.row, self.lowest = 0, inf

    @property
    def params(self) -> Array:
        return self.kept[self.row]

    def begin(self, params: Array) -> None:
        self.kept[1 - self.row] = params

    def end(self, loss: float) -> None:
        if loss < self.lowest:
            self.row, self.lowest = 1 - self.row, loss


class Tape:
    """The arrays of one batch: a[i] (B, I) enters layer i, da[i] is its gradient, m[i] the layer's memory."""

    def __init__(self, a: list[Array], da: list[Array | None], m: list[Views]) -> None:
        self.a, self.da, self.m = a, da, m

    @classmethod
    def allocate(cls, plan: Plan, rows: int, dtype: Any, *, input_gradient: bool = False) -> Tape:
        a = [np.empty((rows, width), dtype) for width in plan.widths]
        above = -1 if input_gradient else plan.first  # nobody reads the gradient below the first parameters
        da = [np.empty_like(values) if i > above else None for i, values in enumerate(a)]
        m = [
            SimpleNamespace(**{name: np.empty((rows, width), dtype) for name, width in layer.memory(n_in).items()})
            for layer, n_in in zip(plan.layers, plan.widths)
        ]
        return cls(a, da, m)

    def cut(self, rows: int) -> Tape:
        """The same memory for a smaller batch."""
        if rows == len(self.a[0]):
            return self
        m = [SimpleNamespace(**{name: slot[:rows] for name, slot in vars(views).items()}) for views in self.m]
        return Tape([values[:rows] for values in self.a], [v if v is None else v[:rows] for v in self.da], m)


def forward(plan: Plan, p: list[Views], tape: Tape) -> Array:
    for i, layer in enumerate(plan.layers):
        layer.forward(p[i], tape.a[i], tape.a[i + 1], tape.m[i])
    return tape.a[-1]


def backward(plan: Plan, p: list[Views], g: list[Views], tape: Tape) -> None:
    """From da[-1] down to the first layer whose parameters or input want a gradient."""
    for i in reversed(range(len(plan.layers))):
        dy = tape.da[i + 1]
        if dy is None:
            break
        plan.layers[i].backward(p[i], g[i], tape.a[i], tape.a[i + 1], dy, tape.da[i], tape.m[i])


def gradients(plan: Plan, p: list[Views], g: list[Views], tape: Tape, loss: Loss, data: Data, n: float) -> float:
    """The whole of back-propagation for the batch that stands in tape.a[0]; the loss's share of a global batch of n."""
    z, dz = forward(plan, p, tape), tape.da[-1]
    assert dz is not None
    value = loss(z, data.t, dz, n, data.w)
    backward(plan, p, g, tape)
    return value


def fill_masks(plan: Plan, tape: Tape, seed: int, step: int, first_row: int = 0) -> None:
    for i, layer in enumerate(plan.layers):
        if isinstance(layer, Dropout):
            fill_mask(tape.m[i].mask, layer.threshold, seed, i, step, first_row)


def load_rows(X: Any, rows: Any, out: Array) -> None:
    """The chosen rows of X, dense, sparse or Scaled, into the tape."""
    if isinstance(X, np.ndarray) and not isinstance(rows, slice) and X.dtype == out.dtype:
        np.take(X, rows, axis=0, out=out, mode="clip")  # any other mode makes a copy first
    else:
        np.copyto(out, dense_rows(X, rows))


class Steps:
    """One network's training steps: gradients, penalty, update, with everything they write allocated here."""

    def __init__(
        self,
        plan: Plan,
        objective: Objective,
        target: Target,
        seed: int,
        batch_size: int,
        dtype: Any,
        threads: int | None = None,
    ) -> None:
        self.plan, self.objective, self.target, self.seed, self.batch_size = plan, objective, target, seed, batch_size
        self.threads = threads  # None: as NumPy chooses
        self.results, self.rates = np.empty((0, 2)), np.empty(0)
        if threads is not None:
            _threadpoolctl()
        self.tape = Tape.allocate(plan, batch_size, dtype)
        self.grads = np.empty(plan.size, dtype)
        self.g = plan.views(self.grads)

    def orders(self, n: int, first: int, count: int) -> Array:
        """The rows as `count` epochs from the epoch `first` on visit them (count, n)."""
        return orders(n, self.seed, first, count)

    def run(
        self,
        state: State,
        optimizer: Optimizer,
        data: Data,
        orders: Array,
        spread: float,
        best: Best | None = None,
    ) -> Array:
        """Epochs that visit the rows as `orders` (E, N) says. Their losses and scores (E, 2), as they were when each
        batch was met; those that ended are in `results` where something was raised, and `rates` (E,) has the learning
        rate of each one's last step. An epoch for which a schedule does not give all rates is not begun."""
        self.results = np.empty((0, 2))
        total, n_steps = data.total, -(-orders.shape[1] // self.batch_size)
        over = (len(data) if self.objective.by_batch else total), total
        scalars, refusal = optimizer.table(state.step, len(orders) * n_steps)
        self.rates = scalars[n_steps - 1 :: n_steps, 0]
        with _limit(self.threads), np.errstate(over="ignore", invalid="ignore"):  # an overflow ends as Diverged
            for i, order in enumerate(orders[: len(self.rates)]):
                if best is not None:
                    best.begin(state.params)
                own = scalars[i * n_steps : (i + 1) * n_steps].tolist()
                result = np.divide(self._epoch(state, optimizer, data, order, own, spread), over)
                results, loss = np.vstack([self.results, result]), result[0]
                if best is not None and loss < best.lowest:  # no call from here on: an interrupt parts nothing
                    self.results, best.lowest, best.row = results, loss, 1 - best.row
                else:
                    self.results = results
                if not _finite(state.params):
                    raise Diverged(state.step, "weights")
        if refusal is not None:
            raise refusal
        return self.results

    def _epoch(
        self, state: State, optimizer: Optimizer, data: Data, order: Array, scalars: list[Any], spread: float
    ) -> tuple[float, float]:
        """The sums of its losses and scores."""
        loss = score = 0.0
        for i, start in enumerate(range(0, len(order), self.batch_size)):
            batch = self.load(data, order[start : start + self.batch_size])
            value = self.step(state, optimizer, batch, scalars[i])
            loss += value * (len(batch) if self.objective.by_batch else batch.total)
            score += self._score(batch, spread)
        return loss, score

    def load(self, data: Data, rows: Any) -> Data:
        """Gather the rows into the tape; the batch that stands there now."""
        t = data.t[rows]
        tape = self.tape.cut(len(t))
        load_rows(data.X, rows, tape.a[0])
        return Data(tape.a[0], t, None if data.w is None else data.w[rows])

    def step(self, state: State, optimizer: Optimizer, batch: Data, scalars: tuple[float, ...]) -> float:
        """One step on the batch in the tape; the parameters stay as they were where the loss is not finite."""
        tape = self.tape.cut(len(batch))
        fill_masks(self.plan, tape, self.seed, state.step)
        value = gradients(self.plan, state.views, self.g, tape, self.objective.loss, batch, batch.total)
        n_decay = self.plan.n_decay
        value += self.objective.penalty(state.params[:n_decay], batch.total, self.grads[:n_decay])
        value = float(value)
        if not isfinite(value):
            raise Diverged(state.step + 1)
        try:
            optimizer.apply(state.params, self.grads, state.moments, n_decay, scalars)
        finally:
            state.step += 1  # even where a signal comes in the middle
        return value

    def _score(self, batch: Data, spread: float) -> float:
        p = self.target.read(self.tape.cut(len(batch)).a[-1], self.objective.loss)
        rows = self.target.contributions(p, batch.t, spread)
        return float(rows.sum() if batch.w is None else np.dot(rows, batch.w))


def _finite(params: Array) -> bool:
    return isfinite(params.min()) and isfinite(params.max())  # NaN is both, and nothing is allocated


def _limit(threads: int | None) -> AbstractContextManager[Any]:
    """So many threads for NumPy's matrix products, as long as it is entered."""
    return nullcontext() if threads is None else _threadpoolctl().threadpool_limits(limits=threads)


def _threadpoolctl() -> ModuleType:
    try:
        import threadpoolctl
    except ImportError:
        raise InputError("threads: the NumPy backend needs threadpoolctl for it; pip install threadpoolctl") from None
    return threadpoolctl


class Inference:
    """Outputs as at prediction time, for one State's parameters, in blocks of rows."""

    rows = 0  # there is no shorter way for a few

    def __init__(self, plan: Plan, params: Array, dtype: Any) -> None:
        self.plan, self.params, self.dtype = plan, params, dtype

    def outputs(self, X: Any) -> Array:
        """(N, K), of rows as Network.inputs makes them."""
        n, dtype, p = X.shape[0], self.dtype, self.plan.views(self.params)
        out = np.empty((n, self.plan.widths[-1]), dtype)
        tape = None
        for rows in row_blocks(n):
            size = rows.stop - rows.start
            tape = (tape or Tape.allocate(self.plan, size, dtype)).cut(size)
            tape.a[0] = dense_rows(X, rows).astype(dtype, copy=False)
            for i, layer in enumerate(self.plan.layers):
                layer.infer(p[i], tape.a[i], tape.a[i + 1], tape.m[i])
            out[rows] = tape.a[-1]
        return out


def evaluate(objective: Objective, target: Target, data: Data, z: Array, matrices: Array) -> tuple[float, float]:
    """The objective and the score of rows whose outputs are z (N, K)."""
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is reported as it is: not finite
        value = objective.loss(z, data.t, np.empty_like(z), data.total, data.w)
        value += objective.penalty(matrices, data.total)
        rows = target.contributions(target.read(z, objective.loss), data.t, target.spread(data.t, data.w))
        return float(value), float(np.average(rows, weights=data.w))


def whole_gradients(
    plan: Plan,
    params: Array,
    objective: Objective,
    data: Data,
    seed: int,
    step: int,
    dX: Array | None = None,
    n: float | None = None,
) -> tuple[float, Array]:
    """The objective over all rows and its gradient (P,), block after block in order; the inputs' gradient into dX.

    `n` is the size of the global batch where these rows are a shard of it: then the penalty is left to whoever adds up.
    """
    grads, block_grads = np.zeros_like(params), np.empty_like(params)
    p, g = plan.views(params), plan.views(block_grads)
    total = data.total if n is None else n
    value: Any = 0.0
    for rows in row_blocks(len(data)):
        part = data.rows(rows)
        tape = Tape.allocate(plan, len(part), params.dtype, input_gradient=dX is not None)
        load_rows(part.X, slice(None), tape.a[0])
        fill_masks(plan, tape, seed, step, rows.start)
        value += gradients(plan, p, g, tape, objective.loss, part, total)
        grads += block_grads
        if dX is not None:
            dX[rows] = tape.da[0]
    if n is None:
        value += objective.penalty(params[: plan.n_decay], total, grads[: plan.n_decay])
    return value, grads
