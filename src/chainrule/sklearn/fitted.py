"""What a fitted classifier or regressor does: its weights by scikit-learn's names, predictions, gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from chainrule.arrays import Array, as_matrix, is_sparse
from chainrule.layers import Dense
from chainrule.losses import HalfSquaredError
from chainrule.network import Network
from chainrule.sklearn.parameters import out_activation
from chainrule.sklearn.values import Arrays, assign, weights

FLOATS = (np.float64, np.float32)


class FittedMLP(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """A chainrule Network, `network_`, and little else."""

    network_: Network

    @abstractmethod
    def _require_known(self, y: Any) -> None:
        """InputError where y has what the network has no output for."""

    @abstractmethod
    def _encoded(self, y: Any, dtype: Any) -> Array:
        """t as the loss takes it, from targets that have been checked."""

    @abstractmethod
    def _restored(self, t: Array) -> Array:
        """y again."""

    @abstractmethod
    def _decoded(self, z: Array) -> Array:
        """Predictions from the network's outputs."""

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        """X as CSR or array of floats, y as an array."""
        X, y = validate_data(self, X, y, accept_sparse="csr", multi_output=True, dtype=FLOATS, reset=reset)
        return X, y

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

    @property
    def out_activation_(self) -> str:
        """The function from the last layer's sums to predictions. It cannot be set: the network has it."""
        if not hasattr(self, "network_"):
            raise AttributeError(f"out_activation_: this {type(self).__name__} is not fitted yet; see fit and build")
        return out_activation(self.network_.loss, self.network_.layers)

    def _inputs(self, X: Any) -> Any:
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        return as_matrix(X, self.network_.n_in, self.network_.dtype)

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
        if not (cut := last_dense(net)):
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


def last_dense(net: Network) -> int:
    return max(i for i, layer in enumerate(net.layers) if isinstance(layer, Dense))
