"""The fast backend: hands a Plan, a State and the data to the C++ kernels, whole epochs at a time.

The reference is the specification; this gives the same numbers up to rounding, and the same bits on any number of
threads and any instruction set.
"""

from __future__ import annotations

import os
from array import array
from functools import cache, lru_cache
from importlib.util import find_spec
from operator import is_
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.activations import ELU, LeakyReLU
from chainrule.arrays import BLOCK_ROWS, Array, Scaled, dense_rows, is_sparse, row_blocks
from chainrule.backends.reference import Best, Data, Objective
from chainrule.backends.threads import wish
from chainrule.errors import Diverged, InputError, nearest
from chainrule.layers import LAYERS, Dropout, Layer, LayerNorm
from chainrule.losses import LOSSES, Huber, Loss, QuantileLoss, SoftmaxCrossEntropy
from chainrule.optimizers import OPTIMIZERS, SGD, AdaGrad, Adam, ClassicalMomentum, Optimizer, RMSProp
from chainrule.plan import Plan
from chainrule.state import State
from chainrule.targets import Target

NAME = "compiled"
_ANY_LOSS = SoftmaxCrossEntropy()  # outputs do not depend on it
CHUNK = 0.1  # seconds of training after which Python is asked whether the user wants to stop
MOST_ROWS = 2**30  # of a batch: the kernels count its rows in 32 bits
HEARD = 10**9  # rows times parameters, a fraction of a second, after which calls for outputs or gradients hear Ctrl-C
_LABEL = np.dtype(np.int64)  # NumPy looks a type up each time it is named


@cache
def kernels() -> ModuleType:
    """The extension module; ImportError where it was not built."""
    from chainrule.backends import _kernels  # type: ignore[attr-defined]

    return _kernels


@cache
def isa(wanted: str | None) -> str:
    """The instruction set to use: the CPU's best, or the one named; InputError where it does not run here."""
    usable = kernels().isas()
    if wanted and wanted not in usable:
        raise InputError(f"CHAINRULE_ISA: no instruction set {wanted!r} here; {nearest(wanted, usable)}")
    return wanted or usable[0]


def current_isa() -> str:
    return isa(os.environ.get("CHAINRULE_ISA"))


def obstacle(plan: Plan, loss: Loss, optimizer: Optimizer | None = None) -> str | None:
    """Why these kernels cannot run the network, or None. InputError where CHAINRULE_ISA names no set of this CPU."""
    try:
        usable = kernels().isas()
    except ImportError as error:
        if find_spec("chainrule.backends._kernels") is not None:
            return f"the compiled kernels cannot be loaded ({error})"
        return "the compiled kernels are not part of this installation"
    if not usable:
        return "this CPU has no instruction set that the kernels are built for"
    current_isa()
    for i, layer in enumerate(plan.layers):
        if not _has_kernel(layer, LAYERS, kernels().layers()):
            return f"{type(layer).__name__} (layer {i + 1}) has no compiled kernel"
    if not _has_kernel(loss, LOSSES, kernels().losses()):
        return f"{type(loss).__name__} has no compiled kernel"
    if optimizer is not None and not _has_kernel(optimizer, OPTIMIZERS, kernels().rules()):
        return f"{type(optimizer).__name__} has no compiled kernel"
    return None


def _has_kernel(thing: object, registry: dict[str, Any], names: list[str]) -> bool:
    """Whether its class is the library's own, not a subclass or namesake, and has a kernel."""
    name = type(thing).__name__
    return registry.get(name) is type(thing) and name in names


def _setting(thing: Layer | Loss) -> float:
    """The one number that a kernel of this kind needs."""
    match thing:
        case Dropout():
            return thing.threshold
        case LeakyReLU():
            return thing.slope
        case ELU():
            return thing.alpha
        case LayerNorm():
            return thing.epsilon
        case SoftmaxCrossEntropy():
            return thing.smoothing
        case Huber():
            return thing.delta
        case QuantileLoss():
            return thing.quantile
    return 0.0


def _rule(optimizer: Optimizer) -> tuple[float, float, float, bool]:
    match optimizer:
        case Adam():  # and its other forms, which differ in their scalars alone
            return optimizer.beta1, optimizer.beta2, optimizer.epsilon, False
        case RMSProp():
            return optimizer.rho, 0.0, optimizer.epsilon, False
        case AdaGrad():
            return 0.0, 0.0, optimizer.epsilon, False
        case SGD() | ClassicalMomentum():
            return optimizer.momentum, 0.0, 0.0, optimizer.nesterov
    raise AssertionError(optimizer)


def _engine(plan: Plan, loss: Loss, dtype: Any, rows: int, *, training: bool, input_gradient: bool = False) -> Any:
    specs = []
    for i, layer in enumerate(plan.layers):
        if not training and isinstance(layer, Dropout):
            continue  # prediction passes its input on
        own = [slot.start for slot in plan.slots if slot.layer == i]
        matrix, vector = (*own, 0, 0)[:2]
        specs.append(
            (type(layer).__name__, plan.widths[i], plan.widths[i + 1], float(_setting(layer)), i, matrix, vector)
        )
    kind = kernels().Engine32 if np.dtype(dtype) == np.float32 else kernels().Engine64
    return kind(current_isa(), specs, _named(loss), plan.size, plan.n_decay, rows, training, input_gradient)


def _named(loss: Loss) -> tuple[str, float, str]:
    return type(loss).__name__, float(_setting(loss)), loss.target


def _targets(t: Array) -> tuple[Array | None, Array | None]:
    """Labels or targets, and None for the others."""
    return (t, None) if t.dtype.kind == "i" else (None, t)


def _use_data(engine: Any, data: Data, spread: float) -> None:
    if is_sparse(data.X):
        parts = data.X.data, data.X.indptr.astype(np.int64), data.X.indices.astype(np.int64)
    else:
        parts = data.X.values if isinstance(data.X, Scaled) else data.X, None, None
    engine.use_data(*parts, *_targets(data.t), data.w, spread, *_line(data.X))


def _line(X: Any) -> tuple[float, float]:
    """What the numbers in memory are multiplied by, and what is then added."""
    return (X.scale, X.shift) if isinstance(X, Scaled) else (1.0, 0.0)


def _use_state(engine: Any, params: Array, moments: Array, dtype: Any) -> None:
    """InputError where the engine cannot write to these arrays where they are."""
    try:
        engine.use_state(params, moments)
    except (TypeError, ValueError):
        wanted = f"contiguous {np.dtype(dtype)} numbers that can be written"
        for name, values in (("params", params), ("moments", moments)):
            flags = values.flags
            if values.dtype != dtype or not (flags.writeable and flags.c_contiguous):
                kind = f"{'' if flags.writeable else 'read-only '}{values.dtype}"
                raise InputError(f"state.{name}: expected {wanted}, got {kind} {values.shape}") from None
        raise


class ThreadsRefused:
    """Around calls of the kernels: where the system refused them a thread it is an InputError. A generator would take
    longer than some steps."""

    def __init__(self, asked: tuple[int, int, bool]) -> None:
        self.asked = asked

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is not None and isinstance(error, kernels().NoThread):
            n, _, exact = self.asked
            chosen = "" if exact else ", the automatic choice; threads=1 needs no other"
            raise InputError(f"threads: expected as many as the system starts, got {n}{chosen} ({error})") from None


class Steps:
    """One network's training steps; the interface of reference.Steps."""

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
        self.objective, self.seed, self.batch_size = objective, seed, batch_size
        self.threads, self.results, self.rates = threads, np.empty((0, 2)), np.empty(0)  # of the last call
        if batch_size > MOST_ROWS:
            raise InputError(f"batch_size: expected at most {MOST_ROWS}, got {batch_size}")
        self._dtype = dtype
        self._wish = wish(threads, plan, batch_size)
        self._threads_refused = ThreadsRefused(self._wish)
        self._engine = _engine(plan, objective.loss, dtype, batch_size, training=True)
        self._given: tuple[Any, ...] = (None,) * 5  # what the engine points into

    def _use(self, data: Data, spread: float, params: Array, moments: Array, optimizer: Optimizer) -> None:
        self._given = (None,) * 5  # until all of it is used
        _use_data(self._engine, data, spread)
        _use_state(self._engine, params, moments, self._dtype)
        clip, penalties = optimizer.clip_norm or 0.0, (self.objective.l2, self.objective.l1, self.objective.by_batch)
        self._engine.use_rule(type(optimizer).__name__, *_rule(optimizer), optimizer.weight_decay, clip, *penalties)
        self._given = data, spread, params, moments, optimizer

    def orders(self, n: int, first: int, count: int) -> Array:
        """As reference.Steps.orders, on as many threads as the last steps took: one where they are too short for more,
        and no more than there are cores, whatever the user wants steps to have."""
        rows = np.empty((count, n), np.int64)
        with self._threads_refused:
            kernels().orders(rows, self.seed, first, min(self.threads or 1, self._wish[1]))
        return rows

    def run(
        self,
        state: State,
        optimizer: Optimizer,
        data: Data,
        orders: Array,
        spread: float,
        best: Best | None = None,
    ) -> Array:
        """As reference.Steps.run."""
        self.results = np.empty((0, 2))
        given = (data, spread, state.params, state.moments, optimizer)
        if not all(map(is_, given, self._given)):
            self._use(*given)
        first, total, counts = state.step, data.total, _counts(orders.shape[1], self.batch_size)
        per_epoch = len(counts)
        scalars, refusal = optimizer.table(first, len(orders) * per_epoch)
        self.rates = scalars[per_epoch - 1 :: per_epoch, 0]
        orders, n_steps = orders[: len(self.rates)], len(self.rates) * per_epoch
        totals = _repeated(counts, len(orders)) if data.w is None else _sums(data.w, orders, self.batch_size)
        results = np.zeros((len(orders), 2))
        over = (len(data) if self.objective.by_batch else total), total
        kept, row, lowest = (None, 0, 0.0) if best is None else (best.kept, best.row, best.lowest)
        progress = array("q", [0, row, 1])  # steps, best row and threads; read without a call
        least = array("d", [lowest])
        arguments = (
            orders, self.batch_size, progress, least, totals, scalars, self.seed, first, CHUNK, results, *over, kept,
            *self._wish,
        )  # fmt: skip
        try:
            while progress[0] < n_steps:
                self._train(arguments, first, progress)
            if refusal is not None:
                raise refusal
        finally:  # without a call: an interrupt comes before it or after it
            state.step, self.results, self.threads = (
                first + progress[0],
                results[: progress[0] // per_epoch],
                progress[2],
            )
            if best is not None:
                best.row, best.lowest = progress[1], least[0]
        return self.results

    def _train(self, arguments: tuple[Any, ...], first: int, progress: array[int]) -> None:
        """One call of the kernels, for about CHUNK seconds; Diverged, or what an interrupt raised, after it."""
        with self._threads_refused:
            diverged, finite, signal = self._engine.train(*arguments)
        if signal is not None:
            raise signal
        if diverged:
            raise Diverged(first + progress[0] + 1)
        if not finite:
            raise Diverged(first + progress[0], "weights")


@lru_cache(maxsize=8)
def _counts(n: int, batch_size: int) -> Array:
    """The rows of each batch of an epoch."""
    return np.diff(np.append(np.arange(0, n, batch_size), n)).astype(np.float64)


def _repeated(row: Array, times: int) -> Array:
    """As numpy.tile, in a fifth of its time: each call of `run` needs it."""
    rows = np.empty((times, len(row)))
    rows[:] = row
    return rows.ravel()


def _sums(w: Array, orders: Array, batch_size: int) -> Array:
    """The sum of sample weights of each batch of some epochs."""
    return np.add.reduceat(w[orders].astype(np.float64), np.arange(0, orders.shape[1], batch_size), axis=1).ravel()


class Inference:
    """Outputs as at prediction time, for one State's parameters. An engine has room for one call: who finds it in use
    makes another."""

    def __init__(self, plan: Plan, params: Array, dtype: Any) -> None:
        self.rows: int = kernels().rows  # that go through the layers together
        self._plan, self._params, self._dtype, self._width = plan, params, dtype, plan.widths[-1]
        self._few = self._new(1)
        self._spare: list[tuple[Any, int]] = []  # engines that no call uses, and the threads each has room for

    def _new(self, threads: int) -> Any:
        engine = _engine(self._plan, _ANY_LOSS, self._dtype, threads * self.rows, training=False)
        _use_state(engine, self._params, self._params[:0], self._dtype)
        return engine

    def few_outputs(self, X: Any) -> Array | None:
        """Of at most `rows` rows in microseconds; None where they have to be looked at, converted or refused first. It
        holds the interpreter's lock all the time."""
        out = np.empty((len(X), self._width), self._dtype)
        return out if self._few.quick_outputs(X, out) else None

    def few_labels(self, X: Any) -> Array | None:
        """Indices (N,) of the highest outputs, in the same way."""
        out = np.empty(len(X), _LABEL)
        return out if self._few.quick_labels(X, out) else None

    def outputs(self, X: Any) -> Array:
        """(N, K), of rows as Network.inputs makes them."""
        n = X.shape[0]
        out = np.empty((n, self._width), self._dtype)
        asked = wish(None, self._plan, n, passes=1)
        try:
            engine, room = self._spare.pop()
        except IndexError:
            engine, room = None, 0
        if room < asked[0]:
            engine, room = self._new(asked[0]), asked[0]
        most = BLOCK_ROWS if is_sparse(X) else max(asked[0] * self.rows, HEARD // self._plan.size)
        for part in row_blocks(n, most):
            rows = X.values[part] if isinstance(X, Scaled) else dense_rows(X, part)
            with ThreadsRefused(asked):
                engine.infer(rows, *_line(X), out[part], *asked)
        self._spare.append((engine, room))  # where a call was interrupted the next makes one
        return out


def evaluate(objective: Objective, target: Target, data: Data, z: Array, matrices: Array) -> tuple[float, float]:
    """As reference.evaluate."""
    with np.errstate(over="ignore", invalid="ignore"):
        spread = target.spread(data.t, data.w)
    value, score = kernels().evaluate(
        current_isa(), _named(objective.loss), z, *_targets(data.t), data.w, spread, data.total,
        matrices, *objective.rates(data.total),
    )  # fmt: skip
    return float(value), float(score)


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
    """As reference.whole_gradients: the objective over all rows and its gradient (P,)."""
    rows = min(len(data), BLOCK_ROWS, max(kernels().rows, HEARD // plan.size))
    engine = _engine(plan, objective.loss, params.dtype, rows, training=True, input_gradient=dX is not None)
    _use_data(engine, data, 1.0)
    _use_state(engine, params, params[:0], params.dtype)
    grads = np.zeros_like(params)
    total = data.total if n is None else n
    asked = wish(None, plan, rows)
    with ThreadsRefused(asked):
        value, signal = engine.gradients(len(data), total, seed, step, grads, dX, CHUNK, *asked)
    if signal is not None:
        raise signal
    if n is None:
        value += objective.penalty(params[: plan.n_decay], total, grads[: plan.n_decay])
    return value, grads
