"""Gradient checks that are not ours: judged on functions whose gradients are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import arguments
from chainrule.check.reading.names import callable_role
from chainrule.check.reading.source import defined, describe, raised_in

FUNCTION = {
    "f", "func", "fn", "function", "loss", "loss_fn", "loss_function", "cost", "cost_fn", "objective", "fun",
    "callback", "forward",
}  # fmt: skip
POINT = {"x", "w", "theta", "params", "weights", "point", "inputs", "parameter", "value", "at", "W"}
GRADIENT = {
    "analytic", "grad", "g", "gradient", "dx", "dw", "analytic_grad", "analytical", "backprop", "grads",
    "analytic_gradient", "df", "expected",
}  # fmt: skip


@dataclass(frozen=True)
class Trap:
    """A function with a gradient, right or wrong, that a check has to accept or reject."""

    name: str
    f: Callable[[Array], float]
    x: Array
    gradient: Array
    right: bool


_AWAY = np.linspace(0.5, 1.0, 6).reshape(2, 3)
_NEAR = np.array([[0.05, -0.03, 0.4], [0.7, -0.6, 0.3]])
SMOOTH = Trap("right", lambda x: 1.0 + float(np.sum(x**2)), _AWAY, 2 * _AWAY, True)  # no step is too long for it
TRAPS = (
    SMOOTH,
    Trap("wrong by a tenth", SMOOTH.f, _AWAY, SMOOTH.gradient * 1.1, False),
    Trap("near a kink", lambda x: float(np.sum(np.maximum(x, 0.0))), _NEAR, (_NEAR > 0) * 1.0, True),
    Trap("tiny and wrong", lambda x: 1e-5 * float(np.sum(x**2)), _AWAY, -2e-5 * _AWAY, False),
)


@dataclass
class Watched:
    """The function, and where it was asked."""

    trap: Trap
    single: bool = False
    seen: list[float] = field(default_factory=list)

    def __call__(self, x: Any, *rest: Any) -> float:
        x = np.asarray(x)
        self.single |= x.dtype == np.float32
        moved = abs(np.asarray(x, dtype=np.float64).reshape(self.trap.x.shape) - self.trap.x)
        self.seen.append(float(moved.max()))
        return self.trap.f(np.asarray(x, dtype=x.dtype if self.single else np.float64))

    @property
    def nudge(self) -> float:
        """How far from the point it was asked, at most."""
        return max(self.seen, default=0.0)


def checks(module: ModuleType, name: str | None, failed: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Every gradient check of a module, with its answer to each trap; `failed` gets what others raised."""
    file = module.__file__ or ""
    for key, fn in defined(module)[1].items():
        names = _arguments(fn)
        if names is None or (name is not None and key != name):
            continue
        answers = {}
        for trap in TRAPS:
            watched = Watched(trap)
            try:
                answer = fn(**dict(zip(names, (watched, trap.x.copy(), trap.gradient.copy()))))
            except Exception as error:
                if raised_in(error, file) and callable_role(key) == "numeric":
                    failed[key] = describe(error, file)
                break
            if not isinstance(answer, (bool, np.bool_)):
                break
            answers[trap.name] = {"accepts": bool(answer), "single": bool(watched.single), "nudge": watched.nudge}
        else:
            yield {"name": key, "answers": answers}


def _arguments(fn: Any) -> tuple[str, str, str] | None:
    """Which argument is the function, the point and the gradient; None where it is no check."""
    required = [p.name for p in arguments(fn) if p.default is p.empty]
    if len(required) != 3:
        return None
    found = [
        next((n for n in required if n in group or n.lower() in group), None) for group in (FUNCTION, POINT, GRADIENT)
    ]
    return None if None in found or len(set(found)) < 3 else (found[0], found[1], found[2])  # type: ignore[return-value]
