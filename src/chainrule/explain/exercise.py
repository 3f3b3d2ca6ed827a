"""A step from a small text file: the numbers of an exercise sheet. Without a file, the lecture's own case."""

from __future__ import annotations

import re
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
from chainrule.targets import target_for

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
    X = _numbers("inputs", _needed(given, "inputs"), (-1, -1))
    layers = _layers(given)
    loss = _made("loss", given.get("loss", "SoftmaxCrossEntropy"), LOSSES)
    l2, l1 = (float(_numbers(name, given.get(name, 0.0), ())) for name in ("l2", "l1"))
    net = Network(layers, loss, X.shape[1], given.get("seed", 0), np.float64, l2=l2, l1=l1)
    _fill(net, given)
    if "columns" in given:
        net.info["columns"] = _names("columns", given["columns"], net.n_in, "column of inputs")
    y, title = _targets(net, given, len(X)), str(given.get("title", "One training step"))
    return Exercise(title, net, X, y, _optimizer(given))


def _needed(given: dict[str, Any], key: str) -> Any:
    if key not in given:
        raise InputError(f"{key}: expected it, got only {', '.join(given) or 'nothing'}")
    return given[key]


def _array(name: str, value: Any) -> Array:
    """Numbers or words as TOML gives them, in rows of equally many."""
    try:
        array = np.array(value)
    except ValueError:
        raise InputError(f"{name}: expected rows of equally many numbers") from None
    if array.dtype.kind not in "iufU" or not array.size:
        raise InputError(f"{name}: expected numbers, got {value!r:.60}")
    return array


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    """Finite numbers of this shape, where -1 stands for any size."""
    array = _array(name, value)
    if array.dtype.kind == "U" or not np.isfinite(array).all():
        raise InputError(f"{name}: expected finite numbers, got {value!r:.60}")
    if len(shape) != array.ndim or any(size not in (-1, own) for size, own in zip(shape, array.shape)):
        expected = "rows of numbers, got shape" if -1 in shape else f"shape {shape}, got"
        raise InputError(f"{name}: expected {expected} {array.shape}")
    return array.astype(np.float64)


def _names(key: str, value: Any, size: int, each: str) -> list[str]:
    if not isinstance(value, list) or len(value) != size or any(isinstance(name, (list, dict)) for name in value):
        raise InputError(f"{key}: expected a list of {size} names, one for each {each}, got {value!r:.60}")
    names = [str(name) for name in value]
    if len(set(names)) < size:
        raise InputError(f"{key}: expected different names, got {', '.join(names)}")
    return names


def _made(option: str, value: Any, known: dict[str, Any]) -> Any:
    """`"name"`, `"name 0.3"` with the number for its one setting, or a table with `type` and its settings."""
    settings = dict(value) if isinstance(value, dict) else {"type": str(value)}
    name, *numbers = str(settings.pop("type", "")).split() or [""]
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
    weights = [key for key in given if re.fullmatch("W[1-9][0-9]{0,3}", key)]
    names = given.get("layers")
    if names is None:
        if not weights:
            raise InputError("layers: expected layers, or weights W1, W2, …, got neither")
        names = ["relu"] * (2 * len(weights) - 1)
        names[::2] = ["dense"] * len(weights)
    if not isinstance(names, list) or not names:
        raise InputError(f'layers: expected a list such as ["dense", "relu", "dense"], got {names!r:.60}')
    layers, dense = list[Layer](), 0
    for name in names:
        if str(name).lower() == "dense":
            dense += 1
            layers.append(Dense(_numbers(f"W{dense}", _needed(given, f"W{dense}"), (-1, -1)).shape[1]))
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
        net[key][...] = _numbers(key, value, named[key].shape)


def _targets(net: Network, given: dict[str, Any], n_rows: int) -> Array:
    """One for each row of inputs; words as positions in `classes`, which name the outputs."""
    y, of_classes = _array("targets", _needed(given, "targets")), net.loss.target == "labels"
    if not y.ndim:
        raise InputError(f"targets: expected a list, one for each row of inputs, got {given['targets']!r:.60}")
    if "classes" in given:
        if not of_classes:
            raise InputError(f"classes: {type(net.loss).__name__} has numbers as targets, not classes")
        names = net.info["classes"] = _names("classes", given["classes"], net.n_out, "output")
        if y.dtype.kind == "U":
            unknown = [name for name in y.flat if name not in names]
            if unknown:
                raise InputError(f"targets: no class {str(unknown[0])!r}; {nearest(str(unknown[0]), names)}")
            y = np.array([names.index(name) for name in y.flat]).reshape(y.shape)
    if of_classes and y.ndim == 1 and y.dtype.kind in "iu" and (other := y[(y < 0) | (y >= net.n_out)]).size:
        raise InputError(f"targets: expected classes from 0 to {net.n_out - 1}, one for each output, got {other[0]}")
    if len(y) != n_rows:
        raise InputError(f"targets: expected {n_rows}, one for each row of inputs, got {len(y)}")
    try:
        target_for(net.loss, net.n_out).fit(y).encode(y, np.float64)
    except InputError as error:
        raise InputError(f"targets: {str(error).removeprefix('y: ')}") from None
    return y


def _optimizer(given: dict[str, Any]) -> Optimizer:
    value = given.get("optimizer", "SGD")
    settings = dict(value) if isinstance(value, dict) else {"type": str(value)}
    if "rate" in given:
        settings["lr"] = float(_numbers("rate", given["rate"], ()))
    made: Optimizer = _made("optimizer", settings, OPTIMIZERS)
    return made
