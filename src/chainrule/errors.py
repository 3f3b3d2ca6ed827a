"""The two ways a run can end early: the input was wrong, or the training left the finite numbers."""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:  # a quarter of the time of `import chainrule` would be its own
    from pathlib import Path

LARGEST = sys.float_info.max


class InputError(ValueError):
    """Wrong input. One line that names the thing, what was expected and what came."""


class Diverged(ArithmeticError):
    """The loss of a training step is not finite, or the weights after an epoch's last are not; `step` counts optimizer
    steps from 1."""

    def __init__(self, step: int, what: Literal["loss", "weights"] = "loss") -> None:
        met = "the loss is not finite at" if what == "loss" else "the weights are not finite after"
        super().__init__(f"training diverged: {met} step {step}; try a smaller learning rate or clip_norm=1.0")
        self.step, self.what = step, what

    def __reduce__(self) -> tuple[type[Diverged], tuple[int, Literal["loss", "weights"]]]:
        return Diverged, (self.step, self.what)


def warn(message: str, kind: type[Warning] = UserWarning) -> None:
    """A warning that shows the line of the first caller outside this package, and outside scikit-learn around it."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(("chainrule.", "sklearn.")):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, kind, stacklevel=level)


def nearest(name: str, known: Iterable[str]) -> str:
    """`did you mean ...?` with the closest known name, else the list of all of them."""
    import difflib  # only wrong input needs it

    names = list(known)
    same = [known_name for known_name in names if known_name.lower() == name.lower()]
    close = same or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"


def counted(n: int, noun: str) -> str:
    """`1 row`, `2,000 rows`."""
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def require_file(path: Path) -> None:
    """Raise InputError unless a file of that name is there to be read."""
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file():
        raise InputError(f"{path}: expected a file, got a {'folder' if path.is_dir() else 'pipe or a device'}")


def require_count(name: str, value: Any, least: int = 1, most: int | None = None) -> None:
    """Raise InputError unless `value` is a whole number of at least `least`, and at most `most`."""
    whole = isinstance(value, int) or (hasattr(value, "dtype") and getattr(value.dtype, "kind", "") in "iu")
    if not whole or isinstance(value, bool) or value < least or (most is not None and value > most):
        wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InputError(f"{name}: expected a whole number {wanted}, got {value!r}")


def require_number(name: str, value: Any, low: float = 0.0, high: float = math.inf, *, open_low: bool = False) -> None:
    """Raise InputError unless `value` is finite and in [low, high), or (low, high) with `open_low`."""
    kind, axes = getattr(getattr(value, "dtype", None), "kind", ""), getattr(value, "ndim", 0)
    number = isinstance(value, (int, float)) or (kind in ("i", "u", "f") and axes == 0)
    if kind == "f" and axes == 0:
        value = float(value)  # beside which no limit is too large
    if not number or not abs(value) <= LARGEST or value < low or value >= high or (open_low and value == low):
        interval = f"{'(' if open_low else '['}{low:g}, {high:g})"
        raise InputError(f"{name}: expected a finite number in {interval}, got {value!r}")
