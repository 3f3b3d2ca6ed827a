"""`MLPClassifier`: classes that exclude each other, two of them, or flags that go together (multi-label)."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import type_of_target, unique_labels

from chainrule.arrays import Array, is_sparse
from chainrule.errors import InputError, require_number
from chainrule.losses import Loss
from chainrule.sklearn.base import BaseMLP, Self, in_batches, put_back
from chainrule.sklearn.parameters import classifier_loss, wrong
from chainrule.targets import Flags, Labels, Target


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multi-layer perceptron for classes: a drop-in for scikit-learn's, with what that one does not have.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int, or int
    activation : name, Layer, or a list of them, one for each hidden layer
        identity, logistic, tanh, relu; leaky_relu, elu, selu, gelu, gelu_tanh, silu, mish, softplus, softmax.
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
    loss : "log_loss", another name, or a Loss for labels or flags
        SoftmaxCrossEntropy(smoothing=0.1) smooths the labels.
    class_weight : dict, "balanced" or None
        Multiplies the sample weights. No dict where a row has several labels.
    dropout : float, or a list of floats, one for each hidden layer
        Share of the hidden units that are dropped in training.
    layer_norm : bool
        Normalise each hidden layer before its activation.
    scoring : name of a scorer, or a function of (model, X, y)
        For early stopping, in place of accuracy. Where rows have weights it gets them too, if it takes `sample_weight`.
    coefs_init, intercepts_init : lists of arrays, optional
        Where the weights start.
    n_threads : int, optional
        Exactly so many; by default what a step is worth, and the process may use.

    Attributes
    ----------
    coefs_, intercepts_, loss_, loss_curve_, best_loss_, validation_scores_, best_validation_score_, n_iter_, t_,
    n_layers_, n_outputs_, out_activation_, classes_, n_features_in_, feature_names_in_ :
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
        loss: Any = "log_loss",
        class_weight: Any = None,
        dropout: Any = 0.0,
        layer_norm: Any = False,
        scoring: Any = None,
        coefs_init: Any = None,
        intercepts_init: Any = None,
        n_threads: Any = None,
    ) -> None:
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
        self.loss = loss
        self.class_weight = class_weight
        self.dropout = dropout
        self.layer_norm = layer_norm
        self.scoring = scoring
        self.coefs_init = coefs_init
        self.intercepts_init = intercepts_init
        self.n_threads = n_threads

    def _learn_targets(self, y: Any, first: bool, incremental: bool) -> None:
        if first and not incremental:
            self._learn_classes(y)
        elif self.warm_start and not incremental and set(self._labels_in(y)) != set(self.classes_):
            raise InputError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. Previously "
                f"got {self.classes_}, `y` has {self._labels_in(y)}"
            )
        else:
            self._require_known(y)

    def _learn_classes(self, y: Any) -> None:
        binarizer = LabelBinarizer().fit(y)  # for its checks of what y may be
        self.classes_, self._kind = binarizer.classes_, str(binarizer.y_type_)

    def _labels_in(self, y: Any) -> Array:
        return np.asarray(unique_labels(y))

    def _require_known(self, y: Any) -> None:
        several = self._kind.startswith("multilabel")
        if several != (y.ndim == 2) or (several and y.shape[1] != len(self.classes_)):
            wanted = f"(N, {len(self.classes_)})" if several else "(N,)"
            raise InputError(f"y: expected shape {wanted}, as in the first call, got {y.shape}")
        labels = self._labels_in(y)
        if len(np.setdiff1d(labels, self.classes_)):
            raise InputError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {labels}."
            )

    def _checked(self, X: Any, y: Any, reset: bool) -> tuple[Any, Any]:
        X, y = super()._checked(X, y, reset)
        y = y.toarray() if is_sparse(y) else y
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _loss(self) -> Loss:
        return classifier_loss(self, self._kind)

    def _target(self, loss: Loss) -> Target:
        classes = np.resize(self.classes_, max(2, len(self.classes_)))  # where there is only one, it stands for both
        if loss.target == "labels":
            return Labels(len(classes), classes)
        return Flags(1, classes) if self._kind == "binary" else Flags(len(self.classes_))

    def _encoded(self, y: Any, dtype: Any) -> Array:
        if self._kind.startswith("multilabel"):
            return np.ascontiguousarray(y > 0, dtype=dtype)
        index = np.searchsorted(self.classes_, y)
        return index if self._loss().target == "labels" else index[:, None].astype(dtype)

    def _restored(self, t: Array) -> Array:
        return self.network_.target.restore(t)  # type: ignore[union-attr]

    def _decoded(self, z: Array) -> Array:
        net = self.network_
        return net.target.decode(net.target.read(z, net.loss))  # type: ignore[union-attr]

    def _row_weights(self, y: Any, w: Array | None, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return w
        several = self._kind.startswith("multilabel")
        if isinstance(self.class_weight, str) and incremental:
            expected = "None" if several else "a dict or None"
            raise InputError(
                f"class_weight: expected {expected} in partial_fit, which does not see all rows; got 'balanced'"
            )
        if isinstance(self.class_weight, dict) and not several:
            each = self._weights_by_label(y)
        elif not (isinstance(self.class_weight, str) and self.class_weight == "balanced"):
            expected = "'balanced' or None where a row has several labels" if several else "a dict, 'balanced' or None"
            raise wrong(self, "class_weight", expected, self.class_weight)
        else:
            each = compute_sample_weight("balanced", y)
        each = each if w is None else each * w
        if not each.any():
            raise InputError("class_weight: expected at least one row of weight above zero, got all zero")
        return each

    def _weights_by_label(self, y: Any) -> Array:
        classes = self.classes_.tolist()
        unknown = [label for label in self.class_weight if label not in classes]
        if unknown and not set(classes) <= set(self.class_weight):  # else a class that these rows do not have
            raise InputError(f"class_weight: expected labels among {classes}, got {unknown[0]!r}")
        for label, weight in self.class_weight.items():
            require_number(f"class_weight of {label!r}", weight)
        each = np.array([self.class_weight.get(label, 1.0) for label in classes], dtype=np.float64)
        return np.asarray(each[np.searchsorted(self.classes_, y)])

    @available_if(in_batches)
    def partial_fit(self: Self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one epoch on X and y, going on from the last call. The first one needs all `classes`."""
        with put_back(self):
            self._learn_all(y, classes)
            run = self._prepared(X, y, sample_weight, None, None, incremental=True)
        run()
        return self

    def _learn_all(self, y: Any, classes: Any) -> None:
        if not hasattr(self, "network_"):
            if classes is None:
                raise InputError("classes must be passed on the first call to partial_fit.")
            self._learn_classes(y if type_of_target(y).startswith("multilabel") else unique_labels(classes))
        elif classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise InputError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )

    def build(self: Self, n_features: int, classes: Any, *, dtype: Any = np.float64) -> Self:
        """The network with its initial weights, untrained: to predict, to set `coefs_`, to go on with partial_fit."""
        with put_back(self):
            self._learn_classes(unique_labels(classes))
            return self._build(n_features, dtype)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n_samples, n_classes), columns in the order of `classes_`."""
        z = self._outputs(X)
        p = self.network_.loss.link(z)
        return np.hstack([1 - p, p]) if self.n_outputs_ == 1 else p

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of `predict_proba`."""
        return np.log(self.predict_proba(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
