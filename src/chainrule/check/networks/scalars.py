"""A name for each weight, for networks of a few numbers; `units` finds where each belongs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CannotBind, NoParameters, arguments
from chainrule.check.calling.making import like_parameter, parameter_names
from chainrule.check.calling.sizes import Sizes
from chainrule.check.networks.bare import Bare, Structure, numbers_of
from chainrule.check.networks.units import Search
from chainrule.check.reading.names import argument_roles, flat_names

MANY = 60  # numbers, each of which is moved many times


class Named(Bare):
    """One row at a time; no hidden layer or one, each unit connected to all of the layer before."""

    _one_target = True  # the target is handed over as a number

    def _parameters(self, sizes: Sizes) -> Any:
        functions = self.functions()
        try:
            names, container = parameter_names(functions, self.wanted)
        except (CannotBind, LookupError):
            names, container = [], "globals"
        keys = flat_names(names)
        store: MutableMapping[str, Any] = {}
        if container == "globals":
            store = vars(self.module)
            keys = [k for k, v in store.items() if isinstance(v, float) and like_parameter(k)]
        elif container == "arguments":
            store = self.env.names
        return self._found(store, keys, sizes)

    def _found(self, store: MutableMapping[str, Any], keys: Sequence[str], sizes: Sizes) -> Any:
        """The store with every number in it, after its structure is known."""
        self.store, self._sizes = store, "numbers"
        if np.ndim(self._rows[0]) != 1 or not 2 <= len(keys) <= MANY:
            raise NoParameters
        self._hand_store(store)
        store.update(dict.fromkeys(keys, 0.1))
        if self.structure is None:
            self._known["numbers"] = self._discover(keys)
        return store

    def _hand_store(self, store: Any) -> None:
        if store is self.env.names or store is vars(self.module) or self.object is not None:
            return
        self._container = store
        for p in (p for fn in self.functions() for p in arguments(fn)):
            if "params" in argument_roles(p.name):
                self.env.names[p.name] = store

    def _places(self) -> Mapping[str, Any]:
        if self.object is not None and self.structure is None:
            keys = [k for k, v in vars(self.object).items() if isinstance(v, float) and like_parameter(k)]
            self._found(vars(self.object), keys, Sizes())
        if self.object is not None:
            self.store = vars(self.object)
        return super()._places()

    def feed(self, X: Array, y: Any) -> None:
        """x1, x2, ... and t1, t2, ... as numbers where functions take them so."""
        self._rows = (X, y)
        super().feed(X, y)
        for p in (p for fn in self.functions() for p in arguments(fn)):
            numbered = re.fullmatch(r"(.+?)_?(\d+)", p.name)
            roles = argument_roles(numbered[1]) if numbered and not argument_roles(p.name) else []
            for role, array in (("X", X), ("y", y)):
                at = int(numbered[2]) - self._first_number(numbered[1]) if numbered else 0
                if role in roles[:1] and np.ndim(array) == 1 and at < np.size(array):
                    self.env.names[p.name] = float(array[at])
        if self._one_target and np.ndim(y) == 1:
            self.env.roles["y"] = float(np.reshape(y, -1)[0])

    def _first_number(self, stem: str) -> int:
        names = [p.name for fn in self.functions() for p in arguments(fn)]
        return min(int(n) for name in names if (n := name.removeprefix(stem).strip("_")).isdigit())

    # the structure

    def _discover(self, keys: Sequence[str]) -> Structure:
        X, y = self._rows
        rng = np.random.default_rng(3)
        point = dict(zip(keys, rng.uniform(0.2, 0.8, len(keys)).tolist()))
        x, t = rng.uniform(0.5, 1.5, np.size(X)), np.full(np.size(y), 0.3)
        try:
            for one in (True, False):
                self._one_target = one
                if np.isfinite(self._at(point, x, t)):
                    return Search(self._at, point, x, t).structure()
        finally:
            self.feed(X, y)
        raise NoParameters

    def _at(self, point: Mapping[str, float], x: Array, t: Array) -> float:
        self.store.update(point)
        self.feed(x, t)
        try:
            return self.value()
        except (TypeError, IndexError, ValueError):
            return float("nan")

    def _cells(self, fn: Callable[..., Any], given: Any, structure: Structure) -> dict[Any, float] | None:
        keys = [key for cells in structure.keys.values() for key in cells.flat]
        held = numbers_of(fn, given) | self._held_numbers()
        named = digest.gradients(fn, given, dict.fromkeys(keys, ()), {k: np.asarray(v) for k, v in held.items()})[0]
        return {key: float(g) for key, g in named.items() if np.size(g) == 1} or None

    def _held_numbers(self) -> dict[str, float]:
        own = vars(self.object) if self.object is not None else {}
        return {name: value for name, value in own.items() if isinstance(value, float)}

    def _new_cells(self, fn: Callable[..., Any], given: Any, structure: Structure) -> dict[Any, float] | None:
        keys = [key for cells in structure.keys.values() for key in cells.flat]
        found = {name: value for name, value in numbers_of(fn, given).items() if name in keys}
        return {key: float(self.store[key]) for key in keys} | found
