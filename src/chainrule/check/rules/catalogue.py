"""The catalogue, filled: mistakes as wrong lines in the order of their numbers, and what is observed beside them."""

from __future__ import annotations

from chainrule.check.rules import (  # noqa: F401 - each adds its own
    mistakes_history,
    mistakes_layers,
    mistakes_loss,
    mistakes_ones,
    mistakes_output,
    mistakes_scale,
    mistakes_slopes,
    observed_batches,
    observed_calls,
    observed_checks,
    observed_factor,
    observed_steps,
)
from chainrule.check.rules.rule import OBSERVATIONS, RULES

__all__ = ["OBSERVATIONS", "RULES"]

RULES.sort(key=lambda rule: rule.mistake)
