"""The catalogue: mistakes as wrong lines of the backward pass, in the order of their numbers."""

from __future__ import annotations

from chainrule.check import mistakes_history, mistakes_layers, mistakes_output, mistakes_scale  # noqa: F401
from chainrule.check.rules import RULES

RULES.sort(key=lambda rule: rule.mistake)
