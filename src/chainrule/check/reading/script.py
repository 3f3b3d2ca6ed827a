"""A script without functions: its training loop, what is carried from one turn to the next, and its loss. From the text
alone; nothing runs here."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chainrule.check.reading.flow import Block, base, carried_by, reads, written, zipped
from chainrule.check.reading.names import callable_role, is_line
from chainrule.check.reading.pairs import unzipped

LOSS = re.compile(
    r"(^|_)(j|l|nll|xent|ce|bce|objective)(\d*|_.*)$|loss|cost|^(p(e|é)rdida|perda|custo|perdita|verlust|kosten|perte|co(u|û)t)s?$"
)
MEASURE = re.compile(r"(^|_)(errors?|mse|rmse|err|sse|e)(\d*|_.*)$")  # shown to people, on any scale
NO_LOSS = re.compile(r"val|test|acc|prev|best|min|old|last|delta|deriv|grad|^d|tol|hist")
PRODUCTS = {"dot", "matmul", "einsum", "outer", "inner", "tensordot"}
HELPER = re.compile(r"sig|relu|tanh|softmax|soft|act|elu|linear|ident|deriv|prime|loss|cost|mse|entropy|error")
SHOWS = {"plt", "pyplot", "ax", "fig", "axes", "print", "time", "sys", "display", "plot", "tqdm", "pbar", "pprint"}
PLOTS = {"plt", "pyplot", "sns", "ax", "fig", "axes", "tqdm", "trange", "display"}


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
    called = _trainers(tree)
    if any(_is_network(node) for node in tree.body if getattr(node, "name", "") not in called):
        return None
    return _first(unzipped(_inlined(_opened(tree.body), called)), ())


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


def _trainers(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions that train weights of their own making from start to end, or call one that does: ``main()``."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    found = {n.name: n for n in functions if (not n.args.args and products(n) > 1) or _first(n.body, ()) is not None}
    for _ in functions:
        found |= {n.name: n for n in functions if any(_called(inner) in found for inner in n.body)}
    return found


def _called(node: ast.stmt) -> str:
    """The function that a statement calls, and keeps the result of at most."""
    call = node.value if isinstance(node, (ast.Expr, ast.Assign)) else None
    return getattr(call.func, "id", "") if isinstance(call, ast.Call) else ""


def _inlined(body: Block, trainers: dict[str, ast.FunctionDef], depth: int = 3) -> list[ast.stmt]:
    """The statements, with those of a function that trains where it is called."""
    found: list[ast.stmt] = []
    for node in body:
        fn = trainers.get(_called(node))
        given = None if fn is None or not depth else _given(fn, node)
        if fn is None or given is None:
            found.append(node)
        else:
            inner = [n for n in fn.body if not isinstance(n, ast.Return)]
            found += [*given, *_inlined(inner, trainers, depth - 1)]
    return found


def _given(fn: ast.FunctionDef, node: ast.stmt) -> list[ast.stmt] | None:
    """The arguments of a call as assignments; None where it is not plain which is which."""
    call = getattr(node, "value", None)
    if not isinstance(call, ast.Call) or fn.args.vararg or fn.args.kwarg or fn.args.posonlyargs:
        return None
    names = [argument.arg for argument in fn.args.args]
    values = dict(zip(reversed(names), reversed(fn.args.defaults)))
    values |= {a.arg: value for a, value in zip(fn.args.kwonlyargs, fn.args.kw_defaults) if value is not None}
    values |= dict(zip(names, call.args)) | {word.arg: word.value for word in call.keywords if word.arg is not None}
    wanted = [*names, *(argument.arg for argument in fn.args.kwonlyargs)]
    if not set(wanted) <= set(values) or any(isinstance(value, ast.Starred) for value in call.args):
        return None
    given = [ast.Assign([ast.Name(name, ast.Store())], values[name]) for name in wanted
             if getattr(values[name], "id", "") != name]  # fmt: skip
    return [ast.fix_missing_locations(ast.copy_location(assignment, call)) for assignment in given]


def _first(body: Block, before: tuple[ast.stmt, ...]) -> Loop | None:
    for i, node in enumerate(body):
        if not isinstance(node, (ast.For, ast.While)):
            continue
        earlier = (*before, *body[:i])
        known = {name for stmt in earlier for name in written(stmt)}
        carried = [name for name in carried_by(node) if name in known]
        learned = [name for name in carried if any(_learns(stmt, name) for stmt in ast.walk(node))]
        held = {name: [n for n in names if n in known] for name, names in _lists(earlier).items() if name in learned}
        listed = [inner for names in held.values() for inner in names]  # params = [W1, b1, W2, b2]
        learned = [name for name in learned if not held.get(name)]
        others = _other_names(node, earlier)
        through = listed + [name for names in others.values() for name in names if name in known]
        if products(node) < 2 and not is_line(learned):
            continue  # m·x + c has no product of matrices
        if learned := [*learned, *through]:
            shared = [name for name in dict.fromkeys([*written(node), *through]) if name in known]
            return Loop(earlier, unwrapped(node), (*carried, *others, *through), tuple(learned), tuple(shared))
        if isinstance(node, ast.For):  # it begins anew each time: with another rate, say
            once = ast.copy_location(ast.For(node.target, node.iter, [ast.copy_location(ast.Break(), node)], []), node)
            if (inner := _first(node.body, (*earlier, once))) is not None:
                return inner
    return None


def _other_names(loop: ast.AST, before: Block) -> dict[str, list[str]]:
    """What is changed in place under another name: ``for p, g in zip((W1, b1), grads): p -= g``."""
    lists = _lists(before)
    changed = {base(n.target) for n in ast.walk(loop) if isinstance(n, ast.AugAssign)}
    found: dict[str, list[str]] = {}
    for node in ast.walk(loop):
        for target, value in zipped(node.target, node.iter) if isinstance(node, ast.For) else ():
            if isinstance(target, ast.Name) and target.id in changed:
                names = [n for n in ast.walk(value) if isinstance(n, ast.Name)]
                found[target.id] = [inner for n in names for inner in (n.id, *lists.get(n.id, ()))]
    return found


def _lists(before: Block) -> dict[str, list[str]]:
    """Lists and tuples that are written out, and the names in them in their order."""
    return {base(n.targets[0]): [part.id for part in n.value.elts if isinstance(part, ast.Name)] for n in before
            if isinstance(n, ast.Assign) and isinstance(n.value, (ast.List, ast.Tuple))}  # fmt: skip


def unwrapped(node: ast.For | ast.While) -> ast.For | ast.While:
    """Without the progress bar around its iterator."""
    if isinstance(node, ast.For) and isinstance(node.iter, ast.Call) and node.iter.args:
        name = getattr(node.iter.func, "id", getattr(node.iter.func, "attr", ""))
        bar = {"tqdm": node.iter.args[0], "track": node.iter.args[0]}
        bar["trange"] = ast.copy_location(ast.Call(ast.Name("range", ast.Load()), node.iter.args, []), node.iter)
        node.iter = ast.fix_missing_locations(bar.get(name, node.iter))
    return node


def needed(tree: ast.Module, loop: Loop) -> ast.Module:
    """The statements before the loop that what it reads is made by, and every definition of the file."""
    wanted = {*reads(loop.node), *loop.shared} - PLOTS
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
        return base(node.target) == name and not isinstance(node.value, ast.Constant) and not sums_up(name)
    if isinstance(node, ast.Assign):
        sums = any(isinstance(n, ast.BinOp) and isinstance(n.op, (ast.Sub, ast.Add)) for n in ast.walk(node.value))
        own = name in reads(node.value) and sums
        return name in written(node) and (own or isinstance(node.value, ast.Name)) and not sums_up(name)
    return False


def updates(node: ast.stmt, carried: Sequence[str]) -> bool:
    """A single statement that assigns what is carried on, a sum of losses apart."""
    simple = isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign))
    return simple and any(name in carried and not sums_up(name) for name in written(node))


def is_loss(name: str) -> bool:
    return LOSS.search(name.lower()) is not None and not NO_LOSS.search(name.lower())


def sums_up(name: str) -> bool:
    """Whether a sum under this name is what is shown of a turn, and no weights."""
    return is_loss(name) or MEASURE.search(name.lower()) is not None
