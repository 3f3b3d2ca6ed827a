"""Settings as plain JSON and back: {"type": class name, field: value, ...}; only registered classes are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from chainrule.data.encoder import COLUMNS, ENCODERS
from chainrule.errors import InputError, nearest
from chainrule.initializers import INITIALIZERS
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
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [to_config(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
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
    arrays = {field.name for field in fields(kind) if field.type == "Array"}
    return kind(**{k: np.array(v) if k in arrays else from_config(v) for k, v in settings.items()})
