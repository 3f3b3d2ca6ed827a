"""What a training loop computes, by the names it gives: its loss, its gradients, its rate."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from chainrule.check.reading.flow import base, reads, targets, written
from chainrule.check.reading.names import gradient_of, short
from chainrule.check.reading.script import LOSS, Loop, is_loss, products, sums_up

HOLDER = re.compile(r"^(grads?|gradients?|gradientes|gradienten|d_?params?|d_?parameters)$")


def losses(loop: Loop) -> list[ast.stmt | ast.expr]:
    """What may be the loss, the likeliest first: a name that is called so, else what is put into a list of that name.

    What is printed alone, called an error, or summed over batches shows how far the training is, on any scale.
    """
    assigned = [n for n in ast.walk(loop.node) if isinstance(n, (ast.Assign, ast.AugAssign))]
    assigned.sort(key=lambda n: n.lineno)
    sums = _of_an_epoch(loop, assigned)
    named = [n for n in assigned if _names_loss(n) and not set(written(n)) & sums]
    signed = "sign" in {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(loop.node)}
    fed = {name for n in named for name in reads(n.value) if isinstance(n, ast.Assign) or base(n.target) != name}
    found: list[ast.stmt | ast.expr] = [n for n in reversed(named) if not set(written(n)) & fed]
    found += [n for n in reversed(named) if n not in found]
    found += _shared_out(loop, sums)
    found += [n for n in reversed(assigned) if n not in found and (_names_loss(n) or _halved(n))]
    made = set(written(loop.node)) - {
        base(t) for n in ast.walk(loop.node) if isinstance(n, ast.For) for t in targets(n)
    }
    kept = [expr for n in ast.walk(loop.node) if isinstance(n, ast.Expr) for expr in _collected(n)]
    found += [expr for expr in kept if reads(expr) & made]
    return [n for n in found if signed or not _absolute(n)]


def _of_an_epoch(loop: Loop, assigned: Sequence[ast.Assign | ast.AugAssign]) -> set[str]:
    """Names that sum up the losses of batches, and what is made of them: they are shown, at any scale."""
    found: set[str] = set()
    for inner in ast.walk(loop.node):
        if isinstance(inner, (ast.For, ast.While)) and inner is not loop.node and set(written(inner)) & {*loop.learned}:
            inside = [n for n in ast.walk(inner) if isinstance(n, (ast.Assign, ast.AugAssign))]
            set_there = {name for n in inside if isinstance(n, ast.Assign) for name in written(n)}
            found |= {base(n.target) for n in inside if isinstance(n, ast.AugAssign)} - set_there - {*loop.learned}
    for node in assigned:
        if reads(node.value) & found and _names_loss(node):
            found |= set(written(node))
    return found


def _shared_out(loop: Loop, sums: set[str]) -> list[ast.expr]:
    """Such a sum over the number of rows or of batches: of one batch, that is its loss."""
    quotients = [n for n in ast.walk(loop.node) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)]
    return [n for n in quotients if isinstance(n.left, ast.Name) and n.left.id in sums and is_loss(n.left.id)]


def _halved(node: ast.Assign | ast.AugAssign) -> bool:
    """An error of the name E that is half a square: the half is there for the derivative, not for people."""
    if not all(isinstance(t, ast.Name) and sums_up(t.id) for t in targets(node)):
        return False
    inner = list(ast.walk(node.value))
    by_two = [n.right for n in inner if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div)]
    half = any(isinstance(n, ast.Constant) and n.value == 0.5 for n in inner) or any(map(_is_two, by_two))
    return half and any(isinstance(n, ast.Pow) or getattr(n, "attr", "") == "square" for n in inner)


def _is_two(node: ast.expr) -> bool:
    """2, or a product with it: 2 * m."""
    parts = [node.left, node.right] if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else [node]
    return any(isinstance(part, ast.Constant) and part.value == 2 for part in parts)


def _names_loss(node: ast.Assign | ast.AugAssign) -> bool:
    return all(isinstance(t, ast.Name) for t in targets(node)) and is_loss(written(node)[-1])


def _absolute(node: ast.AST) -> bool:
    """A mean of absolute errors: it shows how far the training is, and belongs to no slope but the sign's."""
    return any(getattr(n, "attr", getattr(n, "id", "")) in ("abs", "absolute", "fabs") for n in ast.walk(node))


def _collected(node: ast.Expr) -> list[ast.expr]:
    """Numbers that are put into a list of losses."""
    call = node.value
    if not isinstance(call, ast.Call) or getattr(call.func, "attr", "") != "append":
        return []
    name = base(call.func).lower()
    losses_there = LOSS.search(name) is not None and not re.search("val|test|acc", name)
    return call.args if losses_there else []


def gradients(loop: Loop, params: Sequence[str]) -> dict[str, str]:
    """Parameter -> the name of its gradient: the one that its update takes times a rate, else by its own name."""
    made = [n for n in dict.fromkeys(written(loop.node)) if n not in loop.shared]
    found: dict[str, str] = {}
    for param in params:
        steps = [n for n in ast.walk(loop.node) if isinstance(n, (ast.Assign, ast.AugAssign)) and param in written(n)]
        taken = [name for n in steps if (name := _taken(n, param, made)) is not None]
        called = [name for name in made if (of := gradient_of(name)) is not None and short(of) == short(param)]
        shared_out = any(isinstance(op, ast.Div) for n in steps for op in ast.walk(n.value))  # its 1/N is there
        if len(steps) < 2 and (taken or called) and not (shared_out and taken):
            found[param] = (taken or called)[-1]
    return found


def holders(loop: Loop, param: str) -> list[str]:
    """Names of lists and dictionaries made in a turn that may hold the gradients of what another one holds."""
    names = [n for n in dict.fromkeys(written(loop.node)) if n not in loop.shared]
    own = [n for n in names if (of := gradient_of(n)) is not None and short(of) == short(param)]  # dW of W
    made = own or [n for n in names if HOLDER.search(n.lower())]
    steps = [n for n in ast.walk(loop.node) if isinstance(n, (ast.Assign, ast.AugAssign)) and param in written(n)]
    divided = [n.value for n in steps if any(isinstance(op, ast.Div) for op in ast.walk(n.value))]
    plain = [value for value in divided if "sqrt" not in ast.unparse(value)]  # its 1/N is there
    return [name for name in made if not any(name in reads(value) for value in plain)]


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
        others = any(isinstance(n, ast.Constant) and isinstance(n.value, float) for n in ast.walk(loop.node))
        return None if others else 1.0
    return next(iter(common)) if len(common) == 1 else None


def whole_turn(loop: Loop, params: Sequence[str]) -> bool:
    """Whether parameters change once a turn, or once for a batch, not in a loop over the rows."""
    inner = [n for n in ast.walk(loop.node) if isinstance(n, (ast.For, ast.While)) and n is not loop.node]
    learning = [n for n in inner if set(written(n)) & set(params) and products(n)]  # others go over the parameters
    return all(isinstance(n, ast.For) and ("batch" in ast.unparse(n.iter) or _strides(n.iter)) for n in learning)


def _strides(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "range" and len(node.args) == 3
