"""`MLPRegressor`: one value or several, or counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from chainrule.arrays import Array, is_sparse
from chainrule.errors import InputError
from chainrule.losses import Loss
from chainrule.sklearn.base import BaseMLP, Self, in_batches, put_back
from chainrule.sklearn.parameters import regressor_loss
from chainrule.targets import Counts, Target, Values


class MLPRegressor(RegressorMixin, BaseMLP):
    """A multi-layer perceptron for values: a drop-in for scikit-learn's, with what that one does not have.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile"}, another name, or a Loss
        squared_error is ½(prediction - y)², with several outputs summed over them. Huber(0.5), QuantileLoss(0.9) and
        your own are Loss objects.
    hidden_layer_sizes : sequence of int, or int
    activation : name, Layer, or a list of them, one for each hidden layer
        identity, logistic, tanh, relu; leaky_relu, elu, selu, gelu, gelu_tanh, silu, mish, softplus, softmax.
        One entry more is the outputs'.
    solver : {"adam", "sgd", "lbfgs"}, another name, or an Optimizer
        The three are scikit-learn's. adagrad, rmsprop and adamw take learning_rate_init, an Optimizer its own rate.
    alpha : float
        Penalty alpha/2·ΣW² over the weight matrices, divided by the rows of the batch, as scikit-learn scales it.
    batch_size : int or "auto"
        auto: 200, or all rows where there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} for sgd, or a Schedule for any named solver but lbfgs
    learning_rate_init, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon : of the solvers
    max_iter, tol, n_iter_no_change, max_fun : when to stop
    shuffle : bool
        Visit the rows in another order each epoch.
    random_state : int, RandomState or None
        Of initial weights, validation rows, order and dropout.
    verbose : bool
    warm_start : bool
        `fit` goes on with the fitted network: optimizer, order, rate and all.
    early_stopping : bool
        Stop by the score on `validation_fraction` of the rows, or on `X_val`, and end with the best weights.
    validation_fraction : float
    dropout : float, or a list of floats, one for each hidden layer
        Share of the hidden units that are dropped in training.
    layer_norm : bool
        Normalise each hidden layer before its activation.
    scoring : name of a scorer, or a function of (model, X, y)
        For early stopping, in place of R². Where rows have weights it gets them too, if it takes `sample_weight`.
    coefs_init, intercepts_init : lists of arrays, optional
        Where the weights start.
    n_threads : int, optional
        Exactly so many; by default what a step is worth, and the process may use.

    Attributes
    ----------
    coefs_, intercepts_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_, t_,
    n_layers_, n_outputs_, out_activation_, n_features_in_, feature_names_in_ :
        As scikit-learn has them. An entry of `coefs_` that is set changes the network.
    validation_loss_curve_ : list of float, or None without validation rows
        Without the penalty.
    network_ : chainrule.Network
        The network itself: to save, check, explain or train further.
    n_threads_ : int
        That the last epoch ran on; None where NumPy chose, without the compiled kernels.
    """

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: Any = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
        power_t: Any = 0.5,
        max_iter: Any = 200,
        shuffle: Any = True,
        random_state: Any = None,
        tol: Any = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: Any = 0.9,
        nesterovs_momentum: Any = True,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: Any = 15000,
        dropout: Any = 0.0,
        layer_norm: Any = False,
        scoring: Any = None,
        coefs_init: Any = None,
        intercepts_init: Any = None,
        n_threads: Any = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.scoring = scoring
        self.coefs_init = coefs_init
        self.intercepts_init = intercepts_init
        self.n_threads = n_threads

    def _learn_targets(self, y: Any, first: bool, incremental: bool) -> None:
        if first:
            self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
        self._require_known(y)

    def _require_known(self, y: Any) -> None:
        width = 1 if y.ndim == 1 else y.shape[1]
        if width != self.n_outputs_:
            raise InputError(f"y: expected {self.n_outputs_} outputs, as in the first call, got {width}")
        if self._loss().target == "counts" and y.min() < 0:
            raise InputError(f"y: expected counts of at least 0 for loss={self.loss!r}, got {y.min():g}")

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._checked(X, y, reset)
        y = y.toarray() if is_sparse(y) else y
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        try:
            if y.dtype.kind not in "biufO":
                raise TypeError
            return X, y if y.dtype.kind == "f" else y.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(f"y: expected numbers, got {y.ravel()[0]!r}") from None

    def _loss(self) -> Loss:
        return regressor_loss(self)

    def _target(self, loss: Loss) -> Target:
        return (Counts if loss.target == "counts" else Values)(self.n_outputs_)

    def _encoded(self, y: Any, dtype: Any) -> Array:
        return np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)

    def _restored(self, t: Array) -> Array:
        return t[:, 0] if self.n_outputs_ == 1 else t

    def _decoded(self, z: Array) -> Array:
        return self._restored(self.network_.loss.link(z))

    @available_if(in_batches)
    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on X and y, going on from the last call."""
        with put_back(self):
            run = self._prepared(X, y, sample_weight, None, None, incremental=True)
        run()
        return self

    def build(self: Self, n_features: int, n_outputs: int = 1, *, dtype: Any = np.float64) -> Self:
        """The network with its initial weights, untrained: to predict, to set `coefs_`, to go on with partial_fit."""
        with put_back(self):
            self.n_outputs_ = n_outputs
            return self._build(n_features, dtype)
