"""Which of many numbers meet in one unit, from derivatives of the loss by differences.

With an input at 0, its own weights have no effect. Weights that enter one unit have derivatives in the proportion of
what they multiply, whatever comes after. With every weight of the last layer but one at 0, only the unit that it comes
from is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import NoParameters
from chainrule.check.calling.chain import Chained
from chainrule.check.networks.bare import Structure

STEP = 1e-3
SAME, NONE = 1e-6, 1e-8  # of two derivatives, and of the largest


class Search:
    """What a loss of named numbers, a row and its targets is made of. NoParameters where it is no such network."""

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
            raise NoParameters
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
        """Keys (rows, columns). NoParameters where one is missing."""
        if any(sorted(column) != list(rows) for column in columns):
            raise NoParameters
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
            raise NoParameters
        return (np.array(shared[:1], dtype=object) if shared else None), [k for k in rest if k not in shared[:1]]

    def _source(self, key: str, rest: Sequence[str], units: Sequence[Sequence[str]], largest: float) -> int | None:
        """The unit that a weight of the last layer comes from; None for a bias."""
        alone = self.slopes(self.point | dict.fromkeys(rest, 0.0) | {key: 0.7})
        reached = [i for i, unit in enumerate(units) if abs(alone[unit[0]]) > NONE * largest]
        if len(reached) > 1:
            raise NoParameters
        return reached[0] if reached else None

    def _outputs(self, sources: Mapping[str, int], biases: Sequence[str], hidden: int) -> tuple[Array, Array | None]:
        weights = list(sources)
        count = len(weights) // hidden
        if count * hidden != len(weights) or len(biases) not in (0, 1, count) or not count:
            raise NoParameters
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
            raise NoParameters
        return order


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
