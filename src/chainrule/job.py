"""The main job, without a screen: from rows as read to a trained network, and what its score is worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.backends.reference import Data, infer
from chainrule.data.encoder import Encoder, Pixels, TableEncoder
from chainrule.data.readers import Dataset
from chainrule.data.table import Table, as_levels
from chainrule.errors import InputError, require_number
from chainrule.history import Epoch
from chainrule.initializers import Zeros
from chainrule.layers import Dense
from chainrule.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from chainrule.network import Network
from chainrule.random import order
from chainrule.targets import Target, target_for
from chainrule.training import Training

SMALL = 2000  # training rows below which none are taken away for early stopping
MAX_CLASSES = 20  # whole numbers with more different values than this are a quantity
TASKS = ("classification", "regression")


@dataclass(frozen=True)
class Rows:
    """Rows of one split: encoded X, y as users write it, sample weights or None."""

    X: Any
    y: Array
    w: Array | None

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Problem:
    """What is to be learned: the splits, and how raw rows and targets become numbers."""

    name: str
    task: str
    target_name: str
    train: Rows
    valid: Rows | None
    test: Rows
    encoder: Encoder
    classes: Array | None  # of all rows, so that test rows hold no unknown one; None for regression
    n_columns: int

    @property
    def default_loss(self) -> Loss:
        return SoftmaxCrossEntropy() if self.task == "classification" else MeanSquaredError()

    def fit_target(self, loss: Loss) -> tuple[Target, int]:
        """The target as the loss takes it, fitted on the training rows, and the number of outputs."""
        name, classes = type(loss).__name__, self.classes
        if (classes is not None) != (loss.target in ("labels", "flags")):
            raise InputError(f"--loss: {name} does not fit {self.task}; choose another or say --task")
        if classes is None:
            target = target_for(loss, 1).fit(self.train.y)
            return target.standardise(self.train.y), 1  # type: ignore[attr-defined]
        if loss.target == "flags" and len(classes) != 2:
            raise InputError(f"--loss: {name} expects two classes, got {len(classes)}")
        n_out = 1 if loss.target == "flags" else len(classes)
        target = target_for(loss, n_out)
        target.classes = classes  # type: ignore[attr-defined]
        return target, n_out


def split(n: int, share: float, seed: int, strata: Array | None = None) -> tuple[Array, Array]:
    """Row numbers, (1 - share) and share of them, in random order; each of the strata in proportion."""
    rows = order(n, seed, 2**63)
    if strata is not None:
        rows = rows[np.argsort(strata[rows], kind="stable")]
    taken = np.floor(np.arange(1, n + 1) * share) > np.floor(np.arange(n) * share)
    return np.sort(rows[~taken]), np.sort(rows[taken])


def pick_target(dataset: Dataset, target: str | None) -> tuple[str, Any, Array]:
    """The target's name, the other columns, and y. InputError lists the columns where the name is missing."""
    if dataset.y is not None:
        if target is not None and target not in ("y", "label"):
            raise InputError(f"--target {target}: {dataset.name} holds its labels apart; leave the option out")
        return "label", dataset.X, dataset.y
    if not isinstance(dataset.X, Table):
        raise InputError(f"{dataset.name}: expected labels beside the images, got none; name their file with --target")
    if target is None:
        raise InputError(
            f"{dataset.name}: which column is the target? --target with one of {', '.join(dataset.X.names)}"
        )
    return target, dataset.X.without([target]), dataset.X[target]


def tell_task(y: Array, task: str | None) -> str:
    """Text is classes, numbers with fractions or many values are a quantity, unless the user says so."""
    if task is not None:
        return task
    if y.dtype.kind == "f" and ((y != y.round()).any() or len(np.unique(y)) > MAX_CLASSES):
        return "regression"
    return "classification"


def labels_of(y: Array) -> Array:
    """Class labels as the model stores them: text, or whole numbers."""
    if y.dtype == object:
        return y.astype(str)
    return y.astype(np.int64) if y.dtype.kind == "f" and (y == y.round()).all() else y


def prepare(
    dataset: Dataset,
    *,
    target: str | None = None,
    task: str | None = None,
    test: float = 0.2,
    validation: float | None = None,
    scale: str = "robust",
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    drop_missing: bool = False,
    weight_column: str | None = None,
    seed: int = 0,
) -> Problem:
    """Split, then fit encoder and target on the training rows alone."""
    target_name, X, y = pick_target(dataset, target)
    w = None
    if weight_column is not None:
        if not isinstance(X, Table):
            raise InputError(f"--sample-weight {weight_column}: expected a table, got {dataset.name}")
        w, X = X[weight_column], X.without([weight_column])
    X, y, w = _without_missing(X, y, w, target_name, drop_missing)
    task = tell_task(y, task)
    if task == "classification":
        y = labels_of(as_levels(y) if y.dtype.kind == "f" and (y != y.round()).any() else y)
        _require_classes(y, target_name)
    elif y.dtype.kind not in "iuf":
        raise InputError(f"--target {target_name}: regression expects numbers, got {y[0]!r}")
    everything = Rows(X, y, w)
    strata = np.unique(y, return_inverse=True)[1] if task == "classification" else None
    fitted, tested = _hold_out(everything, dataset.test, test, seed, strata, labels_of)
    if validation is None:
        validation = 0.1 if len(fitted) >= SMALL else 0.0
    if validation:
        strata = np.unique(fitted.y, return_inverse=True)[1] if task == "classification" else None
        kept, taken = split(len(fitted), require_share("--validation", validation), seed + 1, strata)
        valid, fitted = _take(fitted, taken), _take(fitted, kept)
    else:
        valid = None
    encoder = _fit_encoder(fitted.X, scale, categorical, drop)
    classes = np.unique(y) if task == "classification" else None
    parts = [None if part is None else replace(part, X=encoder.transform(part.X)) for part in (fitted, valid, tested)]
    n_columns = len(X.names) if isinstance(X, Table) else X[0].size
    assert parts[0] is not None
    assert parts[2] is not None
    return Problem(dataset.name, task, target_name, parts[0], parts[1], parts[2], encoder, classes, n_columns)


def require_share(name: str, share: float) -> float:
    require_number(name, share, 0.0, 1.0)
    return share


def _without_missing(X: Any, y: Array, w: Any, name: str, drop: bool) -> tuple[Any, Array, Any]:
    missing = np.array([cell is None or cell != cell for cell in y.tolist()])
    if y.dtype.kind == "f" and np.isinf(y).any():
        raise InputError(f"--target {name}: expected finite numbers, got inf in row {int(np.argmax(np.isinf(y))) + 1}")
    if not missing.any():
        return X, y, w
    if not drop:
        first = int(np.argmax(missing)) + 1
        raise InputError(
            f"--target {name}: {missing.sum():,} rows have no value (the first is row {first}); "
            "--drop-missing leaves them out"
        )
    known = np.flatnonzero(~missing)
    if len(known) == 0:
        raise InputError(f"--target {name}: no row has a value")
    return _take_X(X, known), y[known], None if w is None else w[known]


def _require_classes(y: Array, name: str) -> None:
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise InputError(f"--target {name}: expected at least two classes, got only {classes[0].item()!r}")
    if counts.max() == 1 or len(classes) > max(1000, len(y) // 2):
        raise InputError(f"--target {name}: {len(classes):,} classes in {len(y):,} rows; is it the right column?")


def _take_X(X: Any, rows: Array) -> Any:
    return X.rows(rows) if isinstance(X, Table) else X[rows]


def _take(part: Rows, rows: Array) -> Rows:
    return Rows(_take_X(part.X, rows), part.y[rows], None if part.w is None else part.w[rows])


def _hold_out(
    everything: Rows,
    own: Dataset | None,
    share: float,
    seed: int,
    strata: Array | None,
    labels: Callable[[Array], Array],
) -> tuple[Rows, Rows]:
    """Training and test rows: the dataset's own test rows, or a share."""
    if own is not None and own.y is not None:
        return everything, Rows(own.X, labels(own.y), None)
    kept, taken = split(len(everything), require_share("--test", share), seed, strata)
    if len(taken) == 0 or len(kept) < 2:
        raise InputError(f"--test {share:g}: expected at least one test row and two others, got {len(everything)} rows")
    return _take(everything, kept), _take(everything, taken)


def _fit_encoder(X: Any, scale: str, categorical: Sequence[str], drop: Sequence[str]) -> Encoder:
    if isinstance(X, Table):
        return TableEncoder.fit(X, scale=scale, categorical=categorical, drop=drop)
    if categorical or drop:
        raise InputError("--categorical, --drop: expected a table, got images")
    return Pixels.fit(X)


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
    return net.data(rows.X, rows.y, rows.w)


def measure(name: str, net: Network, rows: Rows, seconds: float) -> Yardstick:
    data = data_of(net, rows)
    z = infer(net.plan, net.state.views, data.X, net.dtype)
    return Yardstick(name, net.contributions(z, data), seconds)


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


def epochs_until(training: Training, patience: int | None) -> Iterator[Epoch]:
    """The records, until `patience` optimizer steps passed without a better validation loss."""
    best_step = 0
    for epoch in training:
        yield epoch
        best_step = epoch.step if epoch.since_best == 0 else best_step
        if patience is not None and epoch.step - best_step >= patience:
            break
