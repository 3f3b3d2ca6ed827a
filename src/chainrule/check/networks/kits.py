"""Every network that the layers of a module make: dense layers, activations and losses, found by running them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from chainrule.check.calling.binding import arguments
from chainrule.check.networks.layered import LayerKit, LossPair, Maker
from chainrule.check.networks.pieces import (
    FunctionPair,
    Piece,
    is_loss,
    is_softmax,
    keeps_shape,
    make_dense,
    make_plain,
    piece_of,
)
from chainrule.check.reading.names import argument_roles, callable_role


def layer_kit(
    module: ModuleType, classes: Mapping[str, type], functions: Mapping[str, Any], only: str | None
) -> Iterator[LayerKit] | None:
    """Every network that the pieces of a module make: one for each loss; None where there is no dense layer."""
    dense = _dense_class(classes, only) or _dense_pair(functions)
    if dense is None:
        return None
    name, maker = dense
    return _kits(module, name, maker, classes, functions)


def _dense_class(classes: Mapping[str, type], only: str | None) -> tuple[str, Maker] | None:
    for name, cls in classes.items():
        if is_loss(cls) or (only is not None and name != only and make_dense(classes[only], 5, 4) is not None):
            continue
        made = make_dense(cls, 5, 4)
        piece = None if made is None else piece_of(name, cls, made, "dense")
        if piece is not None and piece.backwards is not None:
            takes = [set(argument_roles(p.name)) for p in arguments(piece.backwards)]
            if any("dout" in roles for roles in takes) and not any(
                "y" in roles and "dout" not in roles for roles in takes
            ):
                return name, _maker(name, cls)
    return None


def _maker(name: str, cls: type) -> Maker:
    def make(n_in: int, units: int) -> Piece:
        piece = piece_of(name, cls, make_dense(cls, n_in, units), "dense")
        assert piece is not None
        return piece

    return make


def _pairs(functions: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Functions whose names differ only in forward and backward."""
    found = {}
    for name, fn in functions.items():
        if re.search("forward|fwd", name):
            other = name.replace("forward", "backward").replace("fwd", "bwd")
            if other in functions:
                found[name] = (fn, functions[other])
    return found


def _dense_pair(functions: Mapping[str, Any]) -> tuple[str, Maker] | None:
    for name, (forward, backward) in _pairs(functions).items():
        names = [p.name for p in arguments(forward)]
        weights = [n for n in names if "weight" in argument_roles(n)]
        biases = [n for n in names if "bias" in argument_roles(n)]
        if len(weights) == 1:
            return name, partial(_pair_piece, name, forward, backward, weights[0], biases)
    return None


def _pair_piece(name: str, forward: Any, backward: Any, weight: str, biases: list[str], n_in: int, units: int) -> Piece:
    shapes: dict[str, tuple[int, ...]] = {weight: (n_in, units)}
    shapes |= dict.fromkeys(biases, (units,))
    pair = FunctionPair(forward, backward, shapes)
    return Piece(name, "dense", pair, pair.forward, pair.backward)


def _kits(
    module: ModuleType, name: str, dense: Maker, classes: Mapping[str, type], functions: Mapping[str, Any]
) -> Iterator[LayerKit]:
    dropout: list[Callable[[], Piece]] = []
    hidden: list[Callable[[], Piece]] = []
    softmax: list[Callable[[], Piece]] = []
    for make in activations(classes, functions):
        piece = make()
        if is_softmax(piece):
            softmax.append(make)
        elif keeps_shape(piece):
            (dropout if "drop" in piece.name.lower() else hidden).append(make)
    for shown, loss in losses(classes, functions):
        for last in before_loss(shown, softmax, [make for make in hidden if "sigm" in make().name.lower()]):
            inner = [make for make in hidden if make is not last] or hidden
            names = [make().name for make in inner]
            names[1:1] = [make().name for make in dropout[:1]]
            style = " → ".join([name, *names, name, *([last().name] if last else []), shown])
            first = dropout[0] if dropout else None
            yield LayerKit(module, dense, inner, first, last, loss, f"the layers {style}")


def before_loss(loss: str, softmax: list[Any], sigmoid: list[Any]) -> list[Any]:
    """What stands before a loss of this name: its softmax or sigmoid where it has none of its own."""
    words = loss.lower()
    if re.search("bce|binary|logistic", words) and "logit" not in words and "sigmoid" not in words:
        return [*sigmoid[:1], None]
    if re.search("cross|entropy|nll|^ce$|categorical", words) and not re.search("softmax|logit|sigmoid", words):
        return softmax[:1] or [None]
    return [None]


def _plain_piece(name: str, cls: type, kind: str) -> Piece:
    piece = piece_of(name, cls, make_plain(cls), kind)
    assert piece is not None
    return piece


def activations(classes: Mapping[str, type], functions: Mapping[str, Any]) -> Iterator[Callable[[], Piece]]:
    for name, cls in classes.items():
        made = None if is_loss(cls) else make_plain(cls)
        if made is not None and (piece := piece_of(name, cls, made, "activation")) is not None:
            takes = [r for p in arguments(piece.forwards) for r in argument_roles(p.name)]
            if "X" in takes and piece.backwards is not None:
                yield partial(_plain_piece, name, cls, "activation")
    for name, (forward, backward) in _pairs(functions).items():
        required = [p for p in arguments(forward) if p.default is p.empty]
        if len(required) == 1:

            def make(name: str = name, forward: Any = forward, backward: Any = backward) -> Piece:
                pair = FunctionPair(forward, backward, {})
                return Piece(name, "activation", pair, pair.forward, pair.backward)

            yield make


def losses(classes: Mapping[str, type], functions: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, cls in classes.items():
        made = make_plain(cls) if is_loss(cls) else None
        piece = None if made is None else piece_of(name, cls, made, "loss")
        if piece is not None and piece.backwards is not None:
            yield name, partial(_plain_piece, name, cls, "loss")
    slopes = {n: f for n, f in functions.items() if callable_role(n) == "derivative" and _knows_targets(f)}
    for name, fn in functions.items():
        if callable_role(name) == "loss" and _knows_targets(fn):
            slope = next((f for n, f in slopes.items() if name.split("_")[0] in n), None)
            yield name, partial(LossPair, fn, slope)


def _knows_targets(fn: Any) -> bool:
    return any("y" in argument_roles(p.name) for p in arguments(fn))
