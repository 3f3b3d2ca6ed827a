"""A script without functions: its training loop, what is carried from one turn to the next, and its loss. From the text
alone; nothing runs here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chainrule.check.names import callable_role, gradient_of, short

PRODUCTS = {"dot", "matmul", "einsum", "outer", "inner", "tensordot"}
HELPER = re.compile(r"sig|relu|tanh|softmax|soft|act|elu|linear|ident|deriv|prime|loss|cost|mse|entropy|error")
LOSS = re.compile(r"(^|_)(errors?|mse|rmse|j|e|l|nll|err|sse|xent|ce|bce|objective)(\d*|_.*)$|loss|cost")
NO_LOSS = re.compile(r"val|test|acc|prev|best|min|old|last|delta|deriv|grad|^d|tol|hist")
SHOWS = {"plt", "pyplot", "ax", "fig", "axes", "print", "time", "sys", "display", "plot", "tqdm", "pbar", "pprint"}
PLOTS = {"plt", "pyplot", "sns", "ax", "fig", "axes", "tqdm", "trange", "display"}
ROUND = {"str", "round", "float", "format", "repr", "item"}
Block = Sequence[ast.stmt]


@dataclass(frozen=True)
class Loop:
    """A training loop: what stands before it, its own turn, and names by their part in it."""

    before: tuple[ast.stmt, ...]
    node: ast.For | ast.While
    carried: tuple[str, ...]  # defined before, and read in a turn before the turn assigns them
    learned: tuple[str, ...]  # those of them that become sums or differences: weights, and what moves them
    shared: tuple[str, ...]  # defined before, and assigned in it

    @property
    def line(self) -> int:
        return self.node.lineno

    def __str__(self) -> str:
        return f"a script with a training loop (line {self.line})"


def find(tree: ast.Module) -> Loop | None:
    """The first loop at the top of a file that multiplies matrices and changes its weights; None where there is none,
    or where the file defines its network as a class or as functions."""
    if any(_is_network(node) for node in tree.body):
        return None
    return _first(_opened(tree.body), ())


def _is_network(node: ast.stmt) -> bool:
    if isinstance(node, ast.ClassDef):
        return any(isinstance(m, ast.FunctionDef) and callable_role(m.name) == "backward" for m in node.body)
    if not isinstance(node, ast.FunctionDef):
        return False
    given = len(node.args.args) - len(node.args.defaults)
    whole = callable_role(node.name) in ("backward", "loss_and_grads", "step")
    return whole and given > 1 and not HELPER.search(node.name.lower())


def _opened(body: Block) -> list[ast.stmt]:
    """The statements, those under ``if __name__ == "__main__":`` among them."""
    found: list[ast.stmt] = []
    for node in body:
        main = isinstance(node, ast.If) and "__name__" in {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
        found += node.body if main and isinstance(node, ast.If) else [node]
    return found


def _first(body: Block, before: tuple[ast.stmt, ...]) -> Loop | None:
    for i, node in enumerate(body):
        if not isinstance(node, (ast.For, ast.While)) or products(node) < 2:
            continue
        earlier = (*before, *body[:i])
        known = {name for stmt in earlier for name in written(stmt)}
        carried = [name for name in carried_by(node) if name in known]
        learned = [name for name in carried if any(_learns(stmt, name) for stmt in ast.walk(node))]
        others = _other_names(node, earlier)
        through = [name for names in others.values() for name in names if name in known]
        if learned := [*learned, *through]:
            shared = [name for name in dict.fromkeys([*written(node), *through]) if name in known]
            return Loop(earlier, _unwrapped(node), (*carried, *others, *through), tuple(learned), tuple(shared))
        if isinstance(node, ast.For):  # it begins anew each time: with another rate, say
            once = ast.copy_location(ast.For(node.target, node.iter, [ast.copy_location(ast.Break(), node)], []), node)
            if (inner := _first(node.body, (*earlier, once))) is not None:
                return inner
    return None


def _other_names(loop: ast.AST, before: Block) -> dict[str, list[str]]:
    """What is changed in place under another name: ``for p, g in zip((W1, b1), grads): p -= g``."""
    lists = {base(n.targets[0]): reads(n.value) for n in before
             if isinstance(n, ast.Assign) and isinstance(n.value, (ast.List, ast.Tuple))}  # fmt: skip
    changed = {base(n.target) for n in ast.walk(loop) if isinstance(n, ast.AugAssign)}
    found: dict[str, list[str]] = {}
    for node in ast.walk(loop):
        for target, value in zipped(node.target, node.iter) if isinstance(node, ast.For) else ():
            if isinstance(target, ast.Name) and target.id in changed:
                names = [n for n in ast.walk(value) if isinstance(n, ast.Name)]
                found[target.id] = [inner for n in names for inner in (n.id, *sorted(lists.get(n.id, ())))]
    return found


def zipped(target: ast.expr, value: ast.expr) -> Iterator[tuple[ast.expr, ast.expr]]:
    """The pairs of ``for x, t in zip(X, y)``, with enumerate around it or not."""
    name = getattr(value.func, "id", "") if isinstance(value, ast.Call) else ""
    if isinstance(value, ast.Call) and isinstance(target, ast.Tuple):
        if name == "zip" and len(value.args) == len(target.elts):
            yield from zip(target.elts, value.args)
            return
        if name == "enumerate" and len(target.elts) == 2:
            yield from zipped(target.elts[1], value.args[0])
            return
    if name != "range":
        yield target, value


def _unwrapped(node: ast.For | ast.While) -> ast.For | ast.While:
    """Without the progress bar around its iterator."""
    if isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and node.iter.args:
        name = getattr(node.iter.func, "id", getattr(node.iter.func, "attr", ""))
        bar = {"tqdm": node.iter.args[0], "track": node.iter.args[0]}
        bar["trange"] = ast.copy_location(ast.Call(ast.Name("range", ast.Load()), node.iter.args, []), node.iter)
        node.iter = ast.fix_missing_locations(bar.get(name, node.iter))
    return node


def needed(tree: ast.Module, loop: Loop) -> ast.Module:
    """The statements before the loop that what it reads is made by, and every definition of the file."""
    wanted = reads(loop.node) - PLOTS
    kept: list[ast.stmt] = []
    for node in reversed(loop.before):
        made = set(written(node))
        star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        seeds = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and base_of_call(node) not in SHOWS
        if star or made & wanted or (seeds and reads(node) <= wanted | {"np", "numpy", "random"} and reads(node)):
            kept.append(node)
            wanted |= reads(node)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            kept.append(node)
    after = [n for n in tree.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n not in loop.before]
    return ast.Module([*reversed(kept), *after], [])


def base_of_call(node: ast.Expr) -> str:
    """The name at the root of a call that stands alone: plt of plt.figure().clear()."""
    inner: ast.AST = node.value
    while isinstance(inner, (ast.Call, ast.Attribute, ast.Subscript)):
        inner = inner.func if isinstance(inner, ast.Call) else inner.value
    return inner.id if isinstance(inner, ast.Name) else ""


def products(node: ast.AST) -> int:
    """How many products of matrices are written in it."""
    mult = sum(isinstance(n, ast.BinOp) and isinstance(n.op, ast.MatMult) for n in ast.walk(node))
    calls = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return mult + sum(getattr(f, "attr", getattr(f, "id", "")) in PRODUCTS for f in calls)


def _learns(node: ast.AST, name: str) -> bool:
    """``name -= ...`` or ``name = ...`` with a difference or a sum of more than a counter in it."""
    if isinstance(node, ast.AugAssign):
        return base(node.target) == name and not isinstance(node.value, ast.Constant) and not _is_loss(name)
    if isinstance(node, ast.Assign):
        sums = any(isinstance(n, ast.BinOp) and isinstance(n.op, (ast.Sub, ast.Add)) for n in ast.walk(node.value))
        own = name in reads(node.value) and sums
        return name in written(node) and (own or isinstance(node.value, ast.Name)) and not _is_loss(name)
    return False


# names


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
            found += [base(inner.args[0])] if shuffles else [base(inner.func)] if inner.func.attr in _CHANGES else []
    return [name for name in found if name]


_CHANGES = {"append", "extend", "fill", "sort", "update", "insert", "setdefault"}


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


def updates(node: ast.stmt, carried: Sequence[str]) -> bool:
    """A single statement that assigns what is carried on, a sum of losses apart."""
    simple = isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
    return simple and any(name in carried and not _is_loss(name) for name in written(node))


# what the loop computes


def _is_loss(name: str) -> bool:
    return LOSS.search(name.lower()) is not None and not NO_LOSS.search(name.lower())


def losses(loop: Loop) -> list[ast.stmt | ast.expr]:
    """What may be the loss, the likeliest first: a name that is called so, else what is printed or collected."""
    named = [n for n in ast.walk(loop.node) if isinstance(n, (ast.Assign, ast.AugAssign)) and _names_loss(n)]
    named.sort(key=lambda n: n.lineno)
    signed = "sign" in {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(loop.node)}
    fed = {name for n in named for name in reads(n.value) if isinstance(n, ast.Assign) or base(n.target) != name}
    found: list[ast.stmt | ast.expr] = [n for n in reversed(named) if not set(written(n)) & fed]
    found += [n for n in reversed(named) if n not in found]
    made = set(written(loop.node)) - {
        base(t) for n in ast.walk(loop.node) if isinstance(n, ast.For) for t in targets(n)
    }
    shown = [expr for n in ast.walk(loop.node) if isinstance(n, ast.Expr) for expr in _shown(n)]
    found += [expr for expr in shown if reads(expr) & made]
    return [n for n in found if signed or not _absolute(n)]


def _names_loss(node: ast.Assign | ast.AugAssign) -> bool:
    return all(isinstance(t, ast.Name) for t in targets(node)) and _is_loss(written(node)[-1])


def _absolute(node: ast.AST) -> bool:
    """A mean of absolute errors: it shows how far the training is, and belongs to no slope but the sign's."""
    return any(getattr(n, "attr", getattr(n, "id", "")) in ("abs", "absolute", "fabs") for n in ast.walk(node))


def _shown(node: ast.Expr) -> Iterator[ast.expr]:
    """Numbers that a print shows, or that are put into a list of losses."""
    call = node.value
    if not isinstance(call, ast.Call):
        return
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    text = " ".join(str(n.value) for n in ast.walk(call) if isinstance(n, ast.Constant)).lower()
    collected = name == "append" and _collects(base(call.func))
    told = name in ("print", "write", "info") and re.search("loss|cost|err|mse", text) is not None
    for arg in call.args if collected or told else ():
        yield from _numbers(arg)


def _collects(name: str) -> bool:
    return LOSS.search(name.lower()) is not None and not re.search("val|test|acc", name.lower())


def _numbers(node: ast.expr) -> Iterator[ast.expr]:
    """The outermost calls, quotients and names that texts are made of."""
    if isinstance(node, ast.JoinedStr):
        for value in node.values:
            yield from _numbers(value.value) if isinstance(value, ast.FormattedValue) else ()
    elif isinstance(node, ast.BinOp) and (_has_text(node) or isinstance(node.left, ast.JoinedStr)):
        yield from (*_numbers(node.left), *_numbers(node.right))
    elif isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from _numbers(element)
    elif isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ROUND:
        for arg in node.args or [node.func]:
            yield from _numbers(arg)
    elif isinstance(node, (ast.Call, ast.BinOp, ast.Name, ast.Subscript)) and "acc" not in ast.unparse(node).lower():
        yield node


def _has_text(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Constant) and isinstance(n.value, str) for n in ast.walk(node))


def gradients(loop: Loop, params: Sequence[str]) -> dict[str, str]:
    """Parameter -> the name of its gradient: the one that its update takes times a rate, else by its own name."""
    made = [n for n in dict.fromkeys(written(loop.node)) if n not in loop.shared]
    found: dict[str, str] = {}
    for param in params:
        steps = [n for n in ast.walk(loop.node) if isinstance(n, (ast.Assign, ast.AugAssign)) and param in written(n)]
        taken = [name for n in steps if (name := _taken(n, param, made)) is not None]
        called = [name for name in made if (of := gradient_of(name)) is not None and short(of) == short(param)]
        if len(steps) < 2 and (taken or called):
            found[param] = (taken or called)[-1]
    return found


def _taken(node: ast.Assign | ast.AugAssign, param: str, made: Sequence[str]) -> str | None:
    """The only name in an update that is made in the loop, where it stands in products and quotients alone."""
    value = node.value
    if isinstance(node, ast.Assign):
        moved = isinstance(value, ast.BinOp) and isinstance(value.op, (ast.Add, ast.Sub))
        if not isinstance(value, ast.BinOp) or not moved or base(value.left) != param:
            return None
        value = value.right
    names = [n.id for n in ast.walk(value) if isinstance(n, ast.Name) and n.id in made]
    plain = (ast.BinOp, ast.Name, ast.Constant, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)
    sums = any(isinstance(n, (ast.Add, ast.MatMult, ast.Pow)) for n in ast.walk(value))
    only = all(isinstance(n, plain) for n in ast.walk(value)) and not sums
    return names[0] if only and len(names) == 1 else None


def rate_of(loop: Loop, params: Sequence[str], held: Mapping[str, object]) -> str | float | None:
    """The one number, or the name of the one, that every update of a parameter has as a factor; else None."""
    found: list[set[str | float]] = []
    for node in ast.walk(loop.node):
        if isinstance(node, (ast.Assign, ast.AugAssign)) and set(written(node)) & set(params):
            names = {n for n in reads(node.value) if isinstance(held.get(n), float) and n not in loop.shared}
            factors = [n.left for n in ast.walk(node.value) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult)]
            numbers = {n.value for n in factors if isinstance(n, ast.Constant) and isinstance(n.value, float)}
            found.append({*names, *numbers})
    common = set.intersection(*found) if found else set()
    if not common and not any(isinstance(held.get(n), float) for n in reads(loop.node)):
        numbers = [n.value for n in ast.walk(loop.node) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
        return 1.0 if not numbers else None
    return next(iter(common)) if len(common) == 1 else None
