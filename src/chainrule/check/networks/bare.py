"""Networks whose parameters are bare numbers: one vector that functions cut up, or a name for each weight.

Which number belongs where is not read from names. It is found by running: what the code cuts from a vector of known
numbers (`Flat`), or which derivatives of its loss vanish together and which stay in proportion (`Named`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CALL, CannotBind, arguments
from chainrule.check.calling.chain import Chained
from chainrule.check.calling.naming import ROLES
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import Place
from chainrule.check.networks.theirs import Theirs
from chainrule.check.reading.names import argument_roles

WIDTHS = {"n_in": r"in(put)?s?(_|$)|feature", "n_hidden": r"hid", "n_out": r"out|label|class"}


@dataclass
class Cells(Place):
    """Cells of a store of numbers, by their keys, as one array."""

    keys: Array = field(default_factory=lambda: np.empty(0, dtype=object))

    @property
    def raw(self) -> Any:
        cells = [self.container[key] for key in self.keys.flat]
        return np.array(cells, dtype=np.float64).reshape(self.keys.shape)

    def put(self, value: Any) -> None:
        self.set(np.asarray(value, dtype=np.float64))

    def set(self, value: Array) -> None:
        for key, cell in zip(self.keys.flat, np.broadcast_to(value, self.keys.shape).flat):
            self.container[key] = float(cell)


@dataclass(frozen=True)
class Structure:
    """Where in the store the weights and biases of each layer are."""

    keys: Mapping[str, Array]  # path -> keys of its cells
    chained: Chained
    total: int


class Bare(Theirs):
    """A reading whose parameters are cells of a store; what the cells are is found once for each choice of sizes."""

    store: Any = None

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._known: dict[Any, Structure] = {}

    @property
    def structure(self) -> Structure | None:
        return self._known.get(self._sizes)

    _sizes: Any = None

    def _places(self) -> Mapping[str, Place]:
        keys = {} if self.structure is None else self.structure.keys
        return {path: Cells(path, self.store, path, cells) for path, cells in keys.items()}

    def chained(self, sizes: Sizes) -> Chained | None:
        return None if self.structure is None else self.structure.chained

    def functions(self) -> list[Callable[..., Any]]:
        """Those of all roles; before there is an object, as its class has them."""
        owners = [owner for owner in (self.object, self.cls, self.module) if owner is not None]
        names = [self.roles[role] for role in ROLES if role in self.roles]
        return [getattr(next(owner for owner in owners if hasattr(owner, name)), name) for name in names]

    def value(self) -> float:
        """Their loss, or the sum of their predictions."""
        found = self.loss()
        if found is not None:
            return found
        out = self.forward()
        return float("nan") if out is None else float(np.sum(out))

    def forward(self) -> Array | None:
        try:
            return super().forward()
        except CannotBind:  # it may take arrays that are made of the numbers
            return None

    def _named_sizes(self, sizes: Sizes) -> None:
        """What functions call the widths, where no convention knows the word: num_labels, input_layer_size."""
        widths = {"n_in": sizes.n_in, "n_hidden": sizes.hidden[0], "n_out": sizes.n_out}
        for p in (p for fn in self.functions() for p in arguments(fn)):
            roles = argument_roles(p.name)
            if p.name in self.env.names or set(roles) & set(CALL):
                continue
            found = [role for role in widths if role in roles]
            found += [role for role, word in WIDTHS.items() if re.search(word, p.name.lower())]
            if found:
                self.env.names[p.name] = widths[found[0]]
            elif "sizes" in roles:
                self.env.names[p.name] = sizes.chain(3)

    def _gradients(
        self, fn: Callable[..., Any], given: Any, *, held: bool = False
    ) -> tuple[dict[str, Array], dict[str, str]]:
        structure = self.structure
        cells = None if structure is None else self._cells(fn, given, structure)
        if structure is None or cells is None:
            return super()._gradients(fn, given, held=held)
        known = {path: [cells.get(key) for key in keys.flat] for path, keys in structure.keys.items()}
        grads = {
            path: np.array(found, dtype=np.float64).reshape(structure.keys[path].shape)
            for path, found in known.items()
            if None not in found
        }
        return grads, {path: path for path in grads}

    def _cells(self, fn: Callable[..., Any], given: Any, structure: Structure) -> dict[Any, float] | None:
        """Key -> the gradient of that number, where the call returned such."""
        raise NotImplementedError

    def _returned_parameters(self, fn: Callable[..., Any], given: Any) -> dict[str, Array]:
        structure = self.structure
        cells = None if structure is None else self._new_cells(fn, given, structure)
        if structure is None or not cells:
            return {}
        return {
            path: np.array([cells[key] for key in keys.flat]).reshape(keys.shape)
            for path, keys in structure.keys.items()
            if all(key in cells for key in keys.flat)
        }

    def _new_cells(self, fn: Callable[..., Any], given: Any, structure: Structure) -> dict[Any, float] | None:
        raise NotImplementedError


def numbers_of(fn: Callable[..., Any], given: Any) -> dict[str, float]:
    """Every single number that a call returned, by the name it has there."""
    found = {name: value for name, value in digest.parts(fn, given) if digest.is_scalar(value)}
    for holder in [given, *(value for _, value in digest.parts(fn, given))]:
        if isinstance(holder, dict):
            found |= {str(key): value for key, value in holder.items() if digest.is_scalar(value)}
    return {name: float(np.asarray(value).reshape(-1)[0]) for name, value in found.items()}
