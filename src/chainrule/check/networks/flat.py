"""One vector of all parameters: run once with known numbers in it, and see which arrays are cut from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CONSTRUCTOR, CannotBind, arguments, call
from chainrule.check.calling.chain import Chained, chains
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.watch import watching
from chainrule.check.networks.bare import Bare, Structure
from chainrule.check.reading.names import argument_roles, gradient_of

VECTOR = re.compile("param|theta|weight|vec|flat")
LONG = 4096  # numbers to begin with, where no usual network has as many as their code cuts
REPAIRS = 4  # times that a message of reshape is taken at its word
OPEN = re.compile(r"cannot reshape array of size (\d+) into shape \(([\d, ]+)\)")


class Flat(Bare):
    """Functions of one vector. Weights may hold their bias as a first or last row or column."""

    def _parameters(self, sizes: Sizes) -> Any:
        self._sizes, self._vectors = sizes, self._vector_names()
        self._named_sizes(sizes)
        if self.structure is None:
            self._known[sizes] = self._discover(sizes)
        self._hand(np.zeros(self._known[sizes].total))
        return self.store

    def _vector_names(self) -> list[str]:
        """What each function calls the vector."""
        found = []
        for fn in self.functions():
            names = [p.name for p in arguments(fn) if not {"X", "y"} & set(argument_roles(p.name))]
            like = [n for n in names if {"params", "weight"} & set(argument_roles(n)) or VECTOR.search(n.lower())]
            found += like[:1]
        if not found:
            raise CannotBind(self.functions()[0], "parameters")
        return list(dict.fromkeys(found))

    def _hand(self, vector: Array) -> None:
        self.store = self._container = self.env.roles["params"] = vector
        self.env.names |= dict.fromkeys(self._vectors, vector)

    def _discover(self, sizes: Sizes) -> Structure:
        fallen: Structure | None = None
        for total in self._totals(sizes):
            cut, said = self._cut(total)
            if cut and (layers := self._layers(cut, sizes)) is not None:
                if not said:
                    return layers
                fallen = fallen or layers  # the rows may be of other sizes than theirs, which are known now
        if fallen is not None:
            return fallen
        raise CannotBind(
            self.functions()[0], self._vectors[0], "; is it one vector? Keep the arrays cut from it in names"
        )

    def _totals(self, sizes: Sizes) -> Iterator[int]:
        """How long the vector may be: as their own is made, as usual networks are, then long enough for many."""
        if (maker := self.fn("init")) is not None:
            try:
                made = call(maker, self.env, CONSTRUCTOR)
            except Exception:
                made = None
            if isinstance(made, np.ndarray) and made.ndim == 1:
                yield made.size
        for depth in (2, 1, 3):
            widths = sizes.chain(depth)
            weights = sum(a * b for a, b in pairwise(widths))
            yield from (weights + sum(widths[1:]), weights)
        yield LONG

    def _cut(self, total: int) -> tuple[dict[str, Array], str]:
        """Name -> indices, of arrays that share nothing and hold the whole vector together, else none; its error."""
        for _ in range(REPAIRS):
            said, held = self._watched(total)
            pieces = _apart(held, total)
            covered = sorted(i for keys in pieces.values() for i in keys.flat)
            match = OPEN.search(said)
            whole = not match and covered == list(range(len(covered)))
            if whole and len(covered) == total:
                return pieces, said
            longer = total - int(match[1]) + prod(map(int, re.findall(r"\d+", match[2]))) if match else 0
            total = len(covered) if whole else longer
            if total <= 0:
                break
        return {}, ""

    def _watched(self, total: int) -> tuple[str, dict[str, Array]]:
        """What a call says on a vector of known numbers, and the arrays of only such numbers that it held."""
        known = np.random.default_rng(total).normal(scale=0.1, size=total)
        order = np.argsort(known)
        self._hand(known.copy())
        said, held = "", {}
        self.draws = False  # what it holds is looked at, not what it gives
        with watching(self.module.__file__ or "") as local:
            try:
                self.value()
            except Exception as error:
                said = str(error) or type(error).__name__
        self.draws = True
        for name, array in _arrays(local):
            at = order[np.minimum(np.searchsorted(known[order], array), total - 1)]
            if (known[at] == array).all() and len(set(at.flat)) == at.size:
                held[name] = at
        return said, held

    def _layers(self, cut: Mapping[str, Array], sizes: Sizes) -> Structure | None:
        total = sum(keys.size for keys in cut.values())
        for ends in ((sizes.n_in, sizes.n_out), (None, None)):
            chained = next(chains({name: keys.shape for name, keys in cut.items()}, *ends, full=True), None)
            if chained is not None and len(chained.named) == len(cut):
                return Structure(cut, chained, total)
            for axis in (1, 0):
                if (found := self._with_biases(cut, axis, ends, total)) is not None:
                    return found
        return None

    def _with_biases(
        self, cut: Mapping[str, Array], axis: int, ends: tuple[int | None, int | None], total: int
    ) -> Structure | None:
        """Every matrix holds the biases of its layer: in its first or last column, or row."""
        if any(keys.ndim != 2 or keys.shape[axis] < 2 for keys in cut.values()):
            return None
        shapes = {n: tuple(s - (i == axis) for i, s in enumerate(keys.shape)) for n, keys in cut.items()}
        chained = next((c for c in chains(shapes, *ends, full=True) if c.transposed == (axis == 1)), None)
        if chained is None:
            return None
        first = self._bias_first(cut[chained.weights[0]], axis, total)
        keys: dict[str, Array] = {}
        weights, biases = [], []
        for name in chained.weights:
            w, b = ("1:", "0") if first else (":-1", "-1")
            weights.append(f"{name}[:, {w}]" if axis else f"{name}[{w}]")
            biases.append(f"{name}[:, {b}]" if axis else f"{name}[{b}]")
            keys[weights[-1]] = np.delete(cut[name], 0 if first else -1, axis)
            keys[biases[-1]] = cut[name].take(0 if first else -1, axis)
        return Structure(keys, Chained(tuple(weights), tuple(biases), chained.transposed, chained.widths), total)

    def _bias_first(self, keys: Array, axis: int, total: int) -> bool:
        """With inputs and first weights of 0, only a bias moves the loss other than a penalty, which is even."""
        vector = np.random.default_rng(1).normal(scale=0.5, size=total)
        vector[keys] = 0.0
        X, y = self.env.roles["X"], self.env.roles["y"]
        self.feed(np.zeros_like(X), y)

        def odd(at: int) -> float:
            ends = []
            for h in (0.5, -0.5):
                moved = vector.copy()
                moved[keys.take(at, axis)] = h
                self._hand(moved)
                ends.append(self.value())
            return abs(ends[0] - ends[1])

        try:
            return odd(0) >= odd(-1)
        finally:
            self.feed(X, y)

    def _whole(self, fn: Callable[..., Any], given: Any, total: int) -> dict[Any, float] | None:
        """The vector in what a call returned, by index: one named as a gradient before others."""
        found = [(n, a) for n, a in digest.everything(fn, given).items() if a.size == total and max(a.shape) == total]
        named = [a for n, a in found if gradient_of(n) is not None or "grad" in n.lower()]
        arrays = named or [a for _, a in found]
        return dict(enumerate(arrays[-1].reshape(-1).tolist())) if arrays else None

    def _cells(self, fn: Callable[..., Any], given: Any, structure: Structure) -> dict[Any, float] | None:
        return self._whole(fn, given, structure.total)

    _new_cells = _cells


def _arrays(local: Mapping[str, Any]) -> Iterator[tuple[str, Array]]:
    """Arrays of one or two axes among local values, and in their lists, tuples and dicts."""
    for path, value in local.items():
        name = path.rpartition(".")[2]
        inner: list[tuple[str, Any]] = [(name, value)]
        if isinstance(value, dict):
            inner = [(f"{name}[{key!r}]", item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            inner = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
        for shown, item in inner:
            if isinstance(item, np.ndarray) and item.dtype.kind == "f" and item.ndim in (1, 2) and item.size:
                yield shown, item


def _apart(held: Mapping[str, Array], total: int) -> dict[str, Array]:
    """Matrices before vectors, the largest first, none of which shares a number with one before; in their order."""
    chosen: dict[str, Array] = {}
    taken: set[int] = set()
    for name, keys in sorted(held.items(), key=lambda pair: (-pair[1].ndim, -pair[1].size)):
        if keys.ndim == 1 and keys.size == total and len(held) > 1:
            continue  # the vector itself
        if not taken & set(keys.flat):
            chosen[name] = keys
            taken |= set(keys.flat)
    return dict(sorted(chosen.items(), key=lambda pair: int(pair[1].min())))
