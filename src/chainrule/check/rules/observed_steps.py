"""Mistake 17, optimizers: each slip as an observation over the steps that their optimizer made."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.check.evidence import formulas
from chainrule.check.probing.probes import OPTIMIZER
from chainrule.check.rules.case import Case
from chainrule.check.rules.rule import Observation, add


def _slip(key: str) -> Callable[[Case], str | None]:
    return lambda case: formulas.findings(case.record).get(key)


def observe(key: str, name: str, sentence: str, formula: str, right: str, question: str, change: str) -> Observation:
    return Observation(
        key, 17, name, _slip(key), sentence, formula, right, question, change, (OPTIMIZER,), needs_reference=False
    )


add(
    observe(
        "adam-uncorrected", "Adam without bias correction", "m and v start at 0, and the first steps are taken with them as they are.",
        "W −= η·⟦m⟧/(√⟦v⟧ + ε)", "W −= η·m̂/(√v̂ + ε) with m̂ = m/(1 − β₁ᵗ), v̂ = v/(1 − β₂ᵗ)",
        "After the first step m is (1 − β₁)·g. How large is that beside g?", "Divide m by 1 − β₁ᵗ and v by 1 − β₂ᵗ, t counted from 1.",
    ),
    observe(
        "adam-from-zero", "Adam's count of steps starts at 0", "The bias correction divides by 1 − β⁰ = 0 at the first step.",
        "m̂ = m/(1 − β₁^⟦0⟧)", "m̂ = m/(1 − β₁ᵗ), t = 1 at the first step",
        "What is 1 − β₁ᵗ at your first step?", "Count the step before the correction, not after it.",
    ),
    observe(
        "eps-inside", "ε inside the root", "ε is added before the root is taken: it then acts as √ε, 10,000 times larger for ε = 1e-8.",
        "W −= η·g/√(v ⟦+ ε⟧)", "W −= η·g/(√v + ε)", "How large is √(v + ε) where v is 0, and how large is √v + ε?", "Take the root first, then add ε.",
    ),
    observe(
        "decay-per-epoch", "rate decayed per epoch instead of per step", "The rate stays for several steps, although its formula counts steps.",
        "η/(1 + decay·⟦epoch⟧)", "η/(1 + decay·step)", "Print the rate at each of the first steps. When does it change?", "Divide by 1 + decay·step, the step counted over all epochs.",
    ),
    observe(
        "coupled-decay", "decay through the gradient in AdamW", "The decay is added to the gradient, so that Adam divides it by √v like the rest.",
        "g ⟦+ λW⟧, then Adam", "W −= η·λW beside Adam's step", "In AdamW, does m hold anything of the decay?", "Shrink the weights apart from Adam's step: W −= η·λ·W.",
    ),
)  # fmt: skip
