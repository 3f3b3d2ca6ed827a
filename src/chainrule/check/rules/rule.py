"""What a rule is. A teacher adds one object: which line of the pass, what stands there instead, and words.

    Rule(
        "own-activation", 4, "activation of this layer instead of the one before",
        {"dW": lambda s: s.y.T @ s.dz},
        sentence="dW takes what leaves the layer; a weight meets what enters it.",
        formula="dW = ⟦a_out⟧ᵀ · dz", right="dW = xᵀ · dz",
        question="Which array does each weight multiply in the forward pass?",
        change="Use the layer's input in dW.",
    )

⟦…⟧ marks the faulty factor. The scene `s` is described in `reference.passes.Scene`. A rule that cannot be a line of the
pass is an `Observation`: a function of all the evidence that says what it saw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.arrays import Array
from chainrule.check.probing.probes import AGAIN, FORWARD, GRADIENTS, OTHER
from chainrule.check.reference.passes import Scene

if TYPE_CHECKING:
    from chainrule.check.rules.case import Case


@dataclass(frozen=True)
class Rule:
    """A line of the backward pass that stands wrong: place -> what stands there instead."""

    key: str
    mistake: int
    name: str
    lines: Mapping[str, Callable[[Scene], Array]]
    sentence: str
    formula: str
    right: str
    question: str
    change: str
    cost: float = 1.0
    probes: tuple[str, ...] = (GRADIENTS,)
    constant: str = ""  # what `s.c` is, where it has to be solved for
    only: str = ""  # "hidden", "last" or "" for any layer: where the mistake can be made
    every: bool = True  # whether one layer alone may have it
    multiplies: bool = False  # it leaves a factor on whatever stands there, so that another may stand there too
    of_loss: bool = False  # told from the loss they compute: without it, the gradient may be that of another

    @property
    def in_history(self) -> bool:
        """It needs the call before."""
        return AGAIN in self.probes or OTHER in self.probes


@dataclass(frozen=True)
class Observation:
    """Something seen in the evidence itself. `see` returns what, or None; LookupError where a probe is missing."""

    key: str
    mistake: int
    name: str
    see: Callable[[Case], str | None]
    sentence: str
    formula: str
    right: str
    question: str
    change: str
    probes: tuple[str, ...] = (FORWARD,)
    grave: bool = True  # False: unwise, or a risk, but the gradient is right
    cost: float = 1.0
    needs_reference: bool = True
    instead: str = ""  # a probe that shows it as well, where one of `probes` did not run
    alone: bool = False  # it explains the whole gradient, so it is not sought where something else does


RULES: list[Rule] = []
OBSERVATIONS: list[Observation] = []


def add(*rules: Rule | Observation) -> None:
    """Put rules into the catalogue."""
    for rule in rules:
        known = {other.key for other in RULES} | {other.key for other in OBSERVATIONS}
        if rule.key in known:
            raise ValueError(f"{rule.key}: a rule of this key is in the catalogue")
        if isinstance(rule, Rule):
            RULES.append(rule)
        else:
            OBSERVATIONS.append(rule)
