"""TableEncoder keeps scikit-learn's contract entirely, and its numbers are those of `chainrule train`."""

import datetime
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from palmerpenguins import load_penguins
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from chainrule import data
from chainrule.data.readers import Dataset
from chainrule.job import prepare, split
from chainrule.sklearn import TableEncoder

PAGE = Path(__file__).parent.parent / "docs" / "table_encoder.md"
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table}
any_frame = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
SETTINGS = [
    TableEncoder(),
    TableEncoder(scale="standard"),
    TableEncoder(scale="quantile", dtype="float32"),
    TableEncoder(categorical=0, max_levels=2, sparse_output=True),
]


@pytest.fixture(scope="module")
def penguins():
    frame = load_penguins()
    return frame.drop(columns="species"), frame["species"].to_numpy()


def mixed(n=60):
    rng = np.random.default_rng(0)
    return {
        "age": [None if row % 10 == 0 else 20.0 + row for row in range(n)],
        "city": [["Oslo", "Rome", None][row % 3] for row in range(n)],
        "member": [row % 2 == 0 for row in range(n)],
        "income": rng.standard_cauchy(n).tolist(),
        "always": [7] * n,
        "id": [f"customer {row}" for row in range(n)],
        "joined": [datetime.datetime(2024, 3, 1 + row % 28) for row in range(n)],
    }


FEATURES = [
    "age", "age is missing", "city=(missing)", "city=Oslo", "city=Rome", "member=False", "member=True", "income",
]  # fmt: skip


def in_memory(data):
    """The columns as one array of objects."""
    return np.array(list(data.values()), dtype=object).T


@parametrize_with_checks(SETTINGS)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_scikit_learns_own_checks_pass_with_its_array_api_switched_on():
    code = (
        "from sklearn.utils.estimator_checks import check_estimator\nfrom chainrule.sklearn import TableEncoder\n"
        "print({r['status'] for r in check_estimator(TableEncoder())})"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"SCIPY_ARRAY_API": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "{'passed'}\n"), run.stderr


def test_the_checks_notice_a_transformer_that_breaks_the_contract():
    class Broken(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.asarray(X)

    with pytest.raises((AssertionError, ValueError, TypeError)):
        check_estimator(Broken())


def test_tags_say_what_it_takes():
    tags = get_tags(TableEncoder())
    inputs = tags.input_tags
    assert (inputs.two_d_array, inputs.string, inputs.categorical, inputs.allow_nan) == (True,) * 4
    assert (inputs.sparse, tags.target_tags.required, tags.requires_fit) == (False, False, True)
    assert tags.transformer_tags.preserves_dtype == ["float64", "float32"]
    assert get_tags(TableEncoder(dtype="float32")).transformer_tags.preserves_dtype == []


def test_cloned_it_forgets_and_pickled_it_does_not(penguins, tmp_path):
    X, _ = penguins
    encoder = TableEncoder(scale="quantile", categorical=["year"]).fit(X)
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(X)
    with pytest.raises(NotFittedError):
        copy.get_feature_names_out()
    joblib.dump(encoder, tmp_path / "encoder.joblib")
    for loaded in (pickle.loads(pickle.dumps(encoder)), joblib.load(tmp_path / "encoder.joblib")):
        np.testing.assert_array_equal(loaded.transform(X), encoder.transform(X))


def test_the_html_and_the_text_show_the_settings():
    assert repr(TableEncoder(scale="standard")) == "TableEncoder(scale='standard')"
    page = TableEncoder(scale="standard")._repr_html_()
    assert "TableEncoder" in page
    assert "standard" in page


def heavy_tailed(n=500):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.standard_cauchy((n, 4)) ** 3, columns=list("abcd"))
    frame["a"] = frame["a"].mask(rng.uniform(size=n) < 0.1)
    return frame.assign(kind=rng.choice([f"kind {i}" for i in range(70)], n)), rng.choice(["yes", "no"], n)


@pytest.mark.parametrize("scale", data.encoder.SCALES)
@pytest.mark.parametrize("table", ["penguins", "heavy-tailed"])
def test_the_numbers_are_those_that_chainrule_train_trains_on(penguins, table, scale):
    X, y = penguins if table == "penguins" else heavy_tailed()
    chosen = {"categorical": ["year"], "drop": ["sex"]} if table == "penguins" else {"categorical": [], "drop": ["b"]}
    options = chosen | {"scale": scale}
    problem = prepare(Dataset(table, data.as_table(X), y.astype(object)), validation=0.1, **options)
    rest, test = split(len(X), 0.2, 0, np.unique(y, return_inverse=True)[1], "--test")
    kept, valid = split(len(rest), 0.1, 0, np.unique(y[rest], return_inverse=True)[1], "--validation")
    ours = TableEncoder(**options).fit(X.iloc[rest[kept]])
    assert ours.encoder_ == problem.encoder
    assert ours.get_feature_names_out().tolist() == problem.encoder.features
    for rows, part in ((rest[kept], problem.train), (rest[valid], problem.valid), (test, problem.test)):
        np.testing.assert_array_equal(ours.transform(X.iloc[rows]), part.X)


def test_unknown_levels_missing_values_and_useless_columns_are_treated_as_by_the_library():
    encoder = TableEncoder().fit(pd.DataFrame(mixed()))
    assert encoder.get_feature_names_out().tolist() == FEATURES
    assert [note.split(":")[0] for note in encoder.notes_] == ["always", "id", "joined"]
    new = pd.DataFrame(mixed()).iloc[:2].assign(age=[None, 30], city=["Bern", None], always=None, id=1, joined="?")
    out = pd.DataFrame(encoder.transform(new), columns=FEATURES)
    assert out["age is missing"].tolist() == [1, 0]
    assert out[["city=(missing)", "city=Oslo", "city=Rome"]].to_numpy().tolist() == [[0, 0, 0], [1, 0, 0]]
    np.testing.assert_array_equal(out.to_numpy(), encoder.encoder_.transform(new))


@any_frame
def test_every_kind_of_dataframe_gives_the_same_numbers_and_names(frame):
    encoder = TableEncoder().fit(frame(mixed()))
    assert encoder.n_features_in_ == 7
    assert encoder.feature_names_in_.tolist() == list(mixed())
    assert encoder.get_feature_names_out().tolist() == FEATURES
    np.testing.assert_array_equal(
        encoder.transform(frame(mixed())), TableEncoder().fit_transform(pd.DataFrame(mixed()))
    )


def test_arrays_of_objects_and_lists_are_tables_without_names():
    X = in_memory(mixed())
    encoder = TableEncoder().fit(X)
    assert not hasattr(encoder, "feature_names_in_")
    assert encoder.get_feature_names_out()[:3].tolist() == ["x0", "x0 is missing", "x1=(missing)"]
    assert encoder.get_feature_names_out(list(mixed())).tolist() == FEATURES
    expected = TableEncoder().fit_transform(pd.DataFrame(mixed()))
    np.testing.assert_array_equal(encoder.transform(X), expected)
    np.testing.assert_array_equal(encoder.transform(X.tolist()), expected)
    rows = [[1, "a", 0.5], [2, "b", 1.5], [4, "a", 7]]
    assert TableEncoder().fit(rows).get_feature_names_out().tolist() == ["x0", "x1=a", "x1=b", "x2"]


def test_columns_without_names_in_a_frame_go_by_position():
    encoder = TableEncoder(categorical=1).fit(pd.DataFrame([[1, 2], [3, 4], [4, 2]], columns=[10, 0]))
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1=2", "x1=4"]
    with pytest.raises(TypeError, match="string names"):
        TableEncoder().fit(pd.DataFrame([[1, 2], [3, 4]], columns=["a", 0]))


@any_frame
@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_set_output_gives_a_frame_with_the_names(frame, kind):
    encoder = TableEncoder().set_output(transform=kind)
    out = encoder.fit_transform(frame(mixed()))
    assert isinstance(out, FRAMES[kind])
    assert list(out.columns) == FEATURES
    np.testing.assert_array_equal(out.to_numpy(), encoder.set_output(transform="default").transform(frame(mixed())))


def test_set_output_keeps_the_index_of_pandas(penguins):
    X = penguins[0].sample(frac=1, random_state=0)
    assert TableEncoder().set_output(transform="pandas").fit_transform(X).index.equals(X.index)


def test_sparse_and_dense_hold_the_same_numbers(penguins):
    X, _ = penguins
    out = TableEncoder(sparse_output=True).fit_transform(X)
    assert out.format == "csr"
    assert out.nnz < np.prod(out.shape)
    np.testing.assert_array_equal(out.toarray(), TableEncoder().fit_transform(X))
    assert sparse.isspmatrix(out)  # as scikit-learn's own encoders return it by default
    with pytest.raises(ValueError, match="outputs a scipy sparse matrix"):
        TableEncoder(sparse_output=True).set_output(transform="pandas").fit_transform(X)


@pytest.mark.skipif("sparse_interface" not in sklearn.get_config(), reason="scikit-learn 1.9 has the setting")
def test_scikit_learns_setting_chooses_sparse_arrays(penguins):
    with sklearn.config_context(sparse_interface="sparray"):
        assert isinstance(TableEncoder(sparse_output=True).fit_transform(penguins[0]), sparse.csr_array)


def test_float32_in_float32_out_unless_told_otherwise(rng):
    X = rng.normal(size=(30, 2))
    narrow = pd.DataFrame(X.astype(np.float32), columns=["a", "b"]).assign(c=["x", "y"] * 15)
    theirs = pl.DataFrame(narrow.to_dict("list"), {"a": pl.Float32, "b": pl.Float32, "c": pl.String})
    for table in (X.astype(np.float32), narrow, theirs, theirs.to_arrow()):
        assert TableEncoder().fit_transform(table).dtype == np.float32
        assert TableEncoder(sparse_output=True).fit_transform(table).dtype == np.float32
        assert TableEncoder(dtype=np.float64).fit_transform(table).dtype == np.float64
    for table in (X, narrow.assign(b=X[:, 1]), narrow.assign(b=np.arange(30) // 2), narrow[["c"]], X.tolist()):
        assert TableEncoder().fit_transform(table).dtype == np.float64
        assert TableEncoder(dtype="float32").fit_transform(table).dtype == np.float32
    assert TableEncoder(drop="b").fit_transform(narrow.assign(b=X[:, 1])).dtype == np.float32
    wide = TableEncoder().fit_transform(X.astype(np.float32).astype(np.float64)).astype(np.float32)
    np.testing.assert_array_equal(TableEncoder().fit_transform(X.astype(np.float32)), wide)


@any_frame
def test_a_pipeline_of_two_steps_takes_a_raw_dataframe(penguins, frame):
    X, y = penguins
    table = X.astype(object).where(X.notna(), None).to_dict("list")
    model = make_pipeline(TableEncoder(), LogisticRegression()).fit(frame(table), y)
    assert model.score(frame(table), y) > 0.99
    assert model[:-1].get_feature_names_out().tolist()[:2] == ["island=Biscoe", "island=Dream"]


@any_frame
def test_the_settings_can_be_searched_and_folds_run_in_two_processes(penguins, frame):
    X, y = penguins
    if frame is pa.table and sklearn.__version__.startswith("1.6."):
        pytest.skip("scikit-learn 1.6 cannot split pyarrow tables")
    table = frame(X.astype(object).where(X.notna(), None).to_dict("list"))
    model = make_pipeline(TableEncoder(), LogisticRegression(max_iter=500))
    scores = cross_val_score(model, table, y, cv=3, n_jobs=2)
    np.testing.assert_array_equal(scores, cross_val_score(model, table, y, cv=3))
    settings = {"scale": ["robust", "quantile"], "max_levels": [1, 50], "drop": [None, "year"]}
    grid = {f"tableencoder__{name}": values for name, values in settings.items()}
    search = GridSearchCV(model, grid, cv=3).fit(table, y)
    assert search.best_score_ > 0.98
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


def test_sparse_output_feeds_a_classifier(penguins):
    X, y = penguins
    dense, thin = (make_pipeline(TableEncoder(sparse_output=s), LogisticRegression()).fit(X, y) for s in (False, True))
    np.testing.assert_allclose(thin.predict_proba(X), dense.predict_proba(X), atol=1e-3)


def test_the_pages_example_runs_and_prints_what_it_says(capsys):
    text = PAGE.read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.S)
    assert blocks
    names = {}
    for block in blocks:
        exec(block, names)
    said = re.findall(r"^(?:print\(.*\))  # (.*)$", "".join(blocks), re.M)
    assert said
    assert capsys.readouterr().out.splitlines() == said


def test_the_page_names_every_parameter_with_its_default():
    text = PAGE.read_text()
    for name, default in TableEncoder().get_params().items():
        assert f"| `{name}={default!r}` |".replace("'", '"') in text.replace("'", '"'), name
