"""Gradients that no rule can explain, because they are no numbers or other ones in each call: said in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.probing.sensible import called

KINDS: tuple[tuple[str, Callable[[Array], Array]], ...] = (("NaN", np.isnan), ("infinity", np.isinf))


def said(record: Mapping[str, Any]) -> str:
    """Why no mistake is looked for; empty where their gradients are finite, and the same in two calls."""
    first = record["draws"][0]
    odd = {kind: [called(first, name) for name, g in first["grads"].items() if found(g).any()] for kind, found in KINDS}
    holding = [
        f"{' and '.join(names)} {'holds' if len(names) == 1 else 'hold'} {kind}" for kind, names in odd.items() if names
    ]
    if holding:
        return f"The gradient is no number: {'; '.join(holding)}."
    if not record.get("two calls"):
        return ""
    return f"The pass is random: two calls on the same data differ: {record['two calls']}."
