"""What does not fit is refused with one line that names it, what was expected and what came."""

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from scipy import sparse
from sklearn.exceptions import NotFittedError

import chainrule as cr
from chainrule.sklearn import MLPClassifier, MLPRegressor

rng = np.random.default_rng(0)
X, LABELS, VALUES = rng.normal(size=(30, 4)), np.arange(30) % 3, rng.normal(size=30)
WEIGHTS, FLAGS = np.ones(30), np.eye(3, dtype=int)[LABELS]


def classifier(**parameters):
    return MLPClassifier(
        **({"hidden_layer_sizes": (5,), "max_iter": 2, "n_iter_no_change": 1, "tol": 1e9} | parameters)
    )


def regressor(**parameters):
    return MLPRegressor(**({"hidden_layer_sizes": (5,), "max_iter": 2, "n_iter_no_change": 1, "tol": 1e9} | parameters))


def fit(*more, **parameters):
    return lambda: classifier(**parameters).fit(X, LABELS, *more)


def started():
    return classifier().partial_fit(X, LABELS, classes=[0, 1, 2])


BAD = {
    "an unknown activation": (
        fit(activation="swoosh"),
        "'identity', 'logistic', 'tanh', 'relu', 'leaky_relu'.*'swoosh'",
    ),
    "an unknown loss": (fit(loss="hinge"), "'log_loss', 'softmax_cross_entropy', 'binary_cross_entropy'.*'hinge'"),
    "an unknown loss for values": (
        lambda: regressor(loss="log").fit(X, VALUES),
        "'squared_error'.*'poisson'|'poisson'.*'squared_error'",
    ),
    "an unknown solver": (fit(solver="sgdd"), "'lbfgs', 'sgd', 'adam', 'classical_momentum'.*'sgdd'"),
    "a loss for values in a classifier": (fit(loss=cr.Huber()), "Loss for labels or flags.*Huber"),
    "a loss for labels in a regressor": (
        lambda: regressor(loss=cr.SoftmaxCrossEntropy()).fit(X, VALUES),
        "Loss for values or counts.*SoftmaxCrossEntropy",
    ),
    "flags where a row has one class": (fit(loss=cr.BinaryCrossEntropy()), "fits multiclass targets"),
    "a layer that is no activation": (fit(activation=cr.Dense(3)), "an activation Layer.*Dense"),
    "dropout for an activation": (fit(activation=cr.Dropout(0.5)), r"an activation Layer.*Dropout\(rate=0.5\)"),
    "activations for other layers": (fit(activation=["relu", "relu"]), "expected a list of 1 values.*got 2"),
    "a dropout of 1": (fit(dropout=1.0), r"'dropout'.*\[0.0, 1.0\).*1.0"),
    "a dropout of -1 in a list": (fit(dropout=[-1.0]), r"'dropout'.*\[0.0, 1.0\).*-1.0"),
    "dropout with lbfgs": (fit(dropout=0.1, solver="lbfgs"), "dropout: expected a solver.*lbfgs"),
    "no threads": (fit(n_threads=0), r"'n_threads'.*\[1, 1024\].*0"),
    "more threads than there are cores anywhere": (fit(n_threads=1025), r"'n_threads'.*\[1, 1024\].*1025"),
    "alpha below 0": (fit(alpha=-1), r"'alpha' parameter of MLPClassifier must be a float in the range \[0.0, inf\)"),
    "a text for alpha": (fit(alpha="small"), "'alpha'.*'small'"),
    "momentum above 1": (fit(momentum=1.1), r"'momentum'.*\[0.0, 1.0\].*1.1"),
    "max_iter of half": (fit(max_iter=0.5), r"'max_iter'.*an int in the range \[1, inf\).*0.5"),
    "max_iter of True": (fit(max_iter=True), "'max_iter'.*True"),
    "shuffle of 1": (fit(shuffle=1), "'shuffle' .*a bool.*1"),
    "batch_size of 0": (fit(batch_size=0), r"'auto'.* or an int in the range \[1, inf\).*0"),
    "another schedule": (fit(learning_rate="cosine"), "'constant', 'invscaling', 'adaptive'.*'cosine'"),
    "no units": (fit(hidden_layer_sizes=(5, 0)), r"hidden_layer_sizes must be > 0, got \[5, 0\]"),
    "a weight below 0": (fit(np.where(np.arange(30) == 3, -0.5, 1)), "at least zero, got -0.5"),
    "all weights 0": (fit(WEIGHTS * 0), "above zero, got all zero"),
    "too few weights": (fit(WEIGHTS[:9]), r"expected shape \(30,\).*got \(9,\)"),
    "a weight that is no number": (fit(WEIGHTS * np.nan), "sample_weight.*NaN"),
    "a weight for another class": (fit(class_weight={7: 2.0}), r"labels among \[0, 1, 2\], got 7"),
    "a class weight below 0": (fit(class_weight={0: -1.0}), "class_weight of 0: expected a finite number.*got -1.0"),
    "a class weight of text": (fit(class_weight={0: "1"}), "class_weight of 0: expected a finite number.*got '1'"),
    "class weights all 0": (fit(class_weight={0: 0, 1: 0, 2: 0}), "class_weight: .*above zero, got all zero"),
    "weights whose product is 0": (
        fit(np.where(LABELS == 0, 1.0, 0.0), class_weight={0: 0}),
        "class_weight: .*above zero, got all zero",
    ),
    "a word for the class weights": (fit(class_weight="even"), "'class_weight'.*'balanced'.*'even'"),
    "class weights for flags": (
        lambda: classifier(class_weight={0: 1.0}).fit(X, FLAGS),
        "'class_weight'.*must be 'balanced' or None where a row has several labels. Got {0: 1.0}",
    ),
    "class weights for each flag": (
        lambda: classifier(class_weight=[{0: 1.0, 1: 2.0}] * 3).fit(X, FLAGS),
        "'class_weight'.*must be 'balanced' or None where a row has several labels. Got .{0: 1.0, 1: 2.0}",
    ),
    "balanced parts": (
        lambda: classifier(class_weight="balanced").partial_fit(X, LABELS, classes=[0, 1, 2]),
        "partial_fit.*'balanced'",
    ),
    "X_val without y_val": (lambda: classifier().fit(X, LABELS, X_val=X), "expected both or neither"),
    "X_val with other columns": (
        lambda: classifier().fit(X, LABELS, X_val=X[:, :3], y_val=LABELS),
        "3 features.*expecting 4 features",
    ),
    "X_val with other classes": (
        lambda: classifier().fit(X, LABELS, X_val=X, y_val=LABELS + 1),
        r"classes not in `self.classes_`. `self.classes_` has \[0 1 2\]. 'y' has \[1 2 3\]",
    ),
    "X_val with lbfgs": (
        lambda: classifier(solver="lbfgs").fit(X, LABELS, X_val=X, y_val=LABELS),
        "X_val: expected a solver.*lbfgs",
    ),
    "y_val with more outputs": (
        lambda: regressor().fit(X, VALUES, X_val=X, y_val=np.stack([VALUES, VALUES], axis=1)),
        "expected 1 outputs.*got 2",
    ),
    "weights of another shape": (fit(coefs_init=[np.ones((4, 6)), np.ones((5, 3))]), r"\(4, 5\), got \(4, 6\)"),
    "weights of too few layers": (fit(coefs_init=[np.ones((4, 5))]), "coefs_init: expected 2 arrays.*got 1"),
    "biases of another shape": (
        fit(intercepts_init=[np.ones(5), np.ones(2)]),
        r"intercepts_init\[1\].*\(3,\), got \(2,\)",
    ),
    "weights that are no numbers": (fit(intercepts_init=[np.full(5, np.nan), np.ones(3)]), "finite numbers"),
    "a first part without classes": (
        lambda: classifier().partial_fit(X, LABELS),
        "classes must be passed on the first call",
    ),
    "a class absent from classes": (
        lambda: classifier().partial_fit(X, LABELS, classes=[0, 1]),
        r"`self.classes_` has \[0 1\]. 'y' has \[0 1 2\]",
    ),
    "a new class in a later part": (lambda: started().partial_fit(X, LABELS + 1), r"'y' has \[1 2 3\]"),
    "other classes in a later part": (
        lambda: started().partial_fit(X, LABELS, classes=[0, 1]),
        "not the same as on last call to partial_fit",
    ),
    "flags after labels": (
        lambda: started().partial_fit(X, FLAGS),
        r"expected shape \(N,\).*\(30, 3\)",
    ),
    "parts with early stopping": (
        lambda: classifier(early_stopping=True).partial_fit(X, LABELS, classes=[0, 1, 2]),
        "partial_fit does not support early_stopping=True",
    ),
    "too few rows to hold out": (
        lambda: regressor(early_stopping=True).fit(X[:2], VALUES[:2]),
        "The validation set is too small",
    ),
    "counts below 0": (lambda: regressor(loss="poisson").fit(X, VALUES), "at least 0 for loss='poisson', got -"),
    "words for values": (lambda: regressor().fit(X, np.array(["a", "b", "c"] * 10)), "y: expected numbers, got .*'a'"),
    "numbers as text for values": (lambda: regressor().fit(X, VALUES.astype(str)), "y: expected numbers, got .*'0"),
    "dates for values": (lambda: regressor().fit(X, VALUES.astype("M8[ns]")), "y: expected numbers, got .*'1970"),
    "numbers as text in rows": (
        lambda: started().predict(X.astype(str)),
        "not compatible with arrays of bytes/strings",
    ),
    "bytes in rows": (lambda: started().predict_proba(X.astype(bytes)), "not compatible with arrays of bytes/strings"),
    "dates in rows": (lambda: started().predict(X.astype("M8[s]")), "X: expected numbers, got datetime"),
    "dates to the nanosecond in rows": (lambda: started().transform(X.astype("M8[ns]")), "X: expected .*datetime64"),
    "more outputs in a later part": (
        lambda: regressor().partial_fit(X, VALUES).partial_fit(X, np.stack([VALUES, VALUES], axis=1)),
        "expected 1 outputs.*got 2",
    ),
    "a scorer that does not exist": (fit(early_stopping=True, scoring="precission"), "precission"),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", BAD)
def test_is_refused(case):
    act, message = BAD[case]
    with pytest.raises(ValueError, match=message) as caught:
        act()
    if isinstance(caught.value, cr.InputError):
        assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("rows", [X, X[:1], sparse.csr_array(X)], ids=["many", "one", "sparse"])
def test_rows_beyond_float32_are_refused_where_the_network_is_float32(rows):
    models = [classifier().fit(X.astype(dtype), LABELS, X_val=X, y_val=LABELS) for dtype in ("float32", "float64")]
    narrow, wide = models
    acts = {
        "predict": lambda model, rows: model.predict(rows),
        "predict_proba": lambda model, rows: model.predict_proba(rows),
        "transform": lambda model, rows: model.transform(rows),
        "partial_fit": lambda model, rows: model.partial_fit(rows, LABELS[: rows.shape[0]]),
    }
    for act in acts.values():
        with pytest.raises(cr.InputError, match=r"X: expected numbers that float32 holds, got .*e\+39"):
            act(narrow, rows * 1e40)
        act(narrow, rows)
    assert np.isfinite(wide.predict_proba(rows * 1e40)).all()
    narrow.set_params(warm_start=True)
    with pytest.raises(cr.InputError, match="X_val: expected numbers that float32 holds"):
        narrow.fit(X, LABELS, X_val=rows * 1e40, y_val=LABELS[: rows.shape[0]])


def test_what_is_not_fitted_says_so():
    for model in (classifier(), regressor()):
        for method in (model.predict, model.transform):
            with pytest.raises(NotFittedError):
                method(X)
        with pytest.raises(NotFittedError):
            model.input_gradients(X, LABELS)
        assert not hasattr(model, "coefs_")
        with pytest.raises(AttributeError, match="not fitted yet; see fit and build"):
            model.coefs_  # noqa: B018


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_stands_beside_the_refused_is_taken():
    weighted = classifier(class_weight="balanced").fit(X, FLAGS)
    assert weighted.predict(X).shape == FLAGS.shape
    for activation in (cr.Softmax(), [cr.GELU()]):
        assert len(classifier(activation=activation).fit(X, LABELS).network_.layers) == 3


def test_there_are_no_parts_for_lbfgs():
    for model in (classifier(solver="lbfgs"), regressor(solver="lbfgs")):
        assert not hasattr(model, "partial_fit")


def attributes(model):
    kept = {name: value for name, value in vars(model).items() if name.endswith("_") or name.startswith("_")}
    return kept | {"params": model.network_.state.params.tobytes(), "moments": model.network_.state.moments.tobytes()}


FAR = {
    "an unknown solver": ({"solver": "nope"}, X, LABELS),
    "an unknown solver, of a warm start": ({"solver": "nope", "warm_start": True}, X, LABELS),
    "too few rows to hold out": ({"early_stopping": True, "validation_fraction": 0.001}, X, LABELS),
    "a scorer that does not exist": ({"early_stopping": True, "scoring": "precission"}, X, LABELS),
    "dropout with lbfgs": ({"solver": "lbfgs", "dropout": 0.5}, X, LABELS),
    "an unknown activation": ({"activation": "swoosh"}, X, LABELS),
    "weights of another shape": ({"coefs_init": [np.ones((4, 6)), np.ones((5, 3))]}, X, LABELS),
    "columns, and a loss that does not fit": (
        {"loss": cr.BinaryCrossEntropy()},
        X[:, :3],
        np.array(list("abc"))[LABELS],
    ),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", FAR)
def test_a_refused_fit_leaves_the_fitted_model(case):
    parameters, rows, labels = FAR[case]
    model = classifier(random_state=0, learning_rate_init=0.1).fit(X, LABELS)
    before, expected = attributes(model), model.predict_proba(X)
    with pytest.raises(ValueError):
        model.set_params(learning_rate_init=0.2, **parameters).fit(rows, labels)
    assert attributes(model) == before
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_a_refused_part_or_build_leaves_the_fitted_model():
    model = started()
    before = attributes(model)
    for act in (
        lambda: model.set_params(solver="nope").partial_fit(X, LABELS),
        lambda: model.set_params(alpha=-1).build(7, ["a", "b"]),
    ):
        with pytest.raises(cr.InputError):
            act()
        assert attributes(model) == before
    with pytest.raises(cr.InputError):
        (fresh := classifier(solver="nope")).partial_fit(X, LABELS, classes=[0, 1, 2])
    assert not hasattr(fresh, "classes_")


def test_an_exception_while_training_leaves_the_network_as_far_as_it_came():
    scores = iter([0.1, 0.2])
    model = classifier(random_state=0, early_stopping=True, scoring=lambda *_: next(scores), max_iter=9, tol=0.0)
    with pytest.raises(StopIteration):
        model.set_params(n_iter_no_change=9).fit(X, LABELS)
    assert model.network_.state.epoch == 3
    assert model.predict(X).shape == (30,)
