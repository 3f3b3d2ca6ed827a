"""Random numbers of code that is not ours: every call begins at the same place."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np


class Randomness:
    """Their random numbers begin at the same place before each call, wherever they come from."""

    def __init__(self, reading: Any) -> None:
        self.reading = reading
        self.states: dict[int, tuple[Any, Any]] = {}

    def _generators(self) -> Iterator[np.random.Generator | np.random.RandomState]:
        roots = [vars(self.reading.module)]
        holders = [getattr(self.reading, "object", None), *getattr(self.reading, "owners", {}).values()]
        roots += [vars(holder) for holder in holders if hasattr(holder, "__dict__")]
        kinds = (np.random.Generator, np.random.RandomState)
        for root in roots:
            yield from (value for value in list(root.values()) if isinstance(value, kinds))

    def elsewhere(self, seed: int) -> None:
        """They go on from another place, wherever they come from."""
        np.random.seed(seed)  # noqa: NPY002 - theirs may use the old interface
        random.seed(seed)
        for generator in self._generators():
            if isinstance(generator, np.random.Generator):
                generator.bit_generator.state = type(generator.bit_generator)(seed).state
            else:
                generator.seed(seed)

    def reset(self) -> None:
        np.random.seed(0)  # noqa: NPY002 - theirs may use the old interface
        random.seed(0)
        for generator in self._generators():
            if isinstance(generator, np.random.Generator):
                _, state = self.states.setdefault(id(generator), (generator, generator.bit_generator.state))
                generator.bit_generator.state = state
            else:
                _, state = self.states.setdefault(id(generator), (generator, generator.get_state()))
                generator.set_state(state)
