"""What acts entry by entry, as nested lists that the page computes: np.maximum(x, 0) is ["maximum", "x", 0]."""

from __future__ import annotations

import ast
import math
from typing import Any

from chainrule.explain.lines import parse


def tree(text: str) -> Any:
    """Names and numbers inside lists of a function and its arguments; what has no such form is a function of none."""
    return _read(parse(text))


def _read(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id="pi"):
            return math.pi
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return ["USub", _read(inner)]
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return [type(op).__name__, _read(left), _read(right)]
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="np"), attr=name), keywords=[]):
            return [name, *map(_read, node.args)]
        case ast.Call(func=ast.Attribute(value=inner, attr="sum" | "mean" as name), args=[]):
            if any(word.arg == "axis" and ast.unparse(word.value) == "1" for word in node.keywords):
                return [name, _read(inner)]
    return [ast.unparse(node)]
