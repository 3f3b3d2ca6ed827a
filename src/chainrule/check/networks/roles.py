"""Which of their functions or methods is the forward, the loss, the backward, the step: by name and by who calls."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from chainrule.check.calling.binding import arguments
from chainrule.check.calling.making import names_gradient
from chainrule.check.calling.naming import ROLES
from chainrule.check.calling.walk import places
from chainrule.check.networks.pieces import make_plain
from chainrule.check.reading.fitting import BEGIN
from chainrule.check.reading.names import argument_roles, callable_role, is_weight, tree_of

PASSES = {"backward", "loss_and_grads", "loss", "step"}  # one of them has to be there


def class_roles(cls: type, functions: Mapping[str, Any]) -> dict[str, str]:
    """Its methods by role; a loss it lacks is looked for among the module's functions."""
    methods = {
        name: fn
        for base in reversed(cls.__mro__[:-1])
        for name, fn in vars(base).items()
        if callable(fn) and _public(name)
    }
    roles = _by_role(methods)
    roles.pop("init", None)
    roles |= _derivative(methods, roles)
    for role, name in function_roles(functions, None).items():
        if role == "loss" and role not in roles and "loss_and_grads" not in roles:
            roles[role] = name
    if "backward" in roles and "update" not in roles and _needs_gradients(methods.get(roles.get("step", "")), methods):
        roles["update"] = roles.pop("step")
    if {"backward", "step"} <= set(roles) and _leaves_gradients(methods, roles):
        roles |= {"loss": roles["step"], "backward": roles.pop("step")}
    if not {"loss", "loss_and_grads"} & set(roles) and _needs_targets(methods.get(roles.get("forward", ""))):
        # A forward that needs the targets goes on to the loss. It keeps its first role: when it is called for the
        # predictions, these are looked for in what it returns or leaves, and when for the loss, the one number in it.
        roles["loss"] = roles["forward"]
    return roles


def _needs_gradients(step: Any, methods: Mapping[str, Any]) -> bool:
    """Whether a step takes no data and makes no pass itself, so that it can only follow a backward."""
    takes = {role for p in arguments(step) for role in argument_roles(p.name)} if step is not None else {"X"}
    passes = {name for name in methods if callable_role(name) in ("forward", "backward", "loss_and_grads")}
    return not {"X", "y"} & takes and not runs(step, passes, methods.get)


def _leaves_gradients(methods: Mapping[str, Any], roles: Mapping[str, str]) -> bool:
    """Whether what is called a step of training is the pass alone: it hands a backward that knows no targets the slope
    of the loss, and neither updates nor knows a rate; an optimizer updates apart."""
    step, backward = methods[roles["step"]], methods.get(roles["backward"])
    if backward is None or roles["backward"] not in _calls(step):
        return False
    first, then = ({role for p in arguments(fn) for role in argument_roles(p.name)} for fn in (step, backward))
    if not ({"X", "y"} <= first and "dout" in then and "y" not in then):
        return False
    return "lr" not in first | then and not _updates(step) and not _updates(backward)


def _updates(fn: Any) -> bool:
    """Whether it calls an update, reads a rate, or sets from its old value what is called no gradient and no loss."""
    nodes = list(ast.walk(tree_of(fn) or ast.Module([], [])))
    names = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
    if any(callable_role(name) in ("update", "step") or "lr" in argument_roles(name) for name in names):
        return True
    kept = [node for node in nodes if isinstance(node, (ast.Attribute, ast.Subscript))]
    read = {ast.unparse(node) for node in kept if isinstance(node.ctx, ast.Load)}
    read |= {ast.unparse(node.target) for node in nodes if isinstance(node, ast.AugAssign)}
    put = {ast.unparse(node) for node in kept if isinstance(node.ctx, ast.Store)} & read
    return any(not names_gradient(path) and callable_role(path.rpartition(".")[2]) != "loss" for path in put)


def _needs_targets(fn: Any) -> bool:
    return fn is not None and any("y" in argument_roles(p.name) and p.default is p.empty for p in arguments(fn))


def _derivative(callables: Mapping[str, Any], roles: Mapping[str, str]) -> dict[str, str]:
    """Where nothing is called backward: the derivative of the whole loss, which takes data and targets."""
    if {"backward", "loss_and_grads"} & set(roles):
        return {}
    for name, fn in callables.items():
        takes = {role for p in arguments(fn) for role in argument_roles(p.name)}
        if callable_role(name) == "derivative" and {"X", "y"} <= takes:
            return {"backward": name}
    return {}


def _public(name: str) -> bool:
    return not name.startswith("__") or name == "__call__"


def function_roles(functions: Mapping[str, Any], name: str | None) -> dict[str, str]:
    roles = _by_role(functions)
    whole, part = (functions.get(roles.get(role, "")) for role in ("loss_and_grads", "backward"))
    if whole is not None and part is not None and not _takes_rows(part) and runs(whole, {part.__name__}, functions.get):
        del roles["backward"]  # of one layer
    roles |= _derivative(functions, roles)
    if not PASSES & set(roles) and _needs_targets(functions.get(roles.get("forward", ""))):
        roles["loss_and_grads"] = roles.pop("forward")  # propagate(w, b, X, Y)
    if name is not None:
        roles[callable_role(name) or "loss_and_grads"] = name
        if callable_role(name) in (None, "loss_and_grads", "backward"):
            roles[_role_by_result(functions[name])] = name
    return roles


def _role_by_result(fn: Callable[..., Any]) -> str:
    """A function that takes data and targets and is called nothing we know: a step, or loss and gradients."""
    known = callable_role(fn.__name__)
    if known is not None:
        return known
    takes = {role for p in arguments(fn) for role in argument_roles(p.name)}
    return "step" if "lr" in takes else "loss_and_grads"


def _by_role(callables: Mapping[str, Any]) -> dict[str, str]:
    """One name for each role: one that no other of that role calls, the last such."""
    groups: dict[str, list[str]] = {}
    for name in callables:
        role = callable_role(name)
        if role in ROLES:
            groups.setdefault(role, []).append(name)
    groups["init"] = [name for name in groups.get("init", ()) if not _makes_functions(callables[name])]
    if fresh := [name for name in groups["init"] if not _takes_parameters(callables[name])]:
        groups["init"] = fresh  # initialize_velocity(parameters) makes what an optimizer remembers
    return {role: _root(names, callables) for role, names in groups.items() if names}


def _root(names: list[str], callables: Mapping[str, Any]) -> str:
    passes = [name for name in names if "forward" in name or "prop" in name]
    if whole := [name for name in passes if _takes_rows(callables[name])]:
        names = ["forward"] if "forward" in whole else whole  # what calls it predicts or trains
    called = {inner for name in names for inner in _calls(callables[name]) if inner != name}
    roots = [name for name in names if name not in called] or names
    needing = [name for name in roots if _takes_data(callables[name])]
    return max(needing or roots, key=lambda name: _rank(name))


def _rank(name: str) -> int:
    """Plain names before others: forward before forward_dropout, loss before loss_history."""
    plain = (
        "forward",
        "loss",
        "backward",
        "step",
        "train_step",
        "loss_and_grads",
        "train",
        "compute_loss",
        "gradients",
        "backprop",
    )
    return len(plain) - plain.index(name) if name in plain else 0


def _makes_functions(fn: Any) -> bool:
    """Whether it returns functions that it defines, not arrays: loss, grad = make_mlp("tanh")."""
    own = [node for outer in getattr(tree_of(fn), "body", ()) for node in getattr(outer, "body", ())]
    inner = {node.name for node in own if isinstance(node, ast.FunctionDef)}
    given = [node.value for node in own if isinstance(node, ast.Return)]
    parts = [part for value in given for part in (value.elts if isinstance(value, ast.Tuple) else [value])]
    return any(isinstance(part, ast.Name) and part.id in inner for part in parts)


def _takes_parameters(fn: Any) -> bool:
    roles = [argument_roles(p.name) for p in arguments(fn)]
    return any("params" in found and "sizes" not in found for found in roles)


def _takes_data(fn: Any) -> bool:
    roles = {role for p in arguments(fn) for role in argument_roles(p.name)}
    return bool({"X", "y", "params", "out", "cache"} & roles)


def _takes_rows(fn: Any) -> bool:
    """Data, and no weights of a single layer."""
    roles = {role for p in arguments(fn) for role in argument_roles(p.name)}
    return "X" in roles and "weight" not in roles


def _calls(fn: Any) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree_of(fn) or ast.Module([], [])):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                found.add(node.func.id)
            elif isinstance(node.func, ast.Attribute):
                found.add(node.func.attr)
    return found


def runs(fn: Callable[..., Any], names: set[str], named: Callable[[str], Any]) -> bool:
    """Whether a function of theirs calls another of these names, itself or through what is `named` in their code."""
    seen, todo = set[str](), [fn]
    while todo:
        called = _own_calls(todo.pop()) - seen
        if called & names:
            return True
        seen |= called
        todo += [other for name in called if callable(other := named(name))]
    return False


def _own_calls(fn: Any) -> set[str]:
    """Functions, and methods of its own object: not layer.forward."""
    return _calls_in(getattr(fn, "__func__", fn))


@cache
def _calls_in(fn: Any) -> set[str]:
    own = {p.name for p in arguments(fn)[:1]}
    calls = [node.func for node in ast.walk(tree_of(fn) or ast.Module([], [])) if isinstance(node, ast.Call)]
    methods = {
        f.attr for f in calls if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name) and f.value.id in own
    }
    return methods | {f.id for f in calls if isinstance(f, ast.Name)}


def is_network(cls: type, roles: Mapping[str, str], given: Mapping[str, str]) -> bool:
    """A class that knows the targets: in its constructor, its loss, its backward or its step."""
    own = [getattr(cls, name) for name in roles.values() if hasattr(cls, name)]
    knows = any("y" in (given.get(p.name), *argument_roles(p.name)) for fn in [cls, *own] for p in arguments(fn))
    passes = any(role in roles and hasattr(cls, roles[role]) for role in ("backward", "loss_and_grads", "loss", "step"))
    return knows and passes and not is_loss_object(cls)


def knows_all(cls: type, roles: Mapping[str, str]) -> bool:
    """Whether its loss and its backward take rows, and nothing whose name says nothing: an autoencoder."""
    taken = [argument_roles(p.name) for role in ("loss", "backward") for p in arguments(getattr(cls, roles[role]))
             if p.name != "self"]  # fmt: skip
    return all(taken) and any("X" in found for found in taken)


def is_loss_object(cls: type) -> bool:
    """Made without arguments, it holds no weights: a loss as an object."""
    if any(p.default is p.empty for p in arguments(cls)) or hasattr(cls, BEGIN):
        return False
    made = make_plain(cls)
    return made is None or not any(place.value.ndim == 2 or is_weight(place.last) for place in places(made))
