"""Classes and functions that make the weights that they train: what makes them is taken apart from what trains them.

    def fit(self, X, y):                    def begin_fit(self, X, y):    def fit(self, X, y):
        n, m = X.shape                          n, m = X.shape                n, m = X.shape
        self.w = np.zeros(m)           ->       self.w = np.zeros(m)          for _ in range(self.epochs)[:1]:
        for _ in range(self.epochs):            return ["w"]                      self.w -= ...
            self.w -= ...

So a fit goes on from the weights that it finds and makes one turn, as a step of training does. A function that returns
its weights is handed them. The text alone; nothing runs here.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator

from chainrule.check.reading.flow import Block, reads, targets
from chainrule.check.reading.names import argument_roles, callable_role, is_line
from chainrule.check.reading.script import products, sums_up

INIT = "init_of_"  # what makes the parameters of a function of theirs, whose name follows
BEGIN = "begin_fit"  # returns the names of the attributes that it makes and fit trains


def parted(*trees: ast.Module) -> None:
    """Every such class of a file's parts, in place; the first such function, where no other makes weights or
    gradients."""
    nodes = [(tree, node) for tree in trees for node in tree.body]
    for _, node in nodes:
        if isinstance(node, ast.ClassDef):
            _part(node)
    functions = [(tree, node) for tree, node in nodes if isinstance(node, ast.FunctionDef)]
    if any(callable_role(fn.name) in ("init", "backward", "loss_and_grads") for _, fn in functions):
        return
    for tree, fn in functions:
        if (begin := _part_function(fn)) is not None:
            tree.body.append(begin)
            return


def _part_function(fn: ast.FunctionDef) -> ast.FunctionDef | None:
    """What makes the weights of ``train(X, y)``, which from now on takes them."""
    takes = {role for argument in fn.args.args for role in argument_roles(argument.arg)}
    at = next((i for i, node in enumerate(fn.body) if isinstance(node, (ast.For, ast.While))), 0)
    before, loop = fn.body[:at], fn.body[at]
    ends = [node for node in fn.body[at:] if isinstance(node, ast.Return)]
    trained = {name for end in ends for name in reads(end)} & _local([loop])
    carried = [name for name in dict.fromkeys(_names(before)) if name in trained and not sums_up(name)]
    if not {"X", "y"} <= takes or not carried or (products(loop) < 2 and not is_line(carried)):
        return None
    end = ast.parse(f"def {INIT}{fn.name}(): return {', '.join(carried)}").body[0]
    assert isinstance(end, ast.FunctionDef)
    begin = ast.FunctionDef(end.name, copy.deepcopy(fn.args), [*copy.deepcopy(before), *_at(fn, end.body)], [])
    _leave_early(_Own("", {}), fn, before, loop)
    fn.body[:at] = [node for node in before if not (names := set(_names([node]))) or not names <= set(carried)]
    fn.args.kwonlyargs += [ast.copy_location(ast.arg(name), fn) for name in carried]
    fn.args.kw_defaults += [None] * len(carried)
    return ast.fix_missing_locations(ast.copy_location(begin, fn))


def _names(body: Block) -> list[str]:
    """Local names that plain assignments make."""
    assigned = (node for node in body if isinstance(node, (ast.Assign, ast.AnnAssign)))
    return [target.id for node in assigned for target in targets(node) if isinstance(target, ast.Name)]


def _part(cls: ast.ClassDef) -> None:
    """A class with such a fit: another method that makes the weights, and a fit that goes on from them."""
    methods = {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef)}
    for fit in methods.values():
        names = [argument.arg for argument in fit.args.args]
        takes = {role for name in names[1:] for role in argument_roles(name)}
        if callable_role(fit.name) != "step" or not {"X", "y"} <= takes or BEGIN in methods:
            continue
        own = _Own(names[0], methods)
        at = next((i for i, node in enumerate(fit.body) if own.loop_of(node) is not None), 0)
        before, after = fit.body[:at], fit.body[at + 1 :]
        kept = dict(_kept(own, after))  # what a local name becomes at the end: self.w = w
        turn = fit.body[at : at + 1]
        learned = {name for name in own.changed(before) & own.changed(turn) if not sums_up(name)}
        carried = {name for name in _local(before) & _local(turn) if name in kept}
        if learned or carried:
            _leave_early(own, fit, before, own.loop_of(fit.body[at]))
            fit.body[:at] = list(_going_on(own, before, learned, {name: kept[name] for name in carried}))
            cls.body.append(_begin(own, fit, before, {name: kept[name] for name in carried}, learned))
            return


class _Own:
    """What an object's methods do to its attributes."""

    def __init__(self, name: str, methods: dict[str, ast.FunctionDef]) -> None:
        self.name, self.methods = name, methods

    def attribute(self, node: ast.AST) -> str:
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.name
        return node.attr if own and isinstance(node, ast.Attribute) else ""

    def loop_of(self, node: ast.stmt) -> ast.For | ast.While | None:
        """The loop that a statement is, or that a method has which it calls."""
        if isinstance(node, (ast.For, ast.While)):
            return node
        called = node.value if isinstance(node, ast.Expr) else None
        method = self.methods.get(self.attribute(called.func)) if isinstance(called, ast.Call) else None
        inside = method.body if method is not None else []
        return next((inner for inner in inside if isinstance(inner, (ast.For, ast.While))), None)

    def changed(self, body: Block, depth: int = 3) -> set[str]:
        """The attributes that statements assign, themselves or by calling a method."""
        found: set[str] = set()
        for node in (inner for stmt in body for inner in ast.walk(stmt)):
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
                found |= {self.attribute(target) for target in targets(node)}
            elif isinstance(node, ast.Call) and depth and (method := self.methods.get(self.attribute(node.func))):
                found |= _Own(method.args.args[0].arg, self.methods).changed(method.body, depth - 1)
        return found - {""}


def _local(body: Block) -> set[str]:
    assigned = (n for stmt in body for n in ast.walk(stmt) if isinstance(n, (ast.Assign, ast.AugAssign)))
    return {target.id for node in assigned for target in targets(node) if isinstance(target, ast.Name)}


def _kept(own: _Own, after: Block) -> Iterator[tuple[str, str]]:
    """Local name -> attribute, of ``self.w = w`` and ``self.w, self.b = w, b``."""
    for node in after:
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets(node), values):
                if isinstance(value, ast.Name) and own.attribute(target):
                    yield value.id, own.attribute(target)


def _going_on(own: _Own, before: Block, learned: set[str], carried: dict[str, str]) -> Iterator[ast.stmt]:
    """The statements before the loop, without those that make weights; a local name begins as what was kept of it."""
    for node in before:
        made = list(targets(node)) if isinstance(node, (ast.Assign, ast.AnnAssign)) else []
        names = {own.attribute(target) or getattr(target, "id", "") for target in made}
        helps = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and own.attribute(node.value.func)
        if (names and names <= learned) or (helps and own.changed([node]) & learned):
            continue
        if names and names <= set(carried):
            text = "\n".join(f"{name} = {own.name}.{carried[name]}" for name in sorted(names))
            yield from _at(node, ast.parse(text).body)
        else:
            yield node


def _leave_early(own: _Own, fit: ast.FunctionDef, before: Block, loop: ast.stmt | None) -> None:
    """One turn of it, unless it goes over the rows."""
    made = own.changed(before) | _local(before)
    counts = loop.iter if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Call) else None
    if not isinstance(loop, ast.For) or counts is None or getattr(counts.func, "id", "") != "range":
        return
    rows = [name for arg in fit.args.args for name in [arg.arg] if {"X", "y"} & set(argument_roles(name))]
    used = {own.attribute(n) or getattr(n, "id", "") for argument in counts.args for n in ast.walk(argument)}
    if not used & {*rows, *made}:
        loop.iter = ast.fix_missing_locations(
            ast.copy_location(ast.Subscript(counts, ast.Slice(None, ast.Constant(1)), ast.Load()), counts)
        )


def _begin(
    own: _Own, fit: ast.FunctionDef, before: Block, carried: dict[str, str], learned: Iterable[str]
) -> ast.FunctionDef:
    lines = [f"{own.name}.{attribute} = {name}" for name, attribute in carried.items()]
    result = ast.parse(repr(sorted({*learned, *carried.values()})), mode="eval").body
    end = _at(fit, [*ast.parse("\n".join(lines)).body, ast.Return(result)])
    begin = ast.FunctionDef(BEGIN, fit.args, [*copy.deepcopy(list(before)), *end], [])
    return ast.fix_missing_locations(ast.copy_location(begin, fit))


def _at(place: ast.AST, made: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of ours under a line of theirs."""
    for node in (inner for stmt in made for inner in ast.walk(stmt)):
        ast.copy_location(node, place)
    return made
