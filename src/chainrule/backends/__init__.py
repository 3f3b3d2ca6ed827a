"""What moves a State forward: the compiled kernels where they can, else the reference in NumPy, the specification.

A backend is a module with NAME, Steps, Inference, evaluate and whole_gradients.
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


def wanted() -> str | None:
    """What CHAINRULE_BACKEND says, or None; InputError where there is no such backend."""
    name = os.environ.get("CHAINRULE_BACKEND")
    if name is not None and name not in NAMES:
        raise InputError(f"CHAINRULE_BACKEND: no backend {name!r}; {nearest(name, NAMES)}")
    return name


def choose(plan: Plan, loss: Loss, optimizer: Optimizer | None = None) -> tuple[ModuleType, str | None]:
    """The backend for a network, and why it is the reference, where it is. CHAINRULE_BACKEND overrides the choice."""
    name = wanted()
    if name == "reference":
        return reference, "CHAINRULE_BACKEND=reference"
    from chainrule.backends import compiled

    reason = compiled.obstacle(plan, loss, optimizer)
    if reason is not None and name is not None:
        raise InputError(f"CHAINRULE_BACKEND=compiled: {reason}")
    return (compiled, None) if reason is None else (reference, reason)
