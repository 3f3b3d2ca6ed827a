"""Random numbers of code that is not ours: every call begins at the same place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chainrule.check.calling.draws import SHARED, Draws, place, put, seed, sources


class Randomness:
    """Their random numbers begin at the same place before each call, wherever they come from."""

    def __init__(self, reading: Any) -> None:
        self.reading = reading
        self.states: dict[int, tuple[Any, Any]] = {}

    def _roots(self) -> list[Any]:
        holders = (getattr(self.reading, name, None) for name in ("object", "params", "owners"))
        return [vars(self.reading.module), *holders]

    def _sources(self) -> Iterator[Any]:
        yield from sources(*self._roots())

    def now(self) -> Draws:
        """Where they stand."""
        return Draws(*self._roots())

    def elsewhere(self, number: int) -> None:
        """They go on from another place, wherever they come from."""
        for source in self._sources():
            seed(source, number)

    def reset(self) -> None:
        for source in self._sources():
            if source in SHARED:
                seed(source, 0)
            else:
                put(source, self.states.setdefault(id(source), (source, place(source)))[1])
