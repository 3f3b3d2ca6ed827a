"""The main job, without a screen: from rows as read to a problem that a network can learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.arrays import Array, row_name
from chainrule.data.columns import numbers
from chainrule.data.encoder import Encoder, Pixels, TableEncoder
from chainrule.data.readers import Dataset
from chainrule.data.table import Table, as_levels, is_missing
from chainrule.errors import InputError, require_number
from chainrule.history import Epoch
from chainrule.losses import Loss, MeanSquaredError, SoftmaxCrossEntropy
from chainrule.random import order
from chainrule.sample_weights import as_weights
from chainrule.targets import Target, target_for
from chainrule.training import Training

SMALL = 2000  # training rows below which none are taken away for early stopping
MAX_CLASSES = 20  # whole numbers with more different values than this are a quantity
ROUNDED = 2.0**53  # whole numbers from here on may have been others before they were float64
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
            return self._standardised(target_for(loss, 1).fit(self.train.y)), 1
        if loss.target == "flags" and len(classes) != 2:
            raise InputError(f"--loss: {name} expects two classes, got {len(classes)}")
        n_out = 1 if loss.target == "flags" else len(classes)
        target = target_for(loss, n_out)
        target.classes = classes  # type: ignore[attr-defined]
        return target, n_out

    def _standardised(self, target: Target) -> Target:
        """By the training rows; InputError where the square of a row's number, once scaled, overflows."""
        y = np.concatenate([part.y for part in (self.train, self.valid, self.test) if part is not None])
        with np.errstate(over="ignore", invalid="ignore"):
            target = target.standardise(self.train.y)  # type: ignore[attr-defined]
            squares = np.square(target.scaled(y).astype(np.float32))  # type: ignore[attr-defined]
        if not (np.isfinite(squares).all() and np.isfinite(target.scale).all()):  # type: ignore[attr-defined]
            raise InputError(
                f"--target {self.target_name}: its numbers, up to {abs(y).max():g}, are too large to scale; divide them"
            )
        return target


STREAMS = {"--test": 2**63, "--validation": 2**63 + 1}  # in place of an epoch: no training gets there


def split(n: int, share: float, seed: int, strata: Array | None, stream: str) -> tuple[Array, Array]:
    """Row numbers, (1 - share) and share of them, drawn at random; each of the strata in proportion."""
    rows = order(n, seed, STREAMS[stream])
    if strata is not None:
        rows = rows[np.argsort(strata[rows], kind="stable")]
    taken = np.floor(np.arange(1, n + 1) * share) > np.floor(np.arange(n) * share)
    return np.sort(rows[~taken]), np.sort(rows[taken])


def pick_target(dataset: Dataset, target: str | None) -> tuple[str, Any, Array]:
    """The target's name, the other columns, and y. InputError lists the columns where the name is missing."""
    if dataset.y is not None:
        for part in (dataset, dataset.test):
            if part is not None and part.y is not None and part.y.ndim > 1:
                raise InputError(f"{part.name}: expected one label for each row, got labels of shape {part.y.shape}")
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
    if y.dtype.kind in "iuf" and ((y != np.round(y)).any() or len(np.unique(y)) > MAX_CLASSES):
        return "regression"
    return "classification"


def labels_of(y: Array, name: str) -> Array:
    """Class labels as the model stores them: text, or whole numbers. InputError where reading rounded these."""
    if y.dtype == object:
        return y.astype(str)
    if y.dtype.kind != "f" or (y != y.round()).any():
        return y
    if abs(y).max() >= ROUNDED:
        raise InputError(f"{name}: expected text or whole numbers below 2**53 as classes, got {abs(y).max():.15g}")
    return y.astype(np.int64)


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
    keep: Sequence[str] = (),
    drop_missing: bool = False,
    weight_column: str | None = None,
    seed: int = 0,
) -> Problem:
    """Split, then fit encoder and target on the training rows alone."""
    target_name, X, y = pick_target(dataset, target)
    if weight_column is not None:
        drop = (*drop, weight_column)
    rows = Rows(X, y, _weights(dataset, X, weight_column))
    rows = _with_targets(rows, target_name, drop_missing, unused=(*categorical, *drop))
    task = tell_task(rows.y, task)
    rows = replace(rows, y=_targets(rows.y, task, target_name))
    fitted, tested = rows, _test_rows(dataset, task, target_name)
    if tested is None:
        fitted, tested = _hold_out(rows, "--test", test, seed, task)
    fitted, valid = _validation(fitted, validation, seed, task)
    encoder = _fit_encoder(fitted.X, scale, categorical, drop, keep)
    return Problem(
        name=dataset.name,
        task=task,
        target_name=target_name,
        train=_encoded(fitted, encoder),
        valid=None if valid is None else _encoded(valid, encoder),
        test=_encoded(tested, encoder),
        encoder=encoder,
        classes=np.unique(np.concatenate([rows.y, tested.y])) if task == "classification" else None,
        n_columns=len(X.names) if isinstance(X, Table) else X[0].size,
    )


def _with_targets(rows: Rows, name: str, drop_missing: bool, unused: Sequence[str]) -> Rows:
    """The rows whose target is known; InputError where their numbers, but for unused columns, are not finite."""
    known = _known(rows.y, name, drop_missing)
    if isinstance(rows.X, Table):
        _require_finite(rows.X.without(unused), known)
    return rows if known.all() else _take(rows, np.flatnonzero(known))


def _test_rows(dataset: Dataset, task: str, name: str) -> Rows | None:
    """Those that came with the dataset."""
    if dataset.test is None or dataset.test.y is None:
        return None
    return Rows(dataset.test.X, _targets(dataset.test.y, task, name), None)


def _validation(rows: Rows, share: float | None, seed: int, task: str) -> tuple[Rows, Rows | None]:
    """The rows that stay and those for early stopping: a share of 0 is none, None a tenth where rows are many."""
    if share is None:
        share = 0.1 if len(rows) >= SMALL else 0.0
    return _hold_out(rows, "--validation", share, seed, task) if share else (rows, None)


def _encoded(part: Rows, encoder: Encoder) -> Rows:
    X = encoder.transform(part.X)
    if isinstance(encoder, TableEncoder):
        _require_held(X, encoder.features)
    return replace(part, X=X)


def _weights(dataset: Dataset, X: Any, column: str | None) -> Array | None:
    if column is None:
        return None
    if not isinstance(X, Table):
        raise InputError(f"--sample-weight {column}: expected a table, got {dataset.name}")
    return as_weights(X[column], len(X), f"--sample-weight {column}")


def _require_held(X: Array, features: Sequence[str]) -> None:
    """Before training: rows that are held out may be far from those that the scale was taken from."""
    wrong = (abs(X) > np.finfo(np.float32).max).any(axis=0)
    if wrong.any():
        name = features[int(wrong.argmax())]
        raise InputError(f"column {name!r}: its numbers, once scaled, are too large for float32; try --scale robust")


def _require_finite(table: Table, known: Array) -> None:
    """Before rows are drawn for a split, where their numbers are those of the file."""
    for name, column in table.columns.items():
        if column.dtype == np.float64:
            numbers(name, np.where(known, column, 0.0), table.first)


def _targets(y: Array, task: str, name: str) -> Array:
    """y as the task takes it: class labels, at least two kinds of them, or numbers."""
    if task == "regression":
        if y.dtype.kind not in "iuf":
            raise InputError(f"--target {name}: regression expects numbers, got {y[0]!r}")
        return y
    y = labels_of(as_levels(y) if y.dtype.kind == "f" and (y != y.round()).any() else y, f"--target {name}")
    _require_classes(y, name)
    return y


def _known(y: Array, name: str, drop: bool) -> Array:
    """Whether each row's target is known (N,); InputError where others are not to be left out."""
    missing = np.array([is_missing(cell) for cell in y.tolist()])
    if y.dtype.kind == "f" and np.isinf(y).any():
        row = row_name(int(np.argmax(np.isinf(y))), 1)
        raise InputError(f"--target {name}: expected finite numbers, got inf in {row}")
    if missing.any() and not drop:
        count, first = int(missing.sum()), row_name(int(np.argmax(missing)), 1)
        which = f"{count:,} rows have no value (the first is {first})" if count > 1 else f"{first} has no value"
        raise InputError(f"--target {name}: {which}; --drop-missing leaves {'them' if count > 1 else 'it'} out")
    if missing.all():
        raise InputError(f"--target {name}: no row has a value")
    return ~missing


def _require_classes(y: Array, name: str) -> None:
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) < 2:
        raise InputError(f"--target {name}: expected at least two classes, got only {classes[0].item()!r}")
    if counts.max() == 1 or len(classes) > max(1000, len(y) // 2):
        raise InputError(f"--target {name}: {len(classes):,} classes in {len(y):,} rows; is it the right column?")


def _take(part: Rows, rows: Array) -> Rows:
    X = part.X.rows(rows) if isinstance(part.X, Table) else part.X[rows]
    return Rows(X, part.y[rows], None if part.w is None else part.w[rows])


def _hold_out(rows: Rows, option: str, share: float, seed: int, task: str) -> tuple[Rows, Rows]:
    """The rows that stay and the share that is held out, each class in proportion."""
    require_number(option, share, 0.0, 1.0)
    strata = np.unique(rows.y, return_inverse=True)[1] if task == "classification" else None
    kept, taken = split(len(rows), share, seed, strata, stream=option)
    if len(taken) == 0 or len(kept) < 2:
        raise InputError(f"{option} {share:g}: expected at least one row held out and two left, got {len(rows)} rows")
    return _take(rows, kept), _take(rows, taken)


def _fit_encoder(X: Any, scale: str, categorical: Sequence[str], drop: Sequence[str], keep: Sequence[str]) -> Encoder:
    if isinstance(X, Table):
        return TableEncoder.fit(X, scale=scale, categorical=categorical, drop=drop, keep=keep)
    if categorical or drop or keep:
        raise InputError("--categorical, --drop, --keep: expected a table, got images")
    return Pixels.fit(X)


def epochs_until(training: Training, patience: int | None) -> Iterator[Epoch]:
    """The records, until `patience` optimizer steps passed without a better validation loss."""
    best_step = 0
    for epoch in training:
        yield epoch
        best_step = epoch.step if epoch.since_best == 0 else best_step
        if patience is not None and epoch.step - best_step >= patience:
            break
