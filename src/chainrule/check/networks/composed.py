"""Networks of theirs that are made of layer objects and a loss object: NeuralNetwork(layers=[Dense(...)], loss=MSE()).

Layers of this kind may make their weights when they first see rows, so that only the whole network shows them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.check.calling.binding import CONSTRUCTOR, Env, arguments, call
from chainrule.check.calling.sizes import Sizes
from chainrule.check.networks.kits import activations, before_loss, losses
from chainrule.check.networks.ones import WithOnes
from chainrule.check.networks.pieces import Piece, is_loss, is_softmax, keeps_shape, method
from chainrule.check.reading.names import argument_roles, callable_role

Step = Callable[[], Piece]
Layers = Callable[[int, int, Step | None], list[Any]]  # n_in, units, activation -> a dense layer, and its activation
SAMPLE = np.random.default_rng(0).normal(size=(3, 4))


class Composed(WithOnes):
    """A network of theirs, made anew of layers of theirs for the sizes that are asked for."""

    def __init__(self, *given: Any, make: Callable[[list[int]], Any], depth: int, **options: Any) -> None:
        super().__init__(*given, depth=depth, **options)
        self._make = make

    def start(self, sizes: Sizes, X: Any, y: Any, n: int, k: int) -> None:
        self.held = self._make(sizes.chain(self.depth))
        super().start(sizes, X, y, n, k)

    def fn(self, role: str) -> Callable[..., Any] | None:
        found = super().fn(role)
        if role not in ("loss", "backward") or self.object is None or "backward" not in self.roles:
            return found
        takes = {
            role for p in arguments(getattr(self.object, self.roles["backward"])) for role in argument_roles(p.name)
        }
        return found if "y" in takes or "dout" not in takes else self._whole

    def _whole(self, X: Any, y: Any) -> Any:
        """The pass where no method of theirs makes all of it, in the order of every training loop; gives the loss."""
        criterion = next(part for part in vars(self.object).values() if is_loss(type(part)))
        self.forward()
        loss = call(getattr(criterion, method(type(criterion), "loss") or ""), self.env)
        slope = call(getattr(criterion, method(type(criterion), "backward") or ""), self.env)
        call(getattr(self.object, self.roles["backward"]), Env({"dout": slope}))
        return loss


def compositions(cls: type, classes: Mapping[str, type]) -> Iterator[tuple[str, int, Callable[[list[int]], Any]]]:
    """What a network class is made of, how deep it is, and what makes it for these widths: one for each loss.

    Nothing where its constructor does not ask for layers and a loss.
    """
    takes = {part: p.name for p in arguments(cls) if (part := _part(p.name)) is not None}
    if set(takes) != {"layers", "loss"}:
        return
    hidden, softmax, identity = _between(classes)
    sigmoid = [step for step in hidden if "sigm" in step().name.lower()]
    pairs = [(shown, loss, last or identity) for shown, loss in losses(_without_bases(classes), {})
             for last in before_loss(shown, softmax, sigmoid)]  # fmt: skip
    for name, dense in _dense(cls, classes):
        for shown, loss, last in pairs:
            inner = [step for step in hidden if step is not last] or hidden
            steps: list[Step | None] = [*inner, last] if inner else [None, last]

            def make(widths: list[int], dense: Layers = dense, loss: Any = loss, steps: Any = steps) -> Any:
                ends = zip(widths, widths[1:], steps)
                layers = [layer for n_in, units, step in ends for layer in dense(n_in, units, step)]
                return cls(**{takes["layers"]: layers, takes["loss"]: loss().owner})

            called = [name if step is None else f"{name} with {step().name}" for step in steps]
            yield f"{' → '.join([*called, shown])}", len(steps), make


def _part(name: str) -> str | None:
    """What a constructor asks for under this name: the layers, or the loss."""
    if name.lower() in ("layers", "modules", "blocks"):
        return "layers"
    return "loss" if callable_role(name) == "loss" else None


def _without_bases(classes: Mapping[str, type]) -> dict[str, type]:
    """Those of which no other is made."""
    bases = {base for cls in classes.values() for base in cls.__mro__[1:]}
    return {name: cls for name, cls in classes.items() if cls not in bases}


def _between(classes: Mapping[str, type]) -> tuple[list[Step], list[Step], Step | None]:
    """What makes the activations of hidden layers, a softmax, and what changes nothing, where there is such."""
    hidden, softmax, identity = list[Step](), list[Step](), None
    for step in activations(classes, {}):
        if is_softmax(piece := step()):
            softmax.append(step)
        elif keeps_shape(piece) and np.array_equal(piece.forward(SAMPLE, Env()), SAMPLE):
            identity = step
        elif keeps_shape(piece) and "drop" not in piece.name.lower():
            hidden.append(step)
    return hidden, softmax, identity


def _dense(network: type, classes: Mapping[str, type]) -> Iterator[tuple[str, Layers]]:
    """Classes of layers that are told how many units they have, and may be told their activation."""
    for name, cls in _without_bases(classes).items():
        told = [p.name for p in arguments(cls)]
        passes = method(cls, "forward") is not None and method(cls, "backward") is not None
        if cls is network or is_loss(cls) or not passes or not any("n_out" in argument_roles(n) for n in told):
            continue
        objects = [p.name for p in arguments(cls) if not isinstance(p.default, str)]
        inside = next((n for n in objects if n.lower().startswith("act")), None)

        def layers(n_in: int, units: int, step: Step | None, cls: Any = cls, inside: str | None = inside) -> list[Any]:
            own = {} if inside is None or step is None else {inside: step().owner}
            layer = call(cls, Env({"n_in": n_in, "n_out": units, "n_hidden": units}, own), CONSTRUCTOR)
            return [layer] if inside is not None or step is None else [layer, step().owner]

        with contextlib.suppress(Exception):
            layers(5, 4, None if inside is None else next(iter(activations(classes, {})), None))
            yield name, layers
