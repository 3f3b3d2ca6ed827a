"""Whatever is wrong with a call is one InputError that names the thing, what was expected and what came."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.backends import compiled
from chainrule.data import TableEncoder
from conftest import needs_kernels

SGD = cr.SGD(lr=0.1)
X, Y = np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 3


def classifier(**settings):
    return cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, **settings)


def regressor(outputs=1):
    return cr.Network([cr.Dense(outputs)], cr.MeanSquaredError(), n_in=4)


def flags(outputs=2):
    return cr.Network([cr.Dense(outputs)], cr.BinaryCrossEntropy(), n_in=4)


def sparse(indptr, indices, n=2):
    rows = scipy.sparse.csr_array((np.ones(len(indices)), np.zeros(len(indices), int), [0, 0, len(indices)]), (n, 4))
    rows.indptr, rows.indices = np.array(indptr, np.int32), np.array(indices, np.int32)  # past SciPy's own checks
    return rows


def trained():
    net = classifier()
    net.fit(X, Y, SGD, epochs=1)
    return net


def with_nan(array):
    array = array.astype(float)
    array[2] = np.nan
    return array


def with_mask(array):
    return np.ma.array(array, mask=np.arange(30) == 2)


class Says(cr.Schedule):
    def __init__(self, rate):
        object.__setattr__(self, "rate", rate)

    def __call__(self, step):
        return self.rate


NETWORKS = {
    "no layers": (lambda: cr.Network([], cr.MeanSquaredError(), 3), "at least one with parameters"),
    "no parameters": (lambda: cr.Network([cr.ReLU()], cr.MeanSquaredError(), 3), "at least one with parameters"),
    "a class for a layer": (lambda: cr.Network([cr.Dense], cr.MeanSquaredError(), 3), "layer 1: expected a Layer"),
    "no units": (lambda: cr.Dense(0), r"Dense\(units\): expected a whole number of at least 1, got 0"),
    "negative units": (lambda: cr.Dense(-3), "got -3"),
    "half a unit": (lambda: cr.Dense(2.5), "got 2.5"),
    "no inputs": (lambda: cr.Network([cr.Dense(2)], cr.MeanSquaredError(), 0), "n_in: expected"),
    "certain dropout": (lambda: cr.Dropout(1.0), r"Dropout\(rate\)"),
    "a string for a loss": (lambda: cr.Network([cr.Dense(2)], "mse", 3), "loss: expected a chainrule Loss"),
    "half precision": (lambda: classifier(dtype=np.float16), "dtype: expected float32 or float64, got float16"),
    "an unknown dtype": (lambda: classifier(dtype="abc"), "dtype: expected float32 or float64, got 'abc'"),
    "a negative seed": (lambda: classifier(seed=-1), "seed"),
    "a seed too large": (lambda: classifier(seed=2**64), r"below 2\*\*64"),
    "a negative penalty": (lambda: classifier(l2=-1.0), "l2"),
    "two rates": (lambda: cr.SGD(lr=np.array([0.1, 0.2])), r"SGD\(lr\): expected a finite number"),
    "a rate of text": (lambda: cr.SGD(lr=np.str_("0.1")), r"SGD\(lr\): expected a finite number"),
    "a rate beyond all floats": (lambda: cr.SGD(lr=10**400), r"SGD\(lr\): expected a finite number"),
    "softmax twice": (
        lambda: cr.Network([cr.Dense(3), cr.Softmax()], cr.SoftmaxCrossEntropy(), 4),
        "SoftmaxCrossEntropy applies Softmax itself; leave out the Softmax at layer 2",
    ),
    "sigmoid twice": (
        lambda: cr.Network([cr.Dense(1), cr.Sigmoid()], cr.BinaryCrossEntropy(), 4),
        "BinaryCrossEntropy applies Sigmoid itself",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name):
    make, message = NETWORKS[name]
    with pytest.raises(cr.InputError, match=message):
        make()


CALLS = {
    "other columns": (lambda: classifier().fit(X[:, :3], Y, SGD), r"X: expected shape \(N, 4\), got \(30, 3\)"),
    "one dimension": (lambda: classifier().predict(X[0]), r"expected shape \(N, 4\), got \(4,\)"),
    "no rows": (lambda: classifier().predict(X[:0]), "at least one row"),
    "NaN": (lambda: classifier().predict(with_nan(X)), "X: expected finite numbers, got nan at row 2, column 0"),
    "inf": (lambda: classifier().fit(X * np.inf, Y, SGD), "expected finite numbers"),
    "inf in sparse rows": (lambda: classifier().predict(scipy.sparse.csr_array(X * np.inf)), "finite numbers"),
    "a sparse column outside": (
        lambda: classifier().fit(sparse([0, 1, 2], [0, 4]), [0, 1], SGD),
        "from 0 to 3, got 0 to 4",
    ),
    "a sparse column below 0": (lambda: classifier().predict(sparse([0, 1, 2], [-1, 3])), "from 0 to 3, got -1 to 3"),
    "sparse rows that end early": (lambda: classifier().predict(sparse([0, 2, 1], [0, 1])), "indptr grows from 0"),
    "sparse rows that end late": (lambda: classifier().predict(sparse([0, 1, 5], [0, 1])), "indptr grows from 0"),
    "sparse rows that begin below": (lambda: classifier().predict(sparse([-1, 1, 2], [0, 1])), "indptr grows from 0"),
    "sparse complex numbers": (
        lambda: classifier().fit(scipy.sparse.csr_array(X * 1j), Y, SGD),
        "X: expected numbers, got complex128",
    ),
    "text": (lambda: classifier().predict([["1", "2", "x", "4"]]), "X: expected numbers, got '1'"),
    "numbers as text": (lambda: classifier().predict(X.astype(str)), "X: expected numbers, got '"),
    "complex numbers": (lambda: classifier().predict(X * 1j), "X: expected numbers, got"),
    "masked numbers": (lambda: classifier().predict(np.ma.masked_greater(X, 1)), "got masked ones"),
    "too large for float32": (
        lambda: classifier().predict(X * 1e300),
        "expected numbers that float32 holds, got .*e\\+",
    ),
    "an integer too large for float32": (
        lambda: classifier().predict([[1, 2, 3, 10**400]]),
        "float32 holds, got a larger",
    ),
    "ragged": (lambda: classifier().predict([[1, 2, 3, 4], [1, 2]]), "X: expected numbers"),
    "fewer labels": (lambda: classifier().fit(X, Y[:20], SGD), "as many rows in both, got 30 and 20"),
    "no labels": (lambda: classifier().fit(X, [], SGD), "y: expected at least one row"),
    "four classes for three outputs": (
        lambda: classifier().fit(X, np.arange(30) % 4 + 5, SGD),
        "expected 3 classes, one per output, got 4",
    ),
    "labels outside": (lambda: trained().evaluate(X, Y + 1), "labels among 0, 1, 2, got 3 in row 2"),
    "text for numbers": (lambda: trained().evaluate(X, np.array(["a"] * 30)), "labels among 0, 1, 2, got 'a'"),
    "one class only": (lambda: classifier().fit(X, np.ones(30, int), SGD), "at least two classes, got only 1"),
    "a missing label": (lambda: classifier().fit(X, ["a", None, "b"] * 10, SGD), "none in row 1"),
    "labels that no file holds": (
        lambda: classifier().fit(X, np.array([date(2024, 1, day + 1) for day in Y], object), SGD),
        r"text, bytes or NumPy's dates, got datetime.date\(2024, 1, 1\)",
    ),
    "labels of two kinds": (lambda: classifier().fit(X, np.array(["a", 1, 2.5] * 10, object), SGD), "of one kind"),
    "one label of another kind": (
        lambda: classifier().fit(X, [*Y[:7].tolist(), "n/a", *Y[8:].tolist()], SGD),
        "y: expected labels of one kind, got 2, 'n/a'",
    ),
    "a label of pandas' NA": (
        lambda: classifier().fit(X, pd.Series(["a", "b", "c", pd.NA, "a"] * 6, dtype="string"), SGD),
        r"none in row 3 \(6 missing\)",
    ),
    "NaN beside text": (lambda: classifier().fit(X, ["a", "b", np.nan] * 10, SGD), r"none in row 2 \(10 missing\)"),
    "labels beyond int64": (
        lambda: classifier().fit(X, [0, 2**70, 1] * 10, SGD),
        "y: expected labels that are 64-bit numbers, .* got 1180591620717411303424",
    ),
    "an infinite label": (
        lambda: classifier().fit(X, np.where(Y == 1, np.inf, Y), SGD),
        "y: expected finite labels, got inf in row 1",
    ),
    "masked labels": (lambda: classifier().fit(X, with_mask(Y), SGD), "y: expected targets, got masked ones"),
    "probabilities that do not add up": (
        lambda: classifier().fit(X, np.eye(3)[Y] * np.where(Y == 1, 0.5, 1)[:, None], SGD),
        r"add up to 1, got \[0.0, 0.5, 0.0\] in row 1",
    ),
    "probabilities of NaN": (
        lambda: classifier().fit(X, with_nan(np.eye(3)[Y]), SGD),
        r"add up to 1, got \[nan, nan, nan\] in row 2",
    ),
    "a cube of labels": (lambda: classifier().fit(X, np.ones((30, 3, 2)), SGD), r"got \(30, 3, 2\)"),
    "a NaN value": (lambda: regressor().fit(X, with_nan(Y), SGD), r"y: expected finite numbers, got \[nan\] in row 2"),
    "a value too large for float32": (
        lambda: regressor().fit(X, np.where(Y == 2, 1e39, Y), SGD),
        r"y: expected numbers that float32 holds, got 1e\+39 in row 2",
    ),
    "a validation value too large for float32": (
        lambda: regressor().fit(X, Y, SGD, valid=(X, Y - 1e39)),
        r"valid y: expected numbers that float32 holds, got -1e\+39 in row 0",
    ),
    "an integer too large for float64": (
        lambda: regressor().fit(X, [10**400] * 30, SGD),
        "y: expected numbers that float64 holds, got a larger integer",
    ),
    "text values": (lambda: regressor().fit(X, np.array(["a"] * 30), SGD), "y: expected numbers, got 'a'"),
    "numbers as text for values": (lambda: regressor().fit(X, Y.astype(str), SGD), "numbers, got '0' in row 0"),
    "one text among values": (
        lambda: regressor().fit(X, [*Y[:7].tolist(), "n/a", *Y[8:].tolist()], SGD),
        "y: expected numbers, got 'n/a' in row 7",
    ),
    "a value of pandas' NA": (
        lambda: regressor().fit(X, pd.Series([1.0, 2.0, pd.NA] * 10, dtype=object), SGD),
        "y: expected numbers, got <NA> in row 2",
    ),
    "dates for values": (
        lambda: regressor().fit(X, Y.astype("M8[ns]"), SGD),
        "y: expected numbers, got '1970-01-01T00:00:00.000000000' in row 0",
    ),
    "complex values": (lambda: regressor().fit(X, Y * 1j, SGD), "y: expected numbers, got 0j in row 0"),
    "masked values": (lambda: regressor().fit(X, with_mask(Y), SGD), "y: expected targets, got masked ones"),
    "values for another number of outputs": (lambda: regressor(2).fit(X, Y, SGD), r"expected shape \(N, 2\)"),
    "flags beyond 0 and 1": (lambda: flags().fit(X, np.full((30, 2), 3), SGD), "numbers from 0 to 1"),
    "a missing flag": (lambda: flags().fit(X, with_nan(np.eye(2)[Y % 2]), SGD), r"none in row 2 \(1 missing\)"),
    "text for two columns of one output": (
        lambda: flags(1).fit(X, np.array(["a", "b"])[np.eye(2, dtype=int)[Y % 2]], SGD),
        r"expected shape \(N, 1\), a flag for each output, got \(30, 2\)",
    ),
    "negative counts": (
        lambda: cr.Network([cr.Dense(1)], cr.Poisson(), n_in=4).fit(X, -Y, SGD),
        "counts of at least 0, got -2",
    ),
    "a batch larger than the data": (lambda: classifier().fit(X, Y, SGD, batch_size=31), "at most 30, .* got 31"),
    "no batch": (lambda: classifier().fit(X, Y, SGD, batch_size=0), "batch_size: expected .* got 0"),
    "half an epoch": (lambda: classifier().fit(X, Y, SGD, epochs=0.5), "epochs: expected"),
    "too many threads": (lambda: classifier().fit(X, Y, SGD, threads=1025), "threads: expected .* from 1 to 1024"),
    "no threads": (lambda: classifier().fit(X, Y, SGD, threads=0), "threads: expected"),
    "a string for an optimizer": (lambda: classifier().fit(X, Y, "sgd"), "optimizer: expected a chainrule Optimizer"),
    "X alone": (lambda: cr.train(classifier(), X, SGD), r"data: expected \(X, y\), got ndarray"),
    "validation with other columns": (lambda: classifier().fit(X, Y, SGD, valid=(X[:, :2], Y)), "valid X: expected"),
    "validation of other length": (lambda: classifier().fit(X, Y, SGD, valid=(X, Y[:9])), "valid X and y"),
    "patience without validation": (lambda: classifier().fit(X, Y, SGD, patience=3), "patience: expected validation"),
    "negative weights": (lambda: classifier().fit(X, Y, SGD, sample_weight=-np.ones(30)), "at least 0"),
    "weights all zero": (lambda: classifier().fit(X, Y, SGD, sample_weight=np.zeros(30)), "at least one above 0"),
    "too few weights": (lambda: classifier().fit(X, Y, SGD, sample_weight=np.ones(3)), r"shape \(30,\), got \(3,\)"),
    "masked weights": (
        lambda: classifier().fit(X, Y, SGD, sample_weight=with_mask(np.ones(30))),
        "sample_weight: expected numbers, got masked ones; fill them first",
    ),
    "a weight of text": (
        lambda: classifier().fit(X, Y, SGD, sample_weight=np.array([1, 2, "a"] * 10, object)),
        "sample_weight: expected finite numbers of at least 0, got 'a'",
    ),
    "a weight beyond all floats": (
        lambda: classifier().fit(X, Y, SGD, sample_weight=[1, 1, 10**400] * 10),
        "sample_weight: expected numbers that float64 holds, got a larger integer",
    ),
    "weights too small for float32": (
        lambda: classifier().fit(X, Y, SGD, sample_weight=np.full(30, 1e-50)),
        "sample_weight as float32: expected at least one above 0, got all 0",
    ),
    "weights too large for float32": (
        lambda: classifier().fit(X, Y, SGD, sample_weight=np.full(30, 1e300)),
        "sample_weight as float32: expected finite numbers of at least 0, got inf",
    ),
    "a weight for no class": (lambda: classifier().fit(X, Y, SGD, class_weight={7: 2.0}), "got 7"),
    "an unknown class weight": (lambda: classifier().fit(X, Y, SGD, class_weight="auto"), "'balanced' or a dict"),
    "class weights of values": (lambda: regressor().fit(X, Y, SGD, class_weight="balanced"), "class_weight"),
    "class weights of probabilities": (
        lambda: flags(1).fit(X, np.array([0.9, 0.8, 0.0])[Y], SGD, class_weight="balanced"),
        "class_weight: expected one class label per row",
    ),
    "class weights beside too few weights": (
        lambda: classifier().fit(X, Y, SGD, class_weight={0: 2.0}, sample_weight=np.ones(3)),
        r"sample_weight: expected shape \(30,\), got \(3,\)",
    ),
    "a class weight of text": (
        lambda: classifier().fit(X, Y, SGD, class_weight={1: "2"}),
        "class_weight of 1: expected a finite number .* got '2'",
    ),
    "a negative class weight": (
        lambda: classifier().fit(X, Y, SGD, class_weight={1: -1.0}),
        "class_weight of 1: expected a finite number",
    ),
    "class weights all 0": (
        lambda: classifier().fit(X, Y, SGD, class_weight=dict.fromkeys(range(3), 0.0)),
        "class_weight: expected at least one row of weight above 0",
    ),
    "a list of class weights": (lambda: classifier().fit(X, Y, SGD, class_weight=[1, 2, 3]), "'balanced' or a dict"),
    "a schedule of text": (
        lambda: classifier().fit(X, Y, cr.SGD(Says("a"))),
        "Says at step 0: expected a finite .*'a'",
    ),
    "a schedule of NaN": (lambda: classifier().fit(X, Y, cr.SGD(Says(np.nan))), "Says at step 0: expected a finite"),
    "a schedule that overflows": (
        lambda: classifier().fit(X, Y, cr.SGD(cr.schedules.ExponentialDecay(0.0, 1e300)), batch_size=1),
        "ExponentialDecay at step 2: expected a finite number",
    ),
    "labels that are missing, to score": (lambda: trained().score(X, [None] * 30), "y: expected a label in every row"),
    "other things than labels, to score": (
        lambda: trained().score(X, np.array([date(2024, 1, 1)] * 30, object)),
        "labels among 0, 1, 2, got datetime.date",
    ),
    "numbers outside, as objects": (lambda: trained().score(X, (Y + 1).astype(object)), "got 3 in row 2"),
    "a metric of numbers for classes": (
        lambda: classifier().fit(X, Y, SGD, metrics="r2"),
        "metrics: r2 does not fit classification; expected accuracy",
    ),
    "a metric of classes for numbers": (
        lambda: regressor().fit(X, Y * 1.0, SGD, metrics=["f1_macro"]),
        "metrics: f1_macro does not fit regression; expected r2",
    ),
    "an unknown metric": (lambda: classifier().fit(X, Y, SGD, metrics=["acuracy"]), "did you mean 'accuracy'"),
    "a typo in a setting": (lambda: classifier().fit(X, Y, SGD, epoch=3), "epoch"),
}


def test_every_door_counts_rows_as_numpy_does():
    table = {"a": [1.0, 2, np.inf, 3], "b": [1.0, 2, 4, 3]}
    rows, labels, values = np.stack(list(table.values()), axis=1), [0, 1, 9, 2], [0.0, 1, np.nan, 2]
    doors = (
        lambda: cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2).predict(rows),
        lambda: TableEncoder.fit(table),
        lambda: TableEncoder.fit({"a": [1, 2]}).transform({"a": table["a"]}),
        lambda: TableEncoder.fit([{"a": 1}, {"a": 2}, {"b": 3}]),
        lambda: trained().evaluate(X[:4], labels),
        lambda: trained().evaluate(X[:4], [0, 1, None, 2]),
        lambda: regressor().fit(X[:4], values, SGD),
    )
    for door in doors:
        with pytest.raises(cr.InputError, match=r"\brow 2\b"):
            door()


@pytest.mark.parametrize("name", CALLS)
def test_calls(name):
    call, message = CALLS[name]
    with pytest.raises((cr.InputError, TypeError), match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    if name != "a typo in a setting":
        assert isinstance(caught.value, cr.InputError)


@pytest.mark.parametrize("kind", ["V0", "U0", np.dtype([])], ids=str)
def test_rows_without_a_byte_are_refused(kind):
    net = classifier()
    for ask in (net.forward, net.predict):
        with pytest.raises(cr.InputError, match="X"):
            ask(np.empty((1, 4), kind))


@needs_kernels
def test_batches_of_more_rows_than_the_kernels_can_count_are_refused():
    net = classifier()
    with pytest.raises(cr.InputError, match="batch_size: expected at most 1073741824, got 1073741825"):
        compiled.Steps(net.plan, net.objective, net.target, 0, 2**30 + 1, np.float32)


def test_an_unknown_parameter_name_is_told_its_neighbour():
    with pytest.raises(KeyError, match="did you mean 'W1'"):
        classifier()["w1"]


def test_a_refused_training_teaches_no_labels():
    net = classifier()
    for settings in ({"batch_size": 99}, {"valid": (X, Y + 7)}, {"metrics": ["nonsense"]}):
        with pytest.raises(cr.InputError):
            net.fit(X, Y, SGD, **settings)
    assert net.classes is None
    net.fit(X, np.array(["a", "b", "c"])[Y], SGD, epochs=1)


def test_nothing_changes_where_an_argument_is_refused():
    net = trained()
    before, step = net.state.params.copy(), net.state.step
    for call in (lambda: net.fit(X, Y, SGD, batch_size=99), lambda: net.step(X, Y + 9, SGD)):
        with pytest.raises(cr.InputError):
            call()
    np.testing.assert_array_equal(net.state.params, before)
    assert net.state.step == step
