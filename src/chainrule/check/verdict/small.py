"""The few rows of the page: their gradients in the convention of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chainrule.check.evidence.draws import draws_of
from chainrule.check.evidence.steps import over, step_draws
from chainrule.check.reference.passes import Draw, gradients
from chainrule.check.report.diagnosis import Diagnosis
from chainrule.check.verdict.convention import MINUS, factor


def small_draw(record: Mapping[str, Any], found: Diagnosis) -> Draw | None:
    """The second call where the mistake needs one before it; from a step, −Δ/η."""
    small = record.get("small")
    if small is None:
        return None
    calls = small["history"] if any(getattr(rule, "in_history", False) for rule in found.mistakes) else small["draws"]
    draw = draws_of(small, calls, small["transposed"])[-1]
    if found.behind and found.spec is not None:
        return replace(draw, grads=gradients(found.spec, draw))
    if draw.grads and not small["moves"]:
        if not found.convention or found.spec is None:
            return draw
        c = -1.0 if found.convention == MINUS else factor(found.spec, draw) or 1.0
        return replace(draw, grads=over(draw.grads, c))
    stepped, rate = step_draws(small)
    if not stepped:
        return None
    share = (found.rate or 1.0) if rate is None else 1.0
    grads = {name: g / share for name, g in stepped[0].grads.items()}
    return replace(draw, grads={name: g - found.decay.get(name, 0.0) * draw.params[name] for name, g in grads.items()})
