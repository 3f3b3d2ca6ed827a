"""Training as a loop one can see: an iterator of records. Stopping early is a `break`."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from chainrule.backends import choose
from chainrule.backends.reference import Data
from chainrule.errors import Diverged, InputError, nearest, require_count
from chainrule.history import Epoch, History
from chainrule.metrics import METRICS, Metric
from chainrule.network import Network
from chainrule.optimizers import Optimizer
from chainrule.sample_weights import as_weights, class_weights, weighted
from chainrule.schedules import rate_at
from chainrule.targets import Labels, Target, target_for

MOST_THREADS = 1024  # more than any machine's cores are a slip of the finger


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
        Of the validation rows, or of the training rows where there are none.
    threads : int, optional
        Exactly so many; by default what a step's work is worth, and the process may use. On the reference backend they
        are NumPy's, and need threadpoolctl.

    Raises
    ------
    InputError
        Before anything is trained, where an argument does not fit.
    Diverged
        Where a loss is not finite, or the weights after an epoch; the network is left with the best weights so far.
    """
    return Training(
        net, data, optimizer, valid, batch_size, epochs, shuffle, sample_weight, class_weight, metrics, threads
    )


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
        self._valid = None if valid is None else self._validation(*_pair(valid, "valid", 3))
        self._metrics = _metrics(metrics)
        if threads is not None:
            require_count("threads", threads, most=MOST_THREADS)
        backend, _ = choose(net.plan, net.loss, optimizer)
        self._backend, self._order = backend.NAME, backend.order
        self._steps = backend.Steps(
            net.plan, net.objective, self._target, net.seed, self.batch_size, net.dtype, threads
        )
        self._iterated = False

    def _validation(self, X: Any, y: Any, sample_weight: Any = None) -> Data:
        return self.net.data(X, y, sample_weight, name="valid X", target=self._target)

    def __iter__(self) -> Iterator[Epoch]:
        if self._iterated:
            raise RuntimeError("this training has been iterated already; call train(...) again to go on")
        self._iterated = True
        return self._run()

    def __del__(self) -> None:
        if not getattr(self, "_iterated", True):
            warnings.warn("train(...) was never iterated, so nothing was trained", stacklevel=2)

    def _run(self) -> Iterator[Epoch]:
        net, data = self.net, self._data
        net.target = self._target
        net.history = self.history
        spread = self._target.spread(data.t, data.w)
        self.history.best, began_with = net.state.params.copy(), np.empty_like(net.state.params)
        lowest = np.inf
        for _ in range(self.epochs):
            began = time.perf_counter()
            with net.state.alone:
                net.state.prepare(self.optimizer)  # between two epochs another may have had its way with the network
                if self._valid is None:
                    began_with[...] = net.state.params
                loss, score = self._epoch(spread)
            valid_loss, score, metrics = self._measure(score)
            current = loss if valid_loss is None else valid_loss
            if not isfinite(current):  # finite on the training rows, but not on the validation rows
                self._give_up()
                raise Diverged(net.state.step)
            if current < lowest:
                lowest, self.history.best_epoch = current, net.state.epoch
                if self._valid is None:  # the loss is that of the weights before the updates, not of those they made
                    self.history.best, began_with = began_with, self.history.best
                else:
                    self.history.best[...] = net.state.params
            record = Epoch(
                number=net.state.epoch, loss=loss, valid_loss=valid_loss, score=score,
                seconds=time.perf_counter() - began, lr=rate_at(self.optimizer.lr, net.state.step - 1),
                step=net.state.step, since_best=net.state.epoch - self.history.best_epoch,
                backend=self._backend, threads=self._steps.threads, metrics=metrics,
            )  # fmt: skip
            self.history.epochs.append(record)
            yield record

    def _epoch(self, spread: float) -> tuple[float, float]:
        state, n = self.net.state, len(self._data)
        rows = self._order(n, self.net.seed, state.epoch) if self.shuffle else np.arange(n)
        try:
            result = self._steps.run(state, self.optimizer, self._data, rows, self.batch_size, spread)
        except Diverged:
            self._give_up()
            raise
        state.epoch += 1
        return result

    def _give_up(self) -> None:
        """Leave the network with the best weights so far."""
        self.history.restore_best(self.net)
        self.net.state.moments[...] = 0

    def _measure(self, score: float) -> tuple[float | None, float, dict[str, float]]:
        valid_loss = None
        if self._valid is not None:
            valid_loss, score = self.net.evaluate_data(self._valid)
        return valid_loss, score, self._measured()

    def _measured(self) -> dict[str, float]:
        if not self._metrics:
            return {}
        net, data = self.net, self._valid or self._data
        prediction = self._target.decode(self._target.read(net.outputs(data.X), net.loss))
        y = self._target.restore(data.t)
        return {name: float(metric(y, prediction)) for name, metric in self._metrics.items()}


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


def _metrics(metrics: Sequence[str] | Mapping[str, Metric]) -> dict[str, Metric]:
    if isinstance(metrics, Mapping):
        return dict(metrics)
    names = [metrics] if isinstance(metrics, str) else metrics
    for name in names:
        if name not in METRICS:
            raise InputError(f"metrics: no metric {name!r}; {nearest(name, METRICS)}")
    return {name: METRICS[name] for name in names}
