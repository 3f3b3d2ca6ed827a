"""Scores of predictions against what came true: y (N,) or (N, K), prediction in the same shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError

Metric = Callable[[Array, Array], float]


def accuracy(y: Array, prediction: Array) -> float:
    """Share of rows predicted right; with several flags a row, all of them."""
    same = np.asarray(y) == np.asarray(prediction)
    return float(same.reshape(len(same), -1).all(axis=1).mean())


def balanced_accuracy(y: Array, prediction: Array) -> float:
    """Mean over the classes of the share of each class's rows that were predicted right."""
    y, prediction = np.asarray(y), np.asarray(prediction)
    return float(np.mean([(prediction[y == c] == c).mean() for c in np.unique(y)]))


def f1_macro(y: Array, prediction: Array) -> float:
    """Mean over the classes of 2·hits/(rows of the class + rows predicted as it)."""
    y, prediction = np.asarray(y), np.asarray(prediction)
    classes = np.unique(np.concatenate([y, prediction]))
    hits = [2 * ((y == c) & (prediction == c)).sum() / ((y == c).sum() + (prediction == c).sum()) for c in classes]
    return float(np.mean(hits))


def r2(y: Array, prediction: Array) -> float:
    """1 - squared error over the squared error of the mean, averaged over the outputs first; of a constant y 1 where it
    is predicted, else 0."""
    y, prediction = np.asarray(y, dtype=np.float64), np.asarray(prediction, dtype=np.float64)
    error, spread = ((y - prediction) ** 2).sum(), ((y - y.mean(axis=0)) ** 2).sum()
    if not spread or (y == y[:1]).all():  # of a constant, whose mean may be rounded
        return float(error == 0)
    return float(1 - error / spread)


def mean_absolute_error(y: Array, prediction: Array) -> float:
    """In the units of y."""
    return float(np.abs(np.asarray(y, dtype=np.float64) - prediction).mean())


def root_mean_squared_error(y: Array, prediction: Array) -> float:
    """In the units of y."""
    return float(np.sqrt(((np.asarray(y, dtype=np.float64) - prediction) ** 2).mean()))


METRICS_OF: dict[str, dict[str, Metric]] = {  # by task
    task: {metric.__name__: metric for metric in metrics}
    for task, metrics in {
        "classification": (accuracy, balanced_accuracy, f1_macro),
        "regression": (r2, mean_absolute_error, root_mean_squared_error),
    }.items()
}
METRICS: dict[str, Metric] = {name: metric for metrics in METRICS_OF.values() for name, metric in metrics.items()}


def require_fitting(option: str, names: Iterable[str], task: str) -> None:
    """InputError where one of these metrics is another task's."""
    for name in names:
        if name not in METRICS_OF[task]:
            raise InputError(f"{option}: {name} does not fit {task}; expected {', '.join(METRICS_OF[task])}")
