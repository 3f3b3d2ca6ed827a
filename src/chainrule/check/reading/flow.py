"""What statements read and write, from their text alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

CHANGES = {"append", "extend", "fill", "sort", "update", "insert", "setdefault"}
Block = Sequence[ast.stmt]


def base(node: ast.AST) -> str:
    """The name at the root of a target: W of W[0].value."""
    while isinstance(node, (ast.Subscript, ast.Attribute, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def targets(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement assigns to, tuples opened."""
    if isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            yield from targets(element)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from targets(target)
    elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
        yield from targets(node.target)
    elif isinstance(node, ast.expr):
        yield node


def written(node: ast.AST) -> list[str]:
    """Names that a statement, or one inside it, assigns, imports, defines or changes in place."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    found: list[str] = []
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For)):
            found += [base(target) for target in targets(inner)]
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            found += [(alias.asname or alias.name).split(".")[0] for alias in inner.names]
        elif isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            found.append(inner.name)
        elif isinstance(inner, ast.withitem) and inner.optional_vars is not None:
            found.append(base(inner.optional_vars))
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and isinstance(node, ast.stmt):
            shuffles = inner.func.attr == "shuffle" and inner.args
            found += [base(inner.args[0])] if shuffles else [base(inner.func)] if inner.func.attr in CHANGES else []
    return [name for name in found if name]


def reads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}


def carried_by(loop: ast.For | ast.While) -> list[str]:
    """Names that a turn assigns, and reads before it does."""
    order: dict[str, str] = {}
    for name, what in _uses(loop):
        order.setdefault(name, what)
    return [name for name in dict.fromkeys(written(loop)) if order.get(name) == "read"]


def _uses(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Reads and writes in the order in which they happen."""
    if isinstance(node, ast.AugAssign):
        yield from ((name, "read") for name in (*reads(node.value), base(node.target)))
    elif isinstance(node, ast.Assign):
        yield from ((name, "read") for name in reads(node.value))
        for target in targets(node):
            yield from ((name, "read") for name in reads(target) - {base(target)})
            yield base(target), "write"
    elif isinstance(node, (ast.For, ast.While, ast.If)):
        test = node.iter if isinstance(node, ast.For) else node.test
        yield from ((name, "read") for name in reads(test))
        if isinstance(node, ast.For):
            yield from ((base(target), "write") for target in targets(node))
        for inner in (*node.body, *node.orelse):
            yield from _uses(inner)
    else:
        yield from ((name, "read") for name in reads(node))


def zipped(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The pairs of ``for x, t in zip(X, y)``, with enumerate around it or not; those of ``in ((W, dW), (b, db))``."""
    name = getattr(value.func, "id", "") if isinstance(value, ast.Call) else ""
    if isinstance(value, ast.Call) and isinstance(target, ast.Tuple):
        if name == "zip" and len(value.args) == len(target.elts):
            yield from zip(target.elts, value.args)
            return
        if name == "enumerate" and len(target.elts) == 2:
            yield from zipped(target.elts[1], value.args[0])
            return
    rows = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
    pairs = [row.elts for row in rows if isinstance(row, (ast.Tuple, ast.List))]
    if isinstance(target, ast.Tuple) and pairs and all(len(pair) == len(target.elts) for pair in pairs):
        yield from ((part, ast.Tuple(list(column), ast.Load())) for part, column in zip(target.elts, zip(*pairs)))
    elif name != "range":
        yield target, value
