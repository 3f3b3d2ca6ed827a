"""Several epochs in one call of the backend give the numbers of one after the other, and keep what was done."""

import signal
import threading
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.backends import compiled, reference
from chainrule.settings import settings as frozen
from conftest import needs_kernels

BACKENDS = pytest.mark.parametrize("backend", [pytest.param("compiled", marks=needs_kernels), "reference"])
EPOCHS = 11


@pytest.fixture
def chosen(backend, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    return {"compiled": compiled, "reference": reference}[backend]


def fresh(dtype=np.float32):
    return cr.Network(
        [cr.Dense(9), cr.ReLU(), cr.Dropout(0.2), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=dtype, l2=1e-3
    )


def given(n=50):
    rng = np.random.default_rng(3)
    return rng.normal(size=(n, 4)), np.arange(n) % 3


def everything(net, history):
    """Weights, moments, best weights and records, as bytes; without seconds."""
    records = [epoch._replace(seconds=0.0, threads=0) for epoch in history]
    state = net.state
    arrays = state.params, state.moments, history.best
    return b"".join(a.tobytes() for a in arrays) + repr((records, history.best_epoch, state.step, state.epoch)).encode()


FALLING = cr.Adam(cr.StepDecay(0.02, every=7, factor=0.5))


def trained(per_call, dtype=np.float32, optimizer=FALLING, **settings):
    net = fresh(dtype)
    X, y = given()
    training = cr.train(net, (X, y), optimizer, epochs=EPOCHS, epochs_per_call=per_call, **settings)
    assert len(list(training)) == EPOCHS
    return everything(net, training.history)


@BACKENDS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_size": 7},
        {"shuffle": False},
        {"sample_weight": np.linspace(0.5, 2, 50)},
        {"threads": 3},
        {"batch_size": 50, "optimizer": cr.Adam(0.01)},
        {"batch_size": 50, "optimizer": cr.AdamEpsilonHat(0.01)},
        {"batch_size": 50, "optimizer": cr.SGD(0.1, momentum=0.9)},
    ],
    ids=lambda settings: "-".join(settings),
)
def test_the_bits_are_those_of_one_at_a_time(chosen, dtype, settings, monkeypatch):
    expected = trained(1, dtype, **settings)
    monkeypatch.setattr(compiled, "CHUNK", 0.0)  # a call of the kernels ends after each step
    for per_call in (2, 4, EPOCHS, 10**6, None):
        assert trained(per_call, dtype, **settings) == expected, per_call


@BACKENDS
def test_the_best_weights_may_be_those_of_an_epoch_in_the_middle(chosen):
    climbing = cr.Adam(cr.StepDecay(0.01, every=10, factor=40.0))  # the loss falls, then climbs
    expected = trained(1, optimizer=climbing, batch_size=25)
    for per_call in (3, EPOCHS):
        assert trained(per_call, optimizer=climbing, batch_size=25) == expected
    history = fresh().fit(*given(), climbing, epochs=EPOCHS, batch_size=25)
    assert 1 < history.best_epoch < EPOCHS
    assert history.best.base is None  # a copy, that nobody writes to


@BACKENDS
def test_another_seed_would_be_noticed(chosen):
    other = fresh()
    other.seed = 1
    X, y = given()
    history = other.fit(X, y, FALLING, epochs=EPOCHS)
    assert everything(other, history) != trained(EPOCHS)


@BACKENDS
def test_fit_makes_few_calls_and_the_loop_one_an_epoch(chosen, monkeypatch):
    calls = Counter()
    run = chosen.Steps.run

    def counted(self, *rest, **named):
        calls["run"] += 1
        return run(self, *rest, **named)

    monkeypatch.setattr(chosen.Steps, "run", counted)
    X, y = given()
    list(cr.train(fresh(), (X, y), cr.SGD(0.1), batch_size=50, epochs=40))
    assert calls.pop("run") == 40
    fresh().fit(X, y, cr.SGD(0.1), batch_size=50, epochs=40)
    assert calls.pop("run") < 20
    fresh().fit(X, y, cr.SGD(0.1), batch_size=50, epochs=40, valid=(X, y))
    assert calls.pop("run") == 40


@BACKENDS
@pytest.mark.parametrize("per_call", [1, 5, EPOCHS])
def test_a_divergence_keeps_the_epochs_before_it(chosen, per_call):
    """The seventh step makes weights that the eighth cannot use; the best are those with which an epoch began."""
    net = fresh()
    X, y = given()
    optimizer = cr.SGD(cr.StepDecay(1e-3, every=6, factor=1e38))
    training = cr.train(net, (X * 1e3, y), optimizer, batch_size=50, epochs=EPOCHS, epochs_per_call=per_call)
    with pytest.raises(cr.Diverged) as caught:
        list(training)
    history = training.history
    assert [epoch.number for epoch in history] == list(range(1, 8))
    assert caught.value.step in (7, 8)
    assert net.state.epoch == len(history)
    assert history.best_epoch == min(history, key=lambda epoch: epoch.loss).number
    np.testing.assert_array_equal(net.state.params, history.best)
    assert np.isfinite(net.state.params).all()


@BACKENDS
def test_a_divergence_with_metrics_leaves_the_best_weights_too(chosen):
    net = fresh()
    X, y = given()
    optimizer = cr.SGD(cr.StepDecay(1e-4, every=6, factor=1e42))  # what the seventh step makes is not finite
    training = cr.train(net, (X * 100, y), optimizer, batch_size=50, epochs=EPOCHS, metrics="accuracy")
    with pytest.raises(cr.Diverged, match="weights are not finite after step 7"):
        list(training)
    assert len(training.history) == net.state.epoch == 6
    np.testing.assert_array_equal(net.state.params, training.history.best)


@frozen
class Running(cr.Schedule):
    """A rate of 0.1 up to a step, and then something else."""

    steps: int
    end: Any

    def __call__(self, step):
        return 0.1 if step < self.steps else self.end()


def fails():
    raise LookupError("the table of rates is at its end")


@BACKENDS
@pytest.mark.parametrize(
    ("end", "error", "message"),
    [
        (fails, LookupError, "table of rates"),
        (lambda: None, cr.InputError, "Running at step 25: expected a finite number"),
    ],
    ids=["raises", "None"],
)
@pytest.mark.parametrize("per_call", [1, 5, 30])
def test_a_schedule_that_ends_keeps_the_epochs_it_had_rates_for(chosen, per_call, end, error, message):
    net, other = fresh(), fresh()
    training = cr.train(net, given(), cr.SGD(Running(25, end)), batch_size=25, epochs=30, epochs_per_call=per_call)
    with pytest.raises(error, match=message):
        list(training)
    assert len(training.history) == 12  # of two steps each; the 25th is the first of another
    expected = other.fit(*given(), cr.SGD(0.1), batch_size=25, epochs=12)
    assert everything(net, training.history) == everything(other, expected)


LOOKS = pytest.mark.parametrize(
    ("per_call", "looks"), [(7, {}), (1, {"valid": given()}), (1, {"metrics": "accuracy"})], ids=["7", "valid", "score"]
)


def require_two_whole_calls(monkeypatch, owner, name, interrupted, per_call, looks):
    """Of four calls the second is interrupted by what stands for owner.name: all is as after two that were not."""
    net, other = fresh(), fresh()
    training = cr.train(net, given(), FALLING, epochs=4 * per_call, epochs_per_call=per_call, **looks)
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(training)
    expected = other.fit(*given(), FALLING, epochs=2 * per_call, **looks)
    assert everything(net, training.history) == everything(other, expected)
    assert expected.best_epoch == 2 * per_call  # so that the interrupted records are those of the best weights


@BACKENDS
def test_an_interrupt_while_records_are_made_loses_none(chosen, monkeypatch):
    judged, calls = cr.Training._judged, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return judged(*given)

    require_two_whole_calls(monkeypatch, cr.Training, "_judged", interrupted, per_call=7, looks={})


@BACKENDS
@LOOKS
def test_an_interrupt_halfway_through_the_records_loses_and_doubles_none(chosen, per_call, looks, monkeypatch):
    put, calls = cr.History.put, []

    class Interrupted(dict):
        def __getitem__(self, name):
            if name == "lr":
                raise KeyboardInterrupt
            return super().__getitem__(name)

    def interrupted(history, index, columns):
        calls.append(index)
        put(history, index, Interrupted(columns) if len(calls) == 2 else columns)

    require_two_whole_calls(monkeypatch, cr.History, "put", interrupted, per_call, looks)
    assert calls == [0, per_call, per_call]


@BACKENDS
@LOOKS
def test_an_interrupt_at_the_end_of_the_records_changes_none(chosen, per_call, looks, monkeypatch):
    enter, calls = cr.Training._write_down, []

    def interrupted(*given):
        calls.append(given)
        enter(*given)
        if len(calls) == 2:
            raise KeyboardInterrupt

    require_two_whole_calls(monkeypatch, cr.Training, "_write_down", interrupted, per_call, looks)
    assert len(calls) == 3


def test_an_interrupted_metric_is_not_asked_again():
    asked = []

    def metric(y, prediction):
        asked.append(len(asked))
        if len(asked) == 2:
            raise KeyboardInterrupt
        return 0.5

    net, other = fresh(), fresh()
    training = cr.train(net, given(), FALLING, epochs=4, metrics={"half": metric})
    with pytest.raises(KeyboardInterrupt):
        list(training)
    assert len(asked) == 2
    history, expected = training.history, other.fit(*given(), FALLING, epochs=1)
    assert [epoch.number for epoch in history] == [1]
    assert history.best_epoch == 1
    np.testing.assert_array_equal(history.best, expected.best)


def test_an_epoch_whose_score_was_interrupted_has_not_ended(monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    score, calls = reference.Steps._score, []

    def interrupted(*given):
        calls.append(given)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return score(*given)

    monkeypatch.setattr(reference.Steps, "_score", interrupted)
    net = fresh()
    training = cr.train(net, given(), cr.SGD(0.1), batch_size=50, epochs=9, epochs_per_call=9)
    with pytest.raises(KeyboardInterrupt):
        list(training)
    assert [epoch.number for epoch in training.history] == [1, 2, 3]
    assert net.state.epoch == 3
    assert min(epoch.loss for epoch in training.history) > 0.5


@needs_kernels
def test_an_interrupt_keeps_the_epochs_before_it():
    X, y = np.random.default_rng(0).normal(size=(2000, 4)), np.arange(2000) % 3
    net = fresh()
    training = cr.train(net, (X, y), cr.SGD(1e-3), batch_size=10, epochs=10**5, epochs_per_call=10**5)

    def interrupt():
        while not training.history:  # written after each call, of some 500 epochs
            time.sleep(0.01)
        time.sleep(0.1)
        signal.raise_signal(signal.SIGINT)

    def run():
        threading.Thread(target=interrupt, daemon=True).start()
        list(training)

    with pytest.raises(KeyboardInterrupt):
        run()
    history = training.history
    assert 0 < len(history) == net.state.epoch == history[-1].number
    assert history[-1].step == 200 * len(history) <= net.state.step < 200 * (len(history) + 1)


def test_several_at_once_are_refused_where_each_is_looked_at():
    X, y = given()
    for looks in ({"valid": (X, y)}, {"metrics": "f1_macro"}):
        with pytest.raises(cr.InputError, match="epochs_per_call: expected 1 with valid or metrics, got 3"):
            cr.train(fresh(), (X, y), cr.SGD(), epochs_per_call=3, **looks)
        fresh().fit(X, y, cr.SGD(), epochs=2, **looks)
    with pytest.raises(cr.InputError, match="epochs_per_call"):
        cr.train(fresh(), (X, y), cr.SGD(), epochs_per_call=0)
