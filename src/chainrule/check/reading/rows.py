"""The number of rows of a script's data where it stands as a number: ours are more or fewer."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.check.reading.names import BATCH
from chainrule.check.reading.script import Loop

ROWS = "_rows"  # what stands in the place of the number
PARTS = "_parts"  # how many batches the rows are shared out to
COUNT = re.compile(r"^(m|n|n_?(rows|samples|examples|data)|(num|number_of)_(rows|samples|examples|data))$")


def axis_of(X: Any, y: Any) -> int:
    """Along which axis of the inputs the rows follow each other."""
    shape = np.shape(X)
    return int(len(shape) == 2 and shape[0] not in np.shape(y)[:1])


def with_rows(loop: Loop, roots: Mapping[str, str], held: Mapping[str, Any]) -> Loop:
    """The loop, and what stands before it, with a name for each number that is the number of rows."""
    X, y = np.shape(held[roots["X"]]), np.shape(held[roots["y"]])
    axis = axis_of(held[roots["X"]], held[roots["y"]])
    n = X[axis]
    if n < 3:  # 2 is a power, too
        return loop
    weights = [held[name] for name in loop.learned if name in held]
    others = [extent for i, extent in enumerate(X) if i != axis] + [extent for extent in y if extent != n]
    others += [extent for value in weights for extent in _extents(value)]
    named = _Named(n, set(roots.values()), sure=n not in others)
    before = tuple(copy.deepcopy(stmt) for stmt in loop.before)
    return replace(loop, node=named.visit(copy.deepcopy(loop.node)), before=tuple(map(named.visit, before)))


def _extents(value: Any) -> list[int]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    return list(np.shape(value)) if inner is None else [extent for part in inner for extent in _extents(part)]


class _Named(ast.NodeTransformer):
    """Where a layer has as many units, only what can be nothing else: a divisor, a loop over the rows, m = 4."""

    def __init__(self, n: int, data: Collection[str], *, sure: bool) -> None:
        self.n, self.data, self.sure = n, data, sure

    def _name(self, node: ast.expr) -> ast.expr:
        found = isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value == self.n
        return ast.copy_location(ast.Name(ROWS, ast.Load()), node) if found else node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return self._name(node) if self.sure else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        node.right = self._name(node.right) if isinstance(node.op, ast.Div) else node.right
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        self.generic_visit(node)
        target = node.targets[0]
        node.value = self._name(node.value) if isinstance(target, ast.Name) and _counts(target) else node.value
        return node

    def visit_For(self, node: ast.For) -> ast.stmt:
        self.generic_visit(node)
        if isinstance(node.iter, ast.Call) and isinstance(node.target, ast.Name) and self._takes(node, node.target.id):
            node.iter.args = [self._name(arg) for arg in node.iter.args]
        return node

    def _takes(self, node: ast.For, index: str) -> bool:
        """Whether a row of the data is taken at this index."""
        parts = [n for n in ast.walk(node) if isinstance(n, ast.Subscript) and isinstance(n.value, ast.Name)]
        return any(n.value.id in self.data and index in ast.unparse(n.slice) for n in parts)  # type: ignore[attr-defined]


def _counts(target: ast.Name) -> bool:
    return COUNT.match(target.id.lower()) is not None


def counts(
    X: str, axis: int, names: Sequence[str], made_from: Collection[str], held: Mapping[str, Any]
) -> list[ast.stmt]:
    """Whole numbers that the data were made with, read off the data: the number of rows, which one batch takes."""
    shape, lines = np.shape(held[X]), [f"{ROWS} = {X}.shape[{axis}]"]
    for name in names:
        value = held.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 2:
            continue
        if BATCH.search(name.lower()):
            lines.append(f"{name} = {X}.shape[{axis}] // {PARTS}")
        elif name in made_from and shape.count(value) == 1:
            lines.append(f"{name} = {X}.shape[{shape.index(value)}]")
    return ast.parse("\n".join(lines)).body


def in_order(*rows: Any) -> Any:
    """In place of a permutation: whole numbers or rows as they come."""
    kept = [np.arange(r) if isinstance(r, (int, np.integer)) else r for r in rows]
    return kept[0] if len(kept) == 1 else kept


def alike(param: str, held: Any, name: str, grads: Any) -> dict[str, tuple[str, Any]]:
    """Arrays of one list or dictionary by the paths of those in another: of the same key, or with a d before it."""
    if isinstance(held, list) and isinstance(grads, list) and len(held) == len(grads):
        held, grads = dict(enumerate(held)), dict(enumerate(grads))
    if not isinstance(held, dict) or not isinstance(grads, dict):
        return {}
    keys = {key: next((k for k in (key, f"d{key}", f"d_{key}") if k in grads), None) for key in held}
    if any(key is None or np.ndim(grads[key]) == 0 for key in keys.values()):
        return {}
    return {f"{param}[{ours!r}]": (f"{name}[{theirs!r}]", grads[theirs]) for ours, theirs in keys.items()}


def as_row(value: Any) -> Any:
    """A prediction that is one number as an array of it."""
    return np.reshape(value, 1) if isinstance(value, (float, np.floating)) else value
