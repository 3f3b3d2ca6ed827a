"""The compiled kernels against the reference, which is the specification: gradients, updates, loss curves, outputs."""

from functools import partial

import numpy as np
import pytest

import chainrule as cr
from chainrule.backends import choose, reference
from chainrule.backends.reference import Data
from chainrule.check.catalogue import data_for, example
from chainrule.optimizers import OPTIMIZERS
from chainrule.random import orders
from conftest import TIGHT, needs_kernels

compiled = pytest.importorskip("chainrule.backends.compiled")
pytestmark = needs_kernels

OPTIMIZED = [
    cr.SGD(0.1), cr.SGD(0.05, momentum=0.9), cr.SGD(0.05, momentum=0.9, nesterov=True), cr.AdaGrad(), cr.RMSProp(),
    cr.ClassicalMomentum(0.05), cr.ClassicalMomentum(0.05, nesterov=True), cr.AdamEpsilonHat(),
    cr.Adam(), cr.AdamW(clip_norm=0.5), cr.SGD(cr.CosineDecay(0.1, 60), weight_decay=0.01, clip_norm=0.1),
]  # fmt: skip
CURVE = {np.float64: (100, 1e-9), np.float32: (20, 1e-4)}  # steps, and how far the losses may be apart
DRAWS = 8  # of the data, over which float32's errors are averaged: those of one are luck


def test_every_optimizer_is_here():
    assert {type(optimizer).__name__ for optimizer in OPTIMIZED} == set(OPTIMIZERS)


def gradients(backend, net, data):
    """Loss, gradient of the parameters, gradient of the inputs."""
    dX = np.empty((len(data), net.n_in), net.dtype)
    state = net.state
    value, grads = backend.whole_gradients(net.plan, state.params, net.objective, data, net.seed, state.step, dX)
    return value, {**net.plan.named(grads), "X": dX}


def network(part=None, dtype=np.float64, loss=None, **settings):
    layers = [cr.Dense(37), part or cr.Tanh(), cr.Dense(19), cr.ReLU(), cr.Dense(3)]
    return cr.Network(layers, loss or cr.SoftmaxCrossEntropy(), n_in=11, dtype=dtype, seed=2, **settings)


def rows(rng, loss=None, n=150):
    X, z = rng.normal(size=(n, 11)), rng.normal(size=(n, 3))
    kinds = {"labels": z.argmax(axis=1), "flags": (z > 0) * 1.0, "values": z, "counts": np.exp(z).round()}
    return X, kinds[(loss or cr.SoftmaxCrossEntropy()).target]


def worst(found, expected):
    """The largest error of each tensor over its largest entry; where that is 0, the error itself. NaN is an error."""
    return {name: abs(found[name] - values).max() / (abs(values).max() or 1) for name, values in expected.items()}


PARTS = [example(kind) for kind in cr.LAYERS.values() if kind is not cr.Dense]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_every_layer(part, weighted):
    agree(partial(network, part), rows, weighted)


LOSSES = [example(kind) for kind in cr.LOSSES.values()] + [cr.SoftmaxCrossEntropy(smoothing=0.1)]


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_gradients_of_every_loss(loss):
    agree(partial(network, loss=loss), lambda rng: rows(rng, loss), weighted=True)


def test_gradients_with_soft_targets_and_penalties():
    agree(partial(network, l2=0.1, l1=0.01), lambda rng: (rows(rng)[0], rng.dirichlet(np.ones(3), 150)))


@pytest.mark.parametrize("n_in", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("n_out", [2, 3, 4, 5, 16, 17])
def test_gradients_of_few_inputs_and_outputs(n_in, n_out, rng):
    layers = [cr.Dense(70), cr.LeakyReLU(0.2), cr.Dense(n_out)]
    net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=n_in, dtype=np.float64, seed=1)
    for n in (1, 63, 131):
        data = net.data(rng.normal(size=(n, n_in)), rng.dirichlet(np.ones(n_out), n))
        require_close(gradients(compiled, net, data)[1], gradients(reference, net, data)[1])


@pytest.mark.parametrize(("n_in", "n"), [(64, 512), (64, 1100), (784, 128), (1100, 100), (2100, 40)])
def test_gradients_of_long_sums(n_in, n):
    """Of more than one chain over the rows or the inputs, and of more than one run."""

    def draw(rng):
        X = rng.normal(size=(n, n_in))
        return X, (X @ rng.normal(size=(n_in, 10))).argmax(axis=1)

    def build(dtype=np.float64):
        layers = [cr.Dense(64), cr.Tanh(), cr.Dense(10)]
        return cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=n_in, dtype=dtype, seed=3)

    agree(build, draw)


@needs_kernels
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_out", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("n_in", [5, 15, 16, 17, 31, 100, 2047, 2048, 2049])
def test_outputs_of_few_columns(n_in, n_out, dtype, rng):
    net = cr.Network([cr.Dense(n_out)], cr.MeanSquaredError(), n_in, dtype=dtype)
    net["b1"][...] = rng.normal(size=n_out)
    X = rng.normal(size=(21, n_in)).astype(dtype)
    outputs, exact = net.forward(X), X.astype(np.longdouble) @ net["W1"].astype(np.longdouble) + net["b1"]
    sizes = abs(X).astype(np.longdouble) @ abs(net["W1"]) + abs(net["b1"])
    assert (abs(outputs - exact) <= 20 * np.finfo(dtype).eps * sizes).all()
    assert all(net.forward(row[None]).tobytes() == z.tobytes() for row, z in zip(X, outputs)), "a row alone is the same"


@needs_kernels
@pytest.mark.parametrize("n_in", [16, 20, 40])
def test_a_sum_of_few_columns_that_underflows_is_zero_without_a_sign(n_in):
    """Else it would depend on the vector's width which of its empty lanes met a zero."""
    net = cr.Network([cr.Dense(3)], cr.MeanSquaredError(), n_in)
    net["W1"][...], net["b1"][...] = -1e-30, -0.0
    outputs = net.forward(np.full((9, n_in), 1e-30, np.float32))
    assert not outputs.any()
    assert not np.signbit(outputs).any()


def agree(build, draw, weighted=False):
    """float64 to 1e-12; float32 on the average at most twice as far from that as the float32 reference is."""
    ours, theirs = [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng(seed)
        X, t = draw(rng)
        data = X, t, rng.uniform(0.5, 2, len(X)) if weighted else None
        double, single = build(), build(dtype=np.float32)
        exact = double.data(*data)
        value, expected = gradients(reference, double, exact)
        found_value, found = gradients(compiled, double, exact)
        assert found_value == pytest.approx(value, rel=TIGHT)
        require_close(found, expected)
        single.state.params[...] = double.state.params
        rounded = single.data(*data)
        theirs.append(worst(gradients(reference, single, rounded)[1], expected))
        ours.append(worst(gradients(compiled, single, rounded)[1], expected))
    require_as_exact(ours, theirs)


def require_close(found, expected):
    for name, error in worst(found, expected).items():
        assert error <= TIGHT, (name, error)


def require_as_exact(ours, theirs):
    for name in theirs[0]:
        mean, wanted = (np.mean([errors[name] for errors in draws]) for draws in (ours, theirs))
        assert mean <= 2 * wanted, (name, mean, wanted)


def scaled(values, size=1 + 1e-11):
    return values * size


def with_nan(values):
    values = values.copy()
    values.flat[-1] = np.nan
    return values


@pytest.mark.parametrize("spoil", [scaled, with_nan])
@pytest.mark.parametrize("tensor", ["W1", "b3", "X"])
def test_a_wrong_gradient_would_be_noticed(spoil, tensor, rng):
    net = network()
    _, expected = gradients(reference, net, net.data(*rows(rng)))
    require_close(expected, expected)
    with pytest.raises(AssertionError, match=tensor):
        require_close(expected | {tensor: spoil(expected[tensor])}, expected)


@pytest.mark.parametrize("error", [2.1e-7, np.nan])
def test_float32_that_is_less_exact_would_be_noticed(error):
    theirs = [{"W1": 1e-7}] * DRAWS
    require_as_exact([{"W1": 1.9e-7}] * DRAWS, theirs)
    with pytest.raises(AssertionError, match="W1"):
        require_as_exact([{"W1": error}] * DRAWS, theirs)


def curve(backend, optimizer, dtype, steps, w=None, n=60, batch=17, part=None, **penalty):
    net = network(part or cr.Dropout(0.2), dtype, **(penalty or {"l2": 1e-3}))
    X, y = rows(np.random.default_rng(1), n=n)
    data, target = net.data(X, y, w), net.target or cr.network.target_for(net.loss, 3).fit(y)
    run = backend.Steps(net.plan, net.objective, target, net.seed, batch, dtype)
    net.state.prepare(optimizer)
    return run.run(net.state, optimizer, data, orders(n, 0, 0, steps // -(-n // batch)), 1.0), net.state


@pytest.mark.parametrize("optimizer", OPTIMIZED, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_curves(optimizer, dtype):
    steps, apart = CURVE[dtype]
    expected, _ = curve(reference, optimizer, dtype, steps)
    found, state = curve(compiled, optimizer, dtype, steps)
    assert abs(found[:, 0] - expected[:, 0]).max() <= apart
    if dtype == np.float64:
        np.testing.assert_array_equal(found[:, 1].round(12), expected[:, 1].round(12))  # the scores
    assert state.step == steps


@pytest.mark.parametrize(
    "optimizer", [cr.SGD(0.02, momentum=0.9), cr.Adam(0.01, weight_decay=0.1, clip_norm=0.1)], ids=repr
)
@pytest.mark.parametrize("part", [cr.Dropout(0.2), cr.LayerNorm(), cr.Softmax()], ids=repr)
@pytest.mark.parametrize("n", [1200, 602])
def test_loss_curves_of_large_batches(optimizer, part, n):
    """Which are summed in parts; of a last batch of two rows all parts but one are empty."""
    curves = [
        curve(backend, optimizer, np.float64, 100, n=n, batch=600, part=part)[0] for backend in (reference, compiled)
    ]
    assert abs(curves[0] - curves[1]).max() <= 1e-9
    assert np.ptp(curves[0][:, 0]) > 1e-3


@pytest.mark.parametrize("weighted", [False, True])
def test_a_penalty_by_batch(weighted, rng):
    w = rng.uniform(0.5, 2, 60) if weighted else None
    settings = {"l2": 0.5, "l1": 0.01, "penalty_by_batch": True}
    curves = [curve(backend, cr.SGD(0.1), np.float64, 100, w, **settings)[0] for backend in (reference, compiled)]
    assert abs(curves[0] - curves[1]).max() <= 1e-9
    plain, _ = curve(reference, cr.SGD(0.1), np.float64, 100, w, l2=0.5, l1=0.01)
    assert abs(plain - curves[0]).max() > 0.1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.uint8])
def test_rows_are_taken_as_they_are_given(dtype, given, rng):
    X = rng.integers(0, 9, (60, 11)).astype(given)
    y = rng.integers(0, 3, 60)
    nets = [network(dtype=dtype), network(dtype=dtype)]
    nets[0].fit(X, y, cr.SGD(0.01), epochs=2)
    nets[1].fit(X.astype(dtype), y, cr.SGD(0.01), epochs=2)
    np.testing.assert_array_equal(nets[0].state.params, nets[1].state.params)
    assert np.shares_memory(nets[0].inputs(X), X)


@pytest.mark.parametrize("given", [">f4", ">f8", ">i4", "<f8"])
def test_the_order_of_bytes_does_not_matter(given, rng):
    X = rng.integers(-9, 9, (300, 11)).astype(given)
    y = rng.integers(0, 3, 300)
    nets = [network(dtype=np.float32), network(dtype=np.float32)]
    nets[0].fit(X, y, cr.SGD(0.01), epochs=1)
    nets[1].fit(X.astype(np.float32), y, cr.SGD(0.01), epochs=1)
    np.testing.assert_array_equal(nets[0].state.params, nets[1].state.params)
    for n in (1, 300):
        np.testing.assert_array_equal(nets[0].predict(X[:n]), nets[1].predict(X[:n].astype(np.float32)))


@pytest.mark.parametrize("n", [1, 2, 256, 257, 5000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_outputs_and_labels(n, dtype, rng, monkeypatch):
    net = network(cr.Dropout(0.3), dtype)
    X = rng.normal(size=(n, 11))
    found, labels = net.forward(X), net.predict(X)
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    slow = net.copy()
    np.testing.assert_allclose(found, slow.forward(X), atol=1e-12 if dtype == np.float64 else 1e-5)
    np.testing.assert_array_equal(labels, slow.predict(X))
    assert found.dtype == dtype


def evaluated_alike(net, X, y, rng, monkeypatch):
    w = rng.uniform(0, 2, len(X))
    given = [(X, y), (X, y, w), *((X[:n], y[:n]) for n in (1, 256, 257))]
    found = [net.evaluate(*each) for each in given]
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    slow = net.copy()
    assert (net.backend, slow.backend) == ("reference", "reference")  # whoever is asked from now on
    expected = [slow.evaluate(*each) for each in given]
    np.testing.assert_allclose(found, expected, rtol=1e-12 if net.dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("loss", LOSSES, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_and_scores_of_rows(loss, dtype, by_batch, rng, monkeypatch):
    net = network(loss=loss, dtype=dtype, l2=1e-2, l1=1e-3, penalty_by_batch=by_batch)
    evaluated_alike(net, *rows(rng, loss, 600), rng, monkeypatch)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("n_out", [2, 8, 9, 20])
def test_losses_and_scores_of_more_classes(n_out, soft, rng, monkeypatch):
    net = cr.Network([cr.Dense(n_out)], cr.SoftmaxCrossEntropy(), n_in=5, dtype=np.float64)
    y = rng.dirichlet(np.ones(n_out), 300) if soft else np.arange(300) % n_out
    evaluated_alike(net, rng.normal(size=(300, 5)), y, rng, monkeypatch)


@pytest.mark.parametrize(
    "t", [np.ones((4, 2), np.float32), np.ones(4, np.float32), np.array([0, 1, 2, 3]), np.arange(3)]
)
def test_targets_of_other_rows_or_outputs_are_not_read(t, rng):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    with pytest.raises(ValueError, match="expected a label"):
        net.evaluate_data(Data(rng.normal(size=(4, 2)).astype(np.float32), t))


def test_a_loss_that_overflows_is_told_without_a_warning():
    net = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=2)
    assert net.evaluate(np.ones((4, 2)), [1e30, 2e30, 3e30, -1e30])[0] == np.inf


def test_a_prediction_sees_the_weights_of_now(rng):
    net = network()
    X = rng.normal(size=(3, 11))
    before = net.forward(X)
    net["b3"][...] += 1
    np.testing.assert_allclose(net.forward(X), before + 1, rtol=TIGHT)
    other = net.copy()
    other["b3"][...] -= 1
    np.testing.assert_allclose(other.forward(X), before, rtol=TIGHT)


class Doubled(cr.ReLU):
    """A user's own layer."""

    math = ("y = 2 * np.maximum(x, 0)", "dx = 2 * dy * (x > 0)")


def test_a_layer_without_kernel_runs_on_the_reference_and_says_why(rng):
    net = network(Doubled())
    assert net.backend == "reference"
    assert net.backend_reason == "Doubled (layer 2) has no compiled kernel"
    assert net.fit(*rows(rng), cr.SGD(), epochs=1)[0].backend == "reference"
    assert network().backend == "compiled"
    assert network().backend_reason is None


@pytest.mark.parametrize(
    ("there", "reason"),
    [(True, "cannot be loaded (a library is too old)"), (False, "are not part of this installation")],
)
def test_why_the_kernels_do_not_run_is_told(monkeypatch, there, reason):
    def fails():
        raise ImportError("a library is too old")

    monkeypatch.setattr(compiled, "kernels", fails)
    monkeypatch.setattr(compiled, "find_spec", {"chainrule.backends._kernels": object() if there else None}.get)
    net = network()
    assert (net.backend, net.backend_reason) == ("reference", f"the compiled kernels {reason}")


def test_an_optimizer_without_kernel_too(rng):
    class Halved(cr.SGD):
        def update(self, p, g, moments, scalars):
            super().update(p, g / 2, moments, scalars)

    net, expected = network(), network()
    assert net.fit(*rows(rng), Halved(0.1), epochs=1)[0].backend == "reference"
    assert expected.fit(*rows(rng), cr.SGD(0.1), epochs=1)[0].backend == "compiled"


def test_the_environment_chooses(rng, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    assert choose(network().plan, network().loss)[0] is reference
    monkeypatch.setenv("CHAINRULE_BACKEND", "compiled")
    with pytest.raises(cr.InputError, match=r"Doubled \(layer 2\) has no compiled kernel"):
        network(Doubled()).fit(*rows(rng), cr.SGD(), epochs=1)
    monkeypatch.setenv("CHAINRULE_BACKEND", "compield")
    with pytest.raises(cr.InputError, match="did you mean 'compiled'"):
        _ = network().backend
    monkeypatch.setenv("CHAINRULE_BACKEND", "compiled")
    monkeypatch.setenv("CHAINRULE_ISA", "v9")
    with pytest.raises(cr.InputError, match="CHAINRULE_ISA: no instruction set 'v9' here"):
        _ = network().backend


def test_orders_are_those_of_the_reference():
    for n in (1, 2, 3, 100, 4097):
        for seed, epoch in ((0, 0), (7, 3), (2**64 - 1, 2**40)):
            for threads in (1, 2, 3):
                rows = np.empty((5, n), np.int64)
                compiled.kernels().orders(rows, seed, epoch, threads)
                np.testing.assert_array_equal(rows, orders(n, seed, epoch, 5))


def test_divergence_is_the_references(rng):
    X, y = rows(rng)
    for backend in ("reference", "compiled"):
        net = network(dtype=np.float32)
        before = net.state.params.copy()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CHAINRULE_BACKEND", backend)
            with pytest.raises(cr.Diverged) as caught:
                net.fit(X * 1e30, y, cr.SGD(1e30), epochs=3)
        assert caught.value.step == 2
        np.testing.assert_array_equal(net.state.params, before)  # the best weights so far are those of the start


def random_network(rng):
    """Any layers, loss and dtype, with data for them."""
    layers = []
    for _ in range(rng.integers(1, 4)):
        layers.append(cr.Dense(int(rng.integers(1, 70 if rng.random() < 0.8 else 600))))
        layers += [PARTS[rng.integers(len(PARTS))] for _ in range(rng.integers(0, 3))]
    loss = LOSSES[rng.integers(len(LOSSES))]
    n_out, n_in = int(rng.integers(2, 18)), int(rng.integers(1, 50))
    layers.append(cr.Dense(n_out))
    net = cr.Network(layers, loss, n_in, seed=int(rng.integers(1000)), dtype=np.float64)
    n = int(rng.integers(1, 90 if rng.random() < 0.8 else 1500))
    X, z = rng.normal(size=(n, n_in)), rng.normal(size=(n, n_out))
    kinds = {"labels": z.argmax(axis=1), "flags": (z > 0) * 1.0, "values": z, "counts": np.exp(z).round()}
    return net, net.data(X, kinds[loss.target], rng.uniform(0.1, 2, n) if rng.random() < 0.3 else None)


@pytest.mark.parametrize("block", range(10))
def test_five_hundred_random_networks(block, monkeypatch):
    """On 1 to 4 threads, in batches of any size. Rounding may be magnified on the way (a LayerNorm of nearly equal
    entries), so each case is allowed what a change of the weights by one part in 1e15 does to the reference itself, a
    hundred times over; in float32, ten times the reference's own error, and a millionth."""
    rng = np.random.default_rng(block)
    for _ in range(50):
        net, data = random_network(rng)
        threads, batch = int(rng.integers(1, 5)), int(rng.integers(1, 1400))
        monkeypatch.setattr(compiled, "wish", lambda *_, n=threads: (n, n, True))
        monkeypatch.setattr(compiled, "BLOCK_ROWS", batch)
        case = net, threads, batch
        value, expected = gradients(reference, net, data)
        found_value, found = gradients(compiled, net, data)
        single = cr.Network(net.layers, net.loss, net.n_in, seed=net.seed)
        single.state.params[...] = net.state.params
        w = None if data.w is None else data.w.astype(np.float32)
        t = data.t if data.t.dtype.kind == "i" else data.t.astype(np.float32)
        rounded = reference.Data(data.X.astype(np.float32), t, w)
        theirs = worst(gradients(reference, single, rounded)[1], expected)
        ours = worst(gradients(compiled, single, rounded)[1], expected)
        net.state.params *= 1 + 1e-15 * rng.choice([-1, 1], net.plan.size)
        moved = worst(gradients(reference, net, data)[1], expected)
        assert found_value == pytest.approx(value, rel=1e-10, abs=1e-12), case
        for name, error in worst(found, expected).items():
            assert moved[name] <= TIGHT, case  # else the case would show nothing
            assert error <= TIGHT + 100 * moved[name], (case, name, error, moved[name])
            assert ours[name] <= 1e-6 + 10 * theirs[name], (case, name, ours[name], theirs[name])


def test_data_for_the_catalogue_trains_on_both():
    for kind in cr.LOSSES.values():
        loss = example(kind)
        X, y = data_for(loss)
        net = cr.Network([cr.Dense(3)], loss, n_in=X.shape[1])
        assert net.fit(X, y, cr.SGD(0.01), epochs=1)[0].backend == "compiled"
