"""Calling functions that are not ours: each argument is found by its own name, or by the role its name has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from chainrule.check.calling.walk import fields_of, is_numbers
from chainrule.check.reading.names import (
    BATCH,
    TENSOR,
    argument_roles,
    callable_role,
    plain,
    returned_names,
    short,
    takes_pairs,
)

CONSTRUCTOR = (
    "sizes", "n_in", "n_hidden", "n_out", "rng", "seed", "lr", "reg", "epochs", "n", "X", "y", "false", "hiddens",
    "dropout",
)  # fmt: skip
CALL = (
    "X", "y", "dout", "out", "lr", "reg", "cache", "params", "grads", "n", "epochs", "true", "false", "rng", "seed",
    "mask", "dropout",
)  # fmt: skip
SETTLED = {"epochs": 1, "true": True, "false": False, "seed": 0}
DROPOUT = 0.6  # kept or dropped
NO_PARAMETERS = (
    "no parameters were found: make them in __init__ of a network, or in a function init(n_in, n_hidden, n_out) that "
    "returns them as its functions take them"
)
SAME_TARGETS = re.compile("hot|enc|batch|train|data|yb")  # the targets again, in another form
RATE, DECAY = 0.37, 0.23  # no factor of anything else in the data


class CannotBind(Exception):
    """An argument that neither its name nor its role explains."""

    def __init__(self, fn: Callable[..., Any], argument: str, hint: str = "") -> None:
        super().__init__(f"{getattr(fn, '__name__', fn)}: no value known for its argument {argument!r}{hint}")
        self.argument = argument


class NoParameters(CannotBind):
    """Nothing says which arrays are the parameters, or how many numbers they hold."""

    def __init__(self) -> None:
        Exception.__init__(self, NO_PARAMETERS)
        self.argument = "parameters"


@dataclass
class Env:
    """What can be handed over: values by the names their code gave them, and values by role."""

    roles: dict[str, Any] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    mapping: Mapping[str, str] = field(default_factory=dict)  # their argument -> our role, where the user said so
    settled: dict[str, float] = field(default_factory=dict)  # the rate and the decay, since a call asked for them
    used: dict[str, float] = field(default_factory=dict)  # those that calls were given
    dropout: bool = False  # whether dropout that is off by default is switched on
    slower: float = 1.0  # what rates are multiplied by
    batch: int | None = None  # the rows of a batch, where there are several

    def learn(self, fn: Callable[..., Any], result: Any) -> None:
        """Remember what a call returned under the names its ``return`` gives, or under its keys."""
        named = fields_of(result)
        if isinstance(result, dict) or named is not None:
            self.names.update({str(key): value for key, value in (named or result).items()})
        if isinstance(result, tuple) and named is None:
            known = returned_names(fn)
            if len(known) == len(result):
                self.names.update({name: value for name, value in zip(known, result) if name})
        else:
            (name,) = returned_names(fn) if len(returned_names(fn)) == 1 else (None,)
            if name:
                self.names[name] = result


def arguments(fn: Callable[..., Any]) -> list[inspect.Parameter]:
    """Those with a name; of a method without its object."""
    own = fn.__func__ if inspect.ismethod(fn) and inspect.isfunction(fn.__func__) else fn
    found = _arguments(own) if isinstance(own, Hashable) else _arguments.__wrapped__(own)
    if own is not fn and found and found[0].kind != inspect.Parameter.VAR_POSITIONAL:
        found = found[1:]
    return [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@cache  # differences of the loss ask thousands of times
def _arguments(fn: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fn).parameters.values())
    except (TypeError, ValueError):
        return []


def is_batch_size(p: inspect.Parameter) -> bool:
    """Whether an argument is how many rows a batch has; `batch` and `mini_batch` may be the rows themselves."""
    named = BATCH.search(p.name.lower())
    return named is not None and (p.name.lower().endswith(("size", "bs")) or type(p.default) is int)


def bind(fn: Callable[..., Any], env: Env, allowed: tuple[str, ...] = CALL, likely: str = "y") -> dict[str, Any]:
    """Keyword arguments for a call, `likely` is what an argument is that cannot be bound. Raises CannotBind."""
    bound: dict[str, Any] = {}
    for parameter in arguments(fn):
        if (role := _role_in_company(fn, parameter, env, allowed)) is not None:
            if role not in env.roles:
                raise CannotBind(fn, parameter.name, f"; --map {role}={parameter.name}")
            bound[parameter.name] = env.roles[role]
            continue
        if "pairs" in env.roles and takes_pairs(fn, parameter.name):
            bound[parameter.name] = env.roles["pairs"]
            continue
        found, value = _find(parameter, env, allowed, bound)
        if found:
            bound[parameter.name] = value
        elif parameter.default is parameter.empty:
            raise CannotBind(fn, parameter.name, _hint(fn, env, parameter.name, likely))
    return bound


def _role_in_company(fn: Callable[..., Any], p: inspect.Parameter, env: Env, allowed: tuple[str, ...]) -> str | None:
    """What a short name stands for because of the other arguments. y is what the network gives where another is the
    target, as in loss(y, t), and so is a, where nothing else may be that; n is the width of the inputs before other
    widths, as in init(n, h, k)."""
    name, own = plain(p.name), arguments(fn)
    if p.name in env.mapping or name not in ("y", "a", "n", "m"):
        return None
    roles = {q.name: (env.mapping.get(q.name), *argument_roles(q.name)) for q in own if plain(q.name) != name}
    others = {role for known in roles.values() for role in known}
    if name == "y" and allowed is not CONSTRUCTOR and not ("lr" in others and "X" in others):
        telling = [q for q in own if "y" in roles.get(q.name, ()) and not isinstance(q.default, bool)]
        return "out" if any(not SAME_TARGETS.search(plain(q.name)) for q in telling) else None
    if name == "a" and allowed is CALL and "y" in others and not others & {"X", "out"}:
        return "out" if callable_role(getattr(fn, "__name__", "")) in ("loss", "backward") else None
    if name in ("n", "m") and allowed is CONSTRUCTOR and not others & {"n", "n_in", "sizes", "X"}:
        later = [q.name for q in own[own.index(p) + 1 :]]
        return "n_in" if any({"n_hidden", "n_out"} & set(roles.get(n, ())) for n in later) else None
    return None


def _hint(fn: Callable[..., Any], env: Env, unknown: str, likely: str) -> str:
    """What an unknown argument may be: the rows where a forward has none, or another has neither; else the targets.
    Of what makes parameters, a width."""
    if likely == "n_hidden":
        return f"; is it a width? --map n_hidden={unknown}"
    roles = {p.name: (env.mapping.get(p.name), *argument_roles(p.name)) for p in arguments(fn)}
    rows, targets = (any(role in known for known in roles.values()) for role in ("X", "y"))
    plain = [name for name, known in roles.items() if known == (None,)]
    if not rows and (likely == "X" or (not targets and plain[:1] == [unknown] and len(plain) == len(roles) > 1)):
        return f"; --map X={unknown}"
    return "" if targets or TENSOR.fullmatch(unknown) else f"; --map y={unknown}"


def call(fn: Callable[..., Any], env: Env, allowed: tuple[str, ...] = CALL, likely: str = "y") -> Any:
    bound = bind(fn, env, allowed, likely)
    kinds = {p.name: p.kind for p in arguments(fn)}
    first = [bound.pop(name) for name, kind in kinds.items() if kind == inspect.Parameter.POSITIONAL_ONLY]
    result = fn(*first, **bound)
    env.learn(fn, result)
    return result


def _find(p: inspect.Parameter, env: Env, allowed: tuple[str, ...], bound: Mapping[str, Any]) -> tuple[bool, Any]:
    if p.name in env.names and TENSOR.fullmatch(env.mapping.get(p.name, "")):
        return True, env.names[p.name]
    if env.batch is not None and is_batch_size(p) and p.name not in env.names:
        return True, env.batch
    roles = [env.mapping[p.name]] if p.name in env.mapping else [r for r in argument_roles(p.name) if r in allowed]
    for role in roles:
        if role in ("lr", "reg"):
            return True, _constant(role, p, env)
        if role == "dropout" and (env.dropout or p.default is p.empty):
            off = isinstance(p.default, (int, float)) and not 0 < p.default < 1
            return True, DROPOUT if off or p.default is p.empty else p.default
    data = roles[0] if roles and roles[0] in ("X", "y") and roles[0] in env.roles else None
    if p.name in env.names and p.name not in env.mapping and data is None:
        return True, env.names[p.name]
    if roles[:1] == ["params"] and isinstance(env.roles.get("params"), (list, tuple)):  # W, b = theta
        return True, env.roles["params"]
    same = [name for name in env.names if short(name) == short(p.name) and is_numbers(env.names[name])]
    if same and not {"X", "y"} & set(roles):
        return True, env.names[same[-1]]
    taken = [id(value) for value in bound.values()]
    for role in roles:
        if role in env.roles and not (role in ("X", "out", "dout") and id(env.roles[role]) in taken):
            if allowed is not CONSTRUCTOR or _like_default(p, env.roles[role]):
                return True, env.roles[role]
            if role == "n_hidden" and isinstance(p.default, (list, tuple)):
                return True, type(p.default)(env.roles["hiddens"][: len(p.default)])
        if role in SETTLED and (role != "epochs" or p.default is not None):
            return True, SETTLED[role]
        if role == "rng":
            return p.default is p.empty, np.random.default_rng(0)
    if "n_in" in env.roles and "sizes" in env.roles:  # a constructor's setting that only has to be there
        if re.search("scale|std|sigma|init", p.name.lower()) and p.default is p.empty:
            return True, 0.1
        if "width" in p.name.lower() and p.default is p.empty:
            return True, env.roles["n_hidden"]
    return False, None


def _like_default(p: inspect.Parameter, value: Any) -> bool:
    """Whether a value may stand for a default: no rows or list for a number, no number for a list."""
    numbers, several = (int, float), (list, tuple, np.ndarray)
    return not (isinstance(p.default, numbers) and isinstance(value, several)) and not (
        isinstance(p.default, several) and isinstance(value, numbers)
    )


def _constant(role: str, p: inspect.Parameter, env: Env) -> float:
    """A rate or a decay: what another of their functions was given, for a loss and its gradient have one λ; else their
    own default, where it is a number above 0; else ours."""
    own = p.default
    settled = isinstance(own, (int, float)) and not isinstance(own, bool) and own > 0
    first = env.settled.setdefault(role, float(own) if settled else (RATE if role == "lr" else DECAY))
    env.used[role] = first * (env.slower if role == "lr" else 1.0)
    return env.used[role]
