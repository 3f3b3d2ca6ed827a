"""Equations between whole arrays, as MathML and as LaTeX."""

from __future__ import annotations

from dataclasses import replace

from chainrule.explain import lines as text_of
from chainrule.explain.mathml import PRODUCT, MathML, Writer
from chainrule.explain.terms import holds_sum
from chainrule.explain.trace import Equation, Trace


def equation_math(trace: Trace, equation: Equation, to: MathML | None = None) -> str:
    """`key = text` in the names of the step; a parameter after the step is written with an arrow."""
    to = to or MathML()

    def leaf(name: str, to: MathML, above: str) -> str:
        return trace.tensors[name].symbol.write(to, above)

    own = trace.tensors[equation.key].symbol
    sign = to.operator("←" if own.after else "=")
    right = Writer(to, leaf).write(text_of.parse(equation.text))
    if trace.divides_by_n(equation):  # the division by N: what is divided, and N as a number
        right = _divided(trace, Writer(to, leaf))
    return to.row(replace(own, after=False).write(to), sign, right)


def _divided(trace: Trace, writer: Writer) -> str:
    """The rows' own gradients over N, by name and by number; by what they are where that is short."""
    to, text = writer.to, trace.equations["dl"].text
    row = writer.write(text_of.parse("dl" if "/" in text or "(" in text else text))
    n = to.number(f"{trace['n'][0, 0]:g}")
    return to.row(to.fraction(row, writer.leaf("n", to, "")), to.operator("="), to.fraction(row, n))


def helper_math(trace: Trace, text: str, to: MathML, *, bracketed: bool = False) -> str:
    """What acts entry by entry, with ⟦key⟧ where a name stands; with the names where it holds a sum.

    `bracketed` is for a place among factors."""
    node = text_of.parse(text)
    sums = holds_sum(node)

    def leaf(name: str, to: MathML, above: str) -> str:
        return trace.tensors[name].symbol.write(to, above) if sums else f"⟦{name}⟧"

    return Writer(to, leaf).write(node, PRODUCT) if bracketed else Writer(to, leaf).write(node)
