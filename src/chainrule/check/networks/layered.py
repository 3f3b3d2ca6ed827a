"""Layer classes (or forward and backward functions in pairs) put together: dense, activation, ..., dense, loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import Env, arguments, call
from chainrule.check.calling.chain import Chained, best_chain
from chainrule.check.calling.making import names_gradient
from chainrule.check.calling.naming import named_in_layers
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import places
from chainrule.check.networks.pieces import Piece, loss_value
from chainrule.check.networks.result import NotOffered, Result
from chainrule.check.reading.names import argument_roles

Maker = Callable[[int, int], Piece]  # n_in, units -> a dense layer


@dataclass(frozen=True)
class LossPair:
    """A loss function and the function of its derivative, or a loss that returns both."""

    value: Callable[..., Any]
    slope: Callable[..., Any] | None


class LayerKit:
    """One network made of their pieces: the makers of hidden activations, then what stands before the loss."""

    layouts = ()  # all are tried
    draws = True  # random numbers, as far as is known

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

    own_targets = False  # whether it is to give back its inputs
    steps = False  # layers alone have no training step

    def step(self) -> tuple[dict[str, Array], float | None]:
        raise NotOffered("layers make no step")

    def rate(self) -> float | None:
        return self.env.used.get("lr")

    said_rate = rate
