"""The catalogue: mistakes as wrong lines of the backward pass, in the order of their numbers."""

from __future__ import annotations

from chainrule.check import (  # noqa: F401 - they fill the catalogue
    mistakes_history,
    mistakes_layers,
    mistakes_loss,
    mistakes_ones,
    mistakes_output,
    mistakes_scale,
    mistakes_slopes,
)
from chainrule.check.rules import RULES

RULES.sort(key=lambda rule: rule.mistake)
