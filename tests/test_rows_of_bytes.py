"""Images stay bytes: backends scale them while they gather a batch, and the numbers are those of a scaled copy."""

import signal
import threading
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.arrays import Scaled
from chainrule.backends import compiled
from chainrule.backends.threads import limit
from chainrule.data.encoder import Pixels
from conftest import needs_kernels


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (200, 6, 5), dtype=np.uint8), rng.integers(0, 3, 200)


def network(dtype):
    return cr.Network([cr.Dense(7), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), 30, dtype=dtype)


@pytest.mark.parametrize("backend", ["compiled", "reference"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bytes_train_and_predict_as_the_numbers_they_mean(images, backend, dtype, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", backend)
    rows = Pixels.fit(images[0]).transform(images[0])
    assert isinstance(rows, Scaled)
    kind = np.dtype(dtype).type
    copied = rows.values.astype(dtype) * kind(rows.scale) + kind(rows.shift)
    nets = [network(dtype), network(dtype)]
    for net, X in zip(nets, [rows, copied]):
        net.fit(X, images[1], cr.Adam(0.01), epochs=3, batch_size=32)
    np.testing.assert_array_equal(nets[0].state.params, nets[1].state.params)
    np.testing.assert_array_equal(nets[0].forward(rows), nets[1].forward(copied))
    for name, gradient in nets[0].gradients(rows, images[1]).items():
        np.testing.assert_array_equal(gradient, nets[1].gradients(copied, images[1])[name])


def test_a_batch_of_bytes_becomes_numbers_at_once_and_not_row_by_row(images, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    gathered, whole = [], Scaled.__getitem__
    monkeypatch.setattr(Scaled, "__getitem__", lambda self, rows: gathered.append(rows) or whole(self, rows))
    network("float32").fit(Pixels.fit(images[0]).transform(images[0]), images[1], cr.SGD(0.01), epochs=1, batch_size=50)
    assert [len(rows) for rows in gathered] == [50, 50, 50, 50]


def test_the_scale_is_used(images):
    rows = Pixels.fit(images[0]).transform(images[0])
    net = network("float32")
    assert not np.array_equal(net.forward(rows), net.forward(Scaled(rows.values, rows.scale, rows.shift + 0.1)))


def test_the_darkest_is_minus_one_and_the_brightest_one_whatever_the_type(images):
    pixels = Pixels.fit(images[0])
    by_bytes = pixels.transform(images[0])[:]
    assert (by_bytes.min(), by_bytes.max()) == pytest.approx((-1, 1), abs=1e-6)
    np.testing.assert_array_equal(pixels.transform(images[0].astype(np.float64)), by_bytes)


def test_predictions_of_many_threads_are_those_of_one(rng):
    net = cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), 30)
    X = [rng.normal(size=(3000, 30)).astype(np.float32) for _ in range(4)]
    alone = [net.forward(part) for part in X]
    wrong = []

    def ask(part, expected):
        wrong.extend(i for i in range(30) if not np.array_equal(net.forward(part), expected))

    threads = [threading.Thread(target=ask, args=pair) for pair in zip(X, alone)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_kernels
def test_predictions_one_after_the_other_make_one_engine(rng, monkeypatch):
    made, make = [], compiled.Inference._new
    monkeypatch.setattr(compiled.Inference, "_new", lambda self, threads: made.append(threads) or make(self, threads))
    net, X = network("float32"), rng.normal(size=(300, 30))
    net.forward(X)
    at_first = len(made)
    monkeypatch.setattr(compiled, "_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.forward(X)
    monkeypatch.undo()
    monkeypatch.setattr(compiled.Inference, "_new", lambda self, threads: made.append(threads) or make(self, threads))
    for _ in range(3):
        net.forward(X)
    assert len(made) == at_first + 1


def interrupted(*given):
    raise KeyboardInterrupt


@needs_kernels
def test_predictions_in_several_calls_are_those_of_one(rng, images, monkeypatch):
    net, many = network("float32"), Scaled(rng.integers(0, 256, (10_000, 30), dtype=np.uint8), 2 / 255, -1)
    expected, calls = net.forward(many), []
    monkeypatch.setattr(compiled, "HEARD", 1)
    monkeypatch.setattr(compiled, "dense_rows", lambda X, part: calls.append(part) or X[part])
    np.testing.assert_array_equal(net.forward(many), expected)
    np.testing.assert_array_equal(net.forward(many[:]), expected)
    assert len(calls) > 1


@needs_kernels
@pytest.mark.parametrize(
    "ask", [cr.Network.forward, lambda net, X: net.gradients(X, X[:, :1])], ids=["forward", "gradients"]
)
def test_a_long_call_is_interrupted_within_half_a_second(ask, rng):
    net = cr.Network([cr.Dense(2000), cr.ReLU(), cr.Dense(2000), cr.ReLU(), cr.Dense(1)], cr.HalfSquaredError(), 500)
    X = np.zeros((100_000, 500), np.float32)  # a second and more, on any two cores
    ask(net, X[:5000])
    asked = []

    def interrupt():
        asked.append(time.process_time())
        signal.raise_signal(signal.SIGINT)

    def run():
        threading.Timer(0.2, interrupt).start()
        while True:  # however late it comes, it comes in a call
            ask(net, X)

    with pytest.raises(KeyboardInterrupt):
        run()
    assert time.process_time() - asked[0] < 0.5 * limit()  # of all threads; to wait for a core does not count
    assert net.forward(X[:10]).shape == (10, 1)


def test_predictions_follow_the_parameters(rng):
    net = network("float32")
    X = rng.normal(size=(5, 30)).astype(np.float32)
    before = net.forward(X)
    net["W1"][...] *= 2
    assert not np.array_equal(net.forward(X), before)
    net.state.params = net.state.params.copy() * 0
    np.testing.assert_array_equal(net.forward(X), 0)


def test_rows_that_are_not_aligned_are_rows_like_others(rng):
    net, plain = network("float64"), rng.normal(size=(5, 30))
    odd = np.frombuffer(b"\0" + plain.tobytes(), np.float64, offset=1).reshape(5, 30)
    assert not odd.flags.aligned
    assert net.inputs(odd).flags.aligned
    np.testing.assert_array_equal(net.forward(odd), net.forward(plain))
    np.testing.assert_array_equal(net.predict(odd), net.predict(plain))
