"""Random numbers of code that is not ours: every source that it can reach, where each stands, and setting them back."""

from __future__ import annotations

import builtins
import pickle
import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np

from chainrule.check.calling.walk import reachable

KINDS = (np.random.Generator, np.random.RandomState, random.Random)
_BOUND: tuple[Any, ...] = (np.random.random_sample, random.random)
SHARED = tuple(draw.__self__ for draw in _BOUND)  # what the functions of the two modules draw from
Given = TypeVar("Given")


def sources(*roots: Any) -> Iterator[Any]:
    """Those behind the functions of NumPy and Python, and those that objects keep."""
    yield from SHARED
    seen = {id(vars(builtins))}  # which every module holds
    for root in roots:
        yield from reachable(root, KINDS, seen=seen)


def place(source: Any) -> Any:
    """Where it stands."""
    if isinstance(source, np.random.Generator):
        return source.bit_generator.state
    return source.get_state() if isinstance(source, np.random.RandomState) else source.getstate()


def put(source: Any, state: Any) -> None:
    """It goes on from there."""
    if isinstance(source, np.random.Generator):
        source.bit_generator.state = state
    elif isinstance(source, np.random.RandomState):
        source.set_state(state)
    else:
        source.setstate(state)


def seed(source: Any, number: int) -> None:
    if isinstance(source, np.random.Generator):
        source.bit_generator.state = type(source.bit_generator)(number).state
    else:
        source.seed(number)


class Draws:
    """Where all sources stand now."""

    def __init__(self, *roots: Any) -> None:
        self.roots = roots
        self.places = [(source, place(source)) for source in sources(*roots)]

    def put(self) -> None:
        for source, state in self.places:
            put(source, state)

    def moved(self) -> bool:
        """Whether any has been drawn from since."""
        return any(pickle.dumps(place(source)) != pickle.dumps(state) for source, state in self.places)

    def idle(self) -> bool:
        """Whether no random number has been drawn since, and no source has come to be."""
        return not self.moved() and [id(source) for source in sources(*self.roots)] == [id(s) for s, _ in self.places]

    def again(self, call: Callable[[], Given]) -> Given:
        """A call that sees the random numbers from here on once more. One that draws none is not noticed by the next:
        a backward that draws goes on behind the forward."""
        ended = Draws(*self.roots)
        self.put()
        given = call()
        if not self.moved():
            ended.put()
        return given
