"""Between scikit-learn's fitted MLPs and ours: the weights are copied, the predictions stay what they were."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from chainrule.activations import ReLU, Sigmoid, Tanh
from chainrule.errors import InputError
from chainrule.layers import Dense, Dropout, Layer
from chainrule.losses import Poisson
from chainrule.sklearn.base import BaseMLP
from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.fitting import start_records
from chainrule.sklearn.parameters import is_stochastic
from chainrule.sklearn.regressor import MLPRegressor
from chainrule.sklearn.values import Arrays

RECORDS = ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_", "best_validation_score_")
NAMES: dict[type[Layer], str] = {ReLU: "relu", Tanh: "tanh", Sigmoid: "logistic"}


def from_sklearn(fitted: Any) -> BaseMLP:
    """Our estimator with the parameters, weights and records of a fitted one of scikit-learn's. Training that goes on
    starts the optimizer's moments anew."""
    pairs = ((neural_network.MLPClassifier, MLPClassifier), (neural_network.MLPRegressor, MLPRegressor))
    kind = next((ours for theirs, ours in pairs if isinstance(fitted, theirs)), None)
    if kind is None:
        raise InputError(f"from_sklearn: expected scikit-learn's MLPClassifier or MLPRegressor, got {fitted!r}")
    check_is_fitted(fitted)
    model: Any = kind(**fitted.get_params(deep=False))
    for name in ("n_features_in_", "feature_names_in_", "n_outputs_", "classes_"):
        if hasattr(fitted, name):
            setattr(model, name, getattr(fitted, name))
    if isinstance(model, MLPClassifier):
        several = "multiclass" if fitted.out_activation_ == "softmax" else "multilabel-indicator"
        model._kind = "binary" if fitted.n_outputs_ == 1 else several
    model._hold(model._network(len(fitted.coefs_[0]), fitted.coefs_[0].dtype))
    model.coefs_, model.intercepts_ = fitted.coefs_, fitted.intercepts_
    _copy_records(fitted, model)
    if hasattr(model, "loss_curve_"):
        model.validation_loss_curve_ = None
    return model


def to_sklearn(model: Any) -> Any:
    kind = neural_network.MLPClassifier if isinstance(model, MLPClassifier) else neural_network.MLPRegressor
    own = kind()
    parameters = {name: value for name, value in model.get_params(deep=False).items() if name in own.get_params()}
    parameters |= _what_theirs_knows(model, parameters)
    own.set_params(**{name: value for name, value in parameters.items() if name in own.get_params()})
    for name in ("n_features_in_", "feature_names_in_", "n_outputs_", "classes_", "n_layers_", "out_activation_"):
        if hasattr(model, name):
            setattr(own, name, getattr(model, name))
    own.coefs_, own.intercepts_ = _copies(model.coefs_), _copies(model.intercepts_)
    own._best_coefs, own._best_intercepts = _copies(model.coefs_), _copies(model.intercepts_)
    own._no_improvement_count = model._progress.stale
    if isinstance(model, MLPClassifier):
        several = model._kind.startswith("multilabel")
        own._label_binarizer = LabelBinarizer().fit(np.eye(model.n_outputs_, dtype=int) if several else model.classes_)
    _copy_records(model, own)
    if is_stochastic(own):
        start_records(own, validated=False)  # a network that was built has none, and partial_fit would look for them
    return own


def _copies(arrays: Arrays) -> list[Any]:
    return [array.copy() for array in arrays]


def _copy_records(source: Any, to: Any) -> None:
    for name in RECORDS:
        if hasattr(source, name):
            value = getattr(source, name)
            setattr(to, name, list(value) if isinstance(value, list) else value)


def _what_theirs_knows(model: Any, parameters: dict[str, Any]) -> dict[str, Any]:
    """Its parameters where ours say more. InputError where its predictions would be others."""
    loss, units = model.network_.loss, [len(b) for b in model.intercepts_[:-1]]
    fits = model.out_activation_ in ("identity", "exp", "logistic", "softmax")
    if isinstance(model, MLPClassifier):
        fits = fits and (model._kind == "multiclass") == (loss.target == "labels")
    if not fits:
        raise InputError(
            f"to_sklearn: scikit-learn's MLP has no loss={model.loss!r} with {model.out_activation_} outputs"
        )
    rate, solver = parameters["learning_rate"], parameters["solver"]
    return {
        "activation": _one_activation(model.network_.layers),
        "hidden_layer_sizes": tuple(units),
        "solver": solver if solver in ("lbfgs", "sgd", "adam") else "adam",
        "learning_rate": rate if isinstance(rate, str) else "constant",
        "loss": "poisson" if isinstance(loss, Poisson) else "squared_error",
    }


def _one_activation(layers: tuple[Layer, ...]) -> str:
    """The name of the activation after each hidden layer."""
    kept = [layer for layer in layers if not isinstance(layer, Dropout)]  # which prediction passes through
    between = [type(layer) for layer in kept if not isinstance(layer, Dense)]
    hidden = sum(isinstance(layer, Dense) for layer in kept) - 1
    if not between:
        return "identity"
    if between != [between[0]] * hidden or between[0] not in NAMES or not isinstance(kept[-1], Dense):
        found = ", ".join(kind.__name__ for kind in between)
        raise InputError(
            f"to_sklearn: scikit-learn's MLP has one of relu, tanh, logistic or identity after each hidden layer, "
            f"this network {found}"
        )
    return NAMES[between[0]]
