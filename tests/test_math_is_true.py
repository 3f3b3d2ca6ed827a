"""The equations a layer or loss states, executed, give what its code gives."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule import special
from chainrule.check.catalogue import data_for, example
from conftest import TIGHT

NAMES = {"np": np, "sqrt": math.sqrt, "pi": math.pi} | {
    name: getattr(special, name) for name in ("erf", "log_softmax", "one_hot", "sigmoid", "softmax", "softplus")
}
LAYERS = [*map(example, cr.LAYERS.values()), cr.LeakyReLU(0.3), cr.ELU(0.7)]
LOSSES = [*map(example, cr.LOSSES.values()), cr.SoftmaxCrossEntropy(0.1), cr.Huber(0.5), cr.QuantileLoss(0.8)]


def run_layer(layer, rng):
    x = rng.normal(size=(6, 4))
    y, dy = np.empty((6, layer.width(4))), rng.normal(size=(6, layer.width(4)))
    p = SimpleNamespace(**{name: rng.normal(size=shape) for name, shape in layer.shapes(4).items()})
    g = SimpleNamespace(**{name: np.full(shape, np.nan) for name, shape in layer.shapes(4).items()})
    m = SimpleNamespace(**{name: rng.normal(size=(6, width)) for name, width in layer.memory(4).items()})
    dx = np.full_like(x, np.nan)
    layer.forward(p, x, y, m)
    layer.backward(p, g, x, y, dy, dx, m)
    computed = {"y": y, "dx": dx} | {f"d{name}": value for name, value in vars(g).items()}
    return computed, {"x": x, "dy": dy} | vars(p) | vars(m)


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_layer(layer, rng):
    computed, given = run_layer(layer, rng)
    names = NAMES | vars(layer) | given
    exec("\n".join(layer.math), names)
    for name, value in computed.items():
        np.testing.assert_allclose(names[name], value, rtol=TIGHT, atol=1e-15, err_msg=name)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_loss(loss, rng):
    _, t = data_for(loss)
    z = rng.normal(size=(7, 3))
    dz = np.full_like(z, np.nan)
    value = loss(z, t, dz, 7)
    names = NAMES | vars(loss) | {"z": z, "t": t, "n": 7}
    exec("\n".join(loss.math), names)
    np.testing.assert_allclose(names["loss"], value, rtol=TIGHT)
    np.testing.assert_allclose(names["dz"], dz, rtol=TIGHT, atol=1e-15)


def test_an_equation_that_is_not_the_code_is_noticed(rng):
    computed, given = run_layer(cr.Tanh(), rng)
    names = NAMES | given
    exec("\n".join(cr.Sigmoid.math), names)
    assert abs(names["y"] - computed["y"]).max() > 0.01


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_a_weighted_row_counts_as_often_as_its_weight(loss, rng):
    _, t = data_for(loss)
    z, w = rng.normal(size=(7, 3)), np.array([1.0, 2, 1, 3, 1, 1, 2])
    rows = np.repeat(np.arange(7), w.astype(int))
    dz, repeated = np.empty_like(z), np.empty((len(rows), 3))
    weighted = loss(z, t, dz, w.sum(), w)
    np.testing.assert_allclose(weighted, loss(z[rows], t[rows], repeated, len(rows)), rtol=TIGHT)
    added = np.zeros_like(z)
    np.add.at(added, rows, repeated)
    np.testing.assert_allclose(dz, added, rtol=TIGHT, atol=1e-16)


def test_erf_is_the_library_functions():
    x = np.linspace(-7, 7, 20001)
    np.testing.assert_allclose(special.erf(x), [math.erf(value) for value in x], rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layer", [layer for layer in LAYERS if not layer.shapes(1) and not layer.memory(1)], ids=repr)
def test_no_activation_overflows_far_out(layer, dtype):
    x = np.array([[-1e4, -100, -20, 0, 20, 100, 1e4]], dtype)
    y, dx, none = np.empty_like(x), np.empty_like(x), SimpleNamespace()
    layer.forward(none, x, y, none)
    layer.backward(none, none, x, y, np.ones_like(x), dx, none)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("loss", [cr.SoftmaxCrossEntropy(), cr.BinaryCrossEntropy()], ids=repr)
def test_cross_entropy_of_a_hopeless_prediction_is_finite_and_right(loss):
    z = np.array([[0.0, 1000.0]], np.float32)
    t = np.array([0]) if loss.target == "labels" else np.array([[1.0, 0.0]], np.float32)
    dz = np.empty_like(z)
    assert loss(z, t, dz, 1) == pytest.approx(1000, abs=1)
    assert np.isfinite(dz).all()
