"""What their objects and functions hold beside the parameters: masks of dropout, and the fractions that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.walk import places


def numbers_in(reading: Any, local: Mapping[str, Any]) -> list[float]:
    """Fractions that their code holds: a keep probability may be among them."""
    owners = getattr(reading, "owners", None) or {"object": getattr(reading, "object", None)}
    kept = [*local.values(), *vars(reading.module).values()]
    for owner in owners.values():
        inside = getattr(owner, "__dict__", {}).values()
        kept += [*inside, *(x for value in inside if isinstance(value, dict) for x in value.values())]
    return sorted({value for value in kept if isinstance(value, float) and 0.05 <= value <= 0.95})


def held_in(reading: Any, n: int, local: Mapping[str, Any]) -> dict[str, Array]:
    """Masks and other arrays of a row for each sample that their objects keep, or their functions held."""
    roots = {"object": getattr(reading, "object", None), "cache": reading.env.roles.get("cache")}
    roots |= {"names": reading.env.names, "owners": getattr(reading, "owners", None)}
    found = {}
    for place in places({name: root for name, root in roots.items() if root is not None}):
        raw = place.raw
        if isinstance(raw, np.ndarray) and raw.ndim == 2 and n in raw.shape and raw.size < 5000:
            found[place.path] = place.value.copy()
    for name, value in local.items():
        for i, raw in enumerate(_flat(value)):
            numbers = isinstance(raw, np.ndarray) and raw.dtype.kind in "bfiu" and raw.ndim == 2
            if numbers and n in raw.shape and raw.size < 5000:
                found[f"{name}[{i}]"] = raw.astype(np.float64)
    return found


def has_numpy(module: Any) -> bool:
    named = (getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values())
    return any(str(name).split(".")[0] == "numpy" for name in named)


def _flat(value: Any) -> Iterator[Any]:
    """A value, and what its lists and tuples hold."""
    if isinstance(value, (list, tuple)) and len(value) < 50:
        for item in value:
            yield from _flat(item)
    else:
        yield value
