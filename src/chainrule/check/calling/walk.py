"""Arrays inside objects that are not ours: where they are, how to read them, and how to set them in place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from chainrule.arrays import Array

DEPTH = 6
NUMBER = re.compile(r"(d_?|grad_)?((b|bias)_?\w?\d*|w|weight|slope|intercept)(_grad)?")  # a float that is learned
MANY = 1000  # parts from which a list or a dict holds data, and no objects
SIMPLE = (str, bytes, int, float, complex, bool, type(None), np.generic, np.random.Generator, np.random.RandomState)


@dataclass
class Place:
    """One array (or list of numbers) in its container; `path` is how their code would write it."""

    path: str
    container: Any
    key: Any  # an attribute's name, a key or an index

    @property
    def raw(self) -> Any:
        return getattr(self.container, self.key) if self.by_name else self.container[self.key]

    @property
    def by_name(self) -> bool:
        return not _indexed(self.container)

    @property
    def value(self) -> Array:
        return np.asarray(self.raw, dtype=np.float64)

    @property
    def last(self) -> str:
        """The name it goes by where it lies."""
        return str(self.key) if not isinstance(self.key, int) else self.path

    def put(self, value: Any) -> None:
        if self.by_name and is_dataclass(self.container):
            object.__setattr__(self.container, self.key, value)  # it may be frozen
        elif self.by_name:
            setattr(self.container, self.key, value)
        else:
            self.container[self.key] = value

    def set(self, value: Array) -> None:
        """In place where that keeps the numbers exact, so that whoever shares the array sees them; else replaced."""
        raw = self.raw
        if isinstance(raw, np.ndarray) and raw.dtype == np.float64 and raw.shape == value.shape and raw.flags.writeable:
            raw[...] = value
        elif isinstance(raw, list):
            raw[:] = value.tolist()
        elif isinstance(raw, np.ndarray):
            self.put(value.reshape(raw.shape).astype(np.float64))
        else:
            self.put(float(value) if value.ndim == 0 else value)


def fields_of(value: Any) -> dict[str, Any] | None:
    """What a NamedTuple, a dataclass or a SimpleNamespace holds, by name; None for anything else."""
    if isinstance(value, tuple):
        return dict(zip(value._fields, value)) if hasattr(value, "_fields") else None
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value) if hasattr(value, field.name)}
    return dict(vars(value)) if isinstance(value, SimpleNamespace) else None


def _indexed(container: Any) -> bool:
    """Whether its parts are had by keys or indices, and not by names."""
    plain = type(container) in (dict, list)
    return plain or (isinstance(container, (dict, list, tuple)) and fields_of(container) is None)


def is_numbers(value: Any) -> bool:
    """A float or integer array, or a (nested) list of numbers."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu" and value.size > 0
    if isinstance(value, list) and value:
        first = value[0]
        if isinstance(first, (float, np.floating)):
            return all(isinstance(item, (float, int, np.number)) for item in value)
        return isinstance(first, list) and is_numbers(first) and all(isinstance(item, list) for item in value)
    return False


def places(root: Any, path: str = "", depth: int = DEPTH, seen: set[int] | None = None) -> Iterator[Place]:
    """Every array reachable from an object, a dict or a list, in the order in which they were made."""
    seen = set() if seen is None else seen
    if depth == 0 or id(root) in seen or isinstance(root, SIMPLE) or (callable(root) and not hasattr(root, "__dict__")):
        return
    seen.add(id(root))
    for key, value in _children(root):
        here = _join(path, root, key)
        numbers = is_numbers(value) or (isinstance(value, float) and NUMBER.fullmatch(str(key)))
        if numbers:
            yield Place(here, root, key)
        if hasattr(value, "__dict__") or not (numbers or isinstance(value, np.ndarray)):
            yield from places(value, here, depth - 1, seen)  # an array of a class of theirs may keep its gradient: w.g


def reachable(root: Any, kinds: tuple[type, ...], depth: int = DEPTH, *, seen: set[int]) -> Iterator[Any]:
    """Every object of these kinds that an object, a dict or a list keeps, at any depth, or the class of one."""
    if id(root) in seen:
        return
    seen.add(id(root))
    if isinstance(root, kinds):
        yield root
    elif depth and not isinstance(root, (*SIMPLE, np.ndarray, ast.AST)):
        if (indexed := _indexed(root)) and len(root) > MANY:
            return
        inside = [value for _, value in _children(root)]
        inside += [] if indexed or not inside else vars(type(root)).values()
        for value in inside:
            yield from reachable(value, kinds, depth - 1, seen=seen)


@dataclass
class Neurons(Place):
    """A layer as a list of neurons, each a list of weights, its bias last: W (units, inputs) or b."""

    bias: bool = False

    @property
    def raw(self) -> Any:
        rows = np.array([neuron[self.key] for neuron in self.container], dtype=np.float64)
        return rows[:, -1] if self.bias else rows[:, :-1]

    def set(self, value: Array) -> None:
        for neuron, row in zip(self.container, value):
            weights = neuron[self.key]
            weights[-1:] = [float(row)] if self.bias else weights[-1:]
            weights[:-1] = weights[:-1] if self.bias else row.tolist()


def neurons(root: Any) -> dict[str, Place]:
    """Layers of neurons by path; none where the network is not made of them."""
    found: dict[str, Place] = {}
    for i, layer in enumerate(root if isinstance(root, list) else []):
        if not (isinstance(layer, list) and layer and all(isinstance(neuron, dict) for neuron in layer)):
            return {}
        keys = [k for k, v in layer[0].items() if isinstance(v, list) and is_numbers(v)]
        if len(keys) != 1:
            return {}
        found[f"W{i + 1}"] = Neurons(f"W{i + 1}", layer, keys[0])
        found[f"b{i + 1}"] = Neurons(f"b{i + 1}", layer, keys[0], bias=True)
    return found


def _children(root: Any) -> list[tuple[Any, Any]]:
    if isinstance(root, dict):
        return list(root.items())
    if isinstance(root, (list, tuple)):
        return list(enumerate(root)) if (named := fields_of(root)) is None else list(named.items())
    if isinstance(root, type) or type(root).__module__.split(".")[0] in ("numpy", "builtins", "random", "functools"):
        return []
    return list(getattr(root, "__dict__", fields_of(root) or {}).items())


def _join(path: str, root: Any, key: Any) -> str:
    if _indexed(root):
        return f"{path}[{key!r}]" if path else str(key)
    return f"{path}.{key}" if path else str(key)
