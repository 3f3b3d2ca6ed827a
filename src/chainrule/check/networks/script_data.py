"""Which arrays of a script are its inputs and targets, and which of its numbers count their rows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.check.calling.naming import asking
from chainrule.check.calling.walk import is_numbers
from chainrule.check.reading.names import argument_roles
from chainrule.check.reading.rows import axis_of, counts
from chainrule.check.reading.script import Loop
from chainrule.check.reading.turn import sources
from chainrule.errors import InputError

TESTING = re.compile(r"(^|_)(val|valid|validation|test|dev)(_|$)")
PICKS = {"choice", "randint", "integers", "sample", "randrange", "random_integers", "choices"}


def refused(loop: Loop, why: str) -> InputError:
    return InputError(f"found {loop}, but {why}")


def require_no_picks(loop: Loop) -> None:
    """InputError where a turn sees a few rows that are drawn."""
    for node in ast.walk(loop.node):
        name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
        if name in PICKS:
            assert isinstance(node, ast.Call)
            raise refused(loop, f"{name} (line {node.lineno}) picks what a turn sees; let a turn take all rows")


def data_of(loop: Loop, held: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, str]:
    """What the script calls its inputs X and its targets y. InputError where that cannot be told."""
    named = {ours: mapping[ours] for ours in ("X", "y") if ours in mapping}
    if missing := [f"--map {k}={v}" for k, v in named.items() if v not in held]:
        raise refused(loop, f"it defines no such name: {missing[0]}")
    arrays = [name for name in _arrays(loop, held) if name not in named.values()]
    found = named | {role: root for role in ("X", "y") if role not in named and (root := _root(loop, role, arrays))}
    rest = [name for name in arrays if name not in found.values()]
    if len(found) == 1 and len(rest) == 1:
        found["y" if "X" in found else "X"] = rest[0]
    if not found and len(rest) == 2:
        found = {"X": rest[0], "y": rest[1]}
    if len(found) < 2:
        seen = f"the arrays that it reads: {', '.join(arrays)}" if arrays else "it reads no arrays made before it"
        how = f"call them X and y, or name them: {asking(('X', 'y'))}"
        how = "keep inputs and targets in two arrays" if len(arrays) == 1 else how
        raise refused(loop, f"which are its data cannot be told; {seen}; {how}")
    return {role: found[role] for role in ("X", "y")}


def _arrays(loop: Loop, held: Mapping[str, Any]) -> list[str]:
    """Arrays that the loop reads and does not learn, in the order in which they stand there; none for testing."""
    names = [n.id for n in _names(loop.node) if n.id not in loop.learned]
    found = [name for name in dict.fromkeys(names) if name in held and _is_data(held[name])]
    lines = {n.id: (n.lineno, n.col_offset) for n in reversed(list(_names(loop.node)))}
    return sorted((n for n in found if not TESTING.search(n.lower())), key=lambda name: lines[name])


def _root(loop: Loop, role: str, arrays: list[str]) -> str | None:
    """The array of this role that no other one of it is made into."""
    like = [name for name in arrays if argument_roles(name)[:1] == [role]]
    like = like or [name for name in arrays if role in argument_roles(name)]
    free = [name for name in like if not sources(loop, name) & set(like)]
    return next(iter(free or like), None)


def _is_data(value: Any) -> bool:
    """Rows of numbers."""
    if isinstance(value, list):
        return len(value) > 1 and is_numbers(value)
    return isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim in (1, 2) and value.size > 1


def row_counts(loop: Loop, roots: Mapping[str, str], held: Mapping[str, Any]) -> list[ast.stmt]:
    """Numbers of rows as statements that read them off the data that a turn is given."""
    X = roots["X"]
    made_from = sources(loop, X)
    names = sorted({n.id for n in _names(loop.node)} | made_from)
    found = counts(X, axis_of(held[X], held[roots["y"]]), names, made_from, held)
    for node in (inner for stmt in found for inner in ast.walk(stmt)):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = loop.line  # type: ignore[attr-defined]
    return found


def _names(node: ast.AST) -> Iterator[ast.Name]:
    yield from (n for n in ast.walk(node) if isinstance(n, ast.Name))
