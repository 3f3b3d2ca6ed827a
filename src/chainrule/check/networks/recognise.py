"""Which style is this? Every reading of a module as a network that can be run, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

from chainrule.check.calling.binding import arguments
from chainrule.check.calling.making import takes_list, weights_alone
from chainrule.check.calling.naming import require_names
from chainrule.check.networks.bare import Bare
from chainrule.check.networks.flat import Flat
from chainrule.check.networks.kits import layer_kit
from chainrule.check.networks.layered import LayerKit
from chainrule.check.networks.ones import WithOnes
from chainrule.check.networks.roles import ROLES, class_roles, function_roles, is_loss_object, is_network, knows_all
from chainrule.check.networks.scalars import Named
from chainrule.check.networks.scripted import Scripted
from chainrule.check.networks.theirs import Theirs
from chainrule.check.reading.names import TENSOR, argument_roles
from chainrule.check.reading.source import SCRIPT, defined

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
        if whole and not is_network(cls, roles, arguments_given) and not is_loss_object(cls):
            reading = WithOnes(module, cls, roles, f"the class {cls.__name__}", arguments_given)
            reading.own_targets = knows_all(cls, roles)
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


def bare_readings(module: ModuleType, name: str | None, mapping: Mapping[str, str]) -> Iterator[Bare]:
    """Functions of one vector, then what has a name for each weight. To be tried where nothing else runs."""
    classes, functions = defined(module)
    given = {ours: theirs for ours, theirs in mapping.items() if ours in ROLES}
    words = {theirs: ours for ours, theirs in mapping.items() if ours not in ROLES}
    if name not in classes and all(theirs in functions for theirs in given.values()):
        roles = function_roles(functions, name) | given
        if {"backward", "loss_and_grads", "loss", "step"} & set(roles):
            shown = ", ".join(roles[role] for role in ROLES if role in roles)
            yield Flat(module, None, roles, f"the functions {shown}, parameters in one vector", words)
            yield Named(module, None, roles, f"the functions {shown}, a number for each weight", words)
    for cls in {name: classes[name]}.values() if name in classes else () if name in functions else classes.values():
        roles = class_roles(cls, functions) | given
        own = [getattr(cls, roles[role]) for role in ROLES if role in roles and hasattr(cls, roles[role])]
        if len(own) > 1 and any("y" in argument_roles(p.name) for fn in own for p in arguments(fn)):
            yield Named(module, cls, roles, f"the class {cls.__name__}, a number for each weight", words)
