"""What TableEncoder says to wrong columns, wrong parameters and tables made to break it."""

import datetime
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from palmerpenguins import load_penguins
from scipy import sparse

import chainrule as cr
from chainrule.sklearn import TableEncoder
from test_sklearn_encoder import any_frame, in_memory, mixed


@pytest.fixture(scope="module")
def penguins():
    return load_penguins().drop(columns="species")


@any_frame
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {k: t[k] for k in t if k != "age"}, "seen at fit time, yet now missing:\n- age"),
        (lambda t: t | {"extra": t["age"]}, "unseen at fit time:\n- extra"),
        (lambda t: {("years" if k == "age" else k): t[k] for k in t}, "unseen at fit time:\n- years"),
        (lambda t: dict(reversed(t.items())), "must be in the same order"),
    ],
    ids=["missing", "extra", "renamed", "reordered"],
)
def test_other_columns_than_those_of_fit_are_refused(frame, change, message):
    encoder = TableEncoder().fit(frame(mixed()))
    with pytest.raises(ValueError, match="feature names should match") as raised:
        encoder.transform(frame(change(mixed())))
    assert message in str(raised.value)


def test_arrays_go_by_position_with_scikit_learns_warning_and_must_have_as_many_columns():
    X = pd.DataFrame(mixed())
    encoder = TableEncoder().fit(X)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        np.testing.assert_array_equal(encoder.transform(in_memory(mixed())), encoder.transform(X))
    nameless = TableEncoder().fit(in_memory(mixed()))
    with pytest.warns(UserWarning, match="fitted without feature names"):
        np.testing.assert_array_equal(nameless.transform(X), encoder.transform(X))
    with pytest.raises(ValueError, match="X has 6 features, but TableEncoder is expecting 7 features as input"):
        nameless.transform(in_memory(mixed())[:, :6])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"scale": "robus"}, "scale: expected one of robust, standard, quantile, got 'robus'"),
        ({"scale": None}, "scale: expected one of robust, standard, quantile, got None"),
        (
            {"categorical": ["agee"]},
            "categorical: no column 'agee'; known: age, city, member, income, always, id",
        ),
        ({"drop": "agee"}, "drop: no column 'agee'; known: age, city"),
        ({"keep": ["agee"]}, "keep: no column 'agee'; known: age, city"),
        ({"drop": 7}, "drop: no column 7; known: age"),
        ({"drop": [-1]}, "drop: no column -1"),
        ({"drop": [True]}, "drop: no column True"),
        ({"drop": 1.5}, "drop: expected names or positions of columns, got 1.5"),
        ({"max_levels": 0}, "max_levels: expected a whole number of at least 1, got 0"),
        ({"max_levels": 2.0}, "max_levels: expected a whole number"),
        ({"sparse_output": "yes"}, "sparse_output: expected True or False, got 'yes'"),
        ({"dtype": "int32"}, "dtype: expected one of float32, float64, None, got 'int32'"),
        ({"dtype": "flaot32"}, "dtype: expected one of float32, float64, None"),
    ],
    ids=str,
)
def test_a_wrong_parameter_is_told_in_fit_with_the_known_ones(settings, message):
    encoder = TableEncoder(**settings)
    with pytest.raises(cr.InputError, match=re.escape(message)):
        encoder.fit(pd.DataFrame(mixed()))


def test_a_long_list_of_known_columns_is_cut(rng):
    with pytest.raises(cr.InputError, match=re.escape("x29, … (1,000 columns, counted from 0)")):
        TableEncoder(drop="y").fit(rng.normal(size=(5, 1000)))


def test_columns_are_chosen_by_name_position_or_array(penguins):
    X = penguins
    expected = TableEncoder(categorical=["year"], drop=["sex"]).fit(X)
    ways = (("year", "sex"), (6, 5), ([6], np.array([5])), (pd.Index(["year"]), ("sex",)), ({"year"}, [5]))
    for categorical, drop in ways:
        encoder = TableEncoder(categorical=categorical, drop=drop).fit(X)
        assert encoder.encoder_ == expected.encoder_
    assert "year=2007" in expected.get_feature_names_out()


def test_levels_beyond_max_levels_share_a_feature():
    X = pd.DataFrame({"c": ["a"] * 4 + ["b"] * 3 + ["c"] * 2 + ["d"]})
    encoder = TableEncoder(max_levels=2).fit(X)
    assert encoder.get_feature_names_out().tolist() == ["c=a", "c=b", "c=other"]
    assert encoder.transform(pd.DataFrame({"c": ["b", "d", "never seen"]})).tolist() == [
        [0, 1, 0],
        [0, 0, 1],
        [0, 0, 1],
    ]


def test_names_of_features_given_wrong():
    encoder = TableEncoder().fit(pd.DataFrame(mixed()))
    with pytest.raises(ValueError, match="input_features is not equal to feature_names_in_"):
        encoder.get_feature_names_out(list(reversed(mixed())))
    with pytest.raises(ValueError, match="should have length equal to number of features"):
        TableEncoder().fit(in_memory(mixed())).get_feature_names_out(["a"])


@any_frame
@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [], "b": []}, r"0 sample\(s\) \(shape=\(0, 2\)\) while a minimum of 2 is required by TableEncoder"),
        ({"a": [1.0], "b": ["x"]}, r"1 sample\(s\) \(shape=\(1, 2\)\) while a minimum of 2"),
        ({}, r"0 feature\(s\)"),
        ({"a": [None, None, None]}, "at least one that can be used, got none .a: left out, empty"),
        ({"a": [7, 7, 7], "b": ["x"] * 3}, "at least one that can be used"),
        ({"a": [1.0, np.inf, 2.0]}, "column 'a': expected finite numbers, got inf in row 1"),
        ({"a": [-1.7e308, 0.0, 1.7e308], "b": [1e308] * 2 + [-1e308]}, "too large to scale"),
    ],
    ids=["no rows", "one row", "no columns", "all missing", "constant", "infinite", "huge"],
)
def test_tables_that_nothing_can_be_learned_from(frame, columns, message):
    with pytest.raises(ValueError, match=message):
        TableEncoder(scale="standard").fit(frame(columns))


@any_frame
def test_no_rows_to_transform(frame):
    encoder = TableEncoder().fit(frame(mixed()))
    with pytest.raises(ValueError, match=r"0 sample\(s\) \(shape=\(0, 7\)\) while a minimum of 1 is required"):
        encoder.transform(frame({name: [] for name in mixed()}))
    one = encoder.transform(frame({name: cells[1:2] for name, cells in mixed().items()}))
    np.testing.assert_array_equal(one, encoder.transform(frame(mixed()))[1:2])


@pytest.mark.parametrize(
    "frame",
    [
        lambda: pd.DataFrame([[1, 2], [2, 3]], columns=["x", "x"]),
        lambda: pa.table([pa.array([1, 2]), pa.array([1, 3])], names=["x", "x"]),
    ],
    ids=["pandas", "pyarrow"],
)
def test_duplicate_column_names_are_refused(frame):
    with pytest.raises(ValueError, match="unique column names"):
        TableEncoder().fit(frame())


def test_a_lazy_frame_is_refused_with_the_remedy():
    lazy = pl.DataFrame(mixed()).lazy()
    with pytest.raises(cr.InputError, match=r"got a LazyFrame; X.collect\(\) reads them"):
        TableEncoder().fit(lazy)
    assert TableEncoder().fit(lazy.collect()).n_features_in_ == 7


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (sparse.csr_array(np.eye(3)), TypeError, "[Ss]parse data was passed"),
        (np.ones((3, 2), complex), ValueError, "Complex data not supported"),
        (np.ma.masked_equal([[1, 2], [3, 4]], 2), cr.InputError, "got masked ones"),
        (np.ones(3), ValueError, "Expected 2D array, got 1D array"),
        (pd.Series([1, 2, 3]), ValueError, "Expected (a 2-dimensional container|2D array)"),
        (pl.Series([1, 2, 3]), ValueError, "Expected (a 2-dimensional container|2D array)"),
        (np.array([[1, np.inf], [2, 3]]), cr.InputError, "column 'x1': expected finite numbers, got inf in row 0"),
        ("penguins.csv", ValueError, "Expected 2D array, got scalar"),
    ],
    ids=["sparse", "complex", "masked", "1-d", "pandas series", "polars series", "infinite", "text"],
)
def test_what_is_no_table_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        TableEncoder().fit(X)


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_huge_numbers_are_drawn_in(scale):
    largest = np.finfo(np.float64).max
    encoder = TableEncoder(scale=scale).fit(pd.DataFrame({"a": [*range(10), largest]}))
    out = encoder.transform(pd.DataFrame({"a": [-largest, 5.0, largest]}))
    assert np.isfinite(out).all()
    assert (np.diff(out[:, 0]) > 0).all()
    assert abs(out).max() <= 3


def test_what_float32_does_not_hold_is_told():
    encoder = TableEncoder(scale="standard", dtype="float32").fit(pd.DataFrame({"b": [1, 2, 3], "a": [1, 2, 3.0]}))
    for sparse_output in (False, True):
        encoder.set_params(sparse_output=sparse_output)
        with pytest.raises(cr.InputError, match="once scaled, 'a' in row 1 is too large for float32; try"):
            encoder.transform(pd.DataFrame({"b": [1, 2], "a": [1, 1e300]}))


def test_a_hundred_thousand_levels():
    n = 200_000
    codes = np.random.default_rng(0).integers(100_000, size=n)
    X = pd.DataFrame({"often": codes.astype(str), "never twice": np.arange(n).astype(str), "x": codes % 7})
    X.loc[: n // 2, "often"] = "common"
    encoder = TableEncoder(sparse_output=True).fit(X)
    out = encoder.transform(X)
    assert out.shape == (n, 52)
    assert out[:, 0:51].sum() == n  # each row its level, or the shared feature
    assert encoder.notes_ == ["never twice: left out, it differs in nearly every row (200,000 of 200,000)"]


KINDS = {
    "bool": (pd.Series([True, False, True, None], dtype=object), ["c=(missing)", "c=False", "c=True"]),
    "pandas boolean": (pd.Series([True, None, False, True], dtype="boolean"), ["c=(missing)", "c=False", "c=True"]),
    "pandas Int64": (pd.Series([1, None, 3, 4], dtype="Int64"), ["c", "c is missing"]),
    "pandas string": (pd.Series(["a", None, "b", "a"], dtype="string"), ["c=(missing)", "c=a", "c=b"]),
    "category of text": (pd.Series(["a", "b", None, "a"], dtype="category"), ["c=(missing)", "c=a", "c=b"]),
    "category of numbers": (pd.Series([10, 2, 10, 2], dtype="category"), ["c=10", "c=2"]),
    "sparse": (pd.Series(pd.arrays.SparseArray([0.0, 1, 0, 2])), ["c"]),
    "NA among objects": (pd.Series([pd.NA, "a", None, np.nan], dtype=object), ["c=(missing)", "c=a"]),
    "duration": (pd.Series(pd.to_timedelta([1, 2, None, 4], unit="s")), ["c", "c is missing"]),
    "time of day": (pd.Series([datetime.time(1), datetime.time(2)] * 2), ["c=01:00:00", "c=02:00:00"]),
    "date": (pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02", None, None])), []),
    "date with a zone": (pd.Series(pd.to_datetime(["2024-01-01", "2024-01-02"] * 2).tz_localize("UTC")), []),
    "polars enum": (pl.Series(["a", "b", None, "a"], dtype=pl.Enum(["a", "b"])), ["c=(missing)", "c=a", "c=b"]),
    "polars categorical": (pl.Series(["a", "b", None, "a"], dtype=pl.Categorical), ["c=(missing)", "c=a", "c=b"]),
    "polars date": (pl.Series([datetime.date(2024, 1, day) for day in (1, 2, 3, 4)]), []),
    "polars time": (pl.Series([datetime.time(1), datetime.time(2)] * 2), ["c=01:00:00", "c=02:00:00"]),
    "polars decimal": (pl.Series([Decimal("1.5"), None, Decimal(2), Decimal(3)]), ["c", "c is missing"]),
    "polars list": (pl.Series([[1], [2, 3], [1], None]), ["c=(missing)", "c=[1]", "c=[2, 3]"]),
    "polars null": (pl.Series([None] * 4), []),
    "pyarrow dictionary": (pa.array(["a", "b", None, "a"]).dictionary_encode(), ["c=(missing)", "c=a", "c=b"]),
    "pyarrow numbers in a dictionary": (pa.array([10, 2, 10, 2]).dictionary_encode(), ["c=10", "c=2"]),
    "mixed": (pd.Series([1, "a", 1.0, Decimal(1)], dtype=object), ["c=1", "c=a"]),
    "mixed numbers": (pd.Series([1, np.float32(2), Decimal(3), None], dtype=object), ["c", "c is missing"]),
    "cells that hold lists": (pd.Series([[1, 2], [3, 4], [1, 2], [3, 4]]), ["c=[1, 2]", "c=[3, 4]"]),
    "cells that hold arrays": (pd.Series([np.ones(2), np.zeros(2)] * 2), ["c=[0. 0.]", "c=[1. 1.]"]),
}


@pytest.mark.parametrize(("column", "features"), KINDS.values(), ids=KINDS)
def test_kinds_of_columns(column, features):
    frame = {"Series": pd.DataFrame, "ChunkedArray": pa.table}.get(type(column).__name__, pa.table)
    frame = pl.DataFrame if isinstance(column, pl.Series) else frame
    X = frame({"x": [1.0, 2.0, 4.0, 3.0], "c": column})
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x", *features]
    assert encoder.transform(X).shape == (4, 1 + len(features))


def test_a_level_is_the_same_whatever_else_its_batch_holds():
    X = pd.DataFrame({"c": pd.Series([1, "a", 2.0, "a", 1.0, 2], dtype=object)})
    encoder = TableEncoder().fit(X)
    whole = encoder.transform(X)
    assert (whole.sum(axis=1) == 1).all()
    for row in range(len(X)):
        np.testing.assert_array_equal(encoder.transform(X.iloc[row : row + 1]), whole[row : row + 1])
        np.testing.assert_array_equal(encoder.transform(X.iloc[row : row + 1].infer_objects()), whole[row : row + 1])


def test_features_have_names_of_their_own_even_where_columns_copy_them():
    X = pd.DataFrame({"a": [1, 2, np.nan], "a is missing": [1, 2, 4], "a is missing (2)": [3, 1, 2]})
    out = TableEncoder().set_output(transform="polars").fit_transform(X)
    assert out.columns == ["a", "a is missing", "a is missing (3)", "a is missing (2)"]


def test_text_where_training_had_numbers_and_the_reverse():
    encoder = TableEncoder().fit(pd.DataFrame({"x": [1.0, 2, 4], "c": ["1", "b", "b"]}))
    with pytest.raises(cr.InputError, match="column 'x': expected numbers, got 'one'"):
        encoder.transform(pd.DataFrame({"x": ["one"], "c": ["b"]}))
    assert encoder.transform(pd.DataFrame({"x": [2.0], "c": [1]})).tolist() == [[0, 1, 0]]


def test_the_callers_data_stays_as_it_is(penguins):
    X = penguins.copy()
    TableEncoder().fit(X).transform(X)
    pd.testing.assert_frame_equal(X, load_penguins().drop(columns="species"))
