"""What a call of theirs returned: which part is the prediction, the loss, what backward needs, the gradients."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.chain import matching, tail
from chainrule.check.calling.walk import fields_of, is_numbers, places
from chainrule.check.reading.names import argument_roles, callable_role, gradient_of, returned_names


def is_scalar(value: Any) -> bool:
    if isinstance(value, (bool, str)):
        return False
    return isinstance(value, (int, float, np.number)) or (
        isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "fiu"
    )


def parts(fn: Callable[..., Any], result: Any) -> list[tuple[str, Any]]:
    """The elements of a tuple with the names its fields have or its ``return`` gives; a single value under its own."""
    if isinstance(result, tuple) and (named := fields_of(result)) is not None:
        return list(named.items())
    if not isinstance(result, tuple):
        return [(next(iter(returned_names(fn)), None) or "", result)]
    names = returned_names(fn)
    known = names if len(names) == len(result) else [None] * len(result)
    return [(name or f"[{i}]", value) for i, (name, value) in enumerate(zip(known, result))]


def prediction(fn: Callable[..., Any], result: Any, n: int, k: int) -> Array | None:
    """The last array with N·K entries, one called out or y_pred before others."""
    found: list[tuple[bool, Array]] = []
    for name, value in _opened(parts(fn, result)):
        if is_numbers(value) and np.size(value) == n * k and np.ndim(value) <= 2:
            found.append(("out" in argument_roles(name), np.asarray(value)))
    if not found and is_scalar(result) and n * k == 1:
        return np.asarray(result)
    named = [array for is_named, array in found if is_named]
    arrays = named or [array for _, array in found]
    return arrays[-1] if arrays else None


def _opened(elements: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Arrays at the top; where there are none, those in its lists and dicts."""
    top = [(name, value) for name, value in elements if isinstance(value, np.ndarray) or is_numbers(value)]
    if any(np.ndim(value) > 0 for _, value in top):
        return top
    inner: list[tuple[str, Any]] = []
    for name, element in elements:
        value = fields_of(element) or element
        if isinstance(value, dict):
            inner += [(str(key), item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            inner += [(name, item) for item in value]
    return inner


def cache_of(fn: Callable[..., Any], result: Any) -> Any:
    """What forward hands on to backward: its dict, list or tuple; all of the result where there is no such part."""
    elements = parts(fn, result)
    named = [value for name, value in elements if "cache" in argument_roles(name)]
    held = [value for _, value in elements if is_container(value)]
    return (named or held or [result])[-1]


def is_container(value: Any) -> bool:
    """A dict, list or tuple that is no list of numbers, or what holds its parts by names."""
    return (isinstance(value, (dict, list, tuple)) and not is_numbers(value)) or fields_of(value) is not None


def scalar(fn: Callable[..., Any], result: Any) -> float | None:
    """The loss: the only number, or the first; the mean where there is one for each row is not ours to take."""
    for name, value in parts(fn, result):
        if is_scalar(value) and gradient_of(name) is None:
            return float(np.asarray(value, dtype=np.float64).reshape(-1)[0])
    return None


def gradients(
    fn: Callable[..., Any], result: Any, params: Mapping[str, Sequence[int]], held: Mapping[str, Array] | None = None
) -> tuple[dict[str, Array], dict[str, str]]:
    """Their gradient of each parameter, and what they call it: by name, else by shape and order."""
    arrays = {} if result is None else _arrays(fn, result)
    pools = [pool for pool in (arrays, dict(held or {})) if pool]
    for pool in pools:
        names = matching(list(params), list(pool))
        if pool is arrays:
            names |= _of_the_same_name([param for param in params if param not in names], arrays, names)
        if names:
            rest = {param: shape for param, shape in params.items() if param not in names}
            unnamed = {name: value for name, value in pool.items() if re.fullmatch(r"\[\d+\]", name)}
            names |= _by_shape(rest, unnamed) if pool is arrays and rest else {}
            return {param: np.asarray(pool[name]) for param, name in names.items()}, names
    by_shape = _by_shape(params, arrays)
    return {param: np.asarray(arrays[name]) for param, name in by_shape.items()}, by_shape


def _of_the_same_name(params: Sequence[str], arrays: Mapping[str, Any], taken: Mapping[str, str]) -> dict[str, str]:
    """A call that returns gradients may name them as the parameters: grads["W1"] of params["W1"], in any shape. Of
    several with that last name, the one that agrees furthest back: fc1.weight, not fc2.weight."""
    found: dict[str, str] = {}
    for param in params:
        last = re.findall(r"\[\d+\]", param)
        used = {*taken.values(), *found.values()}
        alike = [
            name
            for name in arrays
            if name not in used and tail(name) == tail(param) and re.findall(r"\[\d+\]", name) == last
        ]
        if alike:
            found[param] = max(alike, key=lambda name: _common_end(name, param))
    return found


def _common_end(a: str, b: str) -> int:
    """How many characters the ends of two names share."""
    return next((i for i, (x, y) in enumerate(zip(reversed(a), reversed(b))) if x != y), min(len(a), len(b)))


def everything(fn: Callable[..., Any], result: Any) -> dict[str, Any]:
    """Every array in what a call returned, by name or path."""
    return {} if result is None else _arrays(fn, result)


def unreal(value: Any) -> str | None:
    """The dtype of an array in what a call returned that holds no real numbers: complex128, object; else None."""
    if isinstance(value, np.ndarray):
        return None if value.dtype.kind in "fiub" else str(value.dtype)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return next((kind for item in inner if (kind := unreal(item)) is not None), None)


def summary(value: Any) -> str:
    """What a call returned, in a few words: None, float32 (5, 4), a tuple of None, complex128 (3,)."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, (list, tuple)):
        more = ", ..." if len(value) > 4 else ""
        return f"a {type(value).__name__} of {', '.join(map(summary, value[:4])) or 'nothing'}{more}"
    if isinstance(value, dict):
        return "a dict of " + (", ".join(f"{k}: {summary(v)}" for k, v in list(value.items())[:6]) or "nothing")
    return "None" if value is None else type(value).__name__


def _arrays(fn: Callable[..., Any], result: Any) -> dict[str, Any]:
    """Every array in a result, by name or path."""
    found: dict[str, Any] = {}
    # a number without a name that tells what it is: the loss where it comes first, the gradient of one bias elsewhere
    numbers = int(callable_role(getattr(fn, "__name__", "")) == "backward")
    for name, element in parts(fn, result):
        value = _opened_object(element)
        unnamed = is_scalar(value) and gradient_of(name) is None
        numbers += unnamed
        if is_numbers(value) or (is_scalar(value) and (not unnamed or (name[:1] == "[" and numbers > 1))):
            found[name] = np.asarray(value)
        elif isinstance(value, dict) and not isinstance(result, tuple):
            found |= {place.path: np.asarray(place.raw) for place in places(value)} | _scalars(value)
        elif isinstance(value, (dict, list, tuple)):
            base = name if gradient_of(name) or not isinstance(value, dict) else ""
            listed = places(list(value), base) if isinstance(value, (list, tuple)) else ()  # grads[0]['W']
            keyed = places(value) if isinstance(value, dict) else ()
            found |= {place.path: np.asarray(place.raw) for place in listed}
            found |= {f"{base}[{place.path}]" if base else place.path: np.asarray(place.raw) for place in keyed}
            found |= _scalars(value) if isinstance(value, dict) else {}
    return found


def _opened_object(value: Any) -> Any:
    """A gradient that came as an object with arrays in it, as a dict."""
    if (named := fields_of(value)) is not None:
        return named
    if isinstance(value, (dict, list, tuple, np.ndarray)) or not hasattr(value, "__dict__"):
        return value
    return dict(vars(value))


def _scalars(value: Mapping[Any, Any]) -> dict[str, Any]:
    """Gradients that came as bare numbers, under their keys."""
    return {str(key): np.asarray(item, dtype=np.float64) for key, item in value.items() if is_scalar(item)}


def _by_shape(params: Mapping[str, Sequence[int]], arrays: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for param, shape in params.items():
        for name, value in arrays.items():
            if name not in found.values() and np.shape(value) == tuple(shape):
                found[param] = name
                break
    left = [name for name in arrays if name not in found.values()]
    missing = [param for param in params if param not in found]
    return found | (dict(zip(missing, left)) if found and len(left) == len(missing) == 1 else {})
