"""Weights go over to scikit-learn's MLP and back; predictions stay."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn import neural_network as theirs
from sklearn.datasets import load_digits

import chainrule as cr
from chainrule import sklearn as ours
from chainrule.sklearn import from_sklearn

X, DIGITS = load_digits(return_X_y=True)
X = X / 16
WORDS = np.array(["zero", "one", "two", "many"])[np.minimum(DIGITS, 3)]
FLAGS = np.stack([DIGITS % 2, DIGITS > 5], axis=1).astype(int)
CASES = {
    "words": ("MLPClassifier", WORDS, {}),
    "two classes": ("MLPClassifier", WORDS == "many", {"activation": "logistic"}),
    "flags": ("MLPClassifier", FLAGS, {"activation": "tanh"}),
    "values": ("MLPRegressor", DIGITS / 9, {"activation": "identity"}),
    "several values": ("MLPRegressor", np.stack([DIGITS, DIGITS**2], axis=1) / 9, {"early_stopping": True}),
    "counts": ("MLPRegressor", DIGITS, {"loss": "poisson"}),
    "lbfgs": ("MLPClassifier", WORDS, {"solver": "lbfgs"}),
}


def fitted(module, kind, y, **parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(module, kind)(hidden_layer_sizes=(20, 10), max_iter=15, random_state=0, **parameters).fit(X, y)


def same_predictions(one, other):
    found, expected = one.predict(X), other.predict(X)
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    else:
        np.testing.assert_array_equal(found, expected)
    if hasattr(one, "predict_proba"):
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_there_and_back(case):
    kind, y, parameters = CASES[case]
    if "loss" in parameters and "loss" not in theirs.MLPRegressor().get_params():
        pytest.skip("scikit-learn before 1.7 has no loss")
    start = fitted(theirs, kind, y, **parameters)
    here = from_sklearn(start)
    same_predictions(start, here)
    assert here.get_params().items() >= start.get_params().items()
    back = here.to_sklearn()
    assert type(back) is type(start)
    same_predictions(start, back)
    assert back.get_params() == start.get_params()
    assert getattr(back, "loss_curve_", None) == getattr(start, "loss_curve_", None)
    assert back.loss_curve_ is not here.loss_curve_ if hasattr(here, "loss_curve_") else True
    if parameters.get("solver") != "lbfgs" and not parameters.get("early_stopping"):
        for model in (here, back):  # both can be trained further
            before = model.coefs_[0].copy()
            model.partial_fit(X, y)
            assert abs(model.coefs_[0] - before).max() > 0
        here.partial_fit(X, y)
        assert here.t_ > back.t_


@pytest.mark.parametrize("case", CASES)
def test_ours_become_theirs(case):
    kind, y, parameters = CASES[case]
    if "loss" in parameters and "loss" not in theirs.MLPRegressor().get_params():
        pytest.skip("scikit-learn before 1.7 has no loss")
    model = fitted(ours, kind, y, **parameters)
    same_predictions(model, model.to_sklearn())


def test_dropout_optimizers_and_schedules_are_of_training_alone():
    model = fitted(ours, "MLPClassifier", WORDS, dropout=0.3, solver=cr.AdamW(), class_weight="balanced")
    other = fitted(
        ours, "MLPClassifier", WORDS, learning_rate=cr.CosineDecay(0.01, 100), activation=["relu", cr.ReLU()]
    )
    for one in (model, other):
        same_predictions(one, one.to_sklearn())
        assert one.to_sklearn().solver == "adam"


@pytest.mark.parametrize(
    ("model", "y"),
    [
        (ours.MLPClassifier(random_state=0).build(64, range(10)), DIGITS),
        (ours.MLPRegressor(random_state=0).build(64), DIGITS / 9),
    ],
    ids=["classifier", "regressor"],
)
def test_what_was_built_becomes_theirs_and_is_trained_there(model, y):
    back = model.to_sklearn()
    same_predictions(model, back)
    losses = [back.partial_fit(X, y).loss_ for _ in range(3)]
    assert back.loss_curve_ == losses
    assert losses[2] < losses[0]
    assert back.t_ == 3 * len(X)


def test_feature_names_go_along():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        start = theirs.MLPClassifier(max_iter=3).fit(table, DIGITS)
    here = from_sklearn(start)
    np.testing.assert_array_equal(here.predict(table), start.predict(table))
    np.testing.assert_array_equal(here.to_sklearn().predict(table), start.predict(table))


@pytest.mark.parametrize(
    ("kind", "parameters", "reason"),
    [
        ("MLPClassifier", {"activation": "gelu"}, "this network GELU"),
        ("MLPClassifier", {"activation": ["relu", "tanh"]}, "ReLU, Tanh"),
        ("MLPClassifier", {"activation": ["relu", "identity"]}, "this network ReLU"),
        ("MLPClassifier", {"layer_norm": True}, "LayerNorm"),
        ("MLPRegressor", {"activation": ["relu", "relu", "softplus"]}, "softplus"),
    ],
    ids=str,
)
def test_what_theirs_cannot_hold_is_refused(kind, parameters, reason):
    model = fitted(ours, kind, DIGITS % 3, **parameters)
    with pytest.raises(cr.InputError, match=reason):
        model.to_sklearn()


def test_two_classes_with_two_outputs_are_refused():
    model = fitted(ours, "MLPClassifier", DIGITS % 2, loss=cr.SoftmaxCrossEntropy())
    with pytest.raises(cr.InputError, match="SoftmaxCrossEntropy"):
        model.to_sklearn()


def test_other_things_are_refused():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(cr.InputError, match="expected scikit-learn's MLPClassifier"):
        from_sklearn(ours.MLPClassifier())
    with pytest.raises(NotFittedError):
        from_sklearn(theirs.MLPClassifier())
    with pytest.raises(NotFittedError):
        ours.MLPClassifier().to_sklearn()
