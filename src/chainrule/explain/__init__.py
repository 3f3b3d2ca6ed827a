"""The page of one training step: where each number comes from. `trace_step` has the same as plain data."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from chainrule.explain.page import Page, render
from chainrule.explain.trace import Trace, trace_step

__all__ = ["Page", "Trace", "explain", "render", "trace_step"]


def explain(net: Any, X: Any, y: Any, optimizer: Any = None, *, title: str = "One training step") -> Page:
    """The page of one training step of `net` on all rows of X and y: ``explain(net, X, y).save("step.html")``.

    The network stays as it is. The optimizer is SGD() where none is given.
    """
    trace = trace_step(net, X, y, optimizer, title)
    return Page(render(trace), trace)


class _Module(ModuleType):
    """`chainrule.explain` is this package and, for users, the function: calling the package calls it."""

    def __call__(self, net: Any, X: Any, y: Any, optimizer: Any = None, *, title: str = "One training step") -> Page:
        return explain(net, X, y, optimizer, title=title)


sys.modules[__name__].__class__ = _Module
