"""A name for each weight: which of them meet in one unit, from derivatives of the loss by differences.

With an input at 0, its own weights have no effect. Weights that enter one unit have derivatives in the proportion of
what they multiply, whatever comes after. With every weight of the last layer but one at 0, only the unit that it comes
from is connected.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CannotBind, NoParameters, arguments
from chainrule.check.calling.chain import Chained
from chainrule.check.calling.making import like_parameter, parameter_names
from chainrule.check.calling.sizes import Sizes
from chainrule.check.networks.bare import Bare, Structure, numbers_of
from chainrule.check.reading.names import argument_roles, flat_names

MANY = 60  # numbers, each of which is moved many times
STEP = 1e-3
SAME, NONE = 1e-6, 1e-8  # of two derivatives, and of the largest


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


class Search:
    """What a loss of named numbers, a row and its targets is made of. CannotBind where it is no such network."""

    def __init__(self, at: Callable[..., float], point: Mapping[str, float], x: Array, t: Array) -> None:
        self.at, self.point, self.x, self.t = at, dict(point), x, t

    def slopes(
        self, point: Mapping[str, float] | None = None, x: Array | None = None, t: Array | None = None
    ) -> dict[str, float]:
        """The derivative by each number, at a point."""
        point = self.point if point is None else point
        x, t = self.x if x is None else x, self.t if t is None else t

        def central(key: str, h: float) -> float:
            return (self.at({**point, key: point[key] + h}, x, t) - self.at({**point, key: point[key] - h}, x, t)) / (
                2 * h
            )

        return {key: (4 * central(key, STEP / 2) - central(key, STEP)) / 3 for key in point}

    def structure(self) -> Structure:
        g = self.slopes()
        largest = max(map(abs, g.values()))
        owner = {key: j for j in range(len(self.x)) for key in self._silenced(j, g, NONE * largest)}
        if not owner:
            raise self.odd()
        delta = {key: g[key] / self.x[j] for key, j in owner.items()}
        units = _groups(delta)
        inputs = sorted(set(owner.values()))
        W1 = self._table([{owner[key]: key for key in unit} for unit in units], inputs)
        rest = [key for key in self.point if key not in owner]
        b1, rest = self._biases([delta[unit[0]] for unit in units], rest, g)
        if not rest:
            return _structure([(W1, b1)])
        found = {key: self._source(key, rest, units, largest) for key in rest}
        sources = {key: unit for key, unit in found.items() if unit is not None}
        W2, b2 = self._outputs(sources, [key for key in rest if key not in sources], len(units))
        return _structure([(W1, b1), (W2, b2)])

    def _silenced(self, j: int, g: Mapping[str, float], none: float) -> list[str]:
        x = self.x.copy()
        x[j] = 0.0
        return [key for key, slope in self.slopes(x=x).items() if abs(slope) <= none < abs(g[key])]

    def _table(self, columns: Sequence[Mapping[int, str]], rows: Sequence[int]) -> Array:
        """Keys (rows, columns). CannotBind where one is missing."""
        if any(sorted(column) != list(rows) for column in columns):
            raise self.odd()
        return np.array([[column[row] for column in columns] for row in rows], dtype=object)

    def _biases(
        self, deltas: Sequence[float], rest: list[str], g: Mapping[str, float]
    ) -> tuple[Array | None, list[str]]:
        """One for each unit, one for all of them, or none; and what is left."""
        own = [next((key for key in rest if _alike(g[key], delta)), None) for delta in deltas]
        shared = [key for key in rest if len(deltas) > 1 and _alike(g[key], sum(deltas))]
        if None not in own:
            return np.array(own, dtype=object), [key for key in rest if key not in own]
        if any(own):
            raise self.odd()
        return (np.array(shared[:1], dtype=object) if shared else None), [k for k in rest if k not in shared[:1]]

    def _source(self, key: str, rest: Sequence[str], units: Sequence[Sequence[str]], largest: float) -> int | None:
        """The unit that a weight of the last layer comes from; None for a bias."""
        alone = self.slopes(self.point | dict.fromkeys(rest, 0.0) | {key: 0.7})
        reached = [i for i, unit in enumerate(units) if abs(alone[unit[0]]) > NONE * largest]
        if len(reached) > 1:
            raise self.odd()
        return reached[0] if reached else None

    def _outputs(self, sources: Mapping[str, int], biases: Sequence[str], hidden: int) -> tuple[Array, Array | None]:
        weights = list(sources)
        count = len(weights) // hidden
        if count * hidden != len(weights) or len(biases) not in (0, 1, count) or not count:
            raise self.odd()
        anchors = list(biases) if len(biases) == count else [key for key in weights if sources[key] == 0]
        moved = {key: self.point[key] + 0.1 * (i + 1) for i, key in enumerate([*weights, *biases])}
        before, after = self.slopes(), self.slopes(self.point | moved)

        def together(a: str, b: str) -> bool:
            return count == 1 or _alike(before[a] / before[b], after[a] / after[b])

        columns = [{sources[key]: key for key in sources if together(key, anchor)} for anchor in anchors]
        order = self._order(anchors) if count > 1 else [0]
        W2 = self._table([columns[i] for i in order], list(range(hidden)))
        shown = [biases[i] for i in order] if len(biases) == count else list(biases)
        return W2, np.array(shown, dtype=object) if shown else None

    def _order(self, anchors: Sequence[str]) -> list[int]:
        """The output of each target: a larger target makes only that one's derivative smaller."""
        before, order = self.slopes(), []
        for k in range(len(anchors)):
            t = self.t.copy()
            t[k] += 0.1
            after = self.slopes(t=t)
            order.append(int(np.argmin([after[key] - before[key] for key in anchors])))
        if sorted(order) != list(range(len(anchors))):
            raise self.odd()
        return order

    def odd(self) -> CannotBind:
        return NoParameters()


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= SAME * max(abs(a), abs(b))


def _groups(values: Mapping[str, float]) -> list[list[str]]:
    """Names whose values are alike, in their order."""
    groups: list[list[str]] = []
    for key, value in values.items():
        near = next((group for group in groups if _alike(values[group[0]], value)), None)
        groups.append([key]) if near is None else near.append(key)
    return groups


def _structure(layers: Sequence[tuple[Array, Array | None]]) -> Structure:
    keys: dict[str, Array] = {}
    weights, biases = [], list[str | None]()
    for W, b in layers:
        weights.append(_called(W))
        biases.append(None if b is None else _called(b))
        keys[weights[-1]] = W
        if b is not None:
            keys[_called(b)] = b
    widths = (layers[0][0].shape[0], *(W.shape[1] for W, _ in layers))
    total = sum(cells.size for cells in keys.values())
    return Structure(keys, Chained(tuple(weights), tuple(biases), False, widths), total)


def _called(keys: Array) -> str:
    """Its cells as they are called, row by row: w1 w3 / w2 w4."""
    rows: Iterator[Any] = iter(keys if keys.ndim == 2 else [keys])
    return " / ".join(" ".join(row) for row in rows)
