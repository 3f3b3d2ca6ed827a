"""Which style is this? Every reading of a module as a network that can be run, the likeliest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType

from chainrule.check.calling.binding import arguments
from chainrule.check.calling.making import is_vector_alone, takes_list, weights_alone, weights_taken
from chainrule.check.calling.naming import ROLES, require_names
from chainrule.check.networks.bare import Bare
from chainrule.check.networks.composed import Composed, compositions
from chainrule.check.networks.flat import Flat
from chainrule.check.networks.kits import layer_kit
from chainrule.check.networks.layered import LayerKit
from chainrule.check.networks.ones import WithOnes
from chainrule.check.networks.roles import PASSES, class_roles, function_roles, is_loss_object, is_network, knows_all
from chainrule.check.networks.scalars import Named
from chainrule.check.networks.scripted import Scripted
from chainrule.check.networks.theirs import Theirs
from chainrule.check.reading.fitting import INIT
from chainrule.check.reading.names import TENSOR, argument_roles
from chainrule.check.reading.source import SCRIPT, defined

DEPTHS = (3, 2, 4)  # of the network that a list of sizes asks for: code for two layers may take three sizes only
STORAGES = (("rows", "(O,)"), ("rows", "(1, O)"), ("columns", "(O, 1)"), ("columns", "(O,)"), ("vector", "()"))


def readings(module: ModuleType, name: str | None, mapping: Mapping[str, str]) -> Iterator[Theirs | LayerKit]:
    """A script's loop; else networks of layer objects, classes, functions, layers put together, and bare numbers."""
    if name is None and SCRIPT in vars(module):
        yield Scripted(module, mapping)
        return
    require_names(module, name, mapping)
    asked = Asked(module, name, mapping)
    yield from _composed(asked)
    yield from _classes(asked)
    yield from _functions(asked)
    yield from _layers(asked)
    yield from _classes_with_other_names(asked)
    yield from _objects(asked)
    yield from _numbers(asked)


class Asked:
    """What a module defines, and what of it was named: `calls` by role, and `words`, their arguments and arrays."""

    def __init__(self, module: ModuleType, name: str | None, mapping: Mapping[str, str]) -> None:
        self.module, self.name = module, name
        self.classes, self.functions = defined(module)
        self.calls = {ours: theirs for ours, theirs in mapping.items() if ours in ROLES}
        self.words = {theirs: ours for ours, theirs in mapping.items() if ours not in ROLES}
        alone = [] if name in self.functions else list(self.classes.values())
        self.chosen = [self.classes[name]] if name in self.classes else alone

    def roles(self, cls: type) -> dict[str, str]:
        return class_roles(cls, self.functions) | self.calls


def _classes(asked: Asked) -> Iterator[Theirs]:
    """Those that are a network."""
    module, words = asked.module, asked.words
    for cls in asked.chosen:
        roles, style = asked.roles(cls), f"the class {cls.__name__}"
        if not is_network(cls, roles, words):
            continue
        for storage in STORAGES if weights_taken(cls) else STORAGES[:1]:
            for depth in DEPTHS if takes_list(cls) else DEPTHS[:1]:
                yield WithOnes(module, cls, roles, style, words, storage, depth=depth)
        if any("dropout" in argument_roles(p.name) for p in arguments(cls)):
            yield WithOnes(module, cls, roles, f"{style} with dropout", words, dropout=True)
        if {"backward", "step"} <= set(roles):  # its backward may take what only its step knows
            steps = {role: fn for role, fn in roles.items() if role not in ("backward", "update")}
            yield WithOnes(module, cls, steps, style, words)


def _functions(asked: Asked) -> Iterator[Theirs]:
    """Functions that share parameters, stored in any of the usual ways."""
    module, functions = asked.module, asked.functions
    if asked.name in asked.classes or any(theirs not in functions for theirs in asked.calls.values()):
        return  # methods were named
    roles = function_roles(functions, asked.name) | asked.calls
    if not PASSES & set(roles):
        return
    style = f"the functions {_called(roles)}"
    called = [functions[name] for name in roles.values() if name in functions]
    storages: Sequence[tuple[str, str]] = STORAGES if "init" not in roles else STORAGES[:1]
    if "init" not in roles and is_vector_alone(called):
        storages = sorted(STORAGES, key=lambda storage: storage[0] != "vector")
    for storage in storages:
        for depth in DEPTHS if takes_list(functions.get(roles.get("init", ""))) else DEPTHS[:1]:
            yield WithOnes(module, None, roles, style, asked.words, storage, depth=depth)
    if "init" not in roles and weights_alone(called):
        for kind in ("rows", "columns"):
            yield WithOnes(module, None, roles, f"{style}, biases in the weights", asked.words, (kind, "()"), ones=True)


def _called(roles: Mapping[str, str]) -> str:
    return ", ".join(roles[role] for role in ROLES if role in roles and not roles[role].startswith(INIT))


def _layers(asked: Asked) -> Iterator[LayerKit]:
    """Layers, put together."""
    only = asked.name if asked.name in asked.classes else None
    for network in layer_kit(asked.module, asked.classes, asked.functions, only) or ():
        network.wanted = {ours: theirs for theirs, ours in asked.words.items() if TENSOR.fullmatch(ours)}
        yield network


def _composed(asked: Asked) -> Iterator[Theirs]:
    """Networks that take layer objects and a loss object."""
    for cls in asked.chosen:
        for style, depth, make in compositions(cls, asked.classes):
            yield Composed(
                asked.module, cls, asked.roles(cls), f"the layers {style}", asked.words, make=make, depth=depth
            )


def _classes_with_other_names(asked: Asked) -> Iterator[Theirs]:
    """Those that would be a network if we knew what they call their targets, which the refusal then asks for."""
    for cls in asked.chosen:
        roles = asked.roles(cls)
        whole = all(role in roles and hasattr(cls, roles[role]) for role in ("forward", "loss", "backward"))
        if whole and not is_network(cls, roles, asked.words) and not is_loss_object(cls):
            reading = WithOnes(asked.module, cls, roles, f"the class {cls.__name__}", asked.words)
            reading.own_targets = knows_all(cls, roles)
            yield reading


def _objects(asked: Asked) -> Iterator[Theirs]:
    """Networks that the file has made, of what cannot be made here."""
    for name, thing in list(vars(asked.module).items()):
        cls = type(thing)
        if cls in asked.chosen and is_network(cls, roles := asked.roles(cls), asked.words):
            style = f"{name}, an object of the class {cls.__name__}"
            yield WithOnes(asked.module, cls, roles, style, asked.words, held=thing)


def _numbers(asked: Asked) -> Iterator[Bare]:
    """Functions of one vector, then what has a name for each weight."""
    module, functions, words = asked.module, asked.functions, asked.words
    if asked.name not in asked.classes and all(theirs in functions for theirs in asked.calls.values()):
        roles = function_roles(functions, asked.name) | asked.calls
        if PASSES & set(roles):
            style = f"the functions {_called(roles)}"
            yield Flat(module, None, roles, f"{style}, parameters in one vector", words)
            yield Named(module, None, roles, f"{style}, a number for each weight", words)
    for cls in asked.chosen:
        roles = asked.roles(cls)
        own = [getattr(cls, roles[role]) for role in ROLES if role in roles and hasattr(cls, roles[role])]
        if len(own) > 1 and any("y" in argument_roles(p.name) for fn in own for p in arguments(fn)):
            yield Named(module, cls, roles, f"the class {cls.__name__}, a number for each weight", words)
