"""Raw rows of a table become numbers, learned from training rows alone, whatever the later rows hold."""

import datetime
import sys
from collections import Counter
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import Table, TableEncoder, as_table
from chainrule.data import table as data_table
from chainrule.data.columns import MAX_LEVELS
from chainrule.data.table import as_levels


def mixed():
    rows = range(60)
    return {
        "age": [None if row % 10 == 0 else 20.0 + row for row in rows],
        "city": [["Oslo", "Rome", None][row % 3] for row in rows],
        "member": [row % 2 == 0 for row in rows],
        "always": [7] * 60,
        "id": [f"customer {row}" for row in rows],
        "number": [1000 + row for row in rows],
        "joined": [f"2024-03-{1 + row % 28:02d}" for row in rows],
    }


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, lambda data: pl.DataFrame(data).to_arrow(), dict])
def test_any_kind_of_table_is_encoded_alike(frame):
    encoder = TableEncoder.fit(frame(mixed()))
    assert encoder.features == [
        "age", "age is missing", "city=(missing)", "city=Oslo", "city=Rome", "member=False", "member=True",
    ]  # fmt: skip
    np.testing.assert_allclose(encoder.transform(frame(mixed())), TableEncoder.fit(mixed()).transform(mixed()))


def test_useless_columns_are_left_out_with_a_reason_each():
    encoder = TableEncoder.fit(mixed())
    notes = dict(note.split(": ", 1) for note in encoder.notes)
    assert set(notes) == {"always", "id", "number", "joined"}
    assert "always 7" in notes["always"]
    assert "nearly every row" in notes["id"]
    assert "counts the rows" in notes["number"]
    assert "a date" in notes["joined"]


def test_columns_to_keep_are_used():
    """But not such as say nothing at all, or are dates."""
    encoder = TableEncoder.fit(mixed(), keep=["number", "id", "always", "joined"], max_levels=3)
    assert {note.partition(":")[0] for note in encoder.notes} == {"always", "joined"}
    assert {"number", "id=other"} <= set(encoder.features)
    half = {"n": [*range(0, 40, 2), 41], "m": [*range(20), 40]}  # half of the range, and more
    assert [note.partition(":")[0] for note in TableEncoder.fit(half).notes] == ["m"]


@pytest.mark.parametrize("flags", [[True, False] * 30, [True, False, None] * 20])
def test_flags_may_arrive_as_0_and_1(flags):
    """As databases and JSON write them; other numbers are levels that no training row had."""
    encoder = TableEncoder.fit({"member": flags})
    as_numbers = [None if flag is None else int(flag) for flag in flags]
    np.testing.assert_array_equal(encoder.transform({"member": as_numbers}), encoder.transform({"member": flags}))
    assert not encoder.transform({"member": [2, 0.5]}).any()
    assert not TableEncoder.fit({"member": ["yes", "no"] * 30}).transform({"member": [1, 0]}).any()


def test_rows_as_json_has_them_are_a_table():
    names = list(mixed())
    rows = [dict(zip(names, cells)) for cells in zip(*mixed().values())]
    rows[1] = dict(reversed(rows[1].items()))
    encoder = TableEncoder.fit(rows)
    assert encoder == TableEncoder.fit(mixed())
    np.testing.assert_array_equal(encoder.transform(rows), encoder.transform(mixed()))
    np.testing.assert_array_equal(encoder.transform(rows[:1]), encoder.transform(mixed())[:1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"x": 1.0, "c": "a"}, {"x": 1.0}], r"expected the columns \['x', 'c'\] in every row, got \['x'\] in row 1"),
        ([{"x": 1.0}, {"x": 1.0, "c": "a"}], r"expected the columns \['x'\] in every row, got \['x', 'c'\] in row 1"),
        ([{"x": 1.0}, 1.0], r"expected the columns \['x'\] in every row, got 1.0 in row 1"),
        ([{"x": [1.0, 2.0]}], r"column 'x': expected one value per row, got shape \(1, 2\)"),
        ({"x": 1.0}, r"column 'x': expected a list, one value per row, got 1.0; a row alone is \[{name: value}\]"),
        ({"x": "a"}, "column 'x': expected a list, one value per row, got 'a'"),
    ],
    ids=["a name missing", "a name more", "a number", "a list in a cell", "a row alone", "a row of text alone"],
)
def test_rows_that_are_no_table(rows, message):
    with pytest.raises(cr.InputError, match=message):
        as_table(rows)


@pytest.mark.parametrize(
    "column",
    [
        np.array([1j, 2]),
        pd.Series([1j, 2]),
        pd.Series([1j, "a"], dtype=object),
        np.array([np.complex64(1j), None], dtype=object),
    ],
    ids=["NumPy", "pandas", "beside text", "beside none"],
)
@pytest.mark.parametrize("frame", [dict, pd.DataFrame])
def test_complex_numbers_are_refused(frame, column):
    with pytest.raises(cr.InputError, match="column 'c': expected numbers or text, got complex"):
        as_table(frame({"c": column}))
    assert as_table(frame({"c": ["1j", "2"]}))["c"].tolist() == ["1j", "2"]


@pytest.mark.parametrize(
    "column",
    [
        pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-01"]),
        pl.Series([datetime.date(2024, 1, day) for day in (1, 2, 1)]),
    ],
    ids=["pandas", "polars"],
)
def test_dates_are_left_out(column):
    frame = (pd.DataFrame if isinstance(column, pd.Index) else pl.DataFrame)({"when": column, "x": [1.0, 2.0, 4.0]})
    assert TableEncoder.fit(frame).features == ["x"]


def test_columns_can_be_named_categorical_or_dropped():
    encoder = TableEncoder.fit({"code": [1, 2, 2, 3], "x": [1.0, 2, 3, 5]}, categorical=["code"], drop=["x"])
    assert encoder.features == ["code=1", "code=2", "code=3"]
    for wrong in ({"categorical": ["coda"]}, {"drop": ["coda"]}):
        with pytest.raises(cr.InputError, match="no column 'coda'; did you mean 'code'"):
            TableEncoder.fit({"code": [1, 2], "x": [1, 2]}, **wrong)


def test_missing_numbers_become_the_median_and_get_a_flag_only_where_training_rows_had_some():
    encoder = TableEncoder.fit({"a": [1.0, 2, 3, np.nan], "b": [1.0, 2, 3, 4]})
    assert encoder.features == ["a", "a is missing", "b"]
    encoded = encoder.transform({"a": [2.0, np.nan], "b": [2.5, np.nan]})
    np.testing.assert_allclose(encoded, [[0, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize(
    "frame",
    [
        dict,
        pd.DataFrame,
        pl.DataFrame,
        lambda row: pd.DataFrame(row).replace({None: pd.NA}),
        lambda row: pd.DataFrame(row).replace({None: pd.NaT}),
        lambda row: pl.DataFrame(row).cast({pl.Null: pl.Categorical}),
    ],
    ids=["dict", "pandas", "polars", "NA", "NaT", "categorical"],
)
def test_one_row_may_miss_a_number_or_a_level(frame):
    encoder = TableEncoder.fit(mixed())
    row = {"age": [None], "city": ["Oslo"], "member": [True]}
    assert encoder.transform(frame(row)).tolist() == [[0, 1, 0, 1, 0, 0, 1]]
    assert encoder.transform(frame(row | {"city": [None]})).tolist() == [[0, 1, 1, 0, 0, 0, 1]]
    with pytest.raises(cr.InputError, match="column 'age': expected numbers, got 'old'"):
        encoder.transform(frame(row | {"age": ["old"]}))


def test_robust_scaling_is_the_documented_formula(rng):
    x = rng.standard_cauchy(500)
    low, median, high = np.quantile(x, [0.25, 0.5, 0.75])
    z = (x - median) / (high - low)
    encoded = TableEncoder.fit({"x": x}).transform({"x": x})[:, 0]
    np.testing.assert_allclose(encoded, z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-12)
    assert abs(encoded).max() <= 3
    assert (np.argsort(encoded) == np.argsort(x)).all()


def test_standard_and_quantile_scaling(rng):
    x = rng.exponential(size=2000)
    standard = TableEncoder.fit({"x": x}, scale="standard").transform({"x": x})
    np.testing.assert_allclose(standard[:, 0], (x - x.mean()) / x.std())
    quantile = TableEncoder.fit({"x": x}, scale="quantile").transform({"x": x})
    assert quantile.min() == pytest.approx(-np.sqrt(3), abs=0.01)
    assert quantile.std() == pytest.approx(1, abs=0.02)
    far = TableEncoder.fit({"x": x}, scale="quantile").transform({"x": [-1e9, 1e9]})
    assert abs(far).max() <= np.sqrt(3) + 1e-12


@pytest.mark.parametrize("scale", ["robust", "standard", "quantile"])
def test_columns_with_hardly_any_spread_stay_finite(scale):
    table = {"mostly": [0.0] * 99 + [5.0], "twice": [1.0, 2.0] * 50, "once": [np.nan] * 50 + [3.0] * 50}
    assert np.isfinite(TableEncoder.fit(table, scale=scale).transform(table)).all()


def test_levels_beyond_fifty_and_unseen_ones_share_a_feature():
    column = [f"level {i}" for i in range(MAX_LEVELS + 10) for _ in range(3 if i < MAX_LEVELS else 2)]
    encoder = TableEncoder.fit({"c": column})
    assert encoder.n_features == MAX_LEVELS + 1
    encoded = encoder.transform({"c": ["level 0", f"level {MAX_LEVELS + 3}", "never seen"]})
    np.testing.assert_array_equal(encoded[:, -1], [0, 1, 1])
    np.testing.assert_array_equal(encoded.sum(axis=1), [1, 1, 1])


def test_an_unseen_level_is_neutral_where_no_level_was_rare():
    encoder = TableEncoder.fit({"c": ["a", "b"] * 10})
    np.testing.assert_array_equal(encoder.transform({"c": ["b", "z"]}), [[0, 1], [0, 0]])


def test_long_numbers_that_are_names_stay_apart():
    ids = [1234567890123456.0, 1234567890123457.0] * 5
    encoder = TableEncoder.fit({"id": [*map(int, ids), "none"]})
    assert encoder.features == ["id=1234567890123456", "id=1234567890123457", "id=none"]
    assert as_levels(np.array([*ids[:2], -0.0, 2.5])).tolist() == ["1234567890123456", "1234567890123457", "0", "2.5"]


def test_the_number_of_levels_can_be_chosen():
    column = ["a"] * 3 + ["b"] * 2 + ["c"] * 2
    assert TableEncoder.fit({"c": column}, max_levels=2).features == ["c=a", "c=b", "c=other"]
    with pytest.raises(cr.InputError, match="max_levels: expected a whole number of at least 1, got 0"):
        TableEncoder.fit({"c": column}, max_levels=0)


@pytest.mark.parametrize(
    ("column", "features"),
    [
        (pd.Categorical([10, 2, 10]), ["c=10", "c=2"]),
        (pl.Series(["b", "a", None], dtype=pl.Enum(["a", "b"])), ["c=(missing)", "c=a", "c=b"]),
        (pd.to_timedelta([1, 2, None], unit="min"), ["c", "c is missing"]),
        (pl.Series([datetime.time(9), datetime.time(17), None]), ["c=(missing)", "c=09:00:00", "c=17:00:00"]),
        (pd.Series([pd.NA, "a", None], dtype=object), ["c=(missing)", "c=a"]),
        (pd.Series([Decimal("sNaN"), Decimal(1), Decimal("NaN")]), ["c", "c is missing"]),
        (pd.Series([Decimal("sNaN"), "a", None]), ["c=(missing)", "c=a"]),
        ([1, "a", 1.0], ["c=1", "c=a"]),
        ([0.0, "a", -0.0], ["c=0", "c=a"]),
    ],
    ids=[
        "category of numbers",
        "enum",
        "duration",
        "time of day",
        "pandas' NA",
        "NaN of numbers",
        "NaN of text",
        "mixed",
        "zeros",
    ],
)
def test_kinds_of_columns(column, features):
    table = (
        column if isinstance(column, list) else (pl if isinstance(column, pl.Series) else pd).DataFrame({"c": column})
    )
    assert TableEncoder.fit({"c": column} if isinstance(column, list) else table).features == features


def test_a_duration_is_its_seconds():
    np.testing.assert_array_equal(as_table({"c": np.array([90, "NaT"], "m8[s]")})["c"], [90, np.nan])
    np.testing.assert_array_equal(as_table(pl.DataFrame({"c": [datetime.timedelta(minutes=2)]}))["c"], [120])


def test_a_feature_that_another_has_the_name_of_gets_a_number():
    encoder = TableEncoder.fit({"a": [1, None, 3], "a is missing": [1, 2, 4]})
    assert encoder.features == ["a", "a is missing", "a is missing (2)"]


@pytest.mark.parametrize("scale", ["robust", "quantile"])
def test_the_largest_number_is_drawn_in(scale):
    largest = np.finfo(np.float64).max
    encoded = TableEncoder.fit({"x": [*range(9), largest]}, scale=scale).transform({"x": [-largest, 4, largest]})
    assert (np.diff(encoded[:, 0]) > 0).all()
    assert abs(encoded).max() <= 3


def test_numbers_that_no_mean_can_be_taken_of_are_refused():
    with pytest.raises(cr.InputError, match=r"column 'x': its numbers, up to 1.7e\+308, are too large to scale"):
        TableEncoder.fit({"x": [1.7e308, 1.6e308, 2.0]}, scale="standard")
    with pytest.raises(cr.InputError, match="column 'x': expected numbers that float64 holds"):
        TableEncoder.fit({"x": [1, 10**400]})


def test_only_training_rows_are_learned_from():
    train, test = {"x": [1.0, 2, 3]}, {"x": [1e9]}
    encoder = TableEncoder.fit(train)
    before = encoder.transform(train)
    encoder.transform(test)
    np.testing.assert_array_equal(encoder.transform(train), before)


def test_missing_and_unknown_columns_are_named_at_prediction():
    encoder = TableEncoder.fit(mixed())
    table = as_table(mixed())
    with pytest.raises(cr.InputError, match="missing age and unknown agee"):
        encoder.transform(Table({"agee": table["age"]} | table.without(["age"]).columns))
    kept = encoder.transform(table.without(["always", "id"]))  # what was left out is not needed
    np.testing.assert_array_equal(kept, encoder.transform(table))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"x": ["a", "b"]}, "column 'x': expected numbers, got 'a'"),
        ({"x": [1.0, np.inf]}, "column 'x': expected finite numbers, got inf in row 1"),
        ({"x": []}, "at least one"),
        ({"y": [1.0]}, "missing x"),
        (np.ones(3), "rows of a table"),
        (3, "expected a table"),
        (pl.DataFrame({"x": [1.0]}).lazy(), r"got a LazyFrame; X.collect\(\) reads them"),
        ({"x": np.ma.masked_equal([1.0, 2.0], 2.0)}, "got masked ones"),
    ],
    ids=str,
)
def test_rows_that_do_not_fit(table, message):
    with pytest.raises(cr.InputError, match=message):
        TableEncoder.fit({"x": [1.0, 2.0, 3.0]}).transform(table)


def test_a_table_with_nothing_to_learn_from():
    with pytest.raises(cr.InputError, match="at least one that can be used"):
        TableEncoder.fit({"x": [1, 1, 1], "y": ["a", "a", "a"]})
    with pytest.raises(cr.InputError, match="did you mean 'robust'"):
        TableEncoder.fit({"x": [1, 2]}, scale="robus")
    with pytest.raises(cr.InputError, match="unique column names"):
        as_table(pd.DataFrame([[1, 2]], columns=["x", "x"]))


def test_a_network_with_an_encoder_takes_raw_rows_everywhere_and_after_loading(tmp_path):
    table, y = mixed(), np.arange(60) % 2
    encoder = TableEncoder.fit(table)
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), encoder.n_features)
    net.encoder = encoder
    net.fit(table, y, cr.Adam(lr=0.01), epochs=5)
    net.save(tmp_path / "model.safetensors")
    loaded = cr.load(tmp_path / "model.safetensors")
    assert loaded.encoder == encoder
    for rows in (table, pd.DataFrame(table), pl.DataFrame(table)):
        np.testing.assert_array_equal(loaded.predict_proba(rows), net.predict_proba(table))


@pytest.mark.parametrize("missing", [None, np.nan])
def test_text_is_looked_at_once_per_level_not_once_per_row(missing):
    cells = np.array(["Oslo", "Rome", missing] * 2000, object)
    table = {"city": cells if missing is None else pd.array(cells, "str")}
    encoder, calls = TableEncoder.fit(table), Counter()
    table = {"city": np.array(["Rome", "Oslo", "Paris", None] * 2000, object)}

    def count(frame, event, _):
        calls[event] += frame.f_code.co_filename == data_table.__file__

    sys.setprofile(count)
    try:
        encoded = encoder.transform(table)
    finally:
        sys.setprofile(None)
    np.testing.assert_array_equal(encoded[:4], [[0, 0, 1], [0, 1, 0], [0, 0, 0], [1, 0, 0]])
    assert 0 < calls["call"] < 100
