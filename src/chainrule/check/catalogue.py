"""Every layer and loss of the registries in a small network of its own, checked; and beside each a negative control:
the same network with one gradient off by a thousandth, which the check has to catch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any

import numpy as np

from chainrule.activations import Tanh
from chainrule.arrays import Array, Views
from chainrule.check.gradients import TOLERANCE, Report, check_gradients
from chainrule.layers import LAYERS, Dense, Layer
from chainrule.losses import LOSSES, HalfSquaredError, Loss
from chainrule.network import Network

ROWS, INPUTS, OUTPUTS = 7, 4, 3
ERROR = 1.001


@dataclass(frozen=True)
class Verdict:
    name: str
    reports: tuple[Report, ...]  # one for each method that applies
    caught: int  # wrong gradients that the check called wrong
    controls: int

    @property
    def ok(self) -> bool:
        return all(self.reports) and self.caught == self.controls


def example(kind: Any) -> Any:
    """An instance with its default settings, and 5 units or a rate of 0.4 where there is no default."""
    wanted = [field for field in fields(kind) if field.default is MISSING]
    return kind(**{field.name: 5 if field.type == "int" else 0.4 for field in wanted})


def network_with(part: Layer | Loss) -> Network:
    """The layer between two Dense layers, or the loss after them, in float64."""
    if isinstance(part, Loss):
        return Network([Dense(5), Tanh(), Dense(OUTPUTS)], part, INPUTS, dtype=np.float64)
    return Network([Dense(6), part, Dense(OUTPUTS)], HalfSquaredError(), INPUTS, dtype=np.float64)


def data_for(loss: Loss) -> tuple[Array, Array]:
    """A few rows of X and targets of the kind the loss takes."""
    rng = np.random.default_rng(1)
    X, z = rng.normal(size=(ROWS, INPUTS)), rng.normal(size=(ROWS, OUTPUTS))
    targets = {
        "labels": z.argmax(axis=1),
        "flags": (z > 0).astype(np.float64),
        "values": z,
        "counts": np.exp(z).round(),
    }
    return X, targets[loss.target]


def spoiled(part: Any, gradient: str) -> Any:
    """The same part with one gradient wrong: a parameter's, or the one handed back (dx of a layer, dz of a loss)."""
    kind = type(part)
    wrong: dict[str, Any] = {}
    if isinstance(part, Loss):

        def rows(self: Any, z: Array, t: Array, dz: Array) -> Array:
            values = kind.rows(self, z, t, dz)
            dz *= ERROR
            return values

        wrong["rows"] = rows
    else:

        def backward(self: Any, p: Views, g: Views, x: Array, y: Array, dy: Array, dx: Array | None, m: Views) -> None:
            kind.backward(self, p, g, x, y, dy, dx, m)
            array = dx if gradient == "dx" else getattr(g, gradient)
            if array is not None:
                array *= ERROR

        wrong["backward"] = backward
    return type(f"Spoiled{kind.__name__}", (kind,), wrong)(**vars(part))


def controls(part: Layer | Loss) -> Iterator[Any]:
    for gradient in ("dz",) if isinstance(part, Loss) else ("dx", *part.shapes(INPUTS)):
        yield spoiled(part, gradient)


def check_part(part: Layer | Loss) -> Verdict:
    """The part's own network by every method that applies, and its controls."""

    def check(part: Layer | Loss, method: str) -> Report:
        net = network_with(part)
        return check_gradients(net, *data_for(net.loss), method=method, max_entries=None)

    methods = ["central", "complex"] if part.analytic else ["central"]
    reports = tuple(check(part, method) for method in methods)
    wrong = [check(control, method) for control in controls(part) for method in methods]
    return Verdict(type(part).__name__, reports, sum(report.worst > TOLERANCE for report in wrong), len(wrong))


def check_all() -> Iterator[Verdict]:
    for kind in (*LAYERS.values(), *LOSSES.values()):
        yield check_part(example(kind))
