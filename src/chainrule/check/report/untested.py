"""What was not tested, by what would have been needed for it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from chainrule.check.probing.probes import (
    AGAIN,
    CHECKER,
    FORWARD,
    GRADIENTS,
    LOSS,
    OPTIMIZER,
    OTHER,
    PROBES,
    SECOND,
    STEP,
)
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.check.rules.rule import Observation, Rule

if TYPE_CHECKING:
    from chainrule.check.report.diagnosis import Diagnosis

NEEDS = {
    FORWARD: "predictions of a forward pass", LOSS: "a loss", GRADIENTS: "gradients",
    AGAIN: "a backward pass that can be called again", OTHER: "a backward pass that can be called again on other data",
    SECOND: "a call at another batch size", STEP: "a training step", OPTIMIZER: "an optimizer",
    CHECKER: "a gradient check",
}  # fmt: skip
FEW, MANY = 3, 12  # rules of one mistake, and of all, that are named one by one
WIDTH = 110
NO_STEP = "one step: not run: it makes no step"  # which the list says, too


def needs(d: Diagnosis) -> dict[str, list[Rule | Observation]]:
    """The rules that were not tested, by the first of their probes that did not run; none without a reference."""
    if d.reference == "none":
        return {}
    ran = {*d.probes, *([GRADIENTS] if STEP in d.probes else [])}  # a step shows the gradient
    found: dict[str, list[Rule | Observation]] = {probe: [] for probe in PROBES}
    named: set[str] = set()
    every: list[Rule | Observation] = [*RULES, *OBSERVATIONS]
    for rule in every:
        missing = [probe for probe in rule.probes if probe not in ran]
        if rule.name in d.not_tested and rule.name not in named and missing:
            named.add(rule.name)
            found[missing[0]].append(rule)
    return {probe: rules for probe, rules in found.items() if rules}


def lines(d: Diagnosis) -> list[str]:
    """A line or two for each thing that was needed."""
    if d.not_tested and d.reference == "none":
        return [f"not tested: the {len(d.not_tested)} rules that need a reference (--json names them)"]
    groups = needs(d)
    found = ["not tested, for want of"] if groups else []
    for probe, rules in groups.items():
        said = f"{NEEDS[probe]}: {_said(rules)}"
        found += textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return found


def _said(rules: list[Rule | Observation]) -> str:
    numbers = sorted({rule.mistake for rule in rules})
    if len(rules) > FEW and len(numbers) == 1:
        return f"mistake {numbers[0]}, in {len(rules)} forms"
    if len(rules) > MANY:
        return f"{len(rules)} rules (--json names them)"
    return "; ".join(f"{rule.name} (mistake {rule.mistake})" for rule in rules)


def notes(d: Diagnosis) -> list[str]:
    """The notes, but for what the list of the untested says."""
    return [note for note in d.notes if note != NO_STEP or STEP not in needs(d)]
