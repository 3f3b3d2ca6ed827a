"""One safe file holds a model: whole or not there, and refused with a reason where it is not what it should be."""

import copy
import json
import os
import struct
from collections import Counter
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import example
from chainrule.config import from_config, to_config
from chainrule.data.encoder import TableEncoder
from chainrule.files import require_writable


@pytest.fixture
def model(small, tmp_path):
    net, X, y = small
    net.fit(X, y, cr.Adam(), epochs=2)
    net.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors", net, X


def parts(path):
    """The description, the header around it, and the tensors' bytes."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    return json.loads(header["__metadata__"]["chainrule"]), header, content[8 + length :]


def put_together(path, description, header, tensors):
    header["__metadata__"]["chainrule"] = json.dumps(description)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + tensors)


def rewrite(path, change):
    """The file again, its description changed."""
    description, header, tensors = parts(path)
    change(description, header)
    put_together(path, description, header, tensors)


def with_tensor(path, name, value):
    """The file again with another tensor of that name."""
    from safetensors.numpy import load_file, save_file

    _, header, _ = parts(path)
    save_file(load_file(path) | {name: np.array(value)}, path, header["__metadata__"])


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
    with pytest.raises(cr.InputError, match="expected a file, got a folder"):
        cr.load(tmp_path)
    with pytest.raises(cr.InputError, match="/dev/null: expected a file, got a pipe or a device"):
        cr.load("/dev/null")


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
    "words for a loss": (lambda d, h: d["history"]["epochs"][0].update(loss="low"), "loss: expected"),
    "an epoch of another number": (
        lambda d, h: d["history"]["epochs"][0].update(number=7),
        "history: expected epochs after epoch 7, got 2",
    ),
    "no info": (lambda d, h: d.update(info=None), "info: expected an object, got None"),
    "a number for an optimizer": (
        lambda d, h: d.update(optimizer=5),
        "optimizer: expected one of SGD, .* or none, got 5",
    ),
    "an unknown optimizer": (lambda d, h: d.update(optimizer="Lion"), "optimizer: expected one of .*, got 'Lion'"),
    "an optimizer without its moments": (
        lambda d, h: d.update(optimizer="Adam"),
        r"tensor moments: expected shape \(2, 66\) of Adam, got \(0, 66\)",
    ),
    "a word for the steps": (lambda d, h: d.update(step="x"), "step: expected a whole number .* got 'x'"),
    "negative epochs": (lambda d, h: d.update(epoch=-5), "epoch: expected a whole number .* got -5"),
    "endless epochs": (lambda d, h: d.update(epoch=2**63), "epoch: expected a whole number"),
    "classes of another kind": (lambda d, h: d["target"].update(classes=[0, {}, 1]), "list of finite numbers"),
    "a nested list of classes": (lambda d, h: d["target"].update(classes=[[0, 1, 2]]), "list of finite numbers"),
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
    before = path.read_bytes()
    for value in (np.nan, np.inf, -np.inf):
        net["W1"][0, 0] = value
        with pytest.raises(cr.InputError, match=f"not written, for W1 holds {value}: expected finite numbers"):
            net.save(path)
    assert path.read_bytes() == before
    net["W1"][0, 0] = 0
    net.state.moments[0, 3] = np.inf
    net.save(path)
    with pytest.raises(cr.InputError, match="for moments holds inf"):
        net.save(path, resume=True)


def test_a_file_with_parameters_that_are_not_finite(model):
    path, net, _ = model
    with_tensor(path, "W1", np.full_like(net["W1"], np.nan))
    with pytest.raises(cr.InputError, match="tensor W1: expected finite"):
        cr.load(path)


MOMENTS = {
    "of fewer parameters": (np.zeros((2, 5)), r"expected shape \(2, 66\) of Adam, got \(2, 5\)"),
    "of more moments": (np.zeros((5, 66)), r"got \(5, 66\)"),
    "of none": (np.zeros((0, 66)), r"got \(0, 66\)"),
    "flat": (np.zeros(132), r"got \(132,\)"),
    "in single precision": (np.zeros((2, 66), np.float32), "expected finite float64 numbers"),
    "of whole numbers": (np.zeros((2, 66), np.int64), "expected finite float64 numbers"),
    "with NaN": (np.full((2, 66), np.nan), "expected finite float64 numbers"),
}


@pytest.mark.parametrize("name", MOMENTS)
def test_moments_that_no_optimizer_left(model, name):
    path, net, _ = model
    net.save(path, resume=True)
    moments, message = MOMENTS[name]
    with_tensor(path, "moments", moments)
    with pytest.raises(cr.InputError, match=f"{path}: .*tensor moments: .*{message}"):
        cr.load(path)


def test_training_goes_on_with_the_moments_of_the_file(model, small):
    path, net, _ = model
    net.save(path, resume=True)
    loaded = cr.load(path)
    for each in (net, loaded):
        each.fit(*small[1:], cr.Adam(), epochs=2)
    np.testing.assert_array_equal(loaded.state.params, net.state.params)
    np.testing.assert_array_equal(loaded.state.moments, net.state.moments)


@pytest.mark.parametrize("optimizer", [cr.SGD(), cr.SGD(momentum=0.9)])
def test_moments_that_depend_on_settings(small, tmp_path, optimizer):
    net, X, y = small
    net.fit(X, y, optimizer, epochs=1)
    net.save(tmp_path / "model", resume=True)
    assert len(cr.load(tmp_path / "model").state.moments) == optimizer.n_moments


def places(value, at=()):
    """The path to everything within plain JSON."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*at, key)
        yield from places(inner, (*at, key))


STRANGE = (None, True, -1, 3, 1.5, 10**30, "x", [], ["a"], {}, {"type": "Dense"})


def test_whatever_a_field_holds_a_file_is_a_network_or_refused(tmp_path):
    """And where it is a network, it predicts."""
    rng = np.random.default_rng(0)
    table = {"size": rng.normal(size=30), "colour": np.array(["red", "blue"] * 15, object)}
    net = cr.Network([cr.Dense(2), cr.LeakyReLU(), cr.Dropout(0.1), cr.Dense(1)], cr.MeanSquaredError(), n_in=3)
    net.encoder = TableEncoder.fit(table)
    net.fit(table, table["size"], cr.Adam(), epochs=1, metrics=["r2"])
    path, outcomes, unnamed = tmp_path / "model", Counter(), []
    net.save(path, resume=True)
    description, header, tensors = parts(path)
    for *way, last in places(description):
        for strange in STRANGE:
            changed = copy.deepcopy(description)
            reduce(getitem, way, changed)[last] = strange
            put_together(path, changed, header, tensors)
            try:
                loaded = cr.load(path)
                outcomes["a network"] += 1
                if "encoder" not in way and last != "encoder":  # else it wants other rows
                    assert loaded.predict(table).shape == (30,)
            except cr.InputError as error:
                outcomes["refused"] += 1
                unnamed += [(way, last, strange)] * (str(path) not in str(error))
    assert unnamed == []
    assert min(outcomes["a network"], outcomes["refused"]) > 100


def test_info_that_is_not_plain(model):
    path, net, _ = model
    for info in ({"when": object()}, {"loss": np.nan}):
        net.info = info
        with pytest.raises(cr.InputError, match="save: info: expected plain JSON"):
            net.save(path)


def test_a_history_that_was_thinned_out_is_read(small, tmp_path):
    net, X, y = small
    history = net.fit(X, y, cr.SGD(0.1), epochs=9)
    net.history = cr.History(history[::4], history.best_epoch)
    net.save(tmp_path / "model.safetensors")
    assert [epoch.number for epoch in cr.load(tmp_path / "model.safetensors").history] == [1, 5, 9]


def test_a_training_that_had_no_epoch_can_be_saved(small, tmp_path):
    _, X, y = small
    net = cr.Network([cr.Dense(1)], cr.MeanSquaredError(), n_in=X.shape[1], dtype=np.float64)
    with pytest.raises(cr.Diverged):
        net.fit(X * 1e200, y, cr.SGD(), epochs=3)
    assert len(net.history) == 0
    net.save(tmp_path / "model.safetensors")
    assert cr.load(tmp_path / "model.safetensors").history is None


def test_a_score_that_is_not_finite_is_written(model):
    path, net, _ = model
    net.history = cr.History([net.history[0]._replace(score=-np.inf)])
    net.save(path)
    assert np.isnan(cr.load(path).history[0].score)


DATES = np.array(["2024-02-29", "1969-12-31", "2026-07-01"], "M8[D]")
LABELS = [
    DATES, DATES.astype("M8[ns]"), DATES - DATES[0], np.array([b"a", b"\xff\x01", b"bc"]), np.array(["ä", "b", ""]),
    np.array([-1.5, 0, 7]), np.array([1, 2, 2**64 - 1], np.uint64), np.array([True, False]),
]  # fmt: skip


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: str(labels.dtype))
def test_labels_of_every_kind_come_back(small, tmp_path, labels):
    _, X, _ = small
    net = cr.Network([cr.Dense(len(labels))], cr.SoftmaxCrossEntropy(), n_in=5)
    net.fit(X, np.resize(labels, 40), cr.SGD(), epochs=1)
    net.save(tmp_path / "model")
    loaded = cr.load(tmp_path / "model")
    assert loaded.classes.dtype == net.classes.dtype
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))
    assert loaded.score(X, np.resize(labels, 40)) == net.score(X, np.resize(labels, 40))


def test_a_device_or_a_pipe_is_written_to_and_stays(model, tmp_path):
    path, net, _ = model
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    require_writable(pipe)
    net.save(pipe)
    assert os.read(reader, 10**6) == path.read_bytes()
    os.close(reader)
    (tmp_path / "log").write_bytes(b"earlier\n")
    with (tmp_path / "log").open("ab") as log:
        net.save(f"/dev/fd/{log.fileno()}")
    assert (tmp_path / "log").read_bytes() == b"earlier\n" + path.read_bytes()
    (tmp_path / "nowhere").symlink_to(os.devnull)
    net.save(tmp_path / "nowhere")
    assert (tmp_path / "nowhere").is_symlink()
    assert not Path(os.devnull).is_file()


def test_a_name_as_long_as_the_system_takes(model, tmp_path):
    _, net, X = model
    for name in ("m" * 255, "ä" * 127):
        require_writable(tmp_path / name)
        net.save(tmp_path / name)
        np.testing.assert_array_equal(cr.load(tmp_path / name).predict(X), net.predict(X))
    for write in (require_writable, net.save):
        with pytest.raises(cr.InputError, match=r"cannot write there \(File name too long\)"):
            write(tmp_path / ("m" * 256))


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


def test_nobody_elses_files_are_open_to_all_while_one_is_written(model, monkeypatch):
    path, net, _ = model
    monkeypatch.setattr(os, "umask", lambda _: pytest.fail("it is the whole process's"))
    net.save(path)
    net.save(path.with_name("new"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_the_mode_and_the_owner_of_a_file_stay(model, monkeypatch, mode):
    path, net, _ = model
    path.chmod(mode)
    owners, modes, fsync = [], [], os.fsync
    monkeypatch.setattr(os, "chown", lambda *words: owners.append(words[1:]))
    monkeypatch.setattr(os, "fsync", lambda number: (modes.append(os.fstat(number).st_mode & 0o777), fsync(number)))
    net.save(path)
    assert modes == [mode]  # no moment at which others may read it
    assert path.stat().st_mode & 0o777 == mode
    assert owners == [(path.stat().st_uid, -1), (-1, path.stat().st_gid)]


def test_where_the_owner_cannot_stay_the_file_is_written(model, monkeypatch):
    """And where the group cannot, it is nobody's but the owner's and everybody's as before."""
    path, net, X = model
    path.chmod(0o664)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    path.write_bytes(b"")
    net.save(path)
    assert path.stat().st_mode & 0o777 == 0o604
    np.testing.assert_array_equal(cr.load(path).predict(X), net.predict(X))


def test_a_link_stays_and_the_file_it_leads_to_is_written(model, tmp_path):
    path, net, _ = model
    (tmp_path / "real").mkdir()
    link, chain, real = tmp_path / "link", tmp_path / "chain", tmp_path / "real" / "model"
    link.symlink_to(Path("real", "model"))
    chain.symlink_to("link")
    for name in (link, chain):  # the first leads nowhere yet
        require_writable(name)
        net.save(name)
        assert real.read_bytes() == path.read_bytes()
        assert (link.is_symlink(), chain.is_symlink(), os.listdir(real.parent)) == (True, True, ["model"])
        real.write_bytes(b"another")
    link.unlink()
    link.symlink_to(Path("gone", "model"))
    for write in (require_writable, net.save):
        with pytest.raises(cr.InputError, match=rf"{link}: cannot write there \(no such folder\)"):
            write(link)


def test_a_file_that_is_not_to_be_written_is_not_replaced(model, tmp_path, monkeypatch):
    path, net, _ = model
    before, access = path.read_bytes(), os.access
    path.chmod(0o444)
    (tmp_path / "link").symlink_to(path)
    # root may write all files
    monkeypatch.setattr(os, "access", lambda name, mode: not os.path.samefile(name, path) and access(name, mode))
    net["b1"][:] = 7
    for name in (path, tmp_path / "link"):
        for write in (require_writable, net.save):
            with pytest.raises(cr.InputError, match=rf"{name}: cannot write there \(no permission\)"):
                write(name)
    assert path.read_bytes() == before
    net.save(tmp_path / "beside")


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
