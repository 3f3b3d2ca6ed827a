"""Layer classes (or forward and backward functions in pairs) put together: dense, activation, ..., dense, loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check import digest
from chainrule.check.binding import Env, arguments, call
from chainrule.check.chain import Chained, best_chain
from chainrule.check.making import names_gradient
from chainrule.check.names import argument_roles, callable_role
from chainrule.check.naming import named_in_layers
from chainrule.check.pieces import (
    FunctionPair,
    Piece,
    is_loss,
    is_softmax,
    keeps_shape,
    loss_value,
    make_dense,
    make_plain,
    piece_of,
)
from chainrule.check.result import Result
from chainrule.check.samples import Sizes
from chainrule.check.walk import Place, places

Maker = Callable[[int, int], Piece]  # n_in, units -> a dense layer


@dataclass(frozen=True)
class LossPair:
    """A loss function and the function of its derivative, or a loss that returns both."""

    value: Callable[..., Any]
    slope: Callable[..., Any] | None


class LayerKit:
    """One network made of their pieces: the makers of hidden activations, then what stands before the loss."""

    def __init__(
        self,
        module: ModuleType,
        dense: Maker,
        hidden: list[Callable[[], Piece]],
        dropout: Callable[[], Piece] | None,
        last: Callable[[], Piece] | None,
        loss: Any,
        style: str,
    ) -> None:
        self.module, self.dense, self.hidden, self.dropout = module, dense, hidden, dropout
        self.last, self.loss_maker, self.style = last, loss, style
        self.env = Env()

    @property
    def name(self) -> str:
        return self.style

    def start(self, sizes: Sizes, X: Array, y: Any, n: int, k: int) -> None:
        """Build every layer afresh."""
        self.n, self.k = n, k
        depth = max(len(self.hidden), 1) + 1
        widths = sizes.chain(depth)
        self.pieces: list[Piece] = []
        for i in range(depth):
            self.pieces.append(self.dense(widths[i], widths[i + 1]))
            if i < len(self.hidden):
                self.pieces.append(self.hidden[i]())
                if i == 0 and self.dropout is not None:
                    self.pieces.append(self.dropout())
        if self.last is not None:
            self.pieces.append(self.last())
        self.criterion = self.loss_maker()
        self.env = Env({"X": X, "y": y, "n": n})
        self.owners = {f"layer{i + 1}": piece.owner for i, piece in enumerate(self.pieces)}
        self.places = {place.path: place for place in places(self.owners)}

    def feed(self, X: Array, y: Any) -> None:
        self.inputs, self.targets = X, y
        self.env.roles |= {"X": X, "y": y}

    def chained(self, sizes: Sizes) -> Chained | None:
        shapes = {path: place.value.shape for path, place in self.places.items()}
        return best_chain(shapes, sizes.n_in, sizes.n_out)

    def forward(self) -> Array:
        x: Any = self.env.roles["X"]
        env = Env({"y": self.env.roles["y"]})
        for piece in self.pieces:
            x = piece.forward(x, env)
        self.out = np.asarray(x)
        return self.out

    def _loss(self) -> tuple[float | None, Any]:
        env = Env({"X": self.out, "out": self.out, "y": self.env.roles["y"], "n": self.n})
        if isinstance(self.criterion, LossPair):
            given = call(self.criterion.value, env)
            back = (
                next((v for v in given if np.size(v) == np.size(self.out)), None) if isinstance(given, tuple) else None
            )
            return digest.scalar(self.criterion.value, given), back
        return loss_value(call(self.criterion.forwards, env)), None

    def loss(self) -> float | None:
        self.forward()
        return self._loss()[0]

    def _slope(self, back: Any) -> Any:
        """What the loss hands back: it may take the prediction and the targets, or remember them."""
        if back is not None:
            return back
        env = Env({"X": self.out, "out": self.out, "y": self.env.roles["y"], "n": self.n})
        if isinstance(self.criterion, LossPair):
            assert self.criterion.slope is not None
            return call(self.criterion.slope, env)
        knows = any("y" in argument_roles(p.name) for p in arguments(self.criterion.backwards or self.loss))
        before = self._prediction() if knows else 1.0
        return self.criterion.backward(before, env)

    def _prediction(self) -> Array:
        """A softmax that is fused with its loss keeps its own output, and takes it back."""
        kept = [place.raw for place in places(self.criterion.owner) if place.value.shape == self.out.shape]
        sums = [array for array in kept if np.allclose(np.sum(array, axis=1), 1) and (np.asarray(array) > 0).all()]
        return sums[0] if sums else self.out.copy()

    def evaluate(self) -> Result:
        result = Result(out=self.forward())
        result.loss, back = self._loss()
        before = {path: place.value.copy() for path, place in self.places.items()}
        kept = [(path, raw, raw.copy()) for path, raw in self._kept()]
        dout = self._slope(back)
        env = Env({"y": self.env.roles["y"]})
        for piece in reversed(self.pieces):
            dout = piece.backward(dout, env)
        self.disturbed = [path for path, raw, copy in kept if not np.array_equal(raw, copy, equal_nan=True)]
        self.env.used |= env.used
        self.moved = {p: place.value.copy() for p, place in self.places.items()}
        self.stepped = any((before[path] != self.moved[path]).any() for path in self.chained_paths)
        held = {place.path: place.raw for place in places(self.owners)}
        shapes = {path: before[path].shape for path in self.chained_paths}
        found = digest.gradients(lambda: None, None, shapes, held)
        result.grads, result.called = named_in_layers(self.wanted, self.chained_paths, found, held)
        return result

    def backward_again(self) -> dict[str, Array]:
        """Backward once more, without a forward."""
        env, dout = Env({"y": self.env.roles["y"]}), self._slope(None)
        for piece in reversed(self.pieces):
            dout = piece.backward(dout, env)
        held = {place.path: place.raw for place in places(self.owners)}
        shapes = {path: self.places[path].value.shape for path in self.chained_paths}
        return digest.gradients(lambda: None, None, shapes, held)[0]

    def _kept(self) -> Iterator[tuple[str, Array]]:
        """What the forward left for backward, beside the parameters and gradients."""
        for place in places({**self.owners, "loss": getattr(self.criterion, "owner", None)}):
            if isinstance(place.raw, np.ndarray) and place.path not in self.places and not names_gradient(place.path):
                yield place.path, place.raw

    chained_paths: tuple[str, ...] = ()
    wanted: Mapping[str, str] = {}  # dW, db: what the layers call their gradients, where the user said so

    steps = False  # layers alone have no training step

    def step(self) -> tuple[dict[str, Array], float | None]:
        raise LookupError("layers make no step")

    def rate(self) -> float | None:
        return self.env.used.get("lr")


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
    for make in _activations(classes, functions):
        piece = make()
        if is_softmax(piece):
            softmax.append(make)
        elif keeps_shape(piece):
            (dropout if "drop" in piece.name.lower() else hidden).append(make)
    for shown, loss in _losses(classes, functions):
        for last in _before_loss(shown, softmax, [make for make in hidden if "sigm" in make().name.lower()]):
            inner = [make for make in hidden if make is not last] or hidden
            names = [make().name for make in inner]
            names[1:1] = [make().name for make in dropout[:1]]
            style = " → ".join([name, *names, name, *([last().name] if last else []), shown])
            first = dropout[0] if dropout else None
            yield LayerKit(module, dense, inner, first, last, loss, f"the layers {style}")


def _before_loss(loss: str, softmax: list[Any], sigmoid: list[Any]) -> list[Any]:
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


def _activations(classes: Mapping[str, type], functions: Mapping[str, Any]) -> Iterator[Callable[[], Piece]]:
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


def _losses(classes: Mapping[str, type], functions: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
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


__all__ = ["LayerKit", "Place", "layer_kit"]
