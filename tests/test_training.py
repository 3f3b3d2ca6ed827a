"""train() is a visible loop; fit, early stopping, weights and History on top of it."""

import gc
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
def test_two_threads_that_train_one_network_are_told(backend, rng, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    X, y = rng.normal(size=(2000, 64)).astype(np.float32), rng.integers(0, 3, 2000)
    net = cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=64)
    failed = []

    def fit():
        try:
            while not failed:
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


def test_history_is_read_like_a_list(small):
    net, X, y = small
    history = net.fit(X, y, OPTIMIZER, valid=(X, y), metrics="accuracy", epochs=5)
    records = list(history)
    assert [record.number for record in records] == [1, 2, 3, 4, 5]
    assert history[-1] == records[4] == history[4]
    assert history[1:4] == records[1:4]
    for step in (2, -1, -2, -3):
        assert history[::step] == records[::step]
    assert history[3:1] == history[1:3:-1] == []
    assert history.columns["accuracy"] == [record.metrics["accuracy"] for record in records]
    for beyond in (5, -6):
        with pytest.raises(IndexError):
            history[beyond]
    copied = cr.History(records, history.best_epoch)
    assert str(copied) == str(history)


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


def test_plan_and_state_show_what_they_hold():
    net = cr.Network([cr.Dense(8), cr.ReLU(), cr.Dense(300)], cr.SoftmaxCrossEntropy(), n_in=4)
    assert (
        repr(net.plan)
        == "Plan(W1 (4, 8) at 0, W2 (8, 300) at 32, b1 (8,) at 2432, b2 (300,) at 2440; 2,740 parameters)"
    )
    assert repr(net.state) == "State(2,740 parameters, float32, optimizer=None, step=0, epoch=0)"
    net.fit(np.ones((4, 4)), np.arange(4), cr.Adam(), epochs=3, batch_size=2)
    assert repr(net.state) == "State(2,740 parameters, float32, optimizer=Adam, step=6, epoch=3)"


def test_summary_shows_every_layer_and_parameter(small):
    net, _, _ = small
    text = net.summary()
    assert "Dense" in text
    assert "W2 7×3" in text
    assert f"{net.plan.size:,} parameters" in text


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ({"share": 3}, "expected a function of y and prediction as 'share', got 3"),
        ({"loss": lambda y, p: 0.0}, "another name than 'loss'"),
        ([lambda y, p: 0.0], "expected names, or functions by name"),
        (None, "expected names, or functions by name, got None"),
    ],
)
def test_metrics_that_do_not_fit_are_refused_before_training(small, metrics, message):
    net, X, y = small
    before = net.state.params.copy()
    with pytest.raises(cr.InputError, match=f"metrics: .*{message}"):
        list(cr.train(net, (X, y), OPTIMIZER, metrics=metrics))
    np.testing.assert_array_equal(net.state.params, before)


def test_layers_may_come_from_a_generator():
    layers = [cr.Dense(3), cr.ReLU(), cr.Dense(2)]
    net = cr.Network((layer for layer in layers), cr.SoftmaxCrossEntropy(), n_in=4)
    assert list(net.layers) == layers


def test_settings_may_be_numbers_of_float32():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cr.SGD(np.float32(0.5)) == cr.SGD(0.5)
        assert cr.Dropout(np.float32(0.5)) == cr.Dropout(0.5)
    with pytest.raises(cr.InputError, match="got inf"):
        cr.SGD(np.float32("inf"))
