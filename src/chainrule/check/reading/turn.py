"""One turn of a script's training loop as functions of its data: what they are made of, and their text."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chainrule.check.reading.flow import CHANGES, Block, base, reads, targets, written, zipped
from chainrule.check.reading.script import SHOWS, Loop, base_of_call, updates

DATA = {"X": "_X", "y": "_y"}  # what the functions call their data; the script's own names are assigned from them
LOSS = "_loss"
IN_ORDER = "_in_order"  # what stands in the place of a permutation of the rows


@dataclass(frozen=True)
class Plan:
    """What a function leaves out of a turn."""

    without: tuple[str, ...] = ()  # no update of these
    loss: ast.AST | None = None  # the statement or the expression that is to be computed in any case
    cut: ast.stmt | None = None  # where it ends


def function(name: str, loop: Loop, roots: Mapping[str, str], moved: Block, plan: Plan) -> ast.FunctionDef:
    """``def name(_X, _y)``: one turn, and its local values as the result."""
    lines = [f"{theirs} = {DATA[ours]}" for ours, theirs in roots.items()]
    lines.append(f"globals().update({', '.join(f'{theirs}={theirs}' for theirs in roots.values())})")
    head = [f"global {', '.join(loop.shared)}"] if loop.shared else []
    text = "\n    ".join([f"def {name}({', '.join(DATA.values())}):", *head, *lines, "return locals()"])
    made = ast.parse(text).body[0]
    assert isinstance(made, ast.FunctionDef)
    for node in ast.walk(made):
        if hasattr(node, "lineno"):
            node.lineno = node.end_lineno = loop.line  # type: ignore[attr-defined]
    made.body[-1:] = [
        *(_Rounded().visit(copy.deepcopy(stmt)) for stmt in moved),
        _turn(loop, roots, moved, plan),
        made.body[-1],
    ]
    return ast.fix_missing_locations(_Ordered().visit(made))


def _turn(loop: Loop, roots: Mapping[str, str], moved: Block, plan: Plan) -> ast.stmt:
    """The loop, left after its first turn unless it goes over the rows."""
    node = copy.copy(loop.node)
    node.body = _block(loop.node.body, plan)
    data = set(roots.values())
    for stmt in moved:
        _pair(stmt, data)
    if not (isinstance(node, ast.For) and reads(node.iter) & data):
        node.body = [_Leaving().visit(stmt) for stmt in node.body] + [ast.copy_location(ast.Break(), node)]
    node.orelse = []
    return node


class _Ordered(ast.NodeTransformer):
    """The rows stay in their order, so that predictions can be laid beside targets."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name == "range":
            node.args = [_Rounded().visit(arg) for arg in node.args]
            return node
        if name == "permutation" or (name == "shuffle" and len(node.args) > 1):
            return ast.copy_location(ast.Call(ast.Name(IN_ORDER, ast.Load()), node.args, []), node)
        return node

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        self.generic_visit(node)
        shuffles = isinstance(node.value, ast.Call) and getattr(node.value.func, "attr", "") == "shuffle"
        return ast.copy_location(ast.Pass(), node) if shuffles else node


class _Rounded(ast.NodeTransformer):
    """The number of batches is rounded up, since there may be fewer rows than one takes."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.op, ast.FloorDiv):
            return node
        down = ast.BinOp(ast.UnaryOp(ast.USub(), node.left), ast.FloorDiv(), node.right)
        return ast.copy_location(ast.UnaryOp(ast.USub(), ast.copy_location(down, node)), node)


class _Leaving(ast.NodeTransformer):
    """``continue`` would begin another turn."""

    def visit_Continue(self, node: ast.Continue) -> ast.stmt:
        return ast.copy_location(ast.Break(), node)

    def visit_For(self, node: ast.For) -> ast.stmt:
        return node

    def visit_While(self, node: ast.While) -> ast.stmt:
        return node


def _block(body: Block, plan: Plan) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for node in body:
        if plan.cut is not None and _same(node, plan.cut):
            return [*kept, ast.copy_location(ast.parse("return locals()").body[0], node)]
        if plan.loss is not None and isinstance(node, ast.Expr) and _holds(node, plan.loss):
            wanted = copy.deepcopy(plan.loss)
            assert isinstance(wanted, ast.expr)
            kept.append(ast.copy_location(ast.Assign([ast.Name(LOSS, ast.Store())], wanted), node))
        elif isinstance(node, ast.Expr) and base_of_call(node) in SHOWS:
            continue
        elif isinstance(node, ast.If) and plan.loss is not None and _holds(node, plan.loss):
            inside = any(_holds(stmt, plan.loss) for stmt in node.body)
            kept += _block(node.body if inside else node.orelse, plan)
        elif not updates(node, plan.without):
            kept.append(_within(node, plan))
    return kept or [ast.copy_location(ast.Pass(), body[0])] if body else []


def _within(node: ast.stmt, plan: Plan) -> ast.stmt:
    found = copy.deepcopy(node)
    for name in ("body", "orelse"):
        if isinstance(node, (ast.For, ast.While, ast.If, ast.With)) and getattr(node, name, None):
            setattr(found, name, _block(getattr(node, name), plan))
    return found


def _same(a: ast.AST, b: ast.AST) -> bool:
    places = [(type(n), getattr(n, "lineno", 0), getattr(n, "col_offset", 0), getattr(n, "end_col_offset", 0))
              for n in (a, b)]  # fmt: skip
    return places[0] == places[1]


def _holds(node: ast.AST, wanted: ast.AST) -> bool:
    return any(_same(inner, wanted) for inner in ast.walk(node))


# what depends on what


def moved_inside(loop: Loop, roots: Sequence[str], known: set[str]) -> list[ast.stmt]:
    """Statements before the loop that make from the data what it reads: the number of rows, one-hot targets."""
    reached, found = set(roots), list[ast.stmt]()
    kept = {*roots, *loop.carried}
    for node in loop.before:
        made = set(written(node))
        defines = isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom))
        again = (made & reads(node)) - {name for stmt in found for name in written(stmt)} - reached
        if not defines and made and reads(node) & reached and not made & kept and not again:
            reached |= made
            found.append(node)
    wanted, needed = reads(loop.node), list[ast.stmt]()
    for node in reversed(found):
        if set(written(node)) & wanted & known:
            needed.append(node)
            wanted |= reads(node)
    return needed[::-1]


def sources(loop: Loop, name: str) -> set[str]:
    """Every name that a name is made from, before the loop."""
    found, last = {name}, 0
    while len(found) > last:
        last = len(found)
        for node in loop.before:
            if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) and set(written(node)) & found:
                found |= reads(node)
    return found - {name}


def meeting(loop: Loop, roots: Mapping[str, str], moved: Block, defined: Mapping[str, ast.AST]) -> ast.stmt | None:
    """The first statement in which what the weights give meets the targets: the predictions are known before it."""
    users = [name for name, fn in defined.items() if reads(fn) & set(loop.learned)]
    weights, goals = {*loop.learned, *users}, {roots["y"]}
    for node in moved:
        if reads(node) & goals:
            goals |= set(written(node)) - {roots["X"]}
    _pair(loop.node, weights, goals)
    return _meet(loop.node.body, weights, goals)


def _meet(body: Block, weights: set[str], goals: set[str]) -> ast.stmt | None:
    for node in body:
        if isinstance(node, (ast.For, ast.While, ast.If, ast.With)):
            _pair(node, weights, goals)
            if (found := _meet([*node.body, *getattr(node, "orelse", [])], weights, goals)) is not None:
                return found
            continue
        if reads(node) & weights and reads(node) & goals and not isinstance(node, (ast.FunctionDef, ast.Expr)):
            return node
        _pair(node, weights, goals)
    return None


def _pair(node: ast.stmt, *kinds: set[str]) -> None:
    """What a statement assigns is made from what it reads; in pairs, each from its own part."""
    for target, value in _parts(node):
        names = {base(t) for t in targets(target)}
        for reached in kinds:
            reached |= names if reads(value) & reached else set()


def _parts(node: ast.stmt) -> Iterator[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.For):
        yield from zipped(node.target, node.iter)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _split(target, node.value)
    elif isinstance(node, ast.AugAssign):
        yield node.target, node.value
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        into = node.value.func
        changes = isinstance(into, ast.Attribute) and into.attr in CHANGES  # what is put into a list
        yield from ((into.value, arg) for arg in node.value.args if changes)  # type: ignore[attr-defined]


def _split(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts)
    yield from zip(target.elts, value.elts) if both else [(target, value)]  # type: ignore[attr-defined]
