"""The epochs of a fit, on the core's steps: when to stop, what to record, where to go on next time."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from inspect import signature
from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, check_scoring, r2_score
from sklearn.model_selection import train_test_split

from chainrule.arrays import Array
from chainrule.backends import choose
from chainrule.backends.reference import Data
from chainrule.errors import Diverged, InputError, warn
from chainrule.network import Network
from chainrule.optimizers import ClassicalMomentum
from chainrule.sklearn.callbacks import Reports
from chainrule.sklearn.parameters import optimizer

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


@dataclass
class Progress:
    """What a later `partial_fit`, or `fit` with warm_start, goes on with, besides the network's State."""

    rate_init: float  # learning_rate_init when `rate` began
    rate: float
    stale: int = 0  # epochs without improvement


class HeldOut:
    """Validation rows: their loss, and the score that early stopping goes by."""

    def __init__(self, estimator: Any, data: Data) -> None:
        self.data, self.y = data, estimator._restored(data.t)
        self.scorer: Any = None
        if estimator.scoring is not None:
            self.scored = copy.copy(estimator)  # shares the network; these rows have no column names to compare
            vars(self.scored).pop("feature_names_in_", None)
            self.scorer = check_scoring(self.scored, scoring=estimator.scoring)
            if data.w is not None and _takes_weights(self.scorer):
                self.scorer = partial(self.scorer, sample_weight=data.w)

    def loss(self, z: Array, net: Network) -> float:
        """The loss alone, without the penalty."""
        data = self.data
        with np.errstate(over="ignore", invalid="ignore"):
            return float(net.loss(z, data.t, np.empty_like(z), data.total, data.w))

    def score(self, z: Array, estimator: Any) -> float:
        """Of `scoring`; by default accuracy or R². NaN where a prediction is not finite."""
        data = self.data
        prediction = estimator._decoded(z)
        if prediction.dtype.kind == "f" and not np.isfinite(prediction).all():
            return float("nan")
        if self.scorer is not None:
            score = float(self.scorer(self.scored, data.X, self.y))
        else:
            usual = accuracy_score if is_classifier(estimator) else r2_score
            score = float(usual(self.y, prediction, sample_weight=data.w))
        if np.isnan(score):  # no epoch would be better than none
            raise InputError(f"early_stopping: expected validation rows with a score, got nan for {len(data)} of them")
        return score


def _takes_weights(scorer: Any) -> bool:
    """Whether a function of (model, X, y), or the metric behind a scorer, has a sample_weight too."""
    try:
        signature(getattr(scorer, "_score_func", scorer)).bind_partial(sample_weight=None)
    except (TypeError, ValueError):  # it takes none, or does not say what it takes
        return False
    return True


def split(estimator: Any, data: Data, rng: np.random.RandomState) -> tuple[Data, Data]:
    """Training and validation rows, the same ones that scikit-learn's MLP would draw."""
    binary = is_classifier(estimator) and data.t.ndim == 2 and data.t.shape[1] == 1
    train, held_out = train_test_split(
        np.arange(len(data)),
        random_state=rng,
        test_size=estimator.validation_fraction,
        stratify=data.t.astype(bool) if binary else None,
    )
    if len(held_out) < 2:
        raise InputError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return data.rows(train), data.rows(held_out)


def batch_size(estimator: Any, n: int) -> int:
    if isinstance(estimator.batch_size, str):
        return min(200, n)
    if estimator.batch_size > n:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
    return int(min(estimator.batch_size, n))


RECORDS = (
    "loss_", "loss_curve_", "best_loss_", "validation_loss_curve_", "validation_scores_", "best_validation_score_",
    "n_threads_",
)  # fmt: skip


def start_records(estimator: Any, validated: bool) -> None:
    """The lists and bests that the epochs write to, where an earlier fit has not left them."""
    if not hasattr(estimator, "loss_curve_"):
        estimator.loss_curve_ = []
        estimator.validation_loss_curve_ = estimator.validation_scores_ = None
        estimator.best_validation_score_ = estimator.best_loss_ = None
    if validated and estimator.validation_loss_curve_ is None:
        estimator.validation_loss_curve_ = []
    if estimator.early_stopping and estimator.validation_scores_ is None:
        estimator.validation_scores_, estimator.best_validation_score_ = [], -np.inf
    if not estimator.early_stopping and estimator.best_loss_ is None:
        estimator.best_loss_ = np.inf


class Epochs:
    """The loop of one call of `fit` (up to max_iter epochs) or `partial_fit` (one)."""

    def __init__(self, estimator: Any, data: Data, held_out: HeldOut | None) -> None:
        self.estimator, self.data, self.held_out = estimator, data, held_out
        self.reports: Reports | None = None
        self.net, self.progress = estimator.network_, estimator._progress
        self.batch = batch_size(estimator, len(data))
        self.rows = np.arange(len(data))[None]
        self.optimizer = optimizer(estimator, self.progress.rate)
        net = self.net
        backend, _ = choose(net.plan, net.loss, self.optimizer)
        self.steps = backend.Steps(
            net.plan, net.objective, net.target, net.seed, self.batch, net.dtype, estimator.n_threads
        )
        net.state.prepare(self.optimizer)
        self.best = net.state.params.copy() if estimator.early_stopping else None
        self.diverged: Diverged | None = None

    def fit(self, reports: Reports) -> None:
        self.reports = reports
        most = self.estimator.max_iter
        try:
            if not self._run(most):
                warn(
                    f"Stochastic Optimizer: Maximum iterations ({most}) reached and the optimization hasn't "
                    "converged yet.",
                    ConvergenceWarning,
                )
        except KeyboardInterrupt:
            warn("Training interrupted by user.", UserWarning)
        if self.best is not None:
            self.net.state.params[...] = self.best
        self._require_finite()

    def partial_fit(self) -> None:
        self._run(1)
        self._require_finite()

    def _require_finite(self) -> None:
        if self.diverged is not None and self.best is None:
            raise InputError(NOT_FINITE) from self.diverged
        require_finite(self.net)

    def _run(self, n_epochs: int) -> bool:
        """Whether the training ended before the last epoch, or with it, for a reason of its own."""
        estimator = self.estimator
        estimator.n_iter_ = 0
        for _ in range(n_epochs):
            if self.reports:
                self.reports.begin_epoch()
            loss = self._epoch()
            self._record(loss)
            self._judge(loss)
            self._follow_schedule()
            stopped = self.reports is not None and self.reports.end_epoch()
            if self._is_over() or stopped:
                return True
        return False

    def _epoch(self) -> float:
        state, data = self.net.state, self.data
        rows = self.steps.orders(len(data), state.epoch, 1) if self.estimator.shuffle else self.rows
        try:
            results = self.steps.run(state, self.optimizer, data, rows, 1.0)
        except Diverged as error:
            self.diverged = error
            return float("nan")
        state.epoch += 1
        return float(results[0, 0])

    def _record(self, loss: float) -> None:
        estimator = self.estimator
        estimator.n_iter_ += 1
        estimator.t_ += len(self.data)
        estimator.loss_ = loss
        estimator.loss_curve_.append(loss)
        estimator.n_threads_ = self.steps.threads
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {loss:.8f}")

    def _judge(self, loss: float) -> None:
        """Whether this epoch was better than the best by `tol`: scikit-learn's count of epochs that were not."""
        estimator, progress = self.estimator, self.progress
        score = self._validate()
        if not estimator.early_stopping:
            progress.stale = progress.stale + 1 if loss > estimator.best_loss_ - estimator.tol else 0
            if loss < estimator.best_loss_:
                estimator.best_loss_ = loss
            return
        progress.stale = progress.stale + 1 if score < estimator.best_validation_score_ + estimator.tol else 0
        if score > estimator.best_validation_score_:
            estimator.best_validation_score_ = score
            self.best[...] = self.net.state.params  # type: ignore[index]

    def _validate(self) -> float:
        """Record the loss on the held-out rows, and with early stopping the score."""
        estimator, score = self.estimator, float("nan")
        if self.held_out is None:
            return score
        loss = score
        if self.diverged is None:
            z = self.net.outputs(self.held_out.data.X)
            loss = self.held_out.loss(z, self.net)
            score = self.held_out.score(z, estimator) if estimator.early_stopping else score
        estimator.validation_loss_curve_.append(loss)
        if estimator.early_stopping:
            estimator.validation_scores_.append(score)
            if estimator.verbose:
                print(f"Validation score: {score:f}")
        return score

    def _follow_schedule(self) -> None:
        """invscaling: from the second epoch on the rate follows the rows seen."""
        estimator = self.estimator
        if self._is_scheduled("invscaling"):
            self._set_rate(float(estimator.learning_rate_init) / (estimator.t_ + 1) ** estimator.power_t)

    def _is_scheduled(self, schedule: str) -> bool:
        return isinstance(self.optimizer, ClassicalMomentum) and self.estimator.learning_rate == schedule

    def _set_rate(self, rate: float) -> None:
        self.progress.rate = rate
        self.optimizer = replace(self.optimizer, lr=rate)

    def _is_over(self) -> bool:
        estimator = self.estimator
        if self.diverged is not None:
            if self.best is not None:
                warn(f"{self.diverged}; the weights of the best epoch are kept", ConvergenceWarning)
            return True
        if self.progress.stale <= estimator.n_iter_no_change:
            return False
        what = "Validation score" if estimator.early_stopping else "Training loss"
        since = f"for {estimator.n_iter_no_change} consecutive epochs."
        message = f"{what} did not improve more than tol={estimator.tol:f} {since}"
        if not self._is_scheduled("adaptive"):
            return self._say(f"{message} Stopping.")
        if self.progress.rate <= 1e-6:
            return self._say(f"{message} Learning rate too small. Stopping.")
        self._set_rate(self.progress.rate / 5)
        self.progress.stale = 0
        return not self._say(f"{message} Setting learning rate to {self.progress.rate:f}")

    def _say(self, message: str) -> bool:
        if self.estimator.verbose:
            print(message)
        return True


def require_finite(net: Network) -> None:
    if not np.isfinite(net.state.params).all():
        raise InputError(NOT_FINITE)


def fit_lbfgs(estimator: Any, data: Data, reports: Reports) -> None:
    """SciPy's L-BFGS on the objective over all rows, in float64 whatever the network's dtype."""
    net = estimator.network_
    state, backend = net.state, choose(net.plan, net.loss)[0]
    whole = Data(data.X, data.t if data.t.dtype.kind == "i" else data.t.astype(np.float64), data.w)
    whole = whole if data.w is None else replace(whole, w=data.w.astype(np.float64))

    def objective(params: Array) -> tuple[float, Array]:
        value, gradient = backend.whole_gradients(net.plan, params, net.objective, whole, net.seed, state.step)
        return value, gradient

    def after_iteration(intermediate_result: Any) -> None:
        state.params[...] = intermediate_result.x
        estimator.n_iter_ += 1
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {intermediate_result.fun:.8f}")
        if reports.end_epoch():
            raise StopIteration
        reports.begin_epoch()

    estimator.n_iter_ = 0
    reports.begin_epoch()
    result = minimize(
        objective, state.params.astype(np.float64), method="L-BFGS-B", jac=True, callback=after_iteration,
        options={"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol},
    )  # fmt: skip
    state.params[...] = result.x
    estimator.n_iter_, estimator.loss_ = min(int(result.nit), estimator.max_iter), float(result.fun)
    require_finite(net)
    if result.status not in (0, 99):
        remedy = "Increase the number of iterations (max_iter)"
        if result.nfev >= estimator.max_fun:
            remedy = "Increase the number of function calls (max_fun)"
        warn(
            f"lbfgs failed to converge after {result.nit} iteration(s) (status={result.status}):\n{result.message}\n\n"
            f"{remedy} or scale the data.",
            ConvergenceWarning,
        )
