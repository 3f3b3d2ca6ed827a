"""Settings as plain JSON and back: {"type": class name, field: value, ...}; only registered classes are looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from math import isfinite
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.data.columns import COLUMNS, Column
from chainrule.data.encoder import ENCODERS
from chainrule.errors import InputError, nearest
from chainrule.initializers import INITIALIZERS, Initializer
from chainrule.layers import LAYERS
from chainrule.losses import LOSSES
from chainrule.targets import TARGETS


def registry() -> dict[str, type]:
    """Every class that a model file may name; looked up anew, since users add layers."""
    kinds = [kind for kinds in (LAYERS, INITIALIZERS, LOSSES, COLUMNS, ENCODERS) for kind in kinds.items()]
    return dict(kinds) | {kind.__name__: kind for kind in TARGETS.values()}


def to_config(value: Any) -> Any:
    """JSON of settings. InputError where the file could not be read back: an unregistered class."""
    if is_dataclass(value) and not isinstance(value, type):
        name = type(value).__name__
        if registry().get(name) is not type(value):
            raise InputError(f"save: {name} is not registered; add it with chainrule.LAYERS[{name!r}] = {name}")
        return {"type": name} | {field.name: to_config(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return _array_config(value)
    if isinstance(value, (list, tuple)):
        return [to_config(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and isfinite(value)):
        return value
    raise InputError(f"save: cannot write {value!r} into a model file")


def from_config(config: Any) -> Any:
    """The object again. InputError names a class this version does not know."""
    if isinstance(config, list):
        return tuple(from_config(item) for item in config)
    if not isinstance(config, Mapping):
        return config
    settings = dict(config)
    name, known = settings.pop("type", None), registry()
    if name not in known:
        raise InputError(f"unknown class {name!r}; {nearest(str(name), known)}")
    kind = known[name]
    types = {field.name: field.type for field in fields(kind)}
    values = {k: _array(v) if types.get(k) == "Array" else from_config(v) for k, v in settings.items()}
    for k, value in values.items():
        suits = SUITS.get(str(types.get(k)))
        if suits is not None and not suits(value):
            raise InputError(f"{name}({k}): expected {types[k]}, got {settings[k]!r}")
    return kind(**values)


def _array_config(array: Array) -> Any:
    """A list of numbers or text; of dates and bytes, which JSON has not, and of unsigned numbers, which NumPy would not
    read as such: dtype, and what stands for them."""
    if array.dtype.kind in "mM" or array.dtype == np.uint64:
        whole = np.int64 if array.dtype.kind in "mM" else np.uint64
        return {"dtype": array.dtype.name, "values": array.astype(whole).tolist()}
    if array.dtype.kind == "S":
        return {"dtype": "S", "values": np.char.decode(array, "latin-1").tolist()}
    return to_config(array.tolist())


def _array(config: Any) -> Array:
    """One axis of finite numbers, text, dates or bytes."""
    if not isinstance(config, Mapping):
        array = np.array(config)
    elif config["dtype"] == "S":
        array = np.char.encode(config["values"], "latin-1")
    else:
        array = np.array(config["values"], dtype=config["dtype"])
    if (
        array.ndim != 1
        or array.dtype.kind not in "biufUSmM"
        or (array.dtype.kind == "f" and not np.isfinite(array).all())
    ):
        raise InputError(f"expected a list of finite numbers or of text, got {config!r}")
    return array


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


def _all(suits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, tuple) and all(map(suits, value))


SUITS: dict[str, Callable[[Any], bool]] = {  # by annotation: what a damaged file could hold instead of it
    "int": _is_number,
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "tuple[float, ...]": _all(_is_number),
    "tuple[str, ...]": _all(lambda value: isinstance(value, str)),
    "tuple[Column, ...]": _all(lambda value: isinstance(value, Column)),
    "Initializer": lambda value: isinstance(value, Initializer),
}
