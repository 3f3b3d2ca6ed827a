"""What comes out: the verdict, what explains it, and everything that a report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw, Spec
from chainrule.check.report.tables import TensorTable
from chainrule.check.report.words import text
from chainrule.check.rules.rule import Observation, Rule

if TYPE_CHECKING:
    from chainrule.explain import Page

VERDICTS = ("wrong", "not consistent", "unwise", "correct", "no reference")


@dataclass(frozen=True)
class Asked:
    """Their gradient beside that of the loss that was asked for; `factor` where it is that times a number."""

    reference: str
    agrees: bool
    why: str = ""  # where it does not
    factor: float | None = None


@dataclass(frozen=True)
class Diagnosis:
    """`verdict` is one of VERDICTS; `mistakes` are the rules that explain it, the main one first."""

    subject: str
    verdict: str
    reference: str
    consistent: bool | None  # with their own loss; None where there is none
    mistakes: tuple[Rule | Observation, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)  # observation -> what was seen
    why: str = ""  # in a sentence, why no mistake can be named: NaN, or two calls that differ
    layers: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    also: tuple[Rule, ...] = ()
    tells: Mapping[str, str] = field(default_factory=dict)  # key of a rule in `also` -> what data would tell it apart
    tables: tuple[TensorTable, ...] = ()
    predicted: Mapping[str, Array] = field(default_factory=dict)
    theirs: Mapping[str, Array] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    wanting: Mapping[str, str] = field(default_factory=dict)  # rule that was not tested -> what it needed
    notes: tuple[str, ...] = ()
    spec: Spec | None = None  # the reference as data
    small: Draw | None = None  # a few rows of it with their gradients, for the page
    transposed: bool = False  # their weights are (units, inputs); `theirs`, `predicted` and `small` are turned
    convention: str = ""  # what backward gives, where it is not the gradient and the update makes it right
    rate: float | None = None  # of their steps, by their own code or as one of them showed it
    decay: Mapping[str, float] = field(default_factory=dict)  # tensor -> λ, where a step shrinks it by η·λ too
    behind: bool = False  # what is shown is the gradient behind their update, which changes it on purpose
    no_gradient: tuple[str, ...] = ()  # weights of which no gradient was found
    apart: tuple[str, ...] = ()  # parameters of theirs that fit into no layer, and are not compared
    asked: Asked | None = None  # beside the loss that was asked for, where a reference was given

    @property
    def numbers(self) -> list[int]:
        return [rule.mistake for rule in self.mistakes]

    @property
    def not_tested(self) -> tuple[str, ...]:
        return tuple(self.wanting)

    @property
    def ok(self) -> bool:
        return self.verdict in ("correct", "unwise") and not (self.no_gradient or self.apart)

    def __str__(self) -> str:
        return text(self)

    def page(self, hint: int = 4) -> Page:
        """The step with their gradients as a lane of its own: ``diagnose(file).page().save("step.html")``."""
        from chainrule.check.report.page import page_of

        return page_of(self, hint)
