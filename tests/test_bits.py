"""The same seed gives the same bits; shards add up; the dtype that goes in comes out; views stay views."""

import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.random import fill_mask, order
from conftest import TIGHT

LAYERS = [cr.Dense(12), cr.LayerNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3)]
OPTIMIZERS = [
    cr.SGD(0.1, momentum=0.9),
    cr.AdaGrad(),
    cr.RMSProp(),
    cr.Adam(clip_norm=1.0),
    cr.AdamW(),
    cr.ClassicalMomentum(nesterov=True),
    cr.AdamEpsilonHat(),
]


def fresh(dtype=np.float32, seed=3, layers=LAYERS, loss=None):
    return cr.Network(layers, loss or cr.SoftmaxCrossEntropy(), n_in=5, seed=seed, dtype=dtype)


@pytest.fixture
def rows(rng):
    return rng.normal(size=(50, 5)), rng.integers(0, 3, 50)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_seed_same_bits_and_another_seed_others(optimizer, dtype, rows):
    nets = [fresh(dtype), fresh(dtype), fresh(dtype, seed=4)]
    histories = [net.fit(*rows, optimizer, epochs=3, batch_size=8, valid=rows) for net in nets]
    np.testing.assert_array_equal(nets[0].state.params, nets[1].state.params)
    assert [e.loss for e in histories[0]] == [e.loss for e in histories[1]]
    assert (nets[0].state.params != nets[2].state.params).any()


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: type(optimizer).__name__)
def test_a_training_saved_and_resumed_is_the_uninterrupted_one(optimizer, rows, tmp_path):
    whole, parts = fresh(), fresh()
    whole.fit(*rows, optimizer, epochs=4, batch_size=8)
    parts.fit(*rows, optimizer, epochs=1, batch_size=8)
    parts.save(tmp_path / "half.safetensors", resume=True)
    parts = cr.load(tmp_path / "half.safetensors")
    parts.fit(*rows, optimizer, epochs=1, batch_size=8)
    parts = pickle.loads(pickle.dumps(parts))
    parts.fit(*rows, optimizer, epochs=2, batch_size=8)
    np.testing.assert_array_equal(whole.state.params, parts.state.params)
    assert whole.state.step == parts.state.step == 28


def test_breaking_the_loop_and_going_on_is_the_same_training(rows):
    whole, parts = fresh(), fresh()
    whole.fit(*rows, cr.Adam(), epochs=3, batch_size=8)
    for epoch in cr.train(parts, rows, cr.Adam(), epochs=3, batch_size=8):
        if epoch.number == 2:
            break
    list(cr.train(parts, rows, cr.Adam(), epochs=1, batch_size=8))
    np.testing.assert_array_equal(whole.state.params, parts.state.params)


@pytest.mark.parametrize("kind", cr.LOSSES)
def test_shards_of_a_batch_add_up_to_the_batchs_gradient(kind, rng):
    from chainrule.backends.reference import whole_gradients
    from chainrule.check.catalogue import data_for, example, network_with

    loss = example(cr.LOSSES[kind])
    net = network_with(loss)
    X, y = data_for(loss)
    data = net.data(X, y, rng.uniform(0.5, 2, len(X)))
    value, whole = whole_gradients(net.plan, net.state.params, net.objective, data, 0, 0)
    shards = [
        whole_gradients(net.plan, net.state.params, net.objective, data.rows(rows), 0, 0, n=data.total)
        for rows in (slice(0, 2), slice(2, 7))
    ]
    np.testing.assert_allclose(sum(gradient for _, gradient in shards), whole, atol=TIGHT)
    assert sum(loss for loss, _ in shards) == pytest.approx(value, rel=TIGHT)


def test_blocks_of_a_large_batch_add_up_dropout_included(rng):
    net = fresh(np.float64)
    X, y = rng.normal(size=(9000, 5)), rng.integers(0, 3, 9000)
    blocks = net.gradients(X, y)
    one_batch = fresh(np.float64)
    before = one_batch.state.params.copy()
    one_batch.step(X, y, cr.SGD(lr=1.0))
    for name, gradient in one_batch.plan.named(before - one_batch.state.params).items():
        np.testing.assert_allclose(blocks[name], gradient, atol=1e-10)


def test_a_shard_draws_the_rows_of_the_whole_mask():
    whole, part = np.empty((50, 7)), np.empty((31, 7))
    fill_mask(whole, 20_000, seed=3, layer=1, step=5)
    fill_mask(part, 20_000, seed=3, layer=1, step=5, first_row=19)
    np.testing.assert_array_equal(whole[19:], part)
    assert set(np.unique(whole)) == {0, 65536 / (65536 - 20_000)}


def test_masks_and_orders_are_the_documented_streams():
    bits = np.random.Philox(key=[9, 2**63], counter=[0, 4, 0, 0]).random_raw(20)
    np.testing.assert_array_equal(order(20, seed=9, epoch=4), np.argsort(bits, kind="stable"))
    mask = np.empty((3, 5), np.float32)
    fill_mask(mask, 30_000, seed=9, layer=2, step=7)
    stream = np.random.Philox(key=[9, 2], counter=[0, 0, 7, 0]).random_raw(4).view(np.uint16)[:15].reshape(3, 5)
    np.testing.assert_array_equal(mask != 0, stream >= 30_000)


def test_dropout_keeps_the_expectation_and_prediction_is_without_it(rng):
    net = cr.Network([cr.Dropout(0.25), cr.Dense(1)], cr.MeanSquaredError(), n_in=1000, dtype=np.float64)
    X = np.ones((200, 1000))
    np.testing.assert_allclose(net.forward(X), X @ net["W1"] + net["b1"], rtol=TIGHT)
    mask = np.empty((200, 1000))
    fill_mask(mask, cr.Dropout(0.25).threshold, seed=0, layer=0, step=0)
    assert mask.mean() == pytest.approx(1, abs=0.005)
    assert (mask == 0).mean() == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", cr.LAYERS)
def test_the_dtype_that_goes_in_comes_out(kind, dtype, rows):
    from chainrule.check.catalogue import example

    net = fresh(dtype, layers=[cr.Dense(6), example(cr.LAYERS[kind]), cr.Dense(3)])
    net.fit(*rows, cr.Adam(), epochs=1, batch_size=16)
    X, y = rows
    outputs = [net.state.params, net.state.moments, net.forward(X), net.predict_proba(X), net.input_gradients(X, y)]
    outputs += [*net.gradients(X, y).values(), net["W1"]]
    assert {array.dtype for array in outputs} == {np.dtype(dtype)}
    loss = net.evaluate(X, y)[0]
    assert isinstance(loss, float)


def test_the_loss_of_float32_rows_is_summed_in_float64():
    z, n = np.zeros((2**20, 2), np.float32), 2**20
    loss = cr.SoftmaxCrossEntropy()(z, np.zeros(n, int), np.empty_like(z), n)
    assert loss == pytest.approx(float(np.float32(np.log(2))), abs=1e-7)


@pytest.mark.parametrize("way", ["fit", "load", "copy", "pickle", "restore"])
def test_views_share_memory_with_the_flat_array(way, rows, tmp_path):
    net = fresh()
    history = net.fit(*rows, cr.Adam(), epochs=2, batch_size=8)
    if way == "load":
        net.save(tmp_path / "m.safetensors")
        net = cr.load(tmp_path / "m.safetensors")
    elif way == "copy":
        original, net = net, net.copy()
        net["W1"][...] = 0
        assert original["W1"].any()
    elif way == "pickle":
        net = pickle.loads(pickle.dumps(net))
    elif way == "restore":
        history.restore_best(net)
    for slot in net.plan.slots:
        assert np.shares_memory(net[slot.label], net.state.params)
    net["W1"][0, 0] = 7
    assert net.state.params[0] == 7
    assert net.state.views[0].W[0, 0] == 7


def test_a_pickle_carries_the_parameters_once(rows):
    net = cr.Network([cr.Dense(200), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=500)
    assert len(pickle.dumps(net)) < 1.1 * net.state.params.nbytes
