"""What moves a State forward: the compiled kernels where they can, else the reference in NumPy, the specification.

A backend is a module with NAME, Steps, order, infer, Quick and whole_gradients.
"""

from __future__ import annotations

import os
from types import ModuleType

from chainrule.backends import reference
from chainrule.errors import InputError, nearest
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer
from chainrule.plan import Plan

NAMES = ("compiled", "reference")


def choose(plan: Plan, loss: Loss, optimizer: Optimizer | None = None) -> tuple[ModuleType, str | None]:
    """The backend for a network, and why it is the reference, where it is. CHAINRULE_BACKEND overrides the choice."""
    wanted = os.environ.get("CHAINRULE_BACKEND", "compiled")
    if wanted == "reference":
        return reference, "CHAINRULE_BACKEND=reference"
    if wanted not in NAMES:
        raise InputError(f"CHAINRULE_BACKEND: no backend {wanted!r}; {nearest(wanted, NAMES)}")
    from chainrule.backends import compiled

    reason = compiled.obstacle(plan, loss, optimizer)
    if reason is not None and "CHAINRULE_BACKEND" in os.environ:
        raise InputError(f"CHAINRULE_BACKEND=compiled: {reason}")
    return (compiled, None) if reason is None else (reference, reason)
