"""What users of scikit-learn's MLP asked for: each wish does what it says."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import balanced_accuracy_score, f1_score, log_loss, mean_pinball_loss
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.check.gradients import check_gradients
from chainrule.sklearn import MLPClassifier, MLPRegressor

X, DIGITS = load_digits(return_X_y=True)
X = X / 16
RARE = np.flatnonzero((DIGITS != 8) | (np.arange(len(DIGITS)) % 20 == 0))  # few eights


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def classifier(**parameters):
    return MLPClassifier(**({"hidden_layer_sizes": (20,), "max_iter": 20, "random_state": 0} | parameters))


def regressor(**parameters):
    return MLPRegressor(**({"hidden_layer_sizes": (20,), "max_iter": 20, "random_state": 0} | parameters))


def test_class_weights_are_sample_weights():
    y = DIGITS[RARE]
    weights = {8: 10.0, 1: 0.5}
    by_class = classifier(class_weight=weights).fit(X[RARE], y)
    by_row = classifier().fit(X[RARE], y, sample_weight=np.where(y == 8, 10.0, np.where(y == 1, 0.5, 1.0)))
    np.testing.assert_array_equal(by_class.coefs_[0], by_row.coefs_[0])
    part = classifier(class_weight=weights).partial_fit(X[RARE], y, classes=range(10))
    assert part.loss_curve_ == by_row.loss_curve_[:1]
    plain, balanced = (classifier(class_weight=w).fit(X[RARE], y) for w in (None, "balanced"))
    recall = [(model.predict(X[DIGITS == 8]) == 8).mean() for model in (plain, balanced)]
    assert recall[1] > recall[0] + 0.1


def test_sample_weights_count_rows():
    """With all rows in one batch, weight 2 is a row twice and weight 0 none."""
    w = np.arange(len(X)) % 3
    again = np.repeat(np.arange(len(X)), w)
    for make, y in ((classifier, DIGITS), (regressor, DIGITS / 9)):
        weighted = make(batch_size=len(X), shuffle=False, alpha=1.0)
        with pytest.warns(UserWarning, match="batch_size"):
            weighted.fit(X, y, sample_weight=w)
        repeated = make(batch_size=len(again), shuffle=False, alpha=1.0).fit(X[again], y[again])
        np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_dropout_is_of_training_alone():
    model = classifier(dropout=0.5).fit(X, DIGITS)
    assert cr.Dropout(0.5) in model.network_.layers
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    assert model.coefs_[0].tobytes() != classifier().fit(X, DIGITS).coefs_[0].tobytes()
    each = classifier(hidden_layer_sizes=(20, 10), dropout=[0.0, 0.25]).build(64, range(10))
    assert [layer for layer in each.network_.layers if isinstance(layer, cr.Dropout)] == [cr.Dropout(0.25)]


def test_own_validation_rows_stop_the_training():
    model = classifier(early_stopping=True, max_iter=300, n_iter_no_change=3, learning_rate_init=0.01)
    model.fit(X[:1000], DIGITS[:1000], X_val=X[1000:], y_val=DIGITS[1000:])
    assert model.n_iter_ < 300
    assert model.score(X[1000:], DIGITS[1000:]) == max(model.validation_scores_) == model.best_validation_score_
    without = classifier(max_iter=model.n_iter_, learning_rate_init=0.01).fit(X[:1000], DIGITS[:1000])
    assert without.loss_curve_ == model.loss_curve_  # all the rows of X were trained on


def test_the_validation_loss_is_recorded():
    model = classifier(alpha=1.0).fit(X[:1000], DIGITS[:1000], X_val=X[1000:], y_val=DIGITS[1000:])
    assert len(model.validation_loss_curve_) == model.n_iter_
    loss = log_loss(DIGITS[1000:], model.predict_proba(X[1000:]))
    assert model.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-9)
    assert model.validation_scores_ is None
    assert classifier().fit(X, DIGITS).validation_loss_curve_ is None
    split = regressor(early_stopping=True).fit(X, DIGITS / 9)
    assert len(split.validation_loss_curve_) == len(split.validation_scores_) == split.n_iter_


@pytest.mark.parametrize("scoring", ["balanced_accuracy", "neg_log_loss", "f1_macro", "roc_auc_ovr"])
def test_any_metric_stops_the_training(scoring):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    model = classifier(early_stopping=True, scoring=scoring, max_iter=15)
    model.fit(table[:1200], DIGITS[:1200], X_val=table[1200:], y_val=DIGITS[1200:])
    prediction = model.predict(table[1200:])
    probabilities = model.predict_proba(table[1200:])
    expected = {
        "balanced_accuracy": lambda: balanced_accuracy_score(DIGITS[1200:], prediction),
        "neg_log_loss": lambda: -log_loss(DIGITS[1200:], probabilities),
        "f1_macro": lambda: f1_score(DIGITS[1200:], prediction, average="macro"),
    }
    if scoring in expected:
        assert model.best_validation_score_ == pytest.approx(expected[scoring]())


def test_a_function_scores():
    def worst_class(model, rows, y):
        return min((model.predict(rows[y == label]) == label).mean() for label in range(10))

    for weights in (None, "balanced"):
        model = classifier(early_stopping=True, scoring=worst_class, class_weight=weights).fit(X, DIGITS)
        assert model.best_validation_score_ == max(model.validation_scores_)


def test_scores_are_of_weighted_rows_where_they_can_be():
    def share(model, rows, y, sample_weight=None):
        return np.average(model.predict(rows) == y, weights=sample_weight)

    def scores(scoring, model=classifier, y=DIGITS):
        return model(early_stopping=True, scoring=scoring).fit(X, y, np.where(DIGITS == 8, 9.0, 1.0)).validation_scores_

    weighted, plain = scores(None), scores(lambda model, rows, y: share(model, rows, y))
    assert weighted != plain
    for scoring in ("accuracy", share, lambda *rows, **weights: share(*rows, **weights)):
        assert scores(scoring) == pytest.approx(weighted)
    assert len(scores("neg_max_error", regressor, DIGITS / 9)) == 20  # a metric without weights


def test_losses_by_name_and_by_object():
    rows, y = load_diabetes(return_X_y=True)
    rows, y = StandardScaler().fit_transform(rows), (y - y.mean()) / y.std()
    settings = {"max_iter": 150, "learning_rate_init": 0.01}
    shares = [
        (y < regressor(loss=cr.QuantileLoss(q), **settings).fit(rows, y).predict(rows)).mean() for q in (0.1, 0.9)
    ]
    assert shares == pytest.approx([0.1, 0.9], abs=0.06)
    high = regressor(loss=cr.QuantileLoss(0.9), **settings).fit(rows, y).predict(rows)
    mean = regressor(**settings).fit(rows, y).predict(rows)
    assert mean_pinball_loss(y, high, alpha=0.9) < mean_pinball_loss(y, mean, alpha=0.9)
    spoiled = y.copy()
    spoiled[:20] = 1000
    errors = {
        loss: abs(regressor(loss=loss, **settings).fit(rows, spoiled).predict(rows) - y)[20:].mean()
        for loss in ("squared_error", "absolute_error", "huber", "quantile")
    }
    assert max(errors["absolute_error"], errors["huber"], errors["quantile"]) < errors["squared_error"] / 2
    assert regressor(loss="mean_squared_error").build(3).network_.loss == cr.MeanSquaredError()
    assert classifier(loss=cr.SoftmaxCrossEntropy(0.1)).fit(X, DIGITS).predict_proba(X).max() < 0.999


def test_a_loss_and_an_activation_of_ones_own():
    class Quartic(cr.Loss):
        """¼·Σ(z - t)⁴."""

        def rows(self, z, t, dz):
            dz[...] = (z - t) ** 3
            return ((z - t) ** 4).sum(axis=1) / 4

    class Cube(cr.Layer):
        def forward(self, p, x, y, m):
            np.power(x, 3, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            if dx is not None:
                np.multiply(dy, 3 * x * x, out=dx)

    model = regressor(loss=Quartic(), activation=Cube()).fit(X[:200], DIGITS[:200] / 9)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.network_.backend == "reference"
    assert check_gradients(model.network_, X[:5], DIGITS[:5] / 9)


@pytest.mark.parametrize("activation", ["gelu", "leaky_relu", "LeakyReLU", "mish", "silu", cr.ELU(0.5)])
def test_activations_by_name_and_by_object(activation):
    model = classifier(activation=activation, max_iter=60).fit(X, DIGITS)
    assert model.score(X, DIGITS) > 0.9
    assert len(model.network_.layers) == 3


def test_every_layer_its_own_activation():
    model = regressor(hidden_layer_sizes=(20, 10), activation=["gelu", cr.Tanh(), "softplus"]).fit(X, DIGITS)
    kinds = [type(layer).__name__ for layer in model.network_.layers]
    assert kinds == ["Dense", "GELU", "Dense", "Tanh", "Dense", "Softplus"]
    assert model.predict(X).min() > 0
    assert model.out_activation_ == "softplus"


def test_layer_norm_stands_before_the_activation():
    model = classifier(layer_norm=True).fit(X * 1000, DIGITS)
    assert [type(layer).__name__ for layer in model.network_.layers] == ["Dense", "LayerNorm", "ReLU", "Dense"]
    assert model.score(X * 1000, DIGITS) > 0.9


def test_hidden_features():
    model = classifier(hidden_layer_sizes=(20, 10), activation="tanh", dropout=0.2).fit(X, DIGITS)
    W, b = model.coefs_, model.intercepts_
    hidden = model.transform(X)
    np.testing.assert_allclose(hidden, np.tanh(np.tanh(X @ W[0] + b[0]) @ W[1] + b[1]), atol=1e-12)
    np.testing.assert_allclose(model.network_.forward(X), hidden @ W[2] + b[2], atol=1e-12)
    assert model.get_feature_names_out()[-1] == "mlpclassifier9"
    from sklearn.linear_model import LogisticRegression

    both = make_pipeline(classifier(), LogisticRegression(max_iter=200)).fit(X, DIGITS)
    assert both.score(X, DIGITS) > 0.93
    np.testing.assert_array_equal(classifier(hidden_layer_sizes=()).fit(X, DIGITS).transform(X), X)


def test_gradients_of_the_inputs():
    """Against differences of the loss that the estimator reports."""
    cases = [
        (classifier(activation="tanh"), DIGITS, lambda m, y, p: log_loss(y, p, labels=range(10))),
        (classifier(activation="tanh"), DIGITS % 2, lambda m, y, p: log_loss(y, p, labels=[0, 1])),
    ]
    for model, y, loss in cases:
        model.fit(X, y)
        rows, some = X[:4].copy(), y[:4]
        gradient = model.input_gradients(rows, some)
        for i, j in ((0, 10), (3, 20)):
            values = []
            for sign in (1, -1):
                moved = rows.copy()
                moved[i, j] += sign * 1e-5
                values.append(loss(model, some, model.predict_proba(moved)))
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient[i, j], abs=1e-7)


def test_initial_weights_and_building_without_training():
    rng = np.random.default_rng(0)
    W, b = [rng.normal(size=(4, 3)), rng.normal(size=(3, 1))], [rng.normal(size=3), rng.normal(size=1)]
    given = {"hidden_layer_sizes": (3,), "coefs_init": W, "intercepts_init": b}
    model = regressor(**given).build(4)
    rows = rng.normal(size=(10, 4))
    np.testing.assert_allclose(model.predict(rows), (np.maximum(rows @ W[0] + b[0], 0) @ W[1] + b[1])[:, 0])
    still = regressor(**given, learning_rate_init=1e-300, max_iter=1).fit(rows, rows[:, 0])
    np.testing.assert_array_equal(still.coefs_[0], W[0])
    built = classifier(coefs_init=None).build(64, ["no", "yes"])
    assert set(built.predict(X)) <= {"no", "yes"}
    fitted = classifier(learning_rate_init=1e-300, max_iter=1).fit(X, DIGITS % 2)
    np.testing.assert_array_equal(built.coefs_[0], fitted.coefs_[0])
    assert built.partial_fit(X, np.where(DIGITS > 4, "yes", "no")).n_iter_ == 1
    assert regressor().build(4, n_outputs=2, dtype=np.float32).predict(rows).shape == (10, 2)


def test_weights_that_are_set_are_used():
    model = regressor().fit(X, DIGITS)
    doubled = model.predict(X) * 2
    model.coefs_[-1] = model.coefs_[-1] * 2
    model.intercepts_ = [model.intercepts_[0], model.intercepts_[1] * 2]
    np.testing.assert_allclose(model.predict(X), doubled)
    with pytest.raises(cr.InputError, match=r"coefs_\[0\]: expected shape \(64, 20\), got \(3,\)"):
        model.coefs_[0] = [1, 2, 3]


@pytest.mark.parametrize("solver", ["adagrad", "rmsprop", "adamw", cr.AdamW(cr.CosineDecay(0.01, 500), clip_norm=1.0)])
def test_more_optimizers_and_schedules(solver):
    model = classifier(solver=solver, learning_rate_init=0.01, max_iter=40).fit(X, DIGITS)
    assert model.score(X, DIGITS) > 0.9
    schedule = classifier(learning_rate=cr.Warmup(0.001, 10)).fit(X, DIGITS)
    assert schedule.loss_curve_[0] > classifier().fit(X, DIGITS).loss_curve_[0]


def test_threads_are_obeyed_and_make_no_difference():
    one, three = (classifier(n_threads=n).fit(X, DIGITS) for n in (1, 3))
    if one.network_.backend == "compiled":
        assert (one.n_threads_, three.n_threads_) == (1, 3)
    np.testing.assert_array_equal(one.coefs_[0], three.coefs_[0])


def test_a_pipeline_learns_digits():
    scores = cross_val_score(make_pipeline(StandardScaler(), classifier(max_iter=50)), X, DIGITS, cv=3)
    assert scores.min() > 0.85
