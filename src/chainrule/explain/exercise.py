"""A step from a small text file: the numbers of an exercise sheet. Without a file, the lecture's own case."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError, nearest
from chainrule.layers import LAYERS, Dense, Layer
from chainrule.losses import LOSSES
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, Optimizer

KEYS = ("title", "layers", "loss", "optimizer", "rate", "l2", "l1", "inputs", "targets", "columns", "classes", "seed")

LECTURE = """\
title = "The lecture's step"
layers = ["dense", "relu"]
loss = "SoftmaxCrossEntropy"
rate = 0.5

inputs = [
  [ 0.5, -1.0,  2.0],
  [ 1.5,  0.3, -0.8],
  [-0.4,  1.2,  0.6],
  [ 1.0, -0.7, -1.5],
]
targets = [0, 1, 2, 1]

W1 = [  # one row for each input, one column for each unit
  [ 0.2,  0.8, -0.5],
  [-0.9,  0.3,  0.4],
  [ 0.6, -0.2,  0.7],
]
b1 = [0.1, -0.3, 0.2]
"""


@dataclass(frozen=True, eq=False)
class Exercise:
    """A network with its numbers, the rows it meets, and the optimizer of the step."""

    title: str
    net: Network
    X: Array
    y: Any
    optimizer: Optimizer


def read_exercise(path: str | Path) -> Exercise:
    """Read a TOML file. InputError where it cannot be read or does not fit together."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: cannot read it ({reason})") from None
    return parse_exercise(text, str(path))


def parse_exercise(text: str, name: str = "exercise") -> Exercise:
    try:
        given = tomllib.loads(text)
        return _exercise(given)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{name}: not a TOML file ({error})") from None
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _exercise(given: dict[str, Any]) -> Exercise:
    X = _matrix("inputs", _needed(given, "inputs"))
    layers = _layers(given)
    loss = _made("loss", given.get("loss", "SoftmaxCrossEntropy"), LOSSES)
    seed, penalties = given.get("seed", 0), {name: given.get(name, 0.0) for name in ("l2", "l1")}
    net = Network(layers, loss, X.shape[1], seed, np.float64, **penalties)
    _fill(net, given)
    net.info["columns"] = [str(name) for name in given.get("columns", [])] or None
    y, classes = np.asarray(_needed(given, "targets")), given.get("classes")
    if classes is not None:
        y = _labels(net, y, [str(label) for label in classes])
    return Exercise(str(given.get("title", "One training step")), net, X, y, _optimizer(given))


def _needed(given: dict[str, Any], key: str) -> Any:
    if key not in given:
        raise InputError(f"{key}: expected it, got only {', '.join(given) or 'nothing'}")
    return given[key]


def _matrix(name: str, value: Any) -> Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected rows of equally many numbers") from None
    if array.ndim != 2 or array.size == 0 or not np.isfinite(array).all():
        raise InputError(f"{name}: expected rows of finite numbers, got shape {array.shape}")
    return array


def _made(option: str, value: Any, known: dict[str, Any]) -> Any:
    """`"name"`, `"name 0.3"` with the number for its one setting, or a table with `type` and its settings."""
    settings = dict(value) if isinstance(value, dict) else {"type": str(value)}
    name, *numbers = str(settings.pop("type", "")).split()
    plain = {key.lower(): kind for key, kind in known.items()}
    if name.lower() not in plain:
        raise InputError(f"{option}: no {name!r}; {nearest(name.lower(), plain)}")
    try:
        return plain[name.lower()](*(int(n) if n.isdigit() else float(n) for n in numbers), **settings)
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{option}: {name} does not take {value!r}") from None


def _layers(given: dict[str, Any]) -> list[Layer]:
    """The layers; where they are not named, Dense layers with ReLU between them, one for each W."""
    weights = sorted((key for key in given if key[0] == "W" and key[1:].isdigit()), key=lambda key: int(key[1:]))
    names = given.get("layers")
    if names is None:
        if not weights:
            raise InputError("layers: expected layers, or weights W1, W2, …, got neither")
        names = ["relu"] * (2 * len(weights) - 1)
        names[::2] = ["dense"] * len(weights)
    layers, dense = list[Layer](), 0
    for name in names:
        if str(name).lower() == "dense":
            dense += 1
            layers.append(Dense(_matrix(f"W{dense}", _needed(given, f"W{dense}")).shape[1]))
        else:
            layers.append(_made("layers", name, LAYERS))
            dense += isinstance(layers[-1], Dense)
    return layers


def _fill(net: Network, given: dict[str, Any]) -> None:
    named = net.state.named
    for key, value in given.items():
        if key in KEYS:
            continue
        if key not in named:
            raise InputError(f"no {key!r}; {nearest(key, [*KEYS, *named])}")
        array = np.array(value, dtype=np.float64) if named[key].ndim == 1 else _matrix(key, value)
        if array.shape != named[key].shape:
            raise InputError(f"{key}: expected shape {named[key].shape}, got {array.shape}")
        net[key][...] = array


def _labels(net: Network, y: Array, classes: list[str]) -> Array:
    """Targets by name as positions in `classes`, which name the outputs."""
    if net.loss.target != "labels" or len(classes) != net.n_out:
        raise InputError(f"classes: expected a name for each of {net.n_out} outputs of a classifier, got {classes}")
    net.info["classes"] = classes
    if y.dtype.kind != "U":
        return y
    unknown = [label for label in y.tolist() if label not in classes]
    if unknown:
        raise InputError(f"targets: no class {unknown[0]!r}; {nearest(unknown[0], classes)}")
    return np.array([classes.index(label) for label in y.tolist()])


def _optimizer(given: dict[str, Any]) -> Optimizer:
    value = given.get("optimizer", "SGD")
    settings = dict(value) if isinstance(value, dict) else {"type": str(value)}
    if "rate" in given:
        settings["lr"] = given["rate"]
    made: Optimizer = _made("optimizer", settings, OPTIMIZERS)
    return made
