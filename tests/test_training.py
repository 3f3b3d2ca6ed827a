"""train() is a visible loop; fit, early stopping, weights and History on top of it."""

import gc
import pickle
import threading
import warnings

import numpy as np
import pytest

import chainrule as cr
from conftest import needs_kernels

OPTIMIZER = cr.SGD(lr=0.1, momentum=0.9)
BACKENDS = pytest.mark.parametrize("backend", [pytest.param("compiled", marks=needs_kernels), "reference"])


def test_the_loop_yields_a_record_an_epoch(small):
    net, X, y = small
    records = []
    for epoch in cr.train(net, (X, y), OPTIMIZER, valid=(X, y), batch_size=16, epochs=5):
        assert epoch.number == net.state.epoch
        assert epoch.step == net.state.step
        records.append(epoch)
        if epoch.number == 3:
            break
    assert [e.number for e in records] == [1, 2, 3]
    assert [e.step for e in records] == [3, 6, 9]
    last = records[-1]
    assert last.valid_loss == net.evaluate(X, y)[0]
    assert last.score == net.score(X, y)
    assert last.backend == net.backend
    assert last.seconds > 0
    assert "valid" in str(last)


def test_loss_and_score_of_training_rows_are_those_met_on_the_way(small):
    net, X, y = small
    by_hand = net.copy()
    record = next(iter(cr.train(net, (X, y), OPTIMIZER, batch_size=40, epochs=1)))
    assert (record.loss, record.score) == pytest.approx(by_hand.evaluate(X, y), rel=1e-12)
    assert record.valid_loss is None


def test_the_penalty_is_part_of_the_reported_loss(small):
    _, X, y = small
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=5, dtype=np.float64, l2=0.4, l1=0.2)
    bare = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=5, dtype=np.float64)
    penalty = 0.2 * (net["W1"] ** 2).sum() + 0.2 * abs(net["W1"]).sum()
    expected = bare.evaluate(X, y)[0] + penalty
    assert net.evaluate(X, y)[0] == pytest.approx(expected, rel=1e-12)
    assert net.step(X, y, OPTIMIZER) == pytest.approx(expected, rel=1e-12)


def test_a_penalty_by_batch_is_divided_by_the_rows_of_the_batch(small, tmp_path):
    _, X, y = small
    kinds = [{}, {"l2": 4.0, "penalty_by_batch": True}]
    bare, net = (cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), 5, dtype=np.float64, **kind) for kind in kinds)
    penalty = 2.0 * (net["W1"] ** 2).sum()
    assert net.evaluate(X, y)[0] == pytest.approx(bare.evaluate(X, y)[0] + penalty / 40, rel=1e-12)
    net.save(tmp_path / "model.safetensors")
    assert cr.load(tmp_path / "model.safetensors").evaluate(X, y) == net.evaluate(X, y)
    record = net.fit(X, y, cr.SGD(1e-9), epochs=1, batch_size=25, shuffle=False)[0]  # batches of 25 and 15 rows
    assert record.loss == pytest.approx(bare.evaluate(X, y)[0] + 2 * penalty / 40, rel=1e-6)


def test_early_stopping_restores_the_best_weights(rng):
    X, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)  # noise: validation gets worse soon
    Xv, yv = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)
    net = cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=5)
    history = net.fit(X, y, OPTIMIZER, valid=(Xv, yv), epochs=200, patience=5)
    assert len(history) == history.best_epoch + 5
    losses = history.columns["valid_loss"]
    assert np.argmin(losses) + 1 == history.best_epoch
    assert net.evaluate(Xv, yv)[0] == pytest.approx(min(losses), rel=1e-6)
    assert history[-1].since_best == 5


def test_the_loop_leaves_the_last_weights_and_history_keeps_the_best(small):
    net, X, y = small
    training = cr.train(net, (X, y), OPTIMIZER, valid=(X, -y % 3), epochs=6, batch_size=8)
    snapshots = [net.state.params.copy() for _ in training]
    history = training.history
    np.testing.assert_array_equal(net.state.params, snapshots[-1])
    np.testing.assert_array_equal(history.best, snapshots[history.best_epoch - 1])
    assert history.best_epoch < 6
    assert net.history is history


def test_another_optimizer_may_step_between_two_epochs(small):
    net, X, y = small
    steps = []

    def alternate():
        for epoch in cr.train(net, (X, y), cr.Adam(), batch_size=20, epochs=3):
            steps.append(epoch.step)
            net.step(X, y, cr.SGD(0.01))

    with pytest.warns(UserWarning, match="moments are dropped"):
        alternate()
    assert steps == [2, 2, 2]  # counted anew with each change of the optimizer
    assert np.isfinite(net.state.params).all()


def test_moments_that_the_user_drops_between_two_epochs_start_again_at_zero(small):
    net, X, y = small
    training = iter(cr.train(net, (X, y), OPTIMIZER, batch_size=20, epochs=2))
    next(training)
    dropped = net.copy()
    net.state.moments = net.state.moments[:0]
    next(training)
    dropped.state.moments[...] = 0
    dropped.fit(X, y, OPTIMIZER, batch_size=20, epochs=1)
    np.testing.assert_array_equal(net.state.params, dropped.state.params)


def test_without_validation_data_the_best_weights_are_those_the_best_epoch_began_with(small):
    net, X, y = small
    training = cr.train(net, (X, y), cr.SGD(cr.StepDecay(0.1, every=3, factor=300.0)), batch_size=40, epochs=6)
    began = [net.state.params.copy()]
    for epoch in training:
        best = np.argmin(training.history.columns["loss"])
        assert training.history.best_epoch == best + 1
        np.testing.assert_array_equal(training.history.best, began[best])
        assert epoch.since_best == len(began) - 1 - best
        began.append(net.state.params.copy())
    assert training.history.best_epoch not in (1, 6)
    training.history.restore_best(net)
    assert net.evaluate(X, y)[0] == pytest.approx(min(training.history.columns["loss"]), rel=1e-12)


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


@BACKENDS
def test_two_threads_that_train_one_network_are_told(backend, rng, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    X, y = rng.normal(size=(2000, 64)).astype(np.float32), rng.integers(0, 3, 2000)
    net = cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=64)
    failed = []

    def fit():
        try:
            net.fit(X, y, cr.SGD(0.01), epochs=20)
        except RuntimeError as error:
            failed.append(str(error))

    pair = [threading.Thread(target=fit) for _ in range(2)]
    for thread in pair:
        thread.start()
    while any(thread.is_alive() for thread in pair):
        net.predict(X[:300])  # goes on
    assert failed == ["another thread is training this network; train a net.copy() there, or wait for it"]
    assert net.state.epoch >= 20
    with net.state.alone, pytest.raises(RuntimeError, match="another thread is training"):
        net.step(X, y, cr.SGD(0.01))
    with pytest.raises(cr.Diverged):
        net.fit(X * 1e30, y, cr.SGD(1e30), epochs=1)
    net.copy().fit(X, y, cr.SGD(0.01), epochs=1)
    net.fit(X, y, cr.SGD(0.01), epochs=1)  # released, whatever was raised


def test_restore_best_can_be_left_out(small):
    net, X, y = small
    history = net.fit(X, y, OPTIMIZER, valid=(X, -y % 3), epochs=6, batch_size=8, restore_best=False)
    assert (net.state.params != history.best).any()


def test_a_training_that_is_never_iterated_warns_when_dropped(small):
    net, X, y = small
    with pytest.warns(UserWarning, match="never iterated"):
        cr.train(net, (X, y), OPTIMIZER)


def test_a_training_that_was_refused_or_iterated_does_not_warn(small):
    net, X, y = small
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(cr.InputError):
            cr.train(net, (X, y), OPTIMIZER, epochs=0)
        training = cr.train(net, (X, y), OPTIMIZER, epochs=1)
        list(training)
        with pytest.raises(RuntimeError, match="iterated already"):
            iter(training)
        del training
        gc.collect()


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
    with pytest.raises(cr.Diverged, match="the weights are not finite"):
        net.fit(X, y, cr.SGD(0.1), epochs=1)


def test_sample_weights_count_like_repeated_rows(small):
    net, X, y = small
    w = np.tile([0.0, 1, 2, 3], 10)
    rows = np.repeat(np.arange(40), w.astype(int))
    repeated = net.copy()
    weighted_loss = net.step(X, y, OPTIMIZER, sample_weight=w)
    assert weighted_loss == pytest.approx(repeated.step(X[rows], y[rows], OPTIMIZER), rel=1e-12)
    np.testing.assert_allclose(net.state.params, repeated.state.params, atol=1e-14)
    assert net.evaluate(X, y, w) == pytest.approx(net.evaluate(X[rows], y[rows]), rel=1e-12)


def test_rows_of_weight_zero_are_dropped_at_the_door(small):
    net, X, y = small
    X[3] = 1e6
    w = np.ones(40)
    w[3] = 0
    kept = np.arange(40) != 3
    other = net.copy()
    net.fit(X, y, OPTIMIZER, sample_weight=w, epochs=2)
    other.fit(X[kept], y[kept], OPTIMIZER, epochs=2)
    np.testing.assert_allclose(net.state.params, other.state.params, atol=1e-12)


def test_balanced_class_weights_are_those_of_the_counts(rng):
    X, y = rng.normal(size=(40, 2)), np.array(["a"] * 30 + ["b"] * 10)
    nets = [cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64) for _ in range(3)]
    nets[0].fit(X, y, OPTIMIZER, class_weight="balanced", batch_size=40, epochs=3)
    nets[1].fit(X, y, OPTIMIZER, class_weight={"a": 40 / 60, "b": 2.0}, batch_size=40, epochs=3)
    nets[2].fit(X, y, OPTIMIZER, sample_weight=np.where(y == "a", 40 / 60, 2.0), batch_size=40, epochs=3)
    np.testing.assert_allclose(nets[0].state.params, nets[1].state.params, atol=1e-14)
    np.testing.assert_allclose(nets[0].state.params, nets[2].state.params, atol=1e-14)


def test_metrics_by_name_and_by_function(small):
    net, X, y = small
    history = net.fit(X, y, OPTIMIZER, valid=(X, y), metrics=["balanced_accuracy", "f1_macro"], epochs=2)
    prediction = history[-1].metrics
    assert set(prediction) == {"balanced_accuracy", "f1_macro"}
    own = net.fit(X, y, OPTIMIZER, metrics={"wrong": lambda y, p: (y != p).mean()}, epochs=2)
    assert own[-1].metrics["wrong"] == pytest.approx(1 - net.score(X, y))
    assert own.columns["wrong"] == [epoch.metrics["wrong"] for epoch in own]


def test_metrics_agree_with_their_definitions():
    from chainrule.metrics import METRICS

    y, p = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 0, 2])
    assert METRICS["accuracy"](y, p) == pytest.approx(4 / 6)
    assert METRICS["balanced_accuracy"](y, p) == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert METRICS["f1_macro"](y, p) == pytest.approx((4 / 6 + 2 / 4 + 1) / 3)
    t, z = np.array([1.0, 2, 3]), np.array([1.0, 2, 5])
    assert METRICS["r2"](t, z) == pytest.approx(1 - 4 / 2)
    assert METRICS["mean_absolute_error"](t, z) == pytest.approx(2 / 3)
    assert METRICS["root_mean_squared_error"](t, z) == pytest.approx(np.sqrt(4 / 3))


def test_history_is_a_table_and_a_plot(small, tmp_path):
    net, X, y = small
    history = net.fit(X, y, OPTIMIZER, valid=(X, y), epochs=3)
    text = str(history)
    assert len(text.splitlines()) == 4
    assert "best" in text
    assert set(history.columns) >= {"number", "loss", "valid_loss", "score", "seconds", "lr", "step", "threads"}
    history.plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(cr.InputError, match="cannot save the plot"):
        history.plot(tmp_path / "curves.nonsense")


def test_threads_are_obeyed_and_recorded(small, monkeypatch):
    import threadpoolctl

    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    net, X, y = small

    def largest(y, prediction):
        return max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())

    before = largest(None, None)
    history = net.fit(X, y, OPTIMIZER, threads=before + 1, epochs=1)
    assert history[0].threads == before + 1
    training = cr.train(net, (X, y), OPTIMIZER, threads=1, epochs=1)
    assert largest(None, None) == before
    seen = []
    monkeypatch.setattr(OPTIMIZER.__class__, "apply", lambda *_: seen.append(largest(None, None)))
    assert next(iter(training)).threads == 1
    assert set(seen) == {1}
    assert largest(None, None) == before


def test_sparse_rows_train_to_the_same_bits(small):
    import scipy.sparse

    net, X, y = small
    X = np.where(X > 0, X, 0)
    other = net.copy()
    net.fit(X, y, OPTIMIZER, epochs=2, valid=(X, y))
    other.fit(scipy.sparse.csr_array(X), y, OPTIMIZER, epochs=2, valid=(scipy.sparse.coo_array(X), y))
    np.testing.assert_array_equal(net.state.params, other.state.params)
    np.testing.assert_array_equal(net.predict(X), other.predict(scipy.sparse.csc_matrix(X)))


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


def test_summary_shows_every_layer_and_parameter(small):
    net, _, _ = small
    text = net.summary()
    assert "Dense" in text
    assert "W2 7×3" in text
    assert f"{net.plan.size:,} parameters" in text
