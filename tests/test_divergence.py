"""Numbers that leave the finite ones: where training stops, and what is kept."""

import pickle

import numpy as np
import pytest

import chainrule as cr
from conftest import needs_kernels

OPTIMIZER = cr.SGD(lr=0.1, momentum=0.9)
BACKENDS = pytest.mark.parametrize("backend", [pytest.param("compiled", marks=needs_kernels), "reference"])


@BACKENDS
@pytest.mark.parametrize("size", [1e10, 1e15])
def test_weights_that_exploded_are_never_the_best(backend, size, rng, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    X, y = rng.normal(size=(60, 4)) * size, rng.integers(0, 3, 60)
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    before, loss = net.state.params.copy(), net.evaluate(X, y)[0]
    with pytest.raises(cr.Diverged) as caught:
        net.fit(X, y, cr.SGD(size), epochs=9, batch_size=60)
    assert caught.value.step >= 2
    assert net.evaluate(X, y)[0] <= loss
    np.testing.assert_array_equal(net.state.params, before)


def test_divergence_says_at_which_step_and_keeps_the_best_weights(rng):
    X, y = rng.normal(size=(64, 4)), rng.normal(size=64) * 10
    net = cr.Network([cr.Dense(16), cr.ReLU(), cr.Dense(1)], cr.MeanSquaredError(), n_in=4)
    training = cr.train(net, (X, y), cr.SGD(cr.StepDecay(1e-3, every=20, factor=1e6)), batch_size=8, epochs=100)
    with pytest.raises(cr.Diverged, match="not finite at step") as caught:
        list(training)
    assert caught.value.step > 8 * len(training.history)
    assert len(training.history) >= 1
    np.testing.assert_array_equal(net.state.params, training.history.best)
    assert np.isfinite(net.forward(X)).all()


def test_a_validation_loss_that_overflows_is_divergence_too(rng):
    X, y = rng.normal(size=(64, 1)), rng.poisson(2.0, 64)
    net = cr.Network([cr.Dense(1)], cr.Poisson(), n_in=1, dtype=np.float64)
    net["W1"][...] = 1.0
    training = cr.train(net, (X, y), cr.SGD(lr=1e-3), valid=(X * 1e4, y))
    with pytest.raises(cr.Diverged):
        list(training)
    assert net["W1"][0, 0] == 1.0


def test_a_metric_that_is_not_a_number_is_saved_as_null(small, tmp_path):
    net, X, y = small
    net.fit(X, y, OPTIMIZER, metrics={"odd": lambda y, p: float("nan")}, epochs=1)
    net.save(tmp_path / "m.safetensors")
    assert b'\\"odd\\": null' in (tmp_path / "m.safetensors").read_bytes()
    record = cr.load(tmp_path / "m.safetensors").history[0]
    assert np.isnan(record.metrics["odd"])
    assert "odd nan" in str(record)


def test_a_score_of_huge_values_does_not_overflow(rng):
    X, y = np.ones((4, 1), np.float32), np.zeros(4)
    net = cr.Network([cr.Dense(1)], cr.MeanAbsoluteError(), n_in=1)
    net["W1"][...] = 1e30
    assert np.isfinite(net.evaluate(X, y)).all()


def test_divergence_in_the_first_epoch_leaves_the_weights_as_they_were(rng):
    X, y = rng.normal(size=(64, 4)) * 1e30, rng.normal(size=64)
    net = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=4)
    before = net.state.params.copy()
    with pytest.raises(cr.Diverged):
        net.fit(X, y, cr.SGD(lr=0.1), batch_size=64)
    np.testing.assert_array_equal(net.state.params, before)


@BACKENDS
@pytest.mark.parametrize("threads", [1, 3])
def test_a_last_step_that_leaves_the_finite_numbers_is_divergence(backend, threads, rng, monkeypatch):
    """Nobody meets the loss of an epoch's last weights: they are looked at themselves."""
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    X, y = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    before = net.state.params.copy()
    with pytest.raises(cr.Diverged, match="the weights are not finite after step 1") as caught:
        net.fit(X * 1e30, y, cr.SGD(1e30), epochs=1, batch_size=60, threads=threads)
    assert caught.value.step == 1
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    np.testing.assert_array_equal(net.state.params, before)
    with pytest.raises(cr.Diverged, match="the weights are not finite after step"):
        net.step(X * 1e30, y, cr.SGD(1e30))
    np.testing.assert_array_equal(net.state.params, before)
    net.fit(X, y, cr.SGD(0.1), epochs=1)


@BACKENDS
@pytest.mark.parametrize("place", [0, 17, 31])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_infinite_weight_is_seen_wherever_it_is(backend, place, dtype, rng, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    X, y = abs(rng.normal(size=(60, 4))), rng.normal(size=(60, 3))
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(3)], cr.MeanAbsoluteError(), n_in=4, dtype=dtype)
    net["W1"][...] = net["b1"][...] = -1  # no unit is on: nothing that enters them changes the loss
    net.fit(X, y, cr.SGD(0.1), epochs=1)
    net.state.params[place] = -np.inf  # of W1
    for per_call, threads in ((1, 1), (4, 1), (4, 3)):
        training = cr.train(net.copy(), (X, y), cr.SGD(0.1), epochs=4, epochs_per_call=per_call, threads=threads)
        with pytest.raises(cr.Diverged, match="the weights are not finite after step 4;"):  # of 2 an epoch
            list(training)
