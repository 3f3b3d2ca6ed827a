"""Mistake 18, the check itself: each slip as an observation over its answers to functions with known gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.check.probing.checkers import SMOOTH
from chainrule.check.probing.probes import CHECKER
from chainrule.check.rules.case import Case
from chainrule.check.rules.rule import Observation, add

NOISE = 1e-10  # a step below this leaves no digit of a difference of numbers near 1


def faults(check: Mapping[str, Any]) -> dict[str, str]:
    """Slip -> what was seen."""
    answers = check["answers"]
    right, kink = answers[SMOOTH.name], answers["near a kink"]
    seen = {}
    if not right["accepts"]:
        if right["single"]:
            seen["check-single"] = "it rejects a right gradient, and asks the function in float32"
        elif right["nudge"] < NOISE:
            seen["check-small-step"] = f"it rejects a right gradient, and its step is {right['nudge']:.0e}"
        else:
            seen["check-rejects"] = "it rejects a right gradient"
    elif not kink["accepts"] and kink["nudge"] > 1e-3:
        seen["check-kink"] = f"it rejects the right gradient of ReLU: a step of {kink['nudge']:.0e} leads over a corner"
    if right["accepts"] and answers["wrong by a tenth"]["accepts"]:
        seen["check-accepts"] = "it accepts a gradient that is wrong by a tenth"
    elif answers["tiny and wrong"]["accepts"] and right["accepts"]:
        seen["check-absolute"] = "it accepts a gradient of the wrong sign, because its entries are about 1e-5"
    return seen


def _slip(key: str) -> Callable[[Case], str | None]:
    def see(case: Case) -> str | None:
        found = case.record.get("checks")
        if not found:
            raise LookupError(CHECKER)
        return next((f"{check['name']}: {said}" for check in found if (said := faults(check).get(key))), None)

    return see


def observe(key: str, name: str, sentence: str, formula: str, right: str, question: str, change: str) -> Observation:
    return Observation(
        key, 18, name, _slip(key), sentence, formula, right, question, change, (CHECKER,), needs_reference=False
    )


_RIGHT = "(f(x + h) − f(x − h))/2h in float64, h = 1e-5, |difference| ≤ 1e-6 · max|numeric|"
add(
    observe(
        "check-single", "differences in float32", "Half of float32's seven digits cancel in f(x + h) − f(x − h), and h takes the rest.",
        "f(⟦float32⟧(x + h)) − f(⟦float32⟧(x − h))", _RIGHT, "How many digits of f(x + h) − f(x − h) are left?", "Check in float64, whatever the training uses.",
    ),
    observe(
        "check-small-step", "h too small", "x + h and x − h differ by less than the rounding of f: the quotient is noise.",
        "(f(x + ⟦h⟧) − f(x − ⟦h⟧))/2h", _RIGHT, "What is (1 + h) − 1 for your h, in float64?", "h = 1e-5: the formula's error and the rounding are then about equal.",
    ),
    observe(
        "check-kink", "the step leads over a kink of ReLU", "Between x − h and x + h the function has a corner, so the quotient is a mixture of both slopes.",
        "(f(x + h) − f(x − h))/2h ⟦over a corner⟧", _RIGHT, "Which pre-activations change their sign between x − h and x + h?", "A smaller h (1e-5), and leave out the cells whose two one-sided slopes differ.",
    ),
    observe(
        "check-absolute", "an absolute tolerance", "A fixed tolerance accepts anything where the gradient itself is as small.",
        "|numeric − analytic| ≤ ⟦1e-4⟧", _RIGHT, "What does your check say to a gradient of zeros where the true entries are 1e-5?", "Compare with the size of the gradient: divide by the largest entry of the tensor.",
    ),
    observe(
        "check-rejects", "the check rejects a right gradient", "The gradient of a smooth function is refused.",
        "f = Σ x²: 2x is ⟦rejected⟧", _RIGHT, "Does your check accept the gradient of Σ x²?", "Compare with this formula.",
    ),
    observe(
        "check-accepts", "the check accepts a wrong gradient", "A gradient that is wrong by a tenth is accepted.",
        "f = Σ x²: 2.2x is ⟦accepted⟧", _RIGHT, "Does your check refuse 1.1 times the gradient of Σ x²?", "Compare with this formula.",
    ),
)  # fmt: skip
