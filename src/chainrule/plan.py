"""Where every number of a network lives: built once from the layers, read by everything else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import prod
from types import SimpleNamespace
from typing import Any

from chainrule.arrays import Array, Views
from chainrule.errors import InputError, require_count
from chainrule.layers import Layer
from chainrule.random import initial
from chainrule.settings import settings


@settings
class Slot:
    """One parameter of one layer in the flat array. `label` (W1, b1, W2, ...) is its name for users, everywhere."""

    label: str
    layer: int
    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def stop(self) -> int:
        return self.start + prod(self.shape)

    def __repr__(self) -> str:
        return f"{self.label} {self.shape} at {self.start}"

    def view(self, flat: Array) -> Array:
        return flat[self.start : self.stop].reshape(self.shape)


@settings
class Plan:
    layers: tuple[Layer, ...]
    widths: tuple[int, ...]  # widths[i] enters layer i; the last leaves the network
    slots: tuple[Slot, ...]
    n_decay: int  # matrices come first: weight decay and penalties touch params[:n_decay]
    size: int
    first: int  # the first layer with parameters: nobody reads its dx

    @classmethod
    def build(cls, layers: Iterable[Layer], n_in: int) -> Plan:
        require_count("n_in", n_in)
        layers = tuple(layers)
        widths, wanted, seen = [int(n_in)], [], Counter[str]()
        for i, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise InputError(f"layer {i + 1}: expected a Layer such as Dense(10) or ReLU(), got {layer!r}")
            for name, shape in layer.shapes(widths[-1]).items():
                seen[name] += 1
                wanted.append((f"{name}{seen[name]}", i, name, shape))
            widths.append(layer.width(widths[-1]))
        if not wanted:
            raise InputError("layers: expected at least one with parameters, such as Dense(10), got none")
        first = wanted[0][1]
        slots, start = [], 0
        for label, i, name, shape in sorted(wanted, key=lambda want: len(want[3]) < 2):
            slots.append(Slot(label, i, name, start, shape))
            start = slots[-1].stop
        n_decay = max((slot.stop for slot in slots if len(slot.shape) > 1), default=0)
        return cls(layers, tuple(widths), tuple(slots), n_decay, start, first)

    def __repr__(self) -> str:
        return f"Plan({', '.join(map(repr, self.slots))}; {self.size:,} parameters)"

    def views(self, flat: Array) -> list[Views]:
        """For each layer its parameters in `flat`, by name."""
        views = [SimpleNamespace() for _ in self.layers]
        for slot in self.slots:
            setattr(views[slot.layer], slot.name, slot.view(flat))
        return views

    def named(self, flat: Array) -> dict[str, Array]:
        """The parameters in `flat` by label, layer by layer."""
        return {slot.label: slot.view(flat) for slot in sorted(self.slots, key=lambda slot: slot.layer)}

    def initialise(self, params: Array, seed: int) -> None:
        """Fill `params` as the layers' initializers say; drawn in float64 whatever the dtype."""
        rng = initial(seed)
        for slot in self.slots:
            start = self.layers[slot.layer].initializers()[slot.name]
            view: Any = slot.view(params)
            view[...] = start.draw(rng, slot.shape, self.widths[slot.layer], self.widths[slot.layer + 1])
