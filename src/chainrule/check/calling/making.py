"""How their objects and the parameters of their functions come to be: names, shapes, constructors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from chainrule.check.calling.binding import CONSTRUCTOR, CannotBind, Env, NoParameters, arguments, call
from chainrule.check.calling.chain import tail
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import Place, fields_of, places
from chainrule.check.reading.names import (
    argument_roles,
    attributes_used,
    flat_names,
    gradient_of,
    is_gradient_alone,
    keys_used,
    short,
)


def names_gradient(path: str) -> bool:
    named = gradient_of(tail(path)) is not None or (is_gradient_alone(tail(path)) and "." in path)
    return named or re.search("grad|delta|nabla", path.lower()) is not None


def as_theirs(module: ModuleType, array: Any) -> Any:
    """An array of their own class, where they define one: it can have attributes, which one of NumPy cannot."""
    own = [cls for cls in vars(module).values() if isinstance(cls, type) and issubclass(cls, np.ndarray)]
    own = [cls for cls in own if cls.__module__ == module.__name__]
    return array.view(own[0]) if own and isinstance(array, np.ndarray) else array


def distinct(found: Iterable[Place]) -> dict[str, Place]:
    """By path; an array that several names share counts once, under the first."""
    seen: dict[int, Place] = {}
    for place in found:
        key = id(place.raw) if isinstance(place.raw, np.ndarray) else id(place)
        seen.setdefault(key, place)
    return {place.path: place for place in seen.values()}


def sizes_matter(cls: type | None) -> bool:
    """Whether the constructor is told the sizes."""
    wanted = {"n_in", "n_hidden", "n_out", "sizes", "X", "y"}
    return cls is not None and any(wanted & set(argument_roles(p.name)) for p in arguments(cls))


def build(maker: Callable[..., Any], env: Env, sizes: Sizes) -> Any:
    """An object or parameters of theirs. Sizes go by name, else in the order of the layers, else by default."""
    before = dict(env.used), dict(env.settled)
    try:
        return call(maker, env, CONSTRUCTOR, likely="n_hidden")
    except CannotBind:
        env.used, env.settled = before  # it has been given none of them
        required = [p for p in arguments(maker) if p.default is p.empty]
        if 1 < len(required) <= 5 and not any({"X", "y"} & set(argument_roles(p.name)) for p in required):
            made = maker(*sizes.chain(len(required) - 1))
            env.learn(maker, made)
            return made
        raise
    except Exception:
        if any(p.default is p.empty for p in arguments(maker)):
            raise
        made = maker()
        env.learn(maker, made)
        return made


def shared(made: Any) -> Any:
    """What a function makes, b = 0 in a tuple of it as an array: what is put into it later reaches every holder."""
    if not isinstance(made, tuple) or fields_of(made) is not None:
        return made
    return tuple(np.array(v, dtype=float) if type(v) is float or (type(v) is int and v == 0) else v for v in made)


def kept_in(thing: Any, data: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of an object that hold what it was made with, and which of `data` that is."""
    arrays = {name: value for name, value in getattr(thing, "__dict__", {}).items() if isinstance(value, np.ndarray)}
    return {name: role for role, rows in data.items() for name, value in arrays.items() if np.array_equal(value, rows)}


def layers_in(module: ModuleType, functions: Iterable[Callable[..., Any]]) -> list[dict[str, Any]] | None:
    """The layers that a file makes as a list of dicts and hands to its functions: the only such list, or the one that
    is called as an argument of theirs."""
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, list) and value and all(isinstance(layer, dict) for layer in value)
        if any(place.value.ndim == 2 for place in places(value))
    }
    taken = [p.name for fn in functions for p in arguments(fn)]
    named = [name for name in found if name in taken] or list(found)
    handed = any("params" in argument_roles(name) for name in taken)
    return found[named[0]] if handed and len(named) == 1 else None


def weights_taken(maker: Callable[..., Any] | None) -> list[str]:
    """The parameters that a constructor asks for: Model(w1, b1, w2, b2)."""
    asked = [p for p in arguments(maker) if p.default is p.empty] if maker is not None else []
    named = [p.name for p in asked if like_parameter(p.name)]
    return named if len(named) == len(asked) and any(short(name).startswith("w") for name in named) else []


def takes_list(maker: Callable[..., Any] | None) -> bool:
    """Whether it is told the sizes of all layers in one list."""
    return maker is not None and any("sizes" in argument_roles(p.name) for p in arguments(maker))


def parameter_names(functions: list[Callable[..., Any]], wanted: Mapping[str, str]) -> tuple[list[Any], str]:
    """The parameters that functions take: as arguments of their own, or inside one container."""
    given = set(wanted.values())
    own = [p.name for fn in functions for p in arguments(fn)
           if p.name in given or (like_parameter(p.name) and not keys_used(functions, p.name)[0])]  # fmt: skip
    if own:
        return list(dict.fromkeys(own)), "arguments"
    for fn in functions:
        for p in arguments(fn):
            if "params" in argument_roles(p.name):
                names, unpacked = keys_used(functions, p.name)
                if names:
                    return names, "unpacked" if unpacked else "keys"
                if names := attributes_used(functions, p.name):
                    return names, "attributes"
    raise NoParameters if functions else LookupError("no functions")


def weights_alone(functions: Sequence[Callable[..., Any]]) -> bool:
    """Whether functions take weights and no biases."""
    names = _names_taken(functions)
    return bool(names) and all(short(name).startswith("w") for name in names)


def is_vector_alone(functions: Sequence[Callable[..., Any]]) -> bool:
    """Whether their weights are one array that may well be w (I,), of one output; a matrix would be called W."""
    weights = [name for name in _names_taken(functions) if short(name).startswith("w")]
    return len(weights) == 1 and weights[0].islower()


def _names_taken(functions: Sequence[Callable[..., Any]]) -> list[str]:
    try:
        return flat_names(parameter_names(with_closures(list(functions)), {})[0])
    except (LookupError, CannotBind):
        return []


def with_closures(functions: list[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Functions, and those that they close over."""
    inner = [cell.cell_contents for fn in functions for cell in getattr(fn, "__closure__", None) or ()]
    return functions + [fn for fn in inner if inspect.isfunction(fn) and fn not in functions]


def filled(names: Any, values: Mapping[str, Any]) -> Any:
    """The values in the places of their names."""
    return values[names] if isinstance(names, str) else [filled(inner, values) for inner in names]


def holder_of(module: ModuleType, values: Mapping[str, Any]) -> Any:
    """An object that holds arrays under their names: of a dataclass of theirs with these fields, else a plain one."""
    for cls in vars(module).values():
        if isinstance(cls, type) and is_dataclass(cls) and {field.name for field in fields(cls)} == set(values):
            return cls(**values)
    return SimpleNamespace(**values)


def like_parameter(name: str) -> bool:
    bare = short(name)
    return bare[:1] in "wb" and (
        bare[1:] == "" or bare[1:].isdigit() or bare[1:] in ("h", "o", "out", "hidden", "output", "hid")
    )


def _place_in_chain(spelled: str) -> tuple[bool, int]:
    """By its number, and hidden before output; a backward pass reads W2 before W1."""
    return spelled[1:2] == "o", int(re.sub(r"\D", "", spelled) or 0)


def shapes_of(
    names: list[str], sizes: Sizes, storage: tuple[str, str], wanted: Mapping[str, str]
) -> dict[str, tuple[int, ...]]:
    ours = {theirs: name for name, theirs in wanted.items()}
    spelled = {name: short(ours.get(name, name)) for name in names}
    layered = sorted(names, key=lambda n: (ours.get(n, ""), _place_in_chain(spelled[n])))
    weights = [n for n in layered if spelled[n].startswith("w")]
    widths = sizes.chain(len(weights))
    shapes: dict[str, tuple[int, ...]] = {}
    layer = -1
    order = {name: i for i, name in enumerate(weights)}
    biases = [n for n in layered if spelled[n].startswith("b")]
    for name in names:
        layer = order.get(name, biases.index(name) if name in biases else layer)
        n_in, units = widths[layer], widths[layer + 1]
        if name in order:
            shapes[name] = {"columns": (units, n_in), "rows": (n_in, units), "vector": (n_in,)}[storage[0]]
        else:
            shapes[name] = {"(O,)": (units,), "(1, O)": (1, units), "(O, 1)": (units, 1), "()": ()}[storage[1]]
    return shapes
