"""The drop-in behaves as scikit-learn's users expect: warnings, divergence, tables, sparse rows, callbacks, threads."""

import os
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from scipy import sparse
from sklearn import neural_network as theirs
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule import sklearn as ours
from chainrule.errors import Diverged
from chainrule.sklearn import MLPClassifier, MLPRegressor
from conftest import needs_kernels

X, DIGITS = load_digits(return_X_y=True)
X = X / 16
SMALL = {"hidden_layer_sizes": (20,), "max_iter": 5, "random_state": 0}
VERSION = tuple(map(int, sklearn.__version__.split(".")[:2]))
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_parameters_are_theirs_in_their_order_and_then_ours():
    import inspect

    for name in ("MLPClassifier", "MLPRegressor"):
        own, other = (inspect.signature(getattr(module, name)).parameters for module in (ours, theirs))
        for key, parameter in other.items():
            assert (own[key].default, own[key].kind) == (parameter.default, parameter.kind), key
        if VERSION >= (1, 7):  # the regressor's loss, its first parameter, came with 1.7
            assert list(own)[: len(other)] == list(other)
            assert all(own[key].kind is inspect.Parameter.KEYWORD_ONLY for key in own if key not in other)


def test_the_end_of_the_epochs_is_a_warning():
    with pytest.warns(ConvergenceWarning, match=r"Maximum iterations \(5\) reached"):
        MLPClassifier(**SMALL).fit(X, DIGITS)
    with pytest.warns(ConvergenceWarning, match=r"lbfgs failed to converge after 5 iteration\(s\)"):
        MLPClassifier(**SMALL, solver="lbfgs").fit(X, DIGITS)
    MLPClassifier(**SMALL | {"max_iter": 500}, tol=0.5).fit(X, DIGITS)  # converges: no warning
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        MLPClassifier(**SMALL | {"max_iter": 500}, tol=0.5, batch_size=5000).fit(X, DIGITS)


def test_what_is_printed_is_theirs(capsys):
    for settings in (
        {"early_stopping": True, "max_iter": 40, "tol": 0.1},
        {"solver": "sgd", "learning_rate": "adaptive"},
    ):
        printed = []
        for module in (theirs, ours):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                parameters = SMALL | {"verbose": True, "shuffle": False, "n_iter_no_change": 2, "tol": 0.2} | settings
                module.MLPClassifier(**parameters).fit(X, DIGITS)
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1]


@quiet
def test_divergence_without_early_stopping_is_their_error():
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights") as caught:
        MLPRegressor(activation="identity", solver="sgd", learning_rate_init=1.0, max_iter=50).fit(X, DIGITS * 1e3)
    assert isinstance(caught.value.__cause__, Diverged)
    model = MLPRegressor(activation="identity", solver="sgd", learning_rate_init=1e300, batch_size=500)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.partial_fit(X, DIGITS)


def test_divergence_with_early_stopping_leaves_the_best_weights():
    model = MLPRegressor(
        activation="identity", solver="sgd", learning_rate_init=0.2, early_stopping=True, random_state=0, max_iter=50
    )
    with pytest.warns(ConvergenceWarning, match="diverged.*the weights of the best epoch are kept"):
        model.fit(X, DIGITS * 1.0)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isnan(model.loss_curve_[-1])
    assert all(np.isfinite(W).all() for W in model.coefs_)
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_
    assert np.isfinite(model.predict(X)).all()


@quiet
def test_an_interrupt_keeps_what_was_learned(monkeypatch):
    from chainrule.sklearn.fitting import Epochs

    judge, seen = Epochs._judge, []

    def interrupted(self, loss):
        judge(self, loss)
        seen.append(loss)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Epochs, "_judge", interrupted)
    with pytest.warns(UserWarning, match=r"Training interrupted by user."):
        model = MLPClassifier(**SMALL).fit(X, DIGITS)
    assert model.loss_curve_ == seen
    assert len(model.predict(X)) == len(X)


@quiet
@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.coo_array])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_rows_are_rows(container, solver, dtype):
    rows = X.astype(dtype)
    dense = MLPClassifier(**SMALL, solver=solver).fit(rows, DIGITS)
    thin = MLPClassifier(**SMALL, solver=solver).fit(container(rows), DIGITS)
    assert thin.coefs_[0].dtype == dtype
    np.testing.assert_allclose(thin.predict_proba(container(rows)), dense.predict_proba(rows), atol=1e-5)
    np.testing.assert_allclose(thin.transform(container(rows)), dense.transform(rows), atol=1e-4)


@quiet
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_have_column_names(library):
    frames = pytest.importorskip(library)
    if library == "polars" and VERSION < (1, 9):
        pytest.skip("older versions of scikit-learn do not know the column names of polars")
    iris = load_iris()
    table = frames.DataFrame(dict(zip("abcd", iris.data.T)))
    y = iris.target_names[iris.target]
    model = MLPClassifier(**SMALL).fit(table, y)
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(model.predict(table), MLPClassifier(**SMALL).fit(iris.data, y).predict(iris.data))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(iris.data)
    assert model.set_output(transform=library).transform(table).shape == (150, 20)


@quiet
def test_rows_in_any_layout_and_number_type():
    expected = MLPClassifier(**SMALL).fit(X * 16, DIGITS)
    for rows in (np.asfortranarray(X * 16), (X * 16).astype(np.int64), np.repeat(X * 16, 2, axis=1)[:, ::2]):
        model = MLPClassifier(**SMALL).fit(rows, DIGITS)
        np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
        np.testing.assert_array_equal(model.predict(rows), expected.predict(X * 16))


@quiet
@pytest.mark.parametrize("loss", ["log_loss", "softmax_cross_entropy", "binary_cross_entropy"])
def test_one_class_alone_is_predicted_everywhere(loss, tmp_path):
    for y in (np.full(len(X), "only"), np.full(len(X), 7), np.full(len(X), True)):
        model = MLPClassifier(**SMALL, loss=loss).fit(X, y)
        for rows in (X, X[:1], -X):
            np.testing.assert_array_equal(model.predict(rows), y[: len(rows)])
        assert model.score(X, y) == 1
        assert model.predict_proba(X).shape == theirs.MLPClassifier(**SMALL).fit(X, y).predict_proba(X).shape
        model.network_.save(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(cr.load(tmp_path / "model.safetensors").predict(X), y)
    words = np.where(DIGITS > 4, "many", "few")
    assert set(MLPClassifier(**SMALL, loss=loss).fit(X, words).predict(X)) == {"few", "many"}


@quiet
def test_a_column_of_targets_is_flattened_with_a_warning():
    for module in (theirs, ours):
        with pytest.warns(sklearn.exceptions.DataConversionWarning):
            assert module.MLPClassifier(**SMALL).fit(X, DIGITS[:, None]).predict(X).ndim == 1


@quiet
def test_sample_weights_are_routed():
    w = np.random.default_rng(0).uniform(0.1, 2, len(X))
    with sklearn.config_context(enable_metadata_routing=True):
        model = MLPClassifier(**SMALL).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        routed = cross_validate(model, X, DIGITS, params={"sample_weight": w}, cv=3, return_estimator=True)
    fold = next(iter(sklearn.model_selection.StratifiedKFold(3).split(X, DIGITS)))[0]
    direct = MLPClassifier(**SMALL).fit(X[fold], DIGITS[fold], sample_weight=w[fold])
    np.testing.assert_array_equal(routed["estimator"][0].coefs_[0], direct.coefs_[0])
    assert "sample_weight" in MLPClassifier().get_metadata_routing().partial_fit.requests


@quiet
def test_clones_and_pages():
    model = MLPClassifier(**SMALL, activation=["gelu"], solver=cr.AdamW(), dropout=0.1)
    twin = clone(model)
    assert repr(twin) == repr(model)
    assert twin.get_params() == model.get_params()
    page = model.fit(X, DIGITS)._repr_html_()
    assert "MLPClassifier" in page
    assert "AdamW" in page
    with pytest.raises(AttributeError):
        twin.coefs_  # noqa: B018


@quiet
def test_the_network_can_be_saved_checked_and_trained_further(tmp_path):
    model = MLPClassifier(**SMALL, dropout=0.1).fit(X, DIGITS)
    model.network_.save(tmp_path / "model.safetensors")
    again = cr.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    history = model.network_.fit(X, DIGITS, cr.AdamEpsilonHat(), epochs=2)
    assert history.columns["loss"][-1] < model.loss_
    np.testing.assert_array_equal(model.predict(X), model.network_.predict(X))


@quiet
@pytest.mark.skipif(VERSION < (1, 9), reason="callbacks came with scikit-learn 1.9")
class TestCallbacks:
    class Watcher:
        """Records each epoch; asks for the fitted estimator; stops after `most`."""

        max_propagation_depth = None

        def __init__(self, most=100):
            self.most, self.calls, self.models = most, [], []

        def setup(self, estimator, context):
            self.calls.append("setup")

        def teardown(self, estimator, context):
            self.calls.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            self.calls.append(f"begin {context.task_name}")

        def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
            self.calls.append(f"end {context.task_name}")
            self.models.append(fitted_estimator)
            return len(self.models) >= self.most

    def test_every_epoch_is_reported(self):
        watcher = self.Watcher()
        model = MLPClassifier(**SMALL).set_callbacks(watcher).fit(X, DIGITS)
        epochs = ["begin epoch", "end epoch"] * 5
        assert watcher.calls == ["setup", "begin fit", *epochs, "end fit", "teardown"]
        losses = [one.network_.evaluate(X, DIGITS)[0] for one in watcher.models]
        assert losses == sorted(losses, reverse=True)
        assert losses[4] == losses[5] < losses[0]
        np.testing.assert_array_equal(watcher.models[-1].coefs_[0], model.coefs_[0])

    def test_a_callback_stops_the_training(self):
        model = MLPClassifier(**SMALL).set_callbacks(self.Watcher(most=2)).fit(X, DIGITS)
        assert model.n_iter_ == 2
        assert MLPClassifier(**SMALL, solver="lbfgs").set_callbacks(self.Watcher(most=2)).fit(X, DIGITS).n_iter_ == 2

    def test_a_failed_fit_is_torn_down(self):
        def fails(*_):
            raise ArithmeticError

        watcher = self.Watcher()
        with pytest.raises(ArithmeticError):
            MLPClassifier(**SMALL, early_stopping=True, scoring=fails).set_callbacks(watcher).fit(X, DIGITS)
        assert (watcher.calls[0], watcher.calls[-1]) == ("setup", "teardown")

    def test_the_numbers_are_the_same_with_callbacks(self):
        plain = MLPClassifier(**SMALL).fit(X, DIGITS)
        watched = MLPClassifier(**SMALL).set_callbacks(self.Watcher()).fit(X, DIGITS)
        np.testing.assert_array_equal(plain.coefs_[0], watched.coefs_[0])

    def test_scikit_learns_own_callbacks(self, capsys):
        pytest.importorskip("rich")
        from sklearn.callback import ProgressBar, ScoringMonitor

        monitor = ScoringMonitor(scoring="accuracy")
        model = MLPClassifier(**SMALL).set_callbacks(monitor, ProgressBar()).fit(X, DIGITS)
        log = monitor.get_logs()
        assert log is not None
        assert "MLPClassifier" in capsys.readouterr().out
        assert model.n_iter_ == 5

    def test_a_search_hands_its_callbacks_on(self):
        watcher = self.Watcher()
        search = GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=2)
        if not hasattr(search, "set_callbacks"):
            pytest.skip("this GridSearchCV takes no callbacks")
        search.set_callbacks(watcher).fit(X, DIGITS)
        assert watcher.calls.count("end epoch") == 5 * (2 * 2 + 1)


def test_older_versions_have_no_callbacks():
    assert hasattr(MLPClassifier(), "set_callbacks") == (VERSION >= (1, 9))


def _threads_used(estimator, rows, y):
    return estimator.n_threads_


@quiet
@needs_kernels
def test_a_search_in_processes_never_takes_more_threads_than_cores():
    wide = MLPClassifier((256,), batch_size=600, max_iter=2, random_state=0)
    rows = np.tile(X, 4)
    alone = clone(wide).fit(rows, DIGITS)
    search = GridSearchCV(wide, {"alpha": [1e-4, 1e-3]}, cv=2, n_jobs=2, scoring=_threads_used, refit=False)
    search.fit(rows, DIGITS)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert (2 if cores > 1 else 1) <= alone.n_threads_ <= cores
    assert max(search.cv_results_["mean_test_score"]) <= max(1, cores // 2)


@pytest.mark.parametrize("sample_weight", [None, np.arange(60) % 3])
@quiet
def test_early_stopping_holds_out_their_rows_with_weights_too(sample_weight):
    """And bagging, which leaves rows out by weights of 0, trains where a class has few rows."""
    rows, few = X[:60, :20], (np.arange(60) < 3).astype(int)
    settings = {"early_stopping": True, "max_iter": 5, "random_state": 0, "shuffle": False, "batch_size": 60}
    scores = []
    for module in (theirs, ours):
        model = module.MLPClassifier(**settings)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Got `batch_size`", UserWarning)  # the rows that train are fewer than 60
            model.fit(rows, few, sample_weight)
        scores.append(model.validation_scores_)
    np.testing.assert_allclose(*scores)


@quiet
def test_bagging_with_early_stopping_and_a_small_class():
    few = (np.arange(60) < 3).astype(int)
    model = MLPClassifier(**SMALL, early_stopping=True)
    bagged = BaggingClassifier(model, n_estimators=8, random_state=0).fit(X[:60], few)
    assert bagged.score(X[:60], few) >= 0.9


@pytest.mark.parametrize(
    ("model", "y", "rows"),
    [
        (MLPRegressor(early_stopping=True), DIGITS * 1.0, slice(0, 1)),
        (MLPClassifier(early_stopping=True, scoring="roc_auc"), DIGITS > 4, DIGITS > 4),
        (MLPClassifier(early_stopping=True, scoring=lambda *_: float("nan")), DIGITS, slice(9)),
    ],
    ids=["R² of one row", "a curve of one class", "a function"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_a_score_that_is_not_a_number_is_refused(model, y, rows):
    """No epoch would be better than the first weights, which would come back without a word."""
    with pytest.raises(cr.InputError, match="early_stopping: expected validation rows with a score, got nan"):
        clone(model).fit(X, y, X_val=X[rows], y_val=y[rows])


@quiet
def test_divergence_without_early_stopping_warns_of_nothing_that_was_kept():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="non-finite"):
            MLPRegressor(activation="identity", solver="sgd", learning_rate_init=1.0).fit(X, DIGITS * 1e3)
    assert not [warning for warning in caught if "kept" in str(warning.message)]


@quiet
def test_class_weights_of_a_class_that_these_rows_do_not_have():
    rare = np.where(np.arange(60) < 2, 2, np.arange(60) % 2)
    weighted = MLPClassifier(**SMALL, class_weight={0: 1, 1: 2, 2: 9})
    absent, known = clone(weighted).fit(X[2:60], rare[2:]), clone(weighted).set_params(class_weight={0: 1, 1: 2})
    np.testing.assert_array_equal(absent.coefs_[0], known.fit(X[2:60], rare[2:]).coefs_[0])
    part = clone(weighted).set_params(class_weight={2: 9}).partial_fit(X[2:60], rare[2:], classes=[0, 1, 2])
    alone = MLPClassifier(**SMALL).partial_fit(X[2:60], rare[2:], classes=[0, 1, 2])
    np.testing.assert_array_equal(part.coefs_[0], alone.coefs_[0])
    with pytest.raises(cr.InputError, match=r"class_weight: expected labels among \[0, 1\], got 2"):
        MLPClassifier(class_weight={0: 1, 2: 9}).fit(X[2:60], rare[2:])


def test_lbfgs_by_another_spelling_and_what_it_lacked():
    with pytest.warns(ConvergenceWarning, match=r"max_iter\) or scale"):
        first = MLPRegressor(**SMALL, solver="lbfgs").fit(X, DIGITS)
    with pytest.warns(ConvergenceWarning, match=r"max_iter\) or scale"):
        other = MLPRegressor(**SMALL, solver="L-BFGS").fit(X, DIGITS)
    np.testing.assert_array_equal(first.coefs_[0], other.coefs_[0])
    assert not hasattr(other, "partial_fit")
    with pytest.warns(ConvergenceWarning, match=r"max_fun\) or scale"):
        MLPRegressor(**SMALL, solver="lbfgs", max_fun=2).fit(X, DIGITS)


@quiet
def test_a_fit_leaves_no_record_of_the_one_before():
    model = MLPRegressor(**SMALL).fit(X, DIGITS, X_val=X, y_val=DIGITS)
    fresh = MLPRegressor(**SMALL, solver="lbfgs").fit(X, DIGITS)
    assert set(vars(model.set_params(solver="lbfgs").fit(X, DIGITS))) == set(vars(fresh))


@quiet
def test_the_output_activation_is_the_networks():
    model = MLPRegressor(**SMALL)
    assert not hasattr(model, "out_activation_")
    assert model.fit(X, DIGITS).out_activation_ == "identity"
    with pytest.raises(AttributeError, match="no setter"):
        model.out_activation_ = "logistic"


@pytest.mark.parametrize(("weight", "message"), [(1e-50, "at least one above 0, got all 0"), (1e300, "got inf")])
def test_weights_that_float32_does_not_hold_are_refused(weight, message):
    with pytest.raises(cr.InputError, match=f"sample_weight as float32: expected .*{message}"):
        MLPClassifier().fit(X.astype(np.float32), DIGITS, np.full(len(X), weight))


def test_a_warning_shows_the_line_of_whoever_called_fit():
    with pytest.warns(ConvergenceWarning) as caught:
        make_pipeline(StandardScaler(), MLPClassifier(**SMALL)).fit(X, DIGITS)
    assert {warning.filename for warning in caught} == {__file__}


def test_a_part_without_any_weight_is_refused():
    """One row has weight: it trains, or is held out."""
    message = r"at least one above 0 among the rows that early_stopping (trains on|holds out)"
    with pytest.raises(cr.InputError, match=message):
        MLPClassifier(early_stopping=True).fit(X, DIGITS, np.arange(len(X)) == 7)
