"""What classifier and regressor share: from a table to the core's Network, and through a fit."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import check_random_state

from chainrule.arrays import Array, as_matrix
from chainrule.backends.reference import Data
from chainrule.errors import InputError
from chainrule.losses import Loss
from chainrule.network import Network
from chainrule.sample_weights import as_weights, that_count
from chainrule.sklearn.callbacks import CallbackSupportMixin, Reports, with_callbacks
from chainrule.sklearn.fitted import FittedMLP, last_dense
from chainrule.sklearn.fitting import RECORDS, Epochs, HeldOut, Progress, fit_lbfgs, split, start_records
from chainrule.sklearn.parameters import check, hidden_sizes, initial_factors, is_stochastic, layers
from chainrule.sklearn.values import assign, checked_weights, weights
from chainrule.targets import Target

Self = TypeVar("Self", bound="BaseMLP")


def in_batches(estimator: Any) -> bool:
    """Whether there is a partial_fit; AttributeError says why not."""
    if not is_stochastic(estimator):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


@contextmanager
def put_back(estimator: Any) -> Iterator[None]:
    """An exception leaves the estimator as it was."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def some_that_count(data: Data, which: str) -> Data:
    """A part's rows of weight above 0; InputError where there are none."""
    if data.w is not None and not data.w.any():
        raise InputError(f"sample_weight: expected at least one above 0 among {which}, got all 0")
    return that_count(data)


class BaseMLP(CallbackSupportMixin, FittedMLP):
    """The estimators' common part: how they are trained."""

    _progress: Progress

    @abstractmethod
    def _learn_targets(self, y: Any, first: bool, incremental: bool) -> None:
        """What y means, the first time; InputError where later ones mean something else."""

    @abstractmethod
    def _loss(self) -> Loss: ...

    @abstractmethod
    def _target(self, loss: Loss) -> Target: ...

    def _row_weights(self, y: Any, w: Array | None, incremental: bool) -> Array | None:
        return w

    # training

    @with_callbacks
    def fit(self: Self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None) -> Self:
        """Train on X and y.

        Parameters
        ----------
        X : (n_samples, n_features) array, dataframe or sparse matrix
        y : (n_samples,) or (n_samples, n_outputs)
        sample_weight : (n_samples,), optional
            At least 0; rows of weight 0 are left out.
        X_val, y_val : optional
            Rows for `validation_loss_curve_` and, with early_stopping, for the score, in place of a part of X.

        Raises
        ------
        InputError
            Where something does not fit: the estimator is what it was before. Or where the training diverged: it has
            the network as far as that came, as with any other exception during the training, a scorer's for example.
            Ctrl-C is a warning.
        """
        with put_back(self):
            run = self._prepared(X, y, sample_weight, X_val, y_val, incremental=False)
        run()
        return self

    def _prepared(
        self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, *, incremental: bool
    ) -> Callable[[], None]:
        """The training, with all that can be refused behind it."""
        check(self)
        first = not hasattr(self, "network_") or not (self.warm_start or incremental)
        given = X, y, sample_weight
        X, y = self._checked(X, y, first)
        self._learn_targets(y, first, incremental)
        rng = check_random_state(self.random_state)
        dtype = X.dtype if first else self.network_.dtype
        data = self._data(X, y, dtype, sample_weight, incremental)
        if first:
            self._start(X.shape[1], dtype, rng)
        else:
            self._go_on()
        if is_stochastic(self):
            data, held_out = self._held_out(data, X_val, y_val, rng, incremental)
            if first:
                self.network_.seed = int(rng.randint(2**31 - 1))
            start_records(self, held_out is not None)
            return self._epochs(data, held_out, given, incremental)
        return self._lbfgs(that_count(data), X_val, given)

    def _lbfgs(self, data: Data, X_val: Any, given: tuple[Any, Any, Any]) -> Callable[[], None]:
        if np.any(self.dropout) or X_val is not None:
            name = "X_val" if X_val is not None else "dropout"
            raise InputError(f"{name}: expected a solver that goes through the rows in batches, got solver='lbfgs'")

        def run() -> None:
            reports = Reports(self, *given, self.max_iter)
            fit_lbfgs(self, data, reports)
            reports.end()

        return run

    def _epochs(
        self, data: Data, held_out: Data | None, given: tuple[Any, Any, Any], incremental: bool
    ) -> Callable[[], None]:
        watched = None if held_out is None else HeldOut(self, held_out)
        epochs = Epochs(self, data, watched)
        if incremental:
            return epochs.partial_fit

        def run() -> None:
            reports = Reports(self, *given, self.max_iter)
            epochs.fit(reports)
            reports.end()

        return run

    def _data(
        self, X: Any, y: Any, dtype: Any, sample_weight: Any = None, incremental: bool = False, name: str = "X"
    ) -> Data:
        """What the backends take."""
        X = as_matrix(X, X.shape[1], dtype, name)
        w = self._row_weights(y, checked_weights(sample_weight, X.shape[0]), incremental)
        if w is not None:
            with np.errstate(over="ignore", under="ignore"):  # what leaves the numbers of dtype is refused next
                w = as_weights(w.astype(dtype), len(w), f"sample_weight as {np.dtype(dtype)}")
        return Data(X, self._encoded(y, dtype), w)

    def _held_out(self, data: Data, X_val: Any, y_val: Any, rng: Any, incremental: bool) -> tuple[Data, Data | None]:
        """Training and validation rows."""
        if self.early_stopping and incremental:
            raise InputError("partial_fit does not support early_stopping=True")
        if (X_val is None) != (y_val is None):
            raise InputError("X_val, y_val: expected both or neither")
        if X_val is not None:
            X_val, y_val = self._checked(X_val, y_val, reset=False)
            self._require_known(y_val)
            held_out = self._data(X_val, y_val, self.network_.dtype, name="X_val")
            return that_count(data), that_count(held_out)
        if not self.early_stopping:
            return that_count(data), None
        train, held_out = split(self, data, rng)
        return (
            some_that_count(train, "the rows that early_stopping trains on"),
            some_that_count(held_out, "the rows that early_stopping holds out"),
        )

    def _network(self, n_in: int, dtype: Any, seed: int = 0) -> Network:
        """A network as the parameters describe it."""
        loss = self._loss()
        target = self._target(loss)
        built = layers(self, loss, target.n_out)
        net = Network(built, loss, n_in, seed, dtype, l2=float(self.alpha), penalty_by_batch=True)
        net.target = target
        return net

    def _start(self, n_in: int, dtype: Any, rng: np.random.RandomState) -> None:
        """A new network, with scikit-learn's own draws for its weights."""
        net = self._network(n_in, dtype)
        for k, factor in enumerate(initial_factors(self), start=1):
            n_inputs, n_units = net[f"W{k}"].shape
            bound = np.sqrt(factor / (n_inputs + n_units))
            net[f"W{k}"][...] = rng.uniform(-bound, bound, (n_inputs, n_units))
            net[f"b{k}"][...] = rng.uniform(-bound, bound, n_units)
        for name, letter in (("coefs_init", "W"), ("intercepts_init", "b")):
            if getattr(self, name) is not None:
                assign(weights(net, letter, name), getattr(self, name), name)
        self._hold(net)

    def _hold(self, net: Network) -> None:
        """Take the network as the fitted one, with the attributes that follow from it and no record of a training."""
        self.network_ = net
        for name in RECORDS:
            self.__dict__.pop(name, None)
        self.n_outputs_, self.n_layers_ = net.n_out, len(self.coefs_) + 1
        self._n_features_out = net.plan.widths[last_dense(net)]
        self.n_iter_ = self.t_ = 0
        self._progress = Progress(float(self.learning_rate_init), float(self.learning_rate_init))

    def _go_on(self) -> None:
        """The fitted network under the present parameters: the same numbers, perhaps another penalty or rate."""
        rate = float(self.learning_rate_init)
        if self._progress.rate_init != rate or self.learning_rate == "constant":
            self._progress = replace(self._progress, rate_init=rate, rate=rate)
        old, loss = self.network_, self._loss()
        built = tuple(layers(self, loss, old.n_out))
        if (built, loss, float(self.alpha)) == (old.layers, old.loss, old.objective.l2):
            return
        new = self._network(old.n_in, old.dtype, old.seed)
        if [slot.shape for slot in new.plan.slots] != [slot.shape for slot in old.plan.slots]:
            fitted = [len(b) for b in self.intercepts_[:-1]]
            raise InputError(
                f"hidden_layer_sizes: expected {fitted}, those of the fitted network, to go on with it; "
                f"got {hidden_sizes(self)}"
            )
        new.state.params[...] = old.state.params
        for name in ("moments", "optimizer", "step", "epoch"):
            setattr(new.state, name, getattr(old.state, name))
        self.network_ = new

    def _build(self: Self, n_features: int, dtype: Any) -> Self:
        check(self)
        self.n_features_in_ = n_features
        rng = check_random_state(self.random_state)
        self._start(n_features, np.dtype(dtype), rng)
        self.network_.seed = int(rng.randint(2**31 - 1))
        return self
