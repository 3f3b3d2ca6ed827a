"""Which style is this? Every reading of a module as a network that can be run, the likeliest first."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from chainrule.check.binding import arguments
from chainrule.check.layered import LayerKit, layer_kit
from chainrule.check.making import takes_list, weights_alone
from chainrule.check.names import TENSOR, argument_roles, callable_role, tree_of
from chainrule.check.naming import require_names
from chainrule.check.ones import WithOnes
from chainrule.check.pieces import make_plain
from chainrule.check.scripted import Scripted
from chainrule.check.source import SCRIPT, defined
from chainrule.check.theirs import Theirs
from chainrule.check.walk import places

ROLES = ("init", "forward", "loss", "backward", "loss_and_grads", "step", "update")
DEPTHS = (3, 2, 4)  # of the network that a list of sizes asks for: code for two layers may take three sizes only
STORAGES = (("rows", "(O,)"), ("rows", "(1, O)"), ("columns", "(O, 1)"), ("columns", "(O,)"), ("vector", "()"))


def readings(module: ModuleType, name: str | None, mapping: Mapping[str, str]) -> Iterator[Theirs | LayerKit]:
    """Network classes, then functions that share parameters, then layers to be put together."""
    if name is None and SCRIPT in vars(module):
        yield Scripted(module, mapping)
        return
    classes, functions = defined(module)
    given = {ours: theirs for ours, theirs in mapping.items() if ours in ROLES}
    arguments_given = {theirs: ours for ours, theirs in mapping.items() if ours not in ROLES}
    require_names(module, name, mapping)
    chosen = {name: classes[name]} if name in classes else {} if name in functions else classes
    for cls in chosen.values():
        roles = class_roles(cls, functions) | dict(given)
        if is_network(cls, roles, arguments_given):
            for depth in DEPTHS if takes_list(cls) else DEPTHS[:1]:
                yield WithOnes(module, cls, roles, f"the class {cls.__name__}", arguments_given, depth=depth)
            if any("dropout" in argument_roles(p.name) for p in arguments(cls)):
                style = f"the class {cls.__name__} with dropout"
                yield WithOnes(module, cls, roles, style, arguments_given, dropout=True)
            if {"backward", "step"} <= set(roles):  # its backward may take what only its step knows
                steps = {role: fn for role, fn in roles.items() if role not in ("backward", "update")}
                yield WithOnes(module, cls, steps, f"the class {cls.__name__}", arguments_given)
    if name not in classes:
        yield from _functions(module, functions, name, given, arguments_given)
    kit = layer_kit(module, classes if name is None else {**classes}, functions, name if name in classes else None)
    for network in kit or ():
        network.wanted = {ours: theirs for theirs, ours in arguments_given.items() if TENSOR.fullmatch(ours)}
        yield network
    for cls in chosen.values():  # its targets may have a name of their own, which the refusal then asks for
        roles = class_roles(cls, functions) | dict(given)
        whole = all(role in roles and hasattr(cls, roles[role]) for role in ("forward", "loss", "backward"))
        if whole and not is_network(cls, roles, arguments_given) and not _is_loss(cls):
            reading = WithOnes(module, cls, roles, f"the class {cls.__name__}", arguments_given)
            reading.own_targets = _knows_all(cls, roles)
            yield reading
    for name, thing in list(vars(module).items()):  # made in the file, of what cannot be made here
        if type(thing) in chosen.values():
            roles = class_roles(type(thing), functions) | dict(given)
            if is_network(type(thing), roles, arguments_given):
                style = f"{name}, an object of the class {type(thing).__name__}"
                yield WithOnes(module, type(thing), roles, style, arguments_given, held=thing)


def _functions(
    module: ModuleType,
    functions: Mapping[str, Any],
    name: str | None,
    given: Mapping[str, str],
    mapping: Mapping[str, str],
) -> Iterator[Theirs]:
    if any(theirs not in functions for theirs in given.values()):
        return  # methods were named
    roles = function_roles(functions, name) | dict(given)
    if not {"backward", "loss_and_grads", "loss", "step"} & set(roles):
        return
    styles = STORAGES if "init" not in roles else STORAGES[:1]
    for storage in styles:
        shown = ", ".join(roles[role] for role in ROLES if role in roles)
        for depth in DEPTHS if takes_list(functions.get(roles.get("init", ""))) else DEPTHS[:1]:
            yield WithOnes(module, None, roles, f"the functions {shown}", mapping, storage, depth=depth)
    if "init" not in roles and weights_alone([functions[name] for name in roles.values() if name in functions]):
        for kind in ("rows", "columns"):
            style = f"the functions {shown}, biases in the weights"
            yield WithOnes(module, None, roles, style, mapping, (kind, "()"), ones=True)


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
    if not {"loss", "loss_and_grads"} & set(roles) and _needs_targets(methods.get(roles.get("forward", ""))):
        roles["loss"] = roles["forward"]  # a forward that needs the targets goes on to the loss
    return roles


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
    roles |= _derivative(functions, roles)
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
    if fresh := [name for name in groups.get("init", ()) if not _takes_parameters(callables[name])]:
        groups["init"] = fresh  # initialize_velocity(parameters) makes what an optimizer remembers
    return {role: _root(names, callables) for role, names in groups.items()}


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


def is_network(cls: type, roles: Mapping[str, str], given: Mapping[str, str]) -> bool:
    """A class that knows the targets: in its constructor, its loss, its backward or its step."""
    own = [getattr(cls, name) for name in roles.values() if hasattr(cls, name)]
    knows = any("y" in (given.get(p.name), *argument_roles(p.name)) for fn in [cls, *own] for p in arguments(fn))
    passes = any(role in roles and hasattr(cls, roles[role]) for role in ("backward", "loss_and_grads", "loss", "step"))
    return knows and passes and not _is_loss(cls)


def _knows_all(cls: type, roles: Mapping[str, str]) -> bool:
    """Whether its loss and its backward take rows, and nothing whose name says nothing: an autoencoder."""
    taken = [argument_roles(p.name) for role in ("loss", "backward") for p in arguments(getattr(cls, roles[role]))
             if p.name != "self"]  # fmt: skip
    return all(taken) and any("X" in found for found in taken)


def _is_loss(cls: type) -> bool:
    """Made without arguments, it holds no weights: a loss as an object."""
    if any(p.default is p.empty for p in arguments(cls)):
        return False
    made = make_plain(cls)
    return made is None or not any(place.value.ndim == 2 for place in places(made))
