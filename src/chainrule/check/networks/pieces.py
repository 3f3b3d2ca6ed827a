"""Layers, activations and losses of theirs as pieces of one shape: forward one array, backward one array."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import CALL, CONSTRUCTOR, Env, arguments, call
from chainrule.check.calling.digest import is_scalar
from chainrule.check.calling.walk import is_numbers, places
from chainrule.check.reading.names import argument_roles, callable_role

OUTPUTS = ("output", "outputs", "out", "y", "a", "result", "value")
BACK = (
    "dinputs",
    "dinput",
    "dx",
    "d_inputs",
    "d_input",
    "grad_input",
    "grad_inputs",
    "din",
    "dX",
    "input_gradient",
    "dl_dx",
)


@dataclass
class Piece:
    """`owner` holds its arrays; `kind` is dense, activation, dropout or loss."""

    name: str
    kind: str
    owner: Any
    forwards: Callable[..., Any]
    backwards: Callable[..., Any] | None

    def forward(self, x: Array, env: Env) -> Any:
        env.roles |= {"X": x, "out": x}
        result = call(self.forwards, env)
        return result if result is not None else held(self.owner, OUTPUTS)

    def backward(self, dout: Any, env: Env) -> Any:
        env.roles["dout"] = dout
        assert self.backwards is not None
        result = call(self.backwards, env)
        if isinstance(result, tuple):
            result = next((item for item in result if isinstance(item, np.ndarray)), None)
        return result if result is not None else held(self.owner, BACK)


def held(owner: Any, names: tuple[str, ...]) -> Any:
    return next((getattr(owner, name) for name in names if is_numbers(getattr(owner, name, None))), None)


def method(cls: type, role: str) -> str | None:
    """Its method of this role, the plainly named one first."""
    plain = {
        "forward": ("forward", "__call__"),
        "backward": ("backward",),
        "loss": ("calculate", "loss", "forward", "__call__"),
    }
    for name in plain.get(role, ()):
        if name in dir(cls) and (name != "__call__" or "__call__" in vars(cls)):
            return name
    names = [name for name in dir(cls) if not name.startswith("__") and callable(getattr(cls, name))]
    return next((name for name in names if callable_role(name) == role), None)


def make_dense(cls: type, n_in: int, units: int) -> Any | None:
    """A dense layer of theirs with this many inputs and units; None where the class is none."""
    env = Env({"n_in": n_in, "n_out": units, "n_hidden": units, "sizes": [n_in, units]})
    attempts: list[Callable[[], Any]] = [lambda: call(cls, env, CONSTRUCTOR), lambda: cls(n_in, units)]
    roles = [set(argument_roles(p.name)) for p in arguments(cls)]
    if any("weight" in r for r in roles):
        W, b = np.zeros((n_in, units)), np.zeros(units)
        attempts = [lambda: cls(W, b), lambda: cls(W)]
    for attempt in attempts:
        try:
            made = attempt()
        except Exception:
            continue
        if any(sorted(place.value.shape) == sorted((n_in, units)) for place in places(made)):
            return made
    return None


def make_plain(cls: type) -> Any | None:
    """An object that needs nothing but settings; None where it asks for more."""
    try:
        return call(cls, Env({"n_in": 4, "false": False}), CONSTRUCTOR)
    except Exception:
        required = [p for p in arguments(cls) if p.default is p.empty]
        rates = {"rate", "p", "drop_rate", "dropout_rate", "keep_prob", "prob", "ratio", "dropout_ratio", "keep"}
        try:
            return cls(0.4) if len(required) == 1 and required[0].name.lower() in rates else None
        except Exception:
            return None


def piece_of(name: str, cls: type, made: Any, kind: str) -> Piece | None:
    forward, backward = method(cls, "loss" if kind == "loss" else "forward"), method(cls, "backward")
    if forward is None or (backward is None and kind != "loss"):
        return None
    return Piece(name, kind, made, getattr(made, forward), getattr(made, backward) if backward else None)


def is_loss(cls: type) -> bool:
    """It takes targets to go forward, and has no weights."""
    name = method(cls, "loss")
    fn = getattr(cls, name, None) if name else None
    return fn is not None and any("y" in argument_roles(p.name) for p in arguments(fn))


def keeps_shape(piece: Piece) -> bool:
    x = np.random.default_rng(0).normal(size=(3, 4))
    try:
        return np.shape(piece.forward(x, Env())) == x.shape
    except Exception:
        return False


def is_softmax(piece: Piece) -> bool:
    x = np.random.default_rng(0).normal(size=(3, 4))
    try:
        out = np.asarray(piece.forward(x, Env()))
        return any(np.allclose(out.sum(axis=axis), 1) for axis in (0, 1))
    except Exception:
        return False


class FunctionPair:
    """``affine_forward`` and ``affine_backward`` as an object: it keeps the cache, and the gradients that come back."""

    def __init__(
        self, forward: Callable[..., Any], backward: Callable[..., Any], shapes: Mapping[str, tuple[int, ...]]
    ):
        self._forward, self._backward = forward, backward
        self._cache: Any = None
        for name, shape in shapes.items():
            setattr(self, name, np.zeros(shape))
        self._names = list(shapes)

    def forward(self, x: Array) -> Any:
        env = Env({"X": x}, {name: getattr(self, name) for name in self._names})
        result = call(self._forward, env, ("X", "true", "false"))
        if isinstance(result, tuple):
            self._cache = result[1] if len(result) == 2 else result[1:]
            return result[0]
        self._cache = (x, result)
        return result

    def backward(self, dout: Array) -> Any:
        env = Env({"dout": dout, "cache": self._cache}, {name: getattr(self, name) for name in self._names})
        result = call(self._backward, env, CALL)
        if not isinstance(result, tuple):
            return result
        rest = [item for item in result if np.shape(item) != np.shape(result[0])] or list(result[1:])
        for name, gradient in zip(self._names, result[1:] if len(result) == len(self._names) + 1 else rest):
            setattr(self, f"d{name}", gradient)
        return result[0]


def loss_value(result: Any) -> float | None:
    """A number; the mean where a loss returns one number for each row, as some books' losses do before averaging."""
    if is_scalar(result):
        return float(np.asarray(result).reshape(-1)[0])
    if isinstance(result, np.ndarray) and result.ndim == 1:
        return float(result.mean())
    return None
