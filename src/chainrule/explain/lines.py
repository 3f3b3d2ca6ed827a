"""The lines a layer, loss or optimizer states, with the names of this network put in, and the losses' lines per row."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from chainrule import special
from chainrule.arrays import Array

FUNCTIONS: dict[str, Any] = {"np": np, "sqrt": math.sqrt, "pi": math.pi} | {
    name: getattr(special, name) for name in ("erf", "log_softmax", "one_hot", "sigmoid", "softmax", "softplus")
}


class _Rename(ast.NodeTransformer):
    def __init__(self, names: Mapping[str, str | float]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.expr:
        new = self.names.get(node.id, node.id)
        return ast.Name(new, node.ctx) if isinstance(new, str) else _number(new)


class _Replace(ast.NodeTransformer):
    """What `change` returns in place of a node; where it returns None, the node with its inside replaced."""

    def __init__(self, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self.change = change

    def visit(self, node: ast.AST) -> Any:
        changed = self.change(node)
        return self.generic_visit(node) if changed is None else changed


def _number(value: float) -> ast.expr:
    value = int(value) if value == int(value) else value
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def parse(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def rename(text: str, names: Mapping[str, str | float]) -> str:
    """The expression with names replaced by other names or by numbers."""
    return ast.unparse(_Rename(names).visit(parse(text)))


def replace_where(text: str, change: Callable[[ast.AST], ast.AST | None]) -> str:
    return ast.unparse(_Replace(change).visit(parse(text)))


def evaluate(text: str, names: Mapping[str, Any]) -> Array:
    """The expression's value as a matrix; vectors are one row."""
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.asarray(eval(text, FUNCTIONS | dict(names)), dtype=np.float64)
    return value.reshape(1, -1) if value.ndim < 2 else value


def assignments(lines: tuple[str, ...]) -> list[tuple[str, str]]:
    """(name, expression) of each line; a line that gives several names their numbers is taken apart."""
    found = []
    for line in lines:
        names, _, text = line.partition(" = ")
        node = parse(text)
        parts = [ast.unparse(part) for part in node.elts] if isinstance(node, ast.Tuple) else [text]
        found += [(name.strip(), part) for name, part in zip(names.split(","), parts)]
    return found


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def uses(text: str, name: str) -> bool:
    """Whether the name stands in the expression."""
    return any(_is_name(node, name) for node in ast.walk(parse(text)))


def undivided(text: str, n: str) -> str | None:
    """The expression without its division by n; None where it has none."""
    found = []

    def change(node: ast.AST) -> ast.AST | None:
        if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
            return None
        below = node.right
        if _is_name(below, n):
            found.append(node)
            return node.left
        if isinstance(below, ast.BinOp) and isinstance(below.op, ast.Mult) and _is_name(below.left, n):
            found.append(node)
            return ast.BinOp(node.left, ast.Div(), below.right)
        return None

    text = replace_where(text, change)
    return text if len(found) == 1 else None


def by_row(text: str) -> str:
    """The sum over everything as a sum over each row."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sum":
            words = [ast.keyword("axis", ast.Constant(1)), ast.keyword("keepdims", ast.Constant(True))]
            return ast.Call(node.func, [], words)
        return None

    return replace_where(text, change)


def plain(text: str, target: str, columns: str) -> str:
    """The columns of a matrix by name, and class indices already as rows of the identity."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Subscript) and ast.unparse(node).endswith(".shape[1]"):
            return ast.Name(columns)
        if isinstance(node, ast.Call) and _is_name(node.func, "one_hot"):
            return ast.Name(target)
        return None

    return replace_where(text, change)


def matching(text: str, value: Array, names: Mapping[str, Any]) -> str | None:
    """The first call inside the expression that has this value."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.Call):
            found = evaluate(ast.unparse(node), names)
            if found.shape == value.shape and np.allclose(found, value, rtol=1e-12, atol=0):
                return ast.unparse(node)
    return None


def put(text: str, part: str, name: str) -> str:
    """The expression with each occurrence of `part` replaced by a name."""
    return replace_where(
        text, lambda node: ast.Name(name) if isinstance(node, ast.expr) and ast.unparse(node) == part else None
    )


def spelled_out(text: str) -> str:
    """softmax as the powers and their sum over the row that it is."""

    def change(node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Call) and _is_name(node.func, "softmax"):
            z = ast.unparse(node.args[0])
            return parse(f"np.exp({z}) / np.exp({z}).sum(axis=1, keepdims=True)")
        return None

    return replace_where(text, change)


def with_predictions(text: str, z: str) -> str:
    """log softmax of the outputs as the logarithm of the predictions."""
    return text.replace(f"log_softmax({z})", "np.log(p)")
