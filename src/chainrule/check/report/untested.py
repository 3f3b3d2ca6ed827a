"""What was not tested, by what would have been needed for it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from chainrule.check.probing.probes import (
    AGAIN,
    BACKWARD,
    BATCHES,
    CHECKER,
    FORWARD,
    GRADIENTS,
    LARGE,
    LOSS,
    NUMERIC,
    OPTIMIZER,
    OTHER,
    RATE,
    REFERENCE,
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
    CHECKER: "a gradient check", BACKWARD: "a backward pass that is a call of its own",
    BATCHES: "a step over batches whose size has a name", LARGE: "a forward pass that runs with large scores",
    NUMERIC: "differences of the loss", RATE: "a step whose rate is known", REFERENCE: "a network known here",
}  # fmt: skip
FEW, MANY = 2, 12  # forms of one mistake, and rules of all, that are named one by one
WIDTH = 110
NO_STEP = "one step: not run: it makes no step"  # which the list says, too


def needs(d: Diagnosis) -> dict[str, list[Rule | Observation]]:
    """The rules that were not tested, by what they needed."""
    every: list[Rule | Observation] = [*OBSERVATIONS, *RULES]
    by_name = {rule.name: rule for rule in every}
    found: dict[str, list[Rule | Observation]] = {need: [] for need in NEEDS}
    for name, need in d.wanting.items():
        found.setdefault(need, []).append(by_name[name])
    return {need: rules for need, rules in found.items() if rules}


def lines(d: Diagnosis) -> list[str]:
    """A line or two for each thing that was needed."""
    groups = needs(d)
    unknown = groups.pop(REFERENCE, [])
    found = [f"not tested: the {len(unknown)} rules that need a reference (--json names them)"] if unknown else []
    found += ["not tested, for want of"] if groups else []
    for probe, rules in groups.items():
        said = f"{NEEDS.get(probe, probe)}: {_said(rules)}"
        found += textwrap.wrap(said, WIDTH, initial_indent="  ", subsequent_indent="    ")
    return found


def _said(rules: list[Rule | Observation]) -> str:
    if len(rules) > MANY and len({rule.mistake for rule in rules}) > 1:
        return f"{len(rules)} rules (--json names them)"
    forms: dict[int, list[str]] = {}
    for rule in rules:
        forms.setdefault(rule.mistake, []).append(rule.name)
    return "; ".join(
        f"mistake {number}, in {len(names)} forms" if len(names) > FEW else
        "; ".join(f"{name} (mistake {number})" for name in names)
        for number, names in forms.items()
    )  # fmt: skip


def notes(d: Diagnosis) -> list[str]:
    """The notes, but for what the list of the untested says."""
    return [note for note in d.notes if note != NO_STEP or STEP not in needs(d)]
