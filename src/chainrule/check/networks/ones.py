"""A bias as a column of ones: a matrix with one row or column more than its layer has inputs holds the biases, too.

At which of its ends is found by running: where only they are not 0, what a layer gives is the same for any inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.chain import Chained, chains
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import Place
from chainrule.check.networks.result import Result
from chainrule.check.networks.theirs import Theirs

SAME = 1e-12  # of a loss, relative: what changes with the inputs changes by more


@dataclass
class Part(Place):
    """The weights in a matrix that holds the biases too, or those biases."""

    whole: Place = field(default_factory=lambda: Place("", {}, ""))
    cut: Cut = field(default_factory=lambda: Cut(0, 0))
    bias: bool = False

    @property
    def raw(self) -> Any:
        return self.cut.of(np.asarray(self.whole.raw), self.bias)

    def put(self, value: Any) -> None:
        self.set(np.asarray(value, dtype=np.float64))

    def set(self, value: Array) -> None:
        both = self.whole.value.copy()
        others = self.cut.of(np.arange(both.size).reshape(both.shape), self.bias)
        both.reshape(-1)[others] = np.asarray(value).reshape(others.shape)
        self.whole.set(both)


@dataclass(frozen=True)
class Cut:
    """Where in a matrix the biases are: along which axis, at its beginning (0) or its end (-1)."""

    axis: int
    at: int

    def of(self, matrix: Array, bias: bool) -> Array:
        found: Array = matrix.take(self.at, self.axis) if bias else np.delete(matrix, self.at, self.axis)
        return found

    def path(self, name: str, bias: bool) -> str:
        """As their code would write it: W[1:] and W[0]."""
        index = ("0" if self.at == 0 else "-1") if bias else ("1:" if self.at == 0 else ":-1")
        return f"{name}[:, {index}]" if self.axis else f"{name}[{index}]"


class WithOnes(Theirs):
    """Their network, where matrices may hold the biases of their layers."""

    def __init__(self, *given: Any, ones: bool = False, **options: Any) -> None:
        super().__init__(*given, **options)
        self.ones = ones  # whether the arrays that we make for functions have a place for biases
        self._cuts: dict[str, Cut] = {}

    @property
    def in_parts(self) -> bool:
        """Whether some of its places are a part of an array."""
        return bool(self._cuts)

    def whole_places(self) -> Mapping[str, Place]:
        return super()._places()

    def _places(self) -> Mapping[str, Place]:
        found: dict[str, Place] = {}
        for path, place in self.whole_places().items():
            if (cut := self._cuts.get(path)) is None:
                found[path] = place
                continue
            for bias in (False, True):
                name = cut.path(path, bias)
                found[name] = Part(name, place.container, place.key, place, cut, bias)
        return found

    def made_up(self, names: list[str], sizes: Sizes) -> dict[str, tuple[int, ...]]:
        shapes, axis = super().made_up(names, sizes), int(self.storage[0] == "columns")
        more = {name: tuple(n + (i == axis) for i, n in enumerate(shape)) for name, shape in shapes.items()}
        return more if self.ones else shapes

    # which matrices, and which end of them

    def chained(self, sizes: Sizes) -> Chained | None:
        self._cuts = {}
        self.places = self._places()
        found = None if any(name[0] in "Wb" for name in self.wanted) else self._chained_with_ones(sizes)
        return found or self.whole_chain(sizes)

    def whole_chain(self, sizes: Sizes) -> Chained | None:
        return super().chained(sizes)

    def _chained_with_ones(self, sizes: Sizes) -> Chained | None:
        """Where the arrays do not chain as they are, and do with one row or column less, which holds biases."""
        shapes, ends = {path: place.value.shape for path, place in self.places.items()}, self.ends(sizes)
        if next(chains(shapes, *ends, full=True), None) is not None:
            return None
        failed: Exception | None = None
        for axis, names in _choices(shapes):
            less = shapes | {n: tuple(s - (i == axis) for i, s in enumerate(shapes[n])) for n in names}
            turned = axis == 1
            chained = next((c for c in chains(less, *ends, full=True) if c.transposed == turned), None)
            if chained is None or not set(names) <= set(chained.weights):
                continue
            try:
                found = {name: self._bias_end(name, axis, chained, sizes) for name in names}
            except Exception as error:
                failed = error
                continue
            if None not in found.values():
                self._cuts = {name: Cut(axis, at) for name, at in found.items() if at is not None}
                self.places = self._places()
                return self._as_parts(chained)
        if failed is not None:
            raise failed
        return None

    def _as_parts(self, chained: Chained) -> Chained:
        cuts = self._cuts
        weights = tuple(cuts[n].path(n, False) if n in cuts else n for n in chained.weights)
        pairs = zip(chained.weights, chained.biases)
        biases = tuple(cuts[w].path(w, True) if w in cuts else b for w, b in pairs)
        return Chained(weights, biases, chained.transposed, chained.widths)

    def _bias_end(self, name: str, axis: int, chained: Chained, sizes: Sizes) -> int | None:
        """The end of a matrix with which alone the layer gives the same for any inputs; None where neither does."""
        rng, X = np.random.default_rng(0), np.asarray(self.env.roles["X"], dtype=np.float64)
        self.k = chained.widths[-1]
        shape = tuple(chained.widths[0] if extent == sizes.n_in else extent for extent in X.shape)
        inputs = [rng.normal(size=shape) for _ in range(2)]
        for place in (self.places[path] for path in chained.named.values()):
            place.set(np.asarray(rng.normal(scale=0.5, size=place.value.shape)))
        whole = self.places[name].value.shape
        filled, y = rng.normal(size=whole[1 - axis] if len(whole) > 1 else ()), self.env.roles["y"]
        given = self.env.roles["X"]
        try:
            same = [at for at in (0, -1) if self._same_for(name, _only(whole, axis, at, filled), inputs, y)]
        finally:
            self.feed(given, y)
        return same[0] if len(same) == 1 else None

    def _same_for(self, name: str, matrix: Array, inputs: list[Array], y: Any) -> bool:
        values = []
        for X in inputs:
            self.places[name].set(matrix)
            self.feed(X, y)
            out = self.forward()
            values.append(self.loss() if out is None else float(np.sum(np.square(out))))
        first, second = values
        if first is None or second is None:
            raise LookupError("it gives neither a prediction nor a loss")
        return abs(first - second) <= SAME * abs(first)

    # gradients and parameters in the same parts

    def _apart(self, whole: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays of whole matrices as those of their parts; what has another shape stands for the weights."""
        found: dict[str, Any] = {}
        wholes = self.whole_places()
        for path, value in whole.items():
            cut = self._cuts.get(path)
            if cut is None:
                found[path] = value
            elif np.shape(value) != wholes[path].value.shape:
                found[cut.path(path, False)] = value
            else:
                found |= {cut.path(path, bias): cut.of(np.asarray(value), bias) for bias in (False, True)}
        return found

    def _wholly(self, look: Callable[[], Any]) -> Any:
        """What is found where the matrices are taken as they are."""
        parts, paths = self.places, self.chained_paths
        self.places = self.whole_places()
        self.chained_paths = tuple(self.places) if self._cuts else paths
        try:
            return look()
        finally:
            self.places, self.chained_paths = parts, paths

    def _gradients(
        self, fn: Callable[..., Any], given: Any, *, held: bool = False
    ) -> tuple[dict[str, Array], dict[str, str]]:
        if not self._cuts:
            return super()._gradients(fn, given, held=held)
        above = super()._gradients
        return self._parted(*self._wholly(lambda: above(fn, given, held=held)))

    def _parted(self, grads: Mapping[str, Array], called: Mapping[str, str]) -> tuple[dict[str, Array], dict[str, str]]:
        known = dict(called)
        for path, cut in self._cuts.items():
            known |= {cut.path(path, bias): cut.path(called[path], bias) for bias in (False, True) if path in called}
        apart = self._apart(grads)
        return apart, {path: known[path] for path in apart if path in known}

    def _returned_parameters(self, fn: Callable[..., Any], given: Any) -> dict[str, Array]:
        above = super()._returned_parameters
        return self._apart(self._wholly(lambda: above(fn, given)))

    def _takes_parameters(self, fn: Callable[..., Any]) -> bool:
        above = super()._takes_parameters
        return bool(self._wholly(lambda: above(fn)))

    def _kept(self) -> dict[str, tuple[Array, Array]]:
        above = super()._kept
        kept: dict[str, tuple[Array, Array]] = self._wholly(above)
        return kept

    def _name_gradients(self, fn: Callable[..., Any], result: Result) -> None:
        if not self._cuts:
            super()._name_gradients(fn, result)


def _choices(shapes: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[int, list[str]]]:
    """All matrices along an axis, then the first alone, then all others, where the inputs have their ones already."""
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and min(shape) > 0]
    if not matrices:
        yield from ((0, [name]) for name, shape in shapes.items() if len(shape) == 1 < shape[0])
        return
    for names in (matrices, matrices[:1], matrices[1:])[: 3 if len(matrices) > 1 else 1]:
        for axis in (0, 1):
            if names and all(shapes[name][axis] > 1 for name in names):
                yield axis, names


def _only(shape: tuple[int, ...], axis: int, at: int, filled: Array) -> Array:
    """A matrix of zeros but for one row or column."""
    matrix = np.zeros(shape)
    if axis:
        matrix[:, at] = filled
    else:
        matrix[at] = filled
    return matrix
