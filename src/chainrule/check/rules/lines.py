"""Parts of wrong lines that several mistakes share: where a line can stand at all."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.arrays import Array
from chainrule.check.reference.forms import Form
from chainrule.check.reference.passes import Scene

Line = Callable[[Scene], Array]


def times(factor: Callable[[Scene], float]) -> Line:
    return lambda s: s.right * factor(s)


def only_for(kind: type | tuple[type, ...], line: Line) -> Line:
    """A line that can stand only behind this activation."""

    def wrong(s: Scene) -> Array:
        if not isinstance(s.act, kind):
            raise LookupError("another activation")
        return line(s)

    return wrong


def only_link(names: tuple[str, ...], line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.link.name not in names:
            raise LookupError("another link")
        return line(s)

    return wrong


def has_slope(line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.link.diagonal is None:
            raise LookupError("the link is the identity")
        return line(s)

    return wrong


def fused(s: Scene) -> bool:
    return fused_form(s.form)


def fused_form(form: Form) -> bool:
    """Whether p − t is the gradient by z already, the link's derivative in it."""
    return "entropy" in form.name
