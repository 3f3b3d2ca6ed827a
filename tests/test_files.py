"""One safe file holds a model: whole or not there, and refused with a reason where it is not what it should be."""

import json
import os
import struct
from dataclasses import dataclass

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import example
from chainrule.config import from_config, to_config


@pytest.fixture
def model(small, tmp_path):
    net, X, y = small
    net.fit(X, y, cr.Adam(), epochs=2)
    net.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors", net, X


def rewrite(path, change):
    """The file again, its description changed."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    description = json.loads(header["__metadata__"]["chainrule"])
    change(description, header)
    header["__metadata__"]["chainrule"] = json.dumps(description)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])


def test_everything_comes_back(model):
    path, net, X = model
    loaded = cr.load(path)
    np.testing.assert_array_equal(loaded.state.params, net.state.params)
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))
    assert loaded.layers == net.layers
    assert loaded.loss == net.loss
    assert (loaded.seed, loaded.dtype, loaded.state.epoch) == (net.seed, net.dtype, 2)
    assert loaded.history.columns == net.history.columns
    assert loaded.classes.tolist() == net.classes.tolist()


@pytest.mark.parametrize("kind", [*cr.LAYERS.values(), *cr.LOSSES.values()])
def test_every_layer_and_loss_is_written_and_read(kind):
    part = example(kind)
    assert from_config(json.loads(json.dumps(to_config(part)))) == part


def test_tensors_are_named_as_everywhere_and_readable_by_anyone(model):
    from safetensors.numpy import load_file

    path, net, _ = model
    tensors = load_file(path)
    assert set(tensors) == {"W1", "b1", "W2", "b2"}
    np.testing.assert_array_equal(tensors["W1"], net["W1"])


def test_moments_are_kept_only_when_asked(model):
    path, net, _ = model
    assert len(cr.load(path).state.moments) == 0
    net.save(path, resume=True)
    np.testing.assert_array_equal(cr.load(path).state.moments, net.state.moments)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.9, 0.999])
def test_a_truncated_file(model, share):
    path, *_ = model
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(cr.InputError, match="damaged, or not a safetensors file"):
        cr.load(path)


def test_foreign_files(tmp_path):
    from safetensors.numpy import save_file

    save_file({"weight": np.zeros(3)}, tmp_path / "foreign.safetensors")
    with pytest.raises(cr.InputError, match="not one that chainrule wrote"):
        cr.load(tmp_path / "foreign.safetensors")
    (tmp_path / "text").write_text("hello, world: this is no model at all")
    with pytest.raises(cr.InputError, match="not a safetensors file"):
        cr.load(tmp_path / "text")
    with pytest.raises(cr.InputError, match="no such file"):
        cr.load(tmp_path / "nothing")
    with pytest.raises(cr.InputError, match="no such file"):
        cr.load(tmp_path)


CHANGES = {
    "newer": (lambda d, h: d.update(version=2), r"newer chainrule \(format 2, this one reads 1\)"),
    "an unknown layer": (lambda d, h: d["layers"][0].update(type="Convolution"), "unknown class 'Convolution'"),
    "a class that is no layer": (lambda d, h: d["layers"][0].update(type="os.system"), "unknown class"),
    "an unknown setting": (lambda d, h: d["layers"][0].update(shape=3), "damaged model file"),
    "another shape": (lambda d, h: d["layers"][0].update(units=8), "expected tensors"),
    "a gigantic shape": (lambda d, h: d["layers"][0].update(units=10**12), "expected tensors"),
    "negative units": (lambda d, h: d["layers"][0].update(units=-1), "whole number"),
    "another dtype": (lambda d, h: d.update(dtype="float32"), "expected finite float32"),
    "no loss": (lambda d, h: d.pop("loss"), "'loss' is missing"),
    "a loss for a layer": (lambda d, h: d["layers"].append({"type": "Huber", "delta": 1.0}), "expected a Layer"),
    "a layer for an encoder": (lambda d, h: d.update(encoder={"type": "Dense", "units": 3}), "encoder: expected"),
    "an encoder of other width": (
        lambda d, h: d.update(encoder={"type": "Pixels", "low": 0.0, "high": 1.0, "n_pixels": 9}),
        "encoder: expected one of 5 features",
    ),
    "another kind of target": (lambda d, h: d.update(target={"type": "Values", "n_out": 3}), "target: expected Labels"),
    "fewer classes": (lambda d, h: d["target"].update(classes=[0, 1]), "a class for each of 3 outputs, got 2"),
    "history of another kind": (lambda d, h: d.update(history=[1]), "damaged"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_files_that_were_tampered_with(model, name):
    path, *_ = model
    change, message = CHANGES[name]
    rewrite(path, change)
    with pytest.raises(cr.InputError, match=message) as caught:
        cr.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_parameters_that_are_not_finite(model):
    path, net, _ = model
    net["W1"][0, 0] = np.nan
    net.save(path)
    with pytest.raises(cr.InputError, match="tensor W1: expected finite"):
        cr.load(path)


def test_writing_fails_whole(model, monkeypatch):
    path, net, _ = model
    before = path.read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(cr.InputError, match="No space left on device"):
        net.save(path)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_folder_that_is_not_there(model, tmp_path):
    _, net, _ = model
    with pytest.raises(cr.InputError, match="cannot write there"):
        net.save(tmp_path / "nowhere" / "model.safetensors")


def test_the_file_is_an_ordinary_one(model):
    path, *_ = model
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_layer_of_ones_own_is_saved_once_it_is_registered(small, tmp_path, monkeypatch):
    @dataclass
    class Cube(cr.Layer):
        gain: float = 0.1

        def forward(self, p, x, y, m):
            np.multiply(self.gain, x**3, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            if dx is not None:
                np.multiply(dy, 3 * self.gain * x**2, out=dx)

    _, X, y = small
    net = cr.Network([cr.Dense(7), Cube(0.2), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=5)
    assert cr.check_gradients(net, X, y)
    net.fit(X, y, cr.Adam(), epochs=2)
    with pytest.raises(cr.InputError, match=r"Cube is not registered; add it with chainrule.LAYERS\['Cube'\]"):
        net.save(tmp_path / "own.safetensors")
    monkeypatch.setitem(cr.LAYERS, "Cube", Cube)
    net.save(tmp_path / "own.safetensors")
    np.testing.assert_array_equal(cr.load(tmp_path / "own.safetensors").forward(X), net.forward(X))
