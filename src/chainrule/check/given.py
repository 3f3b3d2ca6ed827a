"""What the user hands over beside the code: FILE:NAME, names, rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError


def split(target: str) -> tuple[Path, str | None]:
    """FILE[:NAME]. InputError where the file is not there."""
    file, name = target, None
    if not Path(target).exists() and ":" in target:
        file, _, name = target.rpartition(":")
    path = Path(file)
    if path.is_dir():
        raise InputError(f"{file}: is a folder; name a .py file or a notebook in it")
    if not path.exists():
        raise InputError(f"{file}: no such file")
    return path, name or None


def require_mapping(mapping: Mapping[str, str] | None) -> dict[str, str]:
    """InputError unless names are mapped to names."""
    if mapping is None:
        return {}
    if not isinstance(mapping, Mapping) or not all(isinstance(w, str) and w for pair in mapping.items() for w in pair):
        raise InputError(f"mapping: expected our names to theirs such as {{'forward': 'think'}}, got {mapping!r}")
    return dict(mapping)


def own_rows(X: Any, y: Any) -> tuple[Array, Array] | None:
    """Rows (N, I) and targets (N,) or (N, K) as numbers; None where none are given. InputError."""
    if X is None and y is None:
        return None
    if X is None or y is None:
        raise InputError("X and y: expected both or neither")
    found = []
    for name, given in (("X", X), ("y", y)):
        if np.ma.is_masked(given):
            raise InputError(f"{name}: expected numbers, got masked ones; fill them first")
        try:
            array = np.asarray(given, dtype=np.float64)
        except (ValueError, TypeError):
            raise InputError(f"{name}: expected numbers; encode text first") from None
        except OverflowError:
            raise InputError(f"{name}: expected numbers that float64 holds, got a larger integer") from None
        if not np.isfinite(array).all():
            raise InputError(f"{name}: expected finite numbers, got NaN or inf")
        found.append(array)
    rows, targets = found
    if rows.ndim != 2 or targets.ndim not in (1, 2) or len(rows) != len(targets) or len(rows) < 2:
        got = f"got {rows.shape} and {targets.shape}"
        raise InputError(f"X and y: expected (N, I) and (N,) or (N, K) of 2 rows or more, {got}")
    return rows, targets
