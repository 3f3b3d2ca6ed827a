"""The wrong passes: which mistake is in each, and where it shows.

`shows` is one of: gradients (differ from the differences of the pass's own loss), step (gradients right, the update is
not what it claims), again (right at first, wrong at a second batch), changes (an array that must stay is changed),
asked (consistent with its own loss, which is not the one asked for), overflow, accepts and rejects (a gradient
check's verdict).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from passes.entry import Pass
from passes.right_functions import OTHERS
from passes.right_objects import OBJECTS

BY_FILE = {entry.file: entry for entry in (*OBJECTS, *OTHERS)}


def wrong(file: str, twin: str, what: str, shows: str = "gradients", **changes: Any) -> Pass:
    """A pass that is called like its right twin; the numbers of the mistakes are in the file's name."""
    base = BY_FILE[f"right/{twin}.py"]
    return replace(base, **common(file, what, shows), twin=base.file, **changes)


def alone(file: str, style: str, claims: str, what: str, shows: str = "gradients", **call: Any) -> Pass:
    """A pass without a twin."""
    return Pass(style=style, claims=claims, **common(file, what, shows), **call)


def common(file: str, what: str, shows: str) -> dict[str, Any]:
    """What every wrong pass has."""
    numbers = tuple(int(part) for part in file.split("_") if part.isdigit())
    return {"file": f"wrong/{file}.py", "mistakes": numbers, "what": what, "shows": shows}


SQUARE = {"H": 5, "J": 5}
