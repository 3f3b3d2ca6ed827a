"""What is learned and comes back: labels, flags, values, rates and quantiles."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.targets import Flags, Labels

OPTIMIZER = cr.SGD(lr=0.1, momentum=0.9)


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError", "Huber", "HalfSquaredError"])
def test_every_regression_loss_learns_a_line(loss, rng):
    X = rng.normal(size=(300, 3))
    y = X @ [1.0, -2, 0.5] + 0.3
    net = cr.Network([cr.Dense(1)], cr.LOSSES[loss](), n_in=3)
    net.fit(X, y, cr.Adam(lr=0.02), epochs=60)
    assert net.score(X, y) > 0.99
    assert net.predict(X).shape == (300,)


def test_the_quantile_loss_finds_the_quantile(rng):
    y = rng.exponential(size=4000)
    net = cr.Network([cr.Dense(1)], cr.QuantileLoss(0.9), n_in=1)
    net.fit(np.zeros((4000, 1)), y, cr.SGD(cr.CosineDecay(0.2, 1250)), batch_size=64, epochs=20)
    assert (y < net.predict(np.zeros((1, 1)))[0]).mean() == pytest.approx(0.9, abs=0.02)


def test_poisson_predicts_rates(rng):
    X = rng.normal(size=(3000, 2))
    y = rng.poisson(np.exp(0.5 * X[:, 0] + 0.2))
    net = cr.Network([cr.Dense(1)], cr.Poisson(), n_in=2, dtype=np.float64)
    net.fit(X, y, cr.Adam(cr.CosineDecay(0.05, 900)), batch_size=100, epochs=30)
    assert net["W1"][:, 0] == pytest.approx([0.5, 0], abs=0.06)
    assert net.predict(np.zeros((1, 2)))[0] == pytest.approx(np.exp(0.2), rel=0.06)


def test_labels_come_back_as_they_were_given(rng):
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, "yes", "no")
    for loss, outputs in ((cr.SoftmaxCrossEntropy(), 2), (cr.BinaryCrossEntropy(), 1)):
        net = cr.Network([cr.Dense(outputs)], loss, n_in=2)
        net.fit(X, y, OPTIMIZER, epochs=20)
        assert set(net.predict(X).tolist()) == {"yes", "no"}
        assert net.classes.tolist() == ["no", "yes"]
        assert net.score(X, y) > 0.95
        assert net.predict_proba(X).shape == (60, 2)
        np.testing.assert_allclose(net.predict_proba(X).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize(("loss", "outputs"), [(cr.SoftmaxCrossEntropy(), 2), (cr.BinaryCrossEntropy(), 1)], ids=str)
def test_booleans_come_back_as_booleans(loss, outputs, rng, tmp_path):
    X = rng.normal(size=(60, 2))
    net = cr.Network([cr.Dense(outputs)], loss, n_in=2)
    net.fit(X, X[:, 0] > 0, OPTIMIZER, epochs=20)
    net.save(tmp_path / "m.safetensors")
    for model in (net, cr.load(tmp_path / "m.safetensors")):
        assert model.predict(X).dtype == bool
        assert (model.predict(X) == (X[:, 0] > 0)).mean() == pytest.approx(model.score(X, X[:, 0] > 0))


def test_labels_that_are_numbers_but_no_indices(rng):
    X = rng.normal(size=(60, 2))
    y = np.where(X[:, 0] > 0, 30, 10)
    net = cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2)
    net.fit(X, y, OPTIMIZER, epochs=20)
    assert set(net.predict(X).tolist()) == {10, 30}
    with pytest.raises(cr.InputError, match=r"labels among 10, 30, got 20 in row 0"):
        net.evaluate(X[:1], [20])


OBJECTS = {
    "numbers": ([np.int64(0), np.int64(7)], "i"),
    "yes or no": ([np.False_, True], "b"),
    "yes or no beside numbers": ([False, 1.0], "i"),
    "text": (["no", "yes"], "U"),
    "bytes": ([b"no", b"yes"], "S"),
    "dates": ([np.datetime64("2024-01-01"), np.datetime64("2024-01-02")], "M"),
}


@pytest.mark.parametrize("name", OBJECTS)
@pytest.mark.parametrize(("loss", "outputs"), [(cr.SoftmaxCrossEntropy(), 2), (cr.BinaryCrossEntropy(), 1)], ids=str)
def test_objects_of_one_kind_are_labels_of_that_kind(name, loss, outputs, rng, tmp_path):
    labels, kind = OBJECTS[name]
    X = rng.normal(size=(60, 2))
    y = np.array(labels, object)[(X[:, 0] > 0).astype(int)]
    net = cr.Network([cr.Dense(outputs)], loss, n_in=2)
    net.fit(X, y, OPTIMIZER, epochs=20, class_weight="balanced")
    net.save(tmp_path / "m.safetensors")
    for model in (net, cr.load(tmp_path / "m.safetensors")):
        assert model.predict(X).dtype.kind == kind
        assert (model.predict(X) == y).mean() == pytest.approx(model.score(X, y))
        assert model.score(X, y) > 0.9


def test_strings_of_any_length_are_text(rng):
    X = rng.normal(size=(60, 2))
    y = np.array(["no", "yes"], np.dtypes.StringDType())[(X[:, 0] > 0).astype(int)]
    net = cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2)
    net.fit(X, y, OPTIMIZER, epochs=20)
    assert net.classes.tolist() == ["no", "yes"]
    assert net.score(X, y) > 0.9


@pytest.mark.parametrize("labels", [[2**63 - 10, 2**63 + 1, 2**63 + 2], [2**53, 2**53 + 1, 0.5]])
def test_large_labels_in_objects_are_not_merged(labels):
    """As floats two of them would be one."""
    net = cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=1)
    with pytest.raises(cr.InputError, match="y: expected labels that are 64-bit numbers"):
        net.fit(np.ones((3, 1)), np.array(labels, object), cr.SGD())


def test_labels_are_found_among_classes_that_are_objects():
    for target in (Labels(2), Flags(1)):  # scikit-learn keeps its users' objects
        target.classes = np.array(["no", "yes"], object)
        assert target.encode(["yes", "no"], np.float32).ravel().tolist() == [1, 0]


def test_columns_of_yes_or_no_and_of_numbers_are_flags_and_values(rng):
    X = rng.normal(size=(60, 2))
    y = pd.DataFrame({"a": X[:, 0] > 0, "b": (X[:, 1] > 0).astype(int)})
    for loss in (cr.BinaryCrossEntropy(), cr.MeanSquaredError()):
        nets = [cr.Network([cr.Dense(2)], loss, n_in=2) for _ in range(2)]
        for net, given in zip(nets, (y, y.to_numpy(float))):
            net.fit(X, given, OPTIMIZER, epochs=2)
        np.testing.assert_array_equal(*(net["W1"] for net in nets))


def test_values_of_decimals_are_numbers(rng):
    X = rng.normal(size=(30, 2))
    nets = [cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2) for _ in range(2)]
    for net, kind in zip(nets, (float, Decimal)):
        net.fit(X, [kind(i) / 4 for i in range(30)], OPTIMIZER, sample_weight=[kind(i) for i in range(30)], epochs=2)
    np.testing.assert_array_equal(*(net["W1"] for net in nets))


def test_multi_label_flags(rng):
    X = rng.normal(size=(200, 3))
    flags = (X > 0).astype(int)
    net = cr.Network([cr.Dense(3)], cr.BinaryCrossEntropy(), n_in=3)
    net.fit(X, flags, OPTIMIZER, epochs=40)
    np.testing.assert_array_equal(net.predict(X).shape, (200, 3))
    assert net.score(X, flags) > 0.9
    assert (net.predict(X) == flags).all(axis=1).mean() == pytest.approx(net.score(X, flags))


@pytest.mark.parametrize("rows", [1, 300])
def test_prediction_score_and_metrics_tell_outputs_apart_that_their_probabilities_do_not(rows):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    net.state.params[...] = 0
    net["b1"][...] = [1e-9, 2e-9, 3e-9]
    X, y = np.zeros((rows, 2), np.float32), np.full(rows, 2)
    assert np.ptp(net.predict_proba(X)[0]) == 0
    assert (net.predict(X) == 2).all()
    assert net.score(X, y) == 1
    y[0] = 1
    assert net.score(X, y) == 1 - 1 / rows
    if rows > 1:
        history = net.fit(X, y, cr.SGD(1e-20), epochs=1, metrics=["accuracy"])
        assert history[0].score == pytest.approx(1 - 1 / rows)
        assert history[0].metrics["accuracy"] == pytest.approx(1 - 1 / rows)


@pytest.mark.parametrize(
    "outputs", [[0, np.nan, 1], [np.nan, 2, np.nan], [0, 1, np.nan], [1, 1, 0], [np.inf, np.inf, 1]]
)
def test_few_rows_get_the_labels_of_many_whatever_comes_out(outputs):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    net.state.params[...] = 0
    net["b1"][...] = outputs
    X = np.zeros((300, 2), np.float32)
    assert net.predict(X[:1])[0] == net.predict(X)[0] == np.argmax(outputs)


def test_values_come_back_in_their_own_precision(rng):
    X = rng.normal(size=(200, 2))
    y = 1e6 + X[:, 0]
    net = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2)
    net.target = cr.network.target_for(net.loss, 1).fit(y).standardise(y)
    net["W1"][...] = np.array([[1.0], [0.0]]) / y.std()
    net["b1"][...] = -X[:, 0].mean() / y.std()
    assert net.predict(X).dtype == np.float64
    np.testing.assert_allclose(net.predict(X), y, atol=1e-5)  # float32 alone could tell 1/16 apart
    assert net.forward(X).dtype == np.float32
    plain = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2)
    assert plain.predict(X).dtype == np.float32


def test_an_untrained_network_predicts(rng):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    assert net.predict(rng.normal(size=(5, 2))).dtype.kind == "i"
    assert net.predict_proba(rng.normal(size=(5, 2))).shape == (5, 3)
    regressor = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2)
    with pytest.raises(cr.InputError, match="values, not classes"):
        regressor.predict_proba(rng.normal(size=(5, 2)))
