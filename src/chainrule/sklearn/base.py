"""What classifier and regressor share: from a table to the core's Network, through a fit, and back to predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.arrays import Array, is_sparse
from chainrule.backends.reference import Data
from chainrule.errors import InputError
from chainrule.layers import Dense
from chainrule.losses import HalfSquaredError, Loss
from chainrule.network import Network
from chainrule.sklearn.callbacks import CallbackSupportMixin, Reports, with_callbacks
from chainrule.sklearn.fitting import Epochs, HeldOut, Progress, fit_lbfgs, split, start_records
from chainrule.sklearn.parameters import check, hidden_sizes, initial_factors, is_stochastic, layers, out_activation
from chainrule.sklearn.values import Arrays, assign, checked_weights, weights
from chainrule.targets import Target

Self = TypeVar("Self", bound="BaseMLP")
FLOATS = (np.float64, np.float32)


def in_batches(estimator: Any) -> bool:
    """Whether there is a partial_fit; AttributeError says why not."""
    if not is_stochastic(estimator):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class BaseMLP(CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """The estimators' common part. A fitted one holds a chainrule Network, `network_`, and little else."""

    network_: Network
    _progress: Progress

    @abstractmethod
    def _learn_targets(self, y: Any, first: bool, incremental: bool) -> None:
        """What y means, the first time; InputError where later ones mean something else."""

    @abstractmethod
    def _require_known(self, y: Any) -> None:
        """InputError where y has what the network has no output for."""

    @abstractmethod
    def _loss(self) -> Loss: ...

    @abstractmethod
    def _target(self, loss: Loss) -> Target: ...

    @abstractmethod
    def _encoded(self, y: Any, dtype: Any) -> Array:
        """t as the loss takes it, from targets that have been checked."""

    @abstractmethod
    def _restored(self, t: Array) -> Array:
        """y again."""

    @abstractmethod
    def _decoded(self, z: Array) -> Array:
        """Predictions from the network's outputs."""

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
        """
        return self._fit(X, y, sample_weight, X_val, y_val, incremental=False)

    def _fit(self: Self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, *, incremental: bool) -> Self:
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
            self._fit_epochs(data, held_out, given, incremental)
        else:
            self._fit_lbfgs(data, X_val, given)
        return self

    def _fit_lbfgs(self, data: Data, X_val: Any, given: tuple[Any, Any, Any]) -> None:
        if np.any(self.dropout) or X_val is not None:
            name = "X_val" if X_val is not None else "dropout"
            raise InputError(f"{name}: expected a solver that goes through the rows in batches, got solver='lbfgs'")
        reports = Reports(self, *given, self.max_iter)
        fit_lbfgs(self, data, reports)
        reports.end()

    def _fit_epochs(self, data: Data, held_out: Data | None, given: tuple[Any, Any, Any], incremental: bool) -> None:
        watched = None if held_out is None else HeldOut(self, held_out)
        if incremental:
            Epochs(self, data, watched).partial_fit()
            return
        reports = Reports(self, *given, self.max_iter)
        Epochs(self, data, watched, reports).fit()
        reports.end()

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """X as CSR or array of floats, y as an array."""
        X, y = validate_data(self, X, y, accept_sparse="csr", multi_output=True, dtype=FLOATS, reset=reset)
        return X, y

    def _data(self, X: Any, y: Any, dtype: Any, sample_weight: Any = None, incremental: bool = False) -> Data:
        """What the backends take; rows of weight 0 are dropped here, and nowhere else."""
        X = X.astype(dtype, copy=False) if is_sparse(X) else np.ascontiguousarray(X)
        w = self._row_weights(y, checked_weights(sample_weight, X.shape[0]), incremental)
        data = Data(X, self._encoded(y, dtype), None if w is None else w.astype(dtype))
        return data if data.w is None or data.w.all() else data.rows(np.flatnonzero(data.w))

    def _held_out(self, data: Data, X_val: Any, y_val: Any, rng: Any, incremental: bool) -> tuple[Data, Data | None]:
        """Training and validation rows."""
        if self.early_stopping and incremental:
            raise InputError("partial_fit does not support early_stopping=True")
        if (X_val is None) != (y_val is None):
            raise InputError("X_val, y_val: expected both or neither")
        if X_val is not None:
            X_val, y_val = self._checked(X_val, y_val, reset=False)
            self._require_known(y_val)
            return data, self._data(X_val, y_val, self.network_.dtype)
        return split(self, data, rng) if self.early_stopping else (data, None)

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
        for name in ("loss_", "loss_curve_"):
            self.__dict__.pop(name, None)
        self.n_outputs_, self.n_layers_ = net.n_out, len(self.coefs_) + 1
        self._n_features_out = net.plan.widths[_last_dense(net)]
        self.out_activation_ = out_activation(net.loss, net.layers)
        self.n_iter_ = self.t_ = 0
        self._progress = Progress(float(self.learning_rate_init), float(self.learning_rate_init))

    def _go_on(self) -> None:
        """The fitted network under the present parameters: the same numbers, perhaps another penalty or rate."""
        rate = float(self.learning_rate_init)
        if self._progress.rate_init != rate or self.learning_rate == "constant":
            self._progress.rate_init = self._progress.rate = rate
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

    # the fitted network

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _weights(self, letter: str, name: str) -> Arrays:
        if not hasattr(self, "network_"):
            raise AttributeError(f"{name}: this {type(self).__name__} is not fitted yet; see fit and build")
        return weights(self.network_, letter, name)

    @property
    def coefs_(self) -> Arrays:
        """The weight matrices (n_inputs, n_units), layer by layer; they share the network's memory."""
        return self._weights("W", "coefs_")

    @coefs_.setter
    def coefs_(self, values: Any) -> None:
        assign(self.coefs_, values, "coefs_")

    @property
    def intercepts_(self) -> Arrays:
        """The bias vectors (n_units,), layer by layer; they share the network's memory."""
        return self._weights("b", "intercepts_")

    @intercepts_.setter
    def intercepts_(self, values: Any) -> None:
        assign(self.intercepts_, values, "intercepts_")

    def _inputs(self, X: Any) -> Any:
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        return X.astype(self.network_.dtype, copy=False) if is_sparse(X) else np.ascontiguousarray(X)

    def _outputs(self, X: Any) -> Array:
        """z (N, K) of the last layer, before the loss's link."""
        net = getattr(self, "network_", None)
        if net is None:
            check_is_fitted(self)
        elif not hasattr(self, "feature_names_in_") and (z := net.quick_outputs(X)) is not None:
            return z
        return self.network_.outputs(self._inputs(X))

    def predict(self, X: Any) -> Array:
        """Labels, or values, (n_samples,) or (n_samples, n_outputs)."""
        return self._decoded(self._outputs(X))

    def transform(self, X: Any) -> Array:
        """What the last hidden layer makes of X (n_samples, n_units)."""
        check_is_fitted(self)
        X, net = self._inputs(X), self.network_
        if not (cut := _last_dense(net)):
            return X.toarray() if is_sparse(X) else X.astype(net.dtype)
        hidden = Network(net.layers[:cut], HalfSquaredError(), net.n_in, dtype=net.dtype)
        for label, values in hidden.state.named.items():
            values[...] = net[label]
        return hidden.outputs(X)

    def to_sklearn(self) -> Any:
        """scikit-learn's own estimator with these weights. InputError where it cannot hold the network."""
        from chainrule.sklearn.convert import to_sklearn

        check_is_fitted(self)
        return to_sklearn(self)

    def input_gradients(self, X: Any, y: Any) -> Array:
        """∂loss/∂X (n_samples, n_features), where the loss is the mean over the rows of X, as in training."""
        check_is_fitted(self)
        X, y = self._checked(X, y, reset=False)
        self._require_known(y)
        return self.network_.input_gradients(X, self._restored(self._encoded(y, self.network_.dtype)))


def _last_dense(net: Network) -> int:
    return max(i for i, layer in enumerate(net.layers) if isinstance(layer, Dense))
