"""Each update is its equation, written out here a second time; schedules give the documented rates."""

import inspect
import math
import tracemalloc

import numpy as np
import pytest

import chainrule as cr
from chainrule import bench
from chainrule.optimizers import BLOCK, OPTIMIZERS


def by_hand(kind, settings, p, gradients):
    """The textbook loop over steps, in the order the docstrings give."""
    v, m, c = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    for t, g in enumerate(gradients, start=1):
        lr = settings["lr"]
        if "weight_decay" in settings:
            p = p - lr * settings["weight_decay"] * p
        if kind == "SGD":
            mu = settings.get("momentum", 0)
            v = mu * v + g
            p = p - lr * (g + mu * v if settings.get("nesterov") else v)
        elif kind == "ClassicalMomentum":
            mu = settings["momentum"]
            v = mu * v - lr * g
            p = p + (mu * v - lr * g if settings["nesterov"] else v)
        elif kind == "AdaGrad":
            c = c + g**2
            p = p - lr * g / (np.sqrt(c) + 1e-7)
        elif kind == "RMSProp":
            c = settings["rho"] * c + (1 - settings["rho"]) * g**2
            p = p - lr * g / (np.sqrt(c) + 1e-7)
        else:
            m = 0.9 * m + 0.1 * g
            c = 0.999 * c + 0.001 * g**2
            if kind == "AdamEpsilonHat":
                p = p - lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / (np.sqrt(c) + 1e-8)
                continue
            p = p - lr * (m / (1 - 0.9**t)) / (np.sqrt(c / (1 - 0.999**t)) + 1e-8)
    return p


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("SGD", {"lr": 0.1}),
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
        ("ClassicalMomentum", {"lr": 0.1, "momentum": 0.9, "nesterov": False}),
        ("ClassicalMomentum", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
        ("ClassicalMomentum", {"lr": 0.1, "momentum": 1.0, "nesterov": False}),
        ("AdamEpsilonHat", {"lr": 0.1}),
        ("AdaGrad", {"lr": 0.1}),
        ("RMSProp", {"lr": 0.1, "rho": 0.8}),
        ("Adam", {"lr": 0.1}),
        ("AdamW", {"lr": 0.1, "weight_decay": 0.2}),
    ],
    ids=str,
)
def test_update_is_its_equation(kind, settings, rng):
    n = BLOCK + 100  # more than one block
    start, gradients = rng.normal(size=n), rng.normal(size=(5, n))
    optimizer = OPTIMIZERS[kind](**settings)
    params, moments = start.copy(), np.zeros((optimizer.n_moments, n))
    for step, gradient in enumerate(gradients):
        optimizer.apply(params, gradient.copy(), moments, n, optimizer.scalars(step))
    np.testing.assert_allclose(params, by_hand(kind, settings, start, gradients), rtol=1e-12, atol=1e-14)


def test_weight_decay_touches_matrices_alone(small):
    net, X, y = small
    net["b1"][...] = 1
    plain, decayed = net.copy(), net.copy()
    plain.step(X, y, cr.SGD(lr=0.1))
    decayed.step(X, y, cr.SGD(lr=0.1, weight_decay=0.5))
    np.testing.assert_array_equal(plain["b1"], decayed["b1"])
    np.testing.assert_allclose(plain["W1"] - decayed["W1"], 0.05 * net["W1"], atol=1e-15)


def test_clipping_scales_the_whole_gradient_to_the_limit(small):
    net, X, y = small
    before = net.state.params.copy()
    gradient = np.concatenate([net.gradients(X, y)[slot.label].ravel() for slot in net.plan.slots])
    net.step(X, y, cr.SGD(lr=1.0, clip_norm=0.01))
    np.testing.assert_allclose(before - net.state.params, 0.01 * gradient / np.linalg.norm(gradient), atol=1e-15)
    net.state.params[...] = before
    net.step(X, y, cr.SGD(lr=1.0, clip_norm=1e6))
    np.testing.assert_allclose(before - net.state.params, gradient, atol=1e-15)


def test_schedules():
    assert cr.Constant(0.3)(7) == 0.3
    assert cr.InverseTimeDecay(1.0, 1e-3)(9_999) == 1 / 10.999
    assert [cr.StepDecay(1.0, every=2, factor=0.5)(step) for step in range(5)] == [1, 1, 0.5, 0.5, 0.25]
    assert cr.ExponentialDecay(2.0, 0.5)(3) == 0.25
    cosine = cr.CosineDecay(1.0, steps=10, floor=0.2)
    assert [cosine(0), cosine(5), cosine(10), cosine(99)] == pytest.approx([1, 0.6, 0.2, 0.2])
    assert cr.CosineDecay(1.0, steps=10)(2) == pytest.approx((1 + math.cos(0.2 * math.pi)) / 2)
    assert [cr.Warmup(0.8, steps=4)(step) for step in range(6)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8])
    assert cr.Warmup(cr.StepDecay(1.0, every=1, factor=0.1), steps=2)(1) == pytest.approx(0.1)


def test_a_schedule_drives_the_training_and_is_recorded(small):
    net, X, y = small
    history = net.fit(X, y, cr.SGD(cr.StepDecay(0.1, every=4)), epochs=3, batch_size=10)
    assert history.columns["lr"] == pytest.approx([0.1, 0.01, 0.001])


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=lambda kind: kind.__name__)
def test_a_table_of_many_steps_has_the_bits_of_one_at_a_time(kind):
    for lr in (0.01, cr.CosineDecay(0.1, steps=300)):
        optimizer = kind(lr=lr)
        one = [optimizer.scalars(step) for step in range(3000)]
        for first, n in ((0, 1), (5, 8), (17, 400), (1000, 2000)):
            table, refusal = optimizer.table(first, n)
            np.testing.assert_array_equal(table, one[first : first + n])
            assert refusal is None


def test_a_warning_shows_the_users_line(small):
    net, X, y = small
    net.fit(X, y, cr.Adam(), epochs=1)
    for use in (
        lambda: net.fit(X, y, cr.SGD(), epochs=1),
        lambda: list(cr.train(net, (X, y), cr.Adam(), epochs=1)),
        lambda: net.step(X, y, cr.SGD()),
    ):
        with pytest.warns(UserWarning, match="moments are dropped") as caught:
            use()
        assert caught[0].filename == __file__


def test_changing_the_optimizer_resets_its_moments_with_a_warning(small):
    net, X, y = small
    net.step(X, y, cr.Adam())
    net.step(X, y, cr.Adam(lr=1e-4))
    assert net.state.step == 2
    with pytest.warns(UserWarning, match="Adam's moments are dropped"):
        net.step(X, y, cr.SGD(momentum=0.9))
    assert net.state.step == 1
    assert len(net.state.moments) == 1


@pytest.mark.parametrize("optimizer", [cr.SGD(momentum=0.9), cr.Adam(weight_decay=0.1, clip_norm=1.0), cr.AdaGrad()])
def test_no_step_allocates_anything_as_large_as_the_network(optimizer, rng):
    layers = [cr.Dense(1500), cr.ReLU(), cr.Dense(1500), cr.ReLU(), cr.Dense(2)]
    net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=100, l2=1e-4, l1=1e-6)
    X, y = rng.normal(size=(64, 100)).astype(np.float32), rng.integers(0, 2, 64)
    peaks = []
    training = iter(cr.train(net, (X, y), optimizer, batch_size=8, epochs=3))
    for _ in range(3):
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        next(training)
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
        tracemalloc.stop()
    assert peaks[0] > net.state.params.nbytes, "the first epoch allocates the workspace: the meter works"
    assert max(peaks[1:]) < net.state.params.nbytes / 4


@pytest.mark.parametrize(
    "make",
    [
        lambda: cr.SGD(lr=float("nan")),
        lambda: cr.SGD(lr=float("inf")),
        lambda: cr.SGD(lr=-0.1),
        lambda: cr.SGD(lr="0.1"),
        lambda: cr.SGD(lr=lambda step: 0.1),
        lambda: cr.SGD(momentum=1.0),
        lambda: cr.Adam(beta1=1.0),
        lambda: cr.Adam(epsilon=0.0),
        lambda: cr.Adam(clip_norm=0.0),
        lambda: cr.AdamW(weight_decay=-1.0),
        lambda: cr.RMSProp(rho=2.0),
        lambda: cr.CosineDecay(1.0, steps=0),
        lambda: cr.InverseTimeDecay(float("nan"), 0.1),
        lambda: cr.Warmup("fast", 3),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(cr.InputError, match=r"expected .* got"):
        make()


@pytest.mark.parametrize("kind", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_positions_are_the_rate_and_what_is_the_optimizers_own(kind):
    own = [name for name in inspect.signature(kind).parameters if name not in ("lr", "weight_decay", "clip_norm")]
    values = [0.5 if name != "nesterov" else True for name in own]
    assert kind(0.1, *values) == kind(lr=0.1, **dict(zip(own, values, strict=True)))
    with pytest.raises(TypeError, match="positional"):
        kind(0.1, *values, 0.01)


def test_the_benchmark_trains_with_the_adam_of_its_peers(monkeypatch):
    used = []
    monkeypatch.setattr(bench, "train", lambda net, data, optimizer, **rest: used.append(optimizer) or iter(()))
    with pytest.raises(StopIteration):
        bench.measure(bench.WORKLOADS["spiral"], "Adam", "float32")
    assert used == [cr.Adam(lr=1e-4, beta1=0.9, beta2=0.999, epsilon=1e-8)]
