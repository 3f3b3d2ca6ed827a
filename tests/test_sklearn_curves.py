"""The drop-in trains as scikit-learn does: the same start, steps and losses; and its loss is what it says it is."""

import itertools
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits

from chainrule import sklearn as ours
from chainrule.check.gradients import check_gradients

EQUAL = 1e-9  # of loss curves, float64, 20 epochs
X, DIGITS = load_digits(return_X_y=True)
X = X / 16
TARGETS = {
    "classes": ("MLPClassifier", DIGITS),
    "two classes": ("MLPClassifier", DIGITS % 2),
    "flags": ("MLPClassifier", np.stack([DIGITS % 2, DIGITS % 3 == 0, DIGITS > 5], axis=1).astype(int)),
    "values": ("MLPRegressor", DIGITS / 9),
}
since_1_7 = pytest.mark.skipif(
    tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 7), reason="sample weights and poisson came with 1.7"
)
SOLVERS = [("adam", "constant"), *(("sgd", schedule) for schedule in ("constant", "invscaling", "adaptive"))]


def both(kind, y, w=None, rows=X, **parameters):
    """The two fitted estimators, scikit-learn's first."""
    parameters = {"max_iter": 20, "shuffle": False, "random_state": 3, "hidden_layer_sizes": (30, 20)} | parameters
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weights = {} if w is None else {"sample_weight": w}
        return [getattr(module, kind)(**parameters).fit(rows, y, **weights) for module in (theirs, ours)]


def apart(a, b):
    assert len(a) == len(b)
    return max(abs(np.asarray(one) - np.asarray(other)).max() for one, other in zip(a, b))


@pytest.mark.parametrize(("solver", "schedule"), SOLVERS)
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("alpha", [0.0, 1e-4, 1.0])
@pytest.mark.parametrize("target", TARGETS)
def test_loss_curves_equal_theirs(solver, schedule, activation, alpha, target):
    patience = {"tol": 1e-3, "n_iter_no_change": 2} if schedule == "adaptive" else {}
    settings = {"solver": solver, "learning_rate": schedule, "activation": activation, "alpha": alpha}
    a, b = both(*TARGETS[target], **settings, **patience)
    assert apart(a.loss_curve_, b.loss_curve_) <= EQUAL
    assert (a.n_iter_, a.t_, a.n_layers_, a.n_outputs_) == (b.n_iter_, b.t_, b.n_layers_, b.n_outputs_)
    assert a.out_activation_ == b.out_activation_
    assert apart([a.loss_, a.best_loss_], [b.loss_, b.best_loss_]) <= EQUAL
    np.testing.assert_array_equal(a.predict(X).round(6), b.predict(X).round(6))


@pytest.mark.parametrize("settings", [{"nesterovs_momentum": False}, {"momentum": 0.0}, {"momentum": 0.5}], ids=str)
def test_momentum_is_theirs(settings):
    a, b = both("MLPClassifier", DIGITS, solver="sgd", learning_rate="invscaling", learning_rate_init=0.1, **settings)
    assert apart(a.loss_curve_, b.loss_curve_) <= EQUAL


@since_1_7
def test_weighted_rows_and_uneven_batches(rng):
    for kind, y in TARGETS.values():
        a, b = both(kind, y, rng.uniform(0.1, 3, len(X)), batch_size=128, alpha=0.5)
        assert apart(a.loss_curve_, b.loss_curve_) <= EQUAL


@since_1_7
def test_counts(rng):
    y = rng.poisson(np.exp(X[:, :5].sum(axis=1) / 3)) * 1.0
    for w in (None, rng.uniform(0.5, 2, len(X))):
        a, b = both("MLPRegressor", y, w, loss="poisson")
        assert apart(a.loss_curve_, b.loss_curve_) <= EQUAL
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-9)


def test_another_rule_would_be_noticed():
    """The control: textbook Adam, and the rate outside the velocity, are not scikit-learn's."""
    from chainrule import SGD, Adam

    a, _ = both("MLPClassifier", DIGITS)
    b = both("MLPClassifier", DIGITS, solver="adam", epsilon=1e-4)[0]
    assert apart(a.loss_curve_, b.loss_curve_) > 1e-6
    for name, optimizer in (("adam", Adam()), ("sgd", SGD(0.001, momentum=0.9))):
        a, _ = both("MLPClassifier", DIGITS, solver=name)
        parameters = {"max_iter": 20, "shuffle": False, "random_state": 3, "hidden_layer_sizes": (30, 20)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            b = ours.MLPClassifier(solver=optimizer, **parameters).fit(X, DIGITS)
        assert apart(a.loss_curve_, b.loss_curve_) > 1e-6, name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["logistic", "relu"])
def test_initial_weights_are_their_draws(dtype, activation):
    for kind, y in TARGETS.values():
        a, b = both(kind, y, rows=X.astype(dtype), activation=activation, learning_rate_init=1e-300, max_iter=1)
        for one, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_]):
            assert one.dtype == other.dtype == dtype
            np.testing.assert_array_equal(one, other)


def test_early_stopping_takes_their_rows_and_scores():
    for kind, y in TARGETS.values():
        a, b = both(kind, y, early_stopping=True, max_iter=15, n_iter_no_change=3)
        assert apart(a.loss_curve_, b.loss_curve_) <= EQUAL
        assert apart(a.validation_scores_, b.validation_scores_) <= 1e-9
        assert a.best_validation_score_ == pytest.approx(b.best_validation_score_, abs=1e-9)
        assert a.best_loss_ is None
        assert b.best_loss_ is None
        for one, other in zip(a.coefs_, b.coefs_):
            np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_lbfgs_goes_their_way(activation):
    """As long as no trial step makes a probability smaller than 2e-16, whose logarithm they cut off."""
    for kind, y in TARGETS.values():
        a, b = both(kind, y, solver="lbfgs", activation=activation, max_iter=5)
        assert a.loss_ == pytest.approx(b.loss_, rel=1e-9)
        assert a.n_iter_ == b.n_iter_
        assert not hasattr(b, "loss_curve_")


@pytest.mark.parametrize("outputs", [2, 3, 5])
def test_regression_with_several_outputs_takes_their_steps_and_reports_the_loss_they_descend(outputs):
    """Their reported loss is the mean over the outputs, their gradient that of the sum. We report the sum."""
    y = np.random.default_rng(0).normal(size=(len(X), outputs)) + X[:, :outputs]
    a, b = both("MLPRegressor", y, alpha=0.0)
    np.testing.assert_allclose(np.array(a.loss_curve_) * outputs, b.loss_curve_, rtol=0, atol=EQUAL)
    for one, other in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_]):
        np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize("outputs", [1, 2, 3, 5])
@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_the_gradient_is_the_derivative_of_the_reported_loss(outputs, alpha):
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(6, 3)), rng.normal(size=(6, outputs))
    model = ours.MLPRegressor(hidden_layer_sizes=(4,), activation="tanh", alpha=alpha, random_state=0).build(3, outputs)
    assert check_gradients(model.network_, rows, y, max_entries=None)
    step, (W, *_) = 1e-6, model.coefs_
    gradient = model.network_.gradients(rows, y)["W1"]
    for i, j in itertools.product(range(3), range(4)):
        losses = []
        for sign in (1, -1):
            W[i, j] += sign * step
            losses.append(reported(model, rows, y))
            W[i, j] -= sign * step
        assert (losses[0] - losses[1]) / (2 * step) == pytest.approx(gradient[i, j], abs=1e-8)


def reported(model, rows, y):
    """What a fit of one epoch of one batch appends to `loss_curve_`, without moving."""
    again = ours.MLPRegressor(
        hidden_layer_sizes=(4,), activation="tanh", alpha=model.alpha, learning_rate_init=1e-300, random_state=0,
        coefs_init=[W.copy() for W in model.coefs_], intercepts_init=[b.copy() for b in model.intercepts_],
    )  # fmt: skip
    return again.partial_fit(rows, y.squeeze()).loss_curve_[-1]


def test_their_regression_with_several_outputs_does_not_agree_with_itself():
    """The control: the factor between their gradient and their loss is the number of outputs."""
    y = np.random.default_rng(0).normal(size=(len(X), 3))
    (a, _), small = both("MLPRegressor", y, solver="sgd", momentum=0.0, alpha=0.0, batch_size=len(X), max_iter=1), 1e-6
    moved, _ = both(
        "MLPRegressor",
        y,
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=len(X),
        max_iter=2,
        learning_rate_init=small,
    )
    start, _ = both("MLPRegressor", y, max_iter=1, learning_rate_init=1e-300)
    first = [*start.coefs_, *start.intercepts_]
    one, _ = both(
        "MLPRegressor",
        y,
        solver="sgd",
        momentum=0.0,
        alpha=0.0,
        batch_size=len(X),
        max_iter=1,
        learning_rate_init=small,
    )
    gradient = np.concatenate([(was - now).ravel() / small for was, now in zip(first, [*one.coefs_, *one.intercepts_])])
    fall = (moved.loss_curve_[0] - moved.loss_curve_[1]) / small
    assert gradient @ gradient / fall == pytest.approx(3, rel=1e-3)
    assert a.loss_curve_[0] == pytest.approx(moved.loss_curve_[0])
