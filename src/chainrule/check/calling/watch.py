"""What functions that are not ours do while they run: their local values, and how often they change parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import numpy as np

from chainrule.arrays import Array

LOCALS = 400  # values kept in all
CHANGES = 200  # of parameters, noted in one call


@contextmanager
def watching(file: str) -> Iterator[dict[str, Any]]:
    """Local values of the functions of one file, as ``function.name``; the last call's, where there were several."""
    seen: dict[str, Any] = {}

    def profile(frame: FrameType, event: str, argument: object) -> None:
        if event == "return" and frame.f_code.co_filename == file and len(seen) < LOCALS:
            for name, value in frame.f_locals.items():
                seen[f"{frame.f_code.co_qualname}.{name}"] = value

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(before)


@contextmanager
def counting(file: str, values: Callable[[], Sequence[Array]]) -> Iterator[list[int]]:
    """Which of the values changed, one after the other, at the lines of one file; each run of the same once.

    Several updates change a value again after another one has changed. Seen are the first changes alone.
    """
    order: list[int] = []
    last = [np.copy(value) for value in values()]

    def look() -> None:
        for i, value in enumerate(values()):
            if not np.array_equal(value, last[i]):
                last[i] = np.copy(value)
                order.extend([i] if order[-1:] != [i] else [])

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        if frame.f_code.co_filename != file or len(order) > CHANGES:
            return None
        look()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield order
    finally:
        sys.settrace(before)
        look()
