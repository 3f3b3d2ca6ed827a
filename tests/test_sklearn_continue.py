"""k calls of one epoch are one fit of k epochs, bit for bit, through a pickle too."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone
from sklearn.datasets import load_digits

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor

X, DIGITS = load_digits(return_X_y=True)
X = X / 16
EPOCHS = 7
CASES = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.5},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    "dropout": {"dropout": 0.3, "layer_norm": True},
    "an object and a schedule": {"solver": cr.RMSProp(cr.InverseTimeDecay(0.01, 0.1))},
    "no shuffle": {"shuffle": False, "batch_size": 64},
}


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def state(model):
    """All that training has left, as bytes and numbers."""
    kept = model.network_.state
    records = model.loss_curve_, model.t_, model._progress, model.best_loss_, kept.step, kept.epoch
    return kept.params.tobytes() + kept.moments.tobytes(), records


def one_fit(kind, y, dtype=np.float64, **parameters):
    return kind(hidden_layer_sizes=(20,), max_iter=EPOCHS, random_state=5, **parameters).fit(X.astype(dtype), y)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pickled", [False, True])
def test_partial_fit_and_warm_start_go_on_with_everything(case, dtype, pickled):
    expected = state(one_fit(MLPClassifier, DIGITS, dtype, **CASES[case]))
    part = MLPClassifier((20,), random_state=5, **CASES[case])
    warm = MLPClassifier((20,), random_state=5, warm_start=True, max_iter=1, **CASES[case])
    for _ in range(EPOCHS):
        part.partial_fit(X.astype(dtype), DIGITS, classes=range(10))
        warm.fit(X.astype(dtype), DIGITS)
        if pickled:
            part, warm = pickle.loads(pickle.dumps(part)), pickle.loads(pickle.dumps(warm))
    assert state(part) == expected
    assert state(warm) == expected


def test_the_adaptive_rate_did_fall():
    assert one_fit(MLPClassifier, DIGITS, **CASES["adaptive"])._progress.rate < 0.001


def test_regression_goes_on_too():
    expected = state(one_fit(MLPRegressor, DIGITS / 9))
    part = MLPRegressor(hidden_layer_sizes=(20,), random_state=5)
    for _ in range(EPOCHS):
        part.partial_fit(X, DIGITS / 9)
    assert state(part) == expected


def test_a_random_state_object_or_none_is_drawn_from_once():
    for source in (lambda: np.random.RandomState(3), lambda: None):
        np.random.seed(3)  # noqa: NPY002
        whole = MLPClassifier((20,), max_iter=EPOCHS, random_state=source()).fit(X, DIGITS)
        np.random.seed(3)  # noqa: NPY002
        part = MLPClassifier((20,), random_state=source())
        for _ in range(EPOCHS):
            part.partial_fit(X, DIGITS, classes=range(10))
        assert state(part) == state(whole)


def test_a_forgotten_moment_would_be_noticed():
    """The control: what scikit-learn does, a new optimizer each time."""
    expected = state(one_fit(MLPClassifier, DIGITS))
    warm = MLPClassifier((20,), random_state=5, warm_start=True, max_iter=1)
    for _ in range(EPOCHS):
        warm.fit(X, DIGITS)
        warm.network_.state.moments[...] = 0
    assert state(warm)[0] != expected[0]


def test_other_settings_are_obeyed_when_training_goes_on():
    model = one_fit(MLPClassifier, DIGITS, solver="sgd")
    model.set_params(warm_start=True, learning_rate_init=1e-300, max_iter=1, momentum=0.0)
    before = model.coefs_[0].copy()
    model.fit(X, DIGITS)
    np.testing.assert_array_equal(model.coefs_[0], before)
    model.set_params(alpha=50.0, activation="tanh", learning_rate_init=0.01)
    model.fit(X, DIGITS)
    assert model.network_.objective.l2 == 50
    assert cr.Tanh() in model.network_.layers
    assert abs(model.coefs_[0]).sum() < abs(before).sum()


def test_another_size_is_refused():
    model = one_fit(MLPClassifier, DIGITS).set_params(hidden_layer_sizes=(30,))
    with pytest.raises(cr.InputError, match=r"expected \[20\], those of the fitted network.*got \[30\]"):
        model.partial_fit(X, DIGITS)


def test_a_new_fit_starts_anew():
    model = one_fit(MLPClassifier, DIGITS)
    again = clone(model).fit(X, DIGITS)
    assert state(model.fit(X, DIGITS)) == state(again)
    assert len(model.loss_curve_) == EPOCHS


def test_the_rows_of_partial_fit_may_differ():
    model = MLPClassifier((20,), random_state=0)
    for start in range(0, 1200, 400):
        model.partial_fit(X[start : start + 400], DIGITS[start : start + 400], classes=range(10))
    assert model.t_ == 1200
    assert len(model.loss_curve_) == 3
    assert model.partial_fit(X[:1], DIGITS[:1]).t_ == 1201


def test_a_pickle_is_flat_arrays():
    model = one_fit(MLPClassifier, DIGITS)
    size = len(pickle.dumps(model))
    numbers = model.network_.state
    assert size < numbers.params.nbytes + numbers.moments.nbytes + 5_000
    again = pickle.loads(pickle.dumps(model))
    assert np.shares_memory(again.coefs_[0], again.network_.state.params)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
