"""Classes and functions that make the weights that they train: what makes them is taken apart from what trains them.

    def fit(self, X, y):                    def begin_fit(self, X, y):    def fit(self, X, y):
        n, m = X.shape                          n, m = X.shape                n, m = X.shape
        self.w = np.zeros(m)           ->       self.w = np.zeros(m)          self.w = np.zeros(m)
        for _ in range(self.epochs):            return ["w"]                  self.w = what it was, behind begin_fit
            self.w -= ...                                                     for _ in range(self.epochs)[:1]:
                                                                                  self.w -= ...

So a fit goes on from the weights that it finds and makes one turn of its loop over epochs, as a step of training does.
A function that returns its weights is handed them. The text alone; nothing runs here.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Iterator, Mapping

from chainrule.check.reading.flow import Block, reads, targets
from chainrule.check.reading.names import argument_roles, callable_role, gradient_of, is_line, is_weight
from chainrule.check.reading.script import products, sums_up, unwrapped

INIT = "init_of_"  # what makes the parameters of a function of theirs, whose name follows
BEGIN = "begin_fit"  # returns the names of the attributes that it makes and fit trains
BEGUN = "_begun_fit"  # an attribute that tells that it has run
HANDED = "_handed"  # a local name of ours
NO_TRAINING = ("loss", "forward", "derivative", "numeric")
Loop = ast.For | ast.While


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
    """What makes the weights of ``train(X, y)``, which from now on may be handed them."""
    taken = [argument.arg for argument in (*fn.args.args, *fn.args.kwonlyargs)]
    takes = {role for name in taken for role in argument_roles(name)}
    at = next((i for i, node in enumerate(fn.body) if isinstance(node, Loop)), 0)
    before, loop = fn.body[:at], fn.body[at]
    returned = {name for node in fn.body[at:] if isinstance(node, ast.Return) for name in reads(node)}
    trained = returned & set(_local([loop]))
    carried = [name for name in dict.fromkeys(_local(before, ast.Assign)) if name in trained and _is_learned(name)]
    matrices = products(loop) > 1 or is_line(carried)
    if callable_role(fn.name) in NO_TRAINING or not {"X", "y"} <= takes or not carried or not matrices:
        return None
    if any(is_weight(name) or name in carried for name in taken):
        return None  # it is handed them
    names = ", ".join(carried)
    end = ast.parse(f"def {INIT}{fn.name}(): return {names}").body[0]
    assert isinstance(end, ast.FunctionDef)
    begin = ast.FunctionDef(end.name, copy.deepcopy(fn.args), [*copy.deepcopy(before), *_at(fn, end.body)], [])
    _leave_early(_Own("", {}), fn, loop, set())
    keep = ast.parse(f"{HANDED} = [{names}]").body
    restore = ast.parse(f"[{names}] = [{names}] if {HANDED}[0] is None else {HANDED}").body
    fn.body[:at] = [*_at(fn, keep), *before, *_at(fn, restore)]
    fn.args.kwonlyargs += [ast.copy_location(ast.arg(name), fn) for name in carried]
    fn.args.kw_defaults += [ast.copy_location(ast.Constant(None), fn) for _ in carried]
    return ast.fix_missing_locations(ast.copy_location(begin, fn))


def _is_learned(name: str) -> bool:
    """Whether it may be a parameter, by its name: no loss, no gradient, no rate and no count."""
    return not sums_up(name) and gradient_of(name) is None and not {"lr", "epochs", "n"} & set(argument_roles(name))


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
        before, turn, after = fit.body[:at], fit.body[at : at + 1], fit.body[at + 1 :]
        learned = sorted(filter(_is_learned, own.changed(before) & own.changed(turn)))
        kept = dict(_kept(own, after))  # what a local name becomes at the end: self.w = w
        carried = {n: kept[n] for n in dict.fromkeys(_local(before)) if n in kept and n in _local(turn)}
        if learned or carried:
            _part_loop(own, fit, before, turn)
            cls.body.append(_begin(own, fit, before, carried, learned))
            fit.body[:at] = [*_keeping(own, fit, learned), *before, *_restoring(own, fit, carried)]
            return


class _Own:
    """What an object's methods do to its attributes."""

    def __init__(self, name: str, methods: Mapping[str, ast.FunctionDef]) -> None:
        self.name, self.methods = name, methods

    def attribute(self, node: ast.AST) -> str:
        own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.name
        return node.attr if own and isinstance(node, ast.Attribute) else ""

    def called(self, node: ast.AST) -> ast.FunctionDef | None:
        """The method that an expression calls; none that knows no object."""
        method = self.methods.get(self.attribute(node.func)) if isinstance(node, ast.Call) else None
        return method if method is not None and method.args.args and not method.decorator_list else None

    def loop_of(self, node: ast.stmt) -> tuple[ast.FunctionDef | None, Loop] | None:
        """The loop that a statement is, or that a method has which it calls, with that method."""
        if isinstance(node, Loop):
            return None, node
        method = self.called(node.value) if isinstance(node, ast.Expr) else None
        inside = method.body if method is not None else []
        return next(((method, inner) for inner in inside if isinstance(inner, Loop)), None)

    def changed(self, body: Iterable[ast.AST], depth: int = 3) -> set[str]:
        """The attributes that statements assign, themselves or by calling a method; not those that count."""
        found: set[str] = set()
        for node in (inner for stmt in body for inner in ast.walk(stmt)):
            if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
                counts = isinstance(node, ast.AugAssign) and isinstance(node.value, ast.Constant)
                found |= set() if counts else {self.attribute(target) for target in targets(node)}
            elif depth and (method := self.called(node)) is not None:
                found |= _Own(method.args.args[0].arg, self.methods).changed(method.body, depth - 1)
        return found - {""}

    def read(self, node: ast.AST) -> set[str]:
        """Local names and attributes."""
        return reads(node) | {self.attribute(inner) for inner in ast.walk(node)} - {""}


def _local(body: Block, *kinds: type[ast.stmt]) -> list[str]:
    """Local names that statements assign, those of these kinds alone or any inside."""
    nodes = [n for stmt in body for n in ([stmt] if kinds else ast.walk(stmt))]
    assigned = [n for n in nodes if isinstance(n, kinds or (ast.Assign, ast.AugAssign))]
    return [target.id for node in assigned for target in targets(node) if isinstance(target, ast.Name)]


def _kept(own: _Own, after: Block) -> Iterator[tuple[str, str]]:
    """Local name -> attribute, of ``self.w = w`` and ``self.w, self.b = w, b``."""
    for node in after:
        if isinstance(node, ast.Assign):
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for target, value in zip(targets(node), values):
                if isinstance(value, ast.Name) and own.attribute(target):
                    yield value.id, own.attribute(target)


def _keeping(own: _Own, fit: ast.FunctionDef, learned: list[str]) -> list[ast.stmt]:
    """What it was handed, which the statements before its loop make anew."""
    text = (
        f"{HANDED} = {{name: vars({own.name})[name] for name in {learned}}} if hasattr({own.name}, {BEGUN!r}) else {{}}"
    )
    return _at(fit, ast.parse(text).body)


def _restoring(own: _Own, fit: ast.FunctionDef, carried: Mapping[str, str]) -> list[ast.stmt]:
    lines = [f"vars({own.name}).update({HANDED})"]
    lines += [f"{n} = {own.name}.{a} if hasattr({own.name}, {BEGUN!r}) else {n}" for n, a in carried.items()]
    return _at(fit, ast.parse("\n".join(lines)).body)


def _part_loop(own: _Own, fit: ast.FunctionDef, before: Block, turn: Block) -> None:
    """One turn of its loop, or of the loop of the method that it calls."""
    found = own.loop_of(turn[0])
    assert found is not None
    method, loop = found
    by_rows = _by_rows(own, fit, before)
    if method is not None:
        inner = _Own(method.args.args[0].arg, own.methods)
        by_rows |= _by_rows(inner, method, method.body[: method.body.index(loop)])
        own, fit = inner, method
    _leave_early(own, fit, loop, by_rows)


def _by_rows(own: _Own, fn: ast.FunctionDef, before: Block) -> set[str]:
    """Names and attributes that follow from the rows, which are among the arguments."""
    found = {arg.arg for arg in fn.args.args if {"X", "y"} & set(argument_roles(arg.arg))}
    for node in before:
        if own.read(node) & found:
            found |= own.changed([node]) | set(_local([node]))
    return found


def _leave_early(own: _Own, fn: ast.FunctionDef, loop: ast.stmt, by_rows: set[str]) -> None:
    """One turn of a loop over a range, unless it goes over the rows."""
    if not isinstance(loop, ast.For):
        return
    counts = getattr(unwrapped(loop), "iter", loop.iter)  # without a progress bar
    by_rows = by_rows or _by_rows(own, fn, fn.body[: fn.body.index(loop)])
    ranges = isinstance(counts, ast.Call) and getattr(counts.func, "id", "") == "range"
    if ranges and not own.read(counts) & by_rows:
        first = ast.Subscript(counts, ast.Slice(None, ast.Constant(1)), ast.Load())
        loop.iter = ast.fix_missing_locations(ast.copy_location(first, counts))


def _begin(
    own: _Own, fit: ast.FunctionDef, before: Block, carried: Mapping[str, str], learned: list[str]
) -> ast.FunctionDef:
    lines = [f"{own.name}.{attribute} = {name}" for name, attribute in carried.items()]
    lines.append(f"{own.name}.{BEGUN} = True")
    result = ast.parse(repr(sorted({*learned, *carried.values()})), mode="eval").body
    end = _at(fit, [*ast.parse("\n".join(lines)).body, ast.Return(result)])
    begin = ast.FunctionDef(BEGIN, copy.deepcopy(fit.args), [*copy.deepcopy(list(before)), *end], [])
    return ast.fix_missing_locations(ast.copy_location(begin, fit))


def _at(place: ast.AST, made: list[ast.stmt]) -> list[ast.stmt]:
    """Statements of ours under a line of theirs."""
    for node in (inner for stmt in made for inner in ast.walk(stmt)):
        ast.copy_location(node, place)
    return made
