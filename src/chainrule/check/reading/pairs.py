"""Rows and targets that a script keeps as a list of pairs: in its loops, the arrays that the list was made of."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping

from chainrule.check.reading.flow import Block, base, written


def unzipped(body: Block) -> list[ast.stmt]:
    """The statements, ``data`` in loops written as ``zip(X, y)`` where it is a list of that, and left in its order."""
    pairs = {name: made for node in body if (made := _zip(node)) is not None for name in written(node)}
    assigned = [name for node in body if not isinstance(node, (ast.For, ast.While)) for name in written(node)]
    once = {name: made for name, made in pairs.items() if assigned.count(name) - _shuffles(body, name) == 1}
    return [_Unzipped(once).visit(node) if isinstance(node, (ast.For, ast.While)) and once else node for node in body]


def _zip(node: ast.stmt) -> ast.Call | None:
    """What is zipped in ``data = list(zip(X, y))`` or ``data = [(x, t) for x, t in zip(X, y)]``."""
    if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
        return None
    value: ast.expr | None = node.value
    if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "list" and len(value.args) == 1:
        value = value.args[0]
    elif isinstance(value, ast.ListComp) and ast.unparse(value.elt) == ast.unparse(value.generators[0].target):
        value = value.generators[0].iter if len(value.generators) == 1 and not value.generators[0].ifs else None
    called = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "zip"
    return value if isinstance(value, ast.Call) and called else None


def _shuffled(node: ast.AST) -> str:
    """The list that a statement shuffles."""
    call = node.value if isinstance(node, ast.Expr) else None
    alone = isinstance(call, ast.Call) and getattr(call.func, "attr", getattr(call.func, "id", "")) == "shuffle"
    return base(call.args[0]) if isinstance(call, ast.Call) and alone and len(call.args) == 1 else ""


def _shuffles(body: Block, name: str) -> int:
    """How often a list is shuffled outside of loops."""
    return sum(_shuffled(node) == name for node in body)


class _Unzipped(ast.NodeTransformer):
    """In the order of the rows, so that nothing is left to shuffle."""

    def __init__(self, pairs: Mapping[str, ast.Call]) -> None:
        self.pairs = pairs

    def visit_Name(self, node: ast.Name) -> ast.expr:
        made = self.pairs.get(node.id) if isinstance(node.ctx, ast.Load) else None
        if made is None:
            return node
        whole = ast.Call(ast.Name("list", ast.Load()), [copy.deepcopy(made)], [])
        for inner in ast.walk(whole):
            ast.copy_location(inner, node)
        return whole

    def visit_For(self, node: ast.For) -> ast.stmt:
        direct = isinstance(node.iter, ast.Name) and node.iter.id in self.pairs
        self.generic_visit(node)
        if direct and isinstance(node.iter, ast.Call):
            node.iter = node.iter.args[0]
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        if _shuffled(node) in self.pairs:
            return ast.copy_location(ast.Pass(), node)
        self.generic_visit(node)
        return node
