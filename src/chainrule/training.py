"""Training as a loop one can see: an iterator of records. Stopping early is a `break`."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import inf, isfinite
from typing import Any, NamedTuple

import numpy as np

from chainrule.arrays import Array
from chainrule.backends import choose
from chainrule.backends.reference import Best, Data
from chainrule.errors import Diverged, InputError, nearest, require_count, warn
from chainrule.history import Epoch, History
from chainrule.metrics import METRICS, Metric, require_fitting
from chainrule.network import Network
from chainrule.optimizers import Optimizer
from chainrule.sample_weights import as_weights, class_weights, weighted
from chainrule.targets import Labels, Target, Values, target_for

MOST_THREADS = 1024  # more than any machine's cores are a slip of the finger
CALL = 0.01  # seconds of epochs that are computed together where nobody looks between them
ROWS = 1 << 20  # of epochs that are computed together: their order is made beforehand


def train(
    net: Network,
    data: tuple[Any, Any],
    optimizer: Optimizer,
    *,
    valid: Sequence[Any] | None = None,
    batch_size: int | None = None,
    epochs: int = 10,
    shuffle: bool = True,
    sample_weight: Any = None,
    class_weight: Mapping[Any, float] | str | None = None,
    metrics: Sequence[str] | Mapping[str, Metric] = (),
    threads: int | None = None,
    epochs_per_call: int | None = 1,
) -> Training:
    """An iterator that trains one epoch each time it is asked for the next record; break when it is enough.

    Parameters
    ----------
    data : (X, y)
        X (N, n_in) dense or scipy-sparse, y (N,) or (N, K).
    valid : (X, y) or (X, y, sample_weight), optional
    batch_size : int, optional
        Default 32, or N where there are fewer rows.
    shuffle : bool
        Visit the rows in another order each epoch.
    sample_weight : (N,), optional
        At least 0; the loss divides by their sum over the batch.
    class_weight : {label: weight} or "balanced", optional
        Multiplies the sample weights; balanced means N/(K·rows of the class).
    metrics : names (`chainrule.metrics`) or {name: function of y and prediction}
        Of the validation rows, or of the training rows where there are none; all rows alike, whatever their weights.
    threads : int, optional
        Exactly so many; by default what a step's work is worth, and the process may use. On the reference backend they
        are NumPy's, and need threadpoolctl.
    epochs_per_call : int or None
        At most so many, of a million rows in all, are computed before the first of their records is handed out. Network
        and history are then ahead of it; tiny networks train faster, to the same bits. None: as many as take 10 ms, as
        `fit` does. More than 1 is refused with `valid` or `metrics`, which look at the network after each.

    Raises
    ------
    InputError
        Before anything is trained, where an argument does not fit.
    Diverged
        Where a loss is not finite, or the weights after an epoch; the network is left with the best weights so far.
    """
    return Training(
        net, data, optimizer, valid, batch_size, epochs, shuffle, sample_weight, class_weight, metrics, threads,
        epochs_per_call,
    )  # fmt: skip


class _Begun(NamedTuple):
    """Where a call of the backend found the training, and when."""

    records: int  # of this training; the network's epochs may have begun with others
    epoch: int
    step: int
    lowest: float
    best_epoch: int
    time: float


class _Outcome(NamedTuple):
    """The records of a call's epochs by their fields, and the best epoch with them."""

    columns: dict[str, Any]
    lowest: float
    best_epoch: int


class Training:
    """What `train` returns: iterate it. `history` holds the records so far."""

    def __init__(
        self,
        net: Network,
        data: tuple[Any, Any],
        optimizer: Optimizer,
        valid: Sequence[Any] | None,
        batch_size: int | None,
        epochs: int,
        shuffle: bool,
        sample_weight: Any,
        class_weight: Mapping[Any, float] | str | None,
        metrics: Sequence[str] | Mapping[str, Metric],
        threads: int | None,
        epochs_per_call: int | None,
    ) -> None:
        self._iterated = True  # nothing to warn about where an argument is refused
        if not isinstance(optimizer, Optimizer):
            raise InputError(f"optimizer: expected a chainrule Optimizer such as SGD(lr=0.1), got {optimizer!r}")
        require_count("epochs", epochs)
        self.net, self.optimizer, self.epochs, self.shuffle = net, optimizer, epochs, shuffle
        self.history = History()
        X, y = _pair(data, "data")
        self._target = net.target or target_for(net.loss, net.n_out).fit(y)
        self._data = _training_data(net, net.data(X, y, target=self._target), self._target, sample_weight, class_weight)
        self.batch_size = _batch_size(batch_size, len(self._data))
        self._steps_per_epoch = -(-len(self._data) // self.batch_size)
        self._valid = None if valid is None else self._validation(*_pair(valid, "valid", 3))
        self._metrics = _metrics(metrics, "regression" if isinstance(self._target, Values) else "classification")
        if threads is not None:
            require_count("threads", threads, most=MOST_THREADS)
        self._looks = self._valid is not None or bool(self._metrics)  # at the network, after each epoch
        self._per_call = self._epochs_per_call(epochs_per_call)
        backend, _ = choose(net.plan, net.loss, optimizer)
        self._backend = backend.NAME
        self._steps = backend.Steps(
            net.plan, net.objective, self._target, net.seed, self.batch_size, net.dtype, threads
        )
        self._iterated = False

    def _epochs_per_call(self, wanted: int | None) -> int | None:
        if wanted is None:
            return 1 if self._looks else None
        require_count("epochs_per_call", wanted)
        if wanted > 1 and self._looks:
            raise InputError(f"epochs_per_call: expected 1 with valid or metrics, got {wanted}")
        return wanted

    def _validation(self, X: Any, y: Any, sample_weight: Any = None) -> Data:
        try:
            return self.net.data(X, y, sample_weight, target=self._target)
        except InputError as error:  # which names X, y or sample_weight
            raise InputError(f"valid {error}") from error

    def __iter__(self) -> Iterator[Epoch]:
        if self._iterated:
            raise RuntimeError("this training has been iterated already; call train(...) again to go on")
        self._iterated = True
        return self._run()

    def __del__(self) -> None:
        if not getattr(self, "_iterated", True):
            warn("train(...) was never iterated, so nothing was trained")

    def _run(self) -> Iterator[Epoch]:
        net, history = self.net, self.history
        net.target, net.history = self._target, history
        self._spread = self._target.spread(self._data.t, self._data.w)
        self._best = Best(net.state.params)
        history.best, self._lowest = self._best.params, inf
        try:
            while (known := len(history)) < self.epochs:
                self._call(min(self.epochs - known, self._next_epochs()))
                yield from history[known:]
        finally:
            history.best = self._best.params.copy()  # the backend no longer writes to it

    def _next_epochs(self) -> int:
        """How many the next call computes."""
        wanted = self._per_call or 1
        if self._per_call is None and len(self.history):
            wanted = int(CALL / self.history[-1].seconds)
        return max(1, min(wanted, ROWS // len(self._data)))

    def _call(self, n_epochs: int) -> None:
        """So many epochs and their records; those that ended before a failure too, where nobody looks after each."""
        state, n, began = self.net.state, len(self._data), time.perf_counter()
        with state.alone:
            state.prepare(self.optimizer)  # between two calls another may have had its way with the network
            begun = _Begun(len(self.history), state.epoch, state.step, self._lowest, self.history.best_epoch, began)
            orders = self._steps.orders(n, state.epoch, n_epochs) if self.shuffle else _unshuffled(n, n_epochs)
            if self._looks and self._valid is None:
                self._best.begin(state.params)
            best = None if self._looks else self._best
            self._steps.results = self._steps.results[:0]  # an interrupt may come before `run` does so
            try:
                self._steps.run(state, self.optimizer, self._data, orders, self._spread, best)
            except Diverged:
                self._give_up()
                raise
            finally:
                if not self._looks:
                    try:
                        self._write_down(begun, self._outcome(begun))
                    except KeyboardInterrupt:  # waits until all is written down
                        self._write_down(begun, self._outcome(begun))
                        raise
        if self._looks:
            outcome = self._outcome(begun)  # an interrupt of someone's metric need not wait
            try:
                self._write_down(begun, outcome)
            except KeyboardInterrupt:
                self._write_down(begun, outcome)
                raise

    def _outcome(self, begun: _Begun) -> _Outcome:
        """What the epochs of a call that ended came to, and the network as the last of them left it."""
        results, epoch = self._steps.results, begun.epoch
        n = len(results)
        losses, scores = results.T.tolist()
        valid_loss = None
        if self._valid is not None:
            valid_loss, scores[0] = self.net.evaluate_data(self._valid)
        metrics = self._measured()
        seconds = (time.perf_counter() - begun.time) / max(1, n)
        steps = [begun.step + self._steps_per_epoch * i for i in range(1, n + 1)]
        lowest, best_epoch, since = self._judged(begun, losses if valid_loss is None else [valid_loss])
        columns = {
            "number": range(epoch + 1, epoch + n + 1), "loss": losses, "valid_loss": [valid_loss] * n,
            "score": scores, "seconds": [seconds] * n, "step": steps, "backend": [self._backend] * n,
            "lr": self._steps.rates[:n].tolist(),
            "since_best": since, "threads": [self._steps.threads] * n, "metrics": [dict(metrics) for _ in steps],
        }  # fmt: skip
        return _Outcome(columns, lowest, best_epoch)

    def _write_down(self, begun: _Begun, outcome: _Outcome) -> None:
        """Count the epochs and make records of them. A second run of the same leaves what one does."""
        if self._looks and outcome.best_epoch > begun.epoch:
            self._keep(outcome.lowest)
        self.history.put(begun.records, outcome.columns)
        self.net.state.epoch = begun.epoch + len(outcome.columns["loss"])
        self._lowest, self.history.best_epoch, self.history.best = outcome.lowest, outcome.best_epoch, self._best.params

    def _judged(self, begun: _Begun, losses: list[float]) -> tuple[float, int, list[int]]:
        """The lowest loss and the best epoch with these, and how long ago that was after each."""
        lowest, best, since = begun.lowest, begun.best_epoch, []
        for number, loss in enumerate(losses, start=begun.epoch + 1):
            if not isfinite(loss):  # finite on the training rows, but not on the validation rows
                self._give_up()
                raise Diverged(self.net.state.step)
            if loss < lowest:
                lowest, best = loss, number
            since.append(number - best)
        return lowest, best, since

    def _keep(self, lowest: float) -> None:
        """The weights of an epoch that is the best so far: those it ended with where there is validation. Without it
        those it began with: its loss is that of the weights before the updates, not of those they made."""
        if self._valid is not None:
            self._best.begin(self.net.state.params)
        self._best.end(lowest)

    def _give_up(self) -> None:
        """Leave the network with the best weights so far."""
        self.net.state.params[...] = self._best.params
        self.net.state.moments[...] = 0

    def _measured(self) -> dict[str, float]:
        if not self._metrics:
            return {}
        net, data = self.net, self._valid or self._data
        prediction = self._target.decode(self._target.read(net.outputs(data.X), net.loss))
        y = self._target.restore(data.t)
        return {name: float(metric(y, prediction)) for name, metric in self._metrics.items()}


def _unshuffled(n: int, n_epochs: int) -> Array:
    return np.tile(np.arange(n), (n_epochs, 1))


def _pair(data: Any, name: str, most: int = 2) -> tuple[Any, ...]:
    if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= most:
        wanted = "(X, y)" if most == 2 else "(X, y) or (X, y, sample_weight)"
        raise InputError(f"{name}: expected {wanted}, got {type(data).__name__}")
    return tuple(data)


def _training_data(net: Network, data: Data, target: Target, sample_weight: Any, class_weight: Any) -> Data:
    """The rows with their weights; InputError where there is only one class to tell."""
    if isinstance(target, Labels) and data.t.ndim == 1 and (data.t == data.t[0]).all():
        raise InputError(f"y: expected at least two classes, got only {target.classes[data.t[0]].item()!r}")
    if class_weight is not None:
        per_row = class_weights(target, data.t, class_weight)
        sample_weight = per_row if sample_weight is None else per_row * as_weights(sample_weight, len(data))
        if not sample_weight.any():
            raise InputError("class_weight: expected at least one row of weight above 0, got all 0")
    return data if sample_weight is None else weighted(data, sample_weight, net.dtype)


def _batch_size(batch_size: int | None, n: int) -> int:
    if batch_size is None:
        return min(32, n)
    require_count("batch_size", batch_size)
    if batch_size > n:
        raise InputError(f"batch_size: expected at most {n}, the number of training rows, got {batch_size}")
    return int(batch_size)


def _metrics(metrics: Sequence[str] | Mapping[str, Metric], task: str) -> dict[str, Metric]:
    if isinstance(metrics, Mapping):
        for name, metric in metrics.items():
            if not callable(metric):
                raise InputError(f"metrics: expected a function of y and prediction as {name!r}, got {metric!r}")
            if name in Epoch._fields:
                raise InputError(f"metrics: expected another name than {name!r}, which each epoch's record has")
        return dict(metrics)
    names = [metrics] if isinstance(metrics, str) else metrics
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise InputError(f"metrics: expected names, or functions by name, got {metrics!r}")
    for name in names:
        if name not in METRICS:
            raise InputError(f"metrics: no metric {name!r}; {nearest(name, METRICS)}")
    require_fitting("metrics", names, task)
    return {name: METRICS[name] for name in names}
