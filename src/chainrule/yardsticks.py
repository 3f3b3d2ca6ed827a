"""What a score is worth: beside a linear model and the commonest class, with its standard error."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from chainrule.arrays import Array
from chainrule.backends.reference import Data
from chainrule.initializers import Zeros
from chainrule.job import Problem, Rows
from chainrule.layers import Dense
from chainrule.network import Network


@dataclass(frozen=True)
class Yardstick:
    """A model's test rows: what each adds to the score (N,), and the seconds its training took."""

    name: str
    contributions: Array
    seconds: float

    @property
    def score(self) -> float:
        return float(self.contributions.mean())

    @property
    def error(self) -> float | None:
        return standard_error(self.contributions)


def standard_error(contributions: Array) -> float | None:
    """Of the mean; None for a single row."""
    return float(contributions.std(ddof=1) / np.sqrt(len(contributions))) if len(contributions) > 1 else None


def not_better(network: Yardstick, linear: Yardstick) -> bool:
    """Whether the network's lead, row by row, is within its own standard error."""
    lead = network.contributions - linear.contributions
    return bool(lead.mean() <= (standard_error(lead) or 0.0))


def linear_network(problem: Problem, net: Network) -> Network:
    """The same loss without a hidden layer."""
    linear = Network([Dense(net.n_out, weights=Zeros())], net.loss, net.n_in, net.seed, net.dtype)
    linear.target = net.target
    return linear


def data_of(net: Network, rows: Rows) -> Data:
    """All rows alike, as `chainrule evaluate` takes them: weights are what training is told."""
    return net.data(rows.X, rows.y)


def measure(name: str, net: Network, rows: Rows, seconds: float) -> Yardstick:
    data = data_of(net, rows)
    return Yardstick(name, net.contributions(net.outputs(data.X), data), seconds)


def commonest(problem: Problem, net: Network) -> Yardstick:
    """Predicting the commonest class of the training rows, or their mean, for every row."""
    assert net.target is not None
    began = time.perf_counter()
    t, test = data_of(net, problem.train).t, data_of(net, problem.test)
    if problem.task == "classification":
        values = np.bincount(t, minlength=net.n_out) if t.ndim == 1 else np.array([t.mean() > 0.5], dtype=np.float64)
    else:
        values = t.mean(axis=0)
    p = np.tile(values.astype(np.float64), (len(problem.test), 1))
    rows = net.target.contributions(p, test.t, net.target.spread(test.t))
    name = "commonest class" if problem.task == "classification" else "mean"
    return Yardstick(name, rows, time.perf_counter() - began)
