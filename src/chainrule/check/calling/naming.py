"""NAME and ``--map ours=theirs``: what may be named, and a clear error where a name is not there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import arguments
from chainrule.check.calling.chain import Chained, chain_widths
from chainrule.check.reading.names import ARGUMENTS, TENSOR, is_bias
from chainrule.check.reading.source import defined
from chainrule.errors import InputError, nearest

ROLES = ("init", "forward", "loss", "backward", "loss_and_grads", "step", "update")  # of their functions and methods
Gradients = tuple[dict[str, Array], dict[str, str]]  # by parameter: its gradient, and what they call it
FEW = 12  # names to list rather than the nearest of them


class UnknownName(Exception):
    """A tensor was named that their code does not have."""


def asking(names: Iterable[str]) -> str:
    """The hint that leads to them."""
    return f"--map {' '.join(f'{name}=NAME' for name in names)}"


def require_names(module: ModuleType, name: str | None, mapping: Mapping[str, str]) -> None:
    """InputError where NAME or a mapping names what is not there; else methods get our names beside theirs."""
    classes, functions = defined(module)
    if name is not None and name not in classes and name not in functions:
        raise InputError(f"{name}: not defined there; {_near(name, [*classes, *functions])}")
    methods = {m for cls in classes.values() for m in dir(cls) if callable(getattr(cls, m)) and not _hidden(m)}
    takers: list[Any] = [*functions.values(), *classes.values()]
    takers += [getattr(cls, m) for cls in classes.values() for m in methods if hasattr(cls, m)]
    for ours, theirs in mapping.items():
        where = f"--map {ours}={theirs}"
        if ours in ROLES:
            if theirs not in methods and theirs not in functions:
                raise InputError(f"{where}: no function or method {theirs!r}; {_near(theirs, [*functions, *methods])}")
        elif ours in ARGUMENTS:
            known = sorted({p.name for fn in takers for p in arguments(fn)} - {"self"})
            if theirs not in known:
                raise InputError(f"{where}: no argument {theirs!r}; {_near(theirs, known)}")
        elif TENSOR.fullmatch(ours) is None:
            may = f"{', '.join(ROLES)}; W1, b1, dW1, db1, ...; {', '.join(ARGUMENTS)}"
            raise InputError(f"{where}: {ours!r} cannot be named; these can: {may}")
    _alias(classes.values(), mapping)


def _hidden(name: str) -> bool:
    return name.startswith("__") and name != "__call__"


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(set(known))
    return nearest(name, names) if names else "it defines no class and no function"


def _alias(classes: Iterable[type], mapping: Mapping[str, str]) -> None:
    """A method under our name too, so that layers whose pass is called otherwise are found."""
    for ours, theirs in mapping.items():
        for cls in classes:
            if ours in ROLES and theirs in vars(cls) and not hasattr(cls, ours):
                setattr(cls, ours, vars(cls)[theirs])


def chained_as_named(wanted: Mapping[str, str], shapes: Mapping[str, tuple[int, ...]]) -> Chained | None:
    """The layers in the order in which W1, W2, ... were named; None where none was. Raises UnknownName."""
    depth = max((int(ours[1:]) for ours in wanted if ours[0] in "Wb" and ours[1:]), default=0)
    if not depth:
        return None
    paths = {ours: _require(ours, wanted[ours], shapes) for ours in wanted if ours[0] in "Wb" and ours[1:]}
    if missing := [f"W{i + 1}" for i in range(depth) if f"W{i + 1}" not in paths]:
        why = f"--map: {', '.join(missing)} missing; name every weight matrix, or none"
        raise UnknownName(f"{why}: {asking(missing)}")
    weights = tuple(paths[f"W{i + 1}"] for i in range(depth))
    biases = tuple(paths.get(f"b{i + 1}") for i in range(depth))
    for transposed in (False, True):
        widths = chain_widths([shapes[path] for path in weights], transposed)
        if widths is not None and all(b is None or shapes[b] in _biases(n) for b, n in zip(biases, widths[1:])):
            own = (find(f"b{i + 1}", shapes) for i in range(depth))  # b1 needs no --map
            known = (b if b is None or shapes[b] in _biases(n) else None for b, n in zip(own, widths[1:]))
            return Chained(weights, tuple(b or k for b, k in zip(biases, known)), transposed, widths)
    raise UnknownName(f"--map: these do not chain: {', '.join(f'{n} {shapes[p]}' for n, p in paths.items())}")


def _biases(units: int) -> tuple[tuple[int, ...], ...]:
    return ((units,), (1, units), (units, 1), (1,), ())


def _require(ours: str, theirs: str, paths: Iterable[str]) -> str:
    found = find(theirs, paths)
    if found is None:
        names = list(paths)
        known = f"known: {', '.join(names)}" if len(names) <= FEW else _near(theirs, names)
        raise UnknownName(f"--map {ours}={theirs}: no one array is called {theirs!r}; {known}")
    return found


def pick_gradients(
    wanted: Mapping[str, str], paths: Sequence[str], found: Gradients, arrays: Mapping[str, Any]
) -> Gradients:
    """`found`, and in its place what was named dW1, db1, ... of the parameters that are named. Raises UnknownName."""
    grads, called = dict(found[0]), dict(found[1])
    for ours, theirs in wanted.items():
        if ours[0] != "d":
            continue
        path = next((p for p in paths if p == find(wanted.get(ours[1:], ours[1:]), paths)), None)
        if path is None:
            layers = sum(not is_bias(p) and np.ndim(arrays.get(p, [[]])) > 1 for p in paths)
            rest = asking(name for i in range(layers) if (name := f"W{i + 1}") not in wanted)
            raise UnknownName(
                f"--map {ours}={theirs}: which array is {ours[1:]}? Name every weight matrix, too: {rest}"
            )
        name = _require(ours, theirs, arrays)
        grads[path], called[path] = np.asarray(arrays[name], dtype=np.float64), name
    return grads, called


def named_in_layers(
    wanted: Mapping[str, str], paths: Sequence[str], found: Gradients, arrays: Mapping[str, Any]
) -> Gradients:
    """The same for layer objects, which all have one name for it: W=kernel, dW=kernel_grad."""
    grads, called = dict(found[0]), dict(found[1])
    for ours, theirs in wanted.items():
        own = wanted.get(ours[1:], ours[1:]) if ours[0] == "d" else ""
        for path in [p for p in paths if own and p.rpartition(".")[2] == own]:
            name = _require(ours, f"{path.rpartition('.')[0]}.{theirs}", arrays)
            grads[path], called[path] = np.asarray(arrays[name], dtype=np.float64), name
    return grads, called


def find(theirs: str, paths: Iterable[str]) -> str | None:
    """The path that is called so, or the only one that ends so: params['W1'], W1."""
    paths = list(paths)
    if theirs in paths:
        return theirs
    ends = [path for path in paths if re.search(rf"(^|[.\['\"]){re.escape(theirs)}(['\"\]]*)$", path)]
    return ends[0] if len(ends) == 1 else None
