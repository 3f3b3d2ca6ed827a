"""Which arrays of a script are its inputs and targets, and which of its numbers count their rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.check.calling.walk import is_numbers


def is_data(value: Any) -> bool:
    """Rows of numbers."""
    if isinstance(value, list):
        return len(value) > 1 and is_numbers(value)
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim in (1, 2) and value.size > 1
