"""What one evaluation of their network gave."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.arrays import Array


class DoesNotRun(Exception):
    """This reading, in this layout, is not how their code is meant to be called."""


class NotOffered(LookupError):
    """Their code has no such call, which is no failure of it."""


class NoStep(LookupError):
    """What is called like a step makes none from the parameters at hand."""


@dataclass
class Result:
    """What one evaluation gave, in their shapes."""

    out: Array | None = None
    loss: float | None = None
    step_loss: float | None = None  # what a step returned, where there is no other loss
    grads: dict[str, Array] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)  # parameter -> what they call its gradient
    unread: str = ""  # what backward gave, where no gradient was found in it
