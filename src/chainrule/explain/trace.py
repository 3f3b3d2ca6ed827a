"""One training step as plain data: every array under its name, the line that makes it, and the order they come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chainrule.arrays import Array
from chainrule.explain.symbols import Symbol
from chainrule.explain.terms import Product, Term, products, total


@dataclass(frozen=True)
class Axis:
    """What the rows or columns of an array are: the batch, the inputs, the units of a layer."""

    kind: str  # batch, input, unit, class or one
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Tensor:
    """One array of the step (rows, columns), in float64; a bias is one row, a loss per sample one column."""

    key: str
    symbol: Symbol
    values: Array
    rows: str  # keys of axes
    columns: str
    kind: str  # batch, weight, bias, column or scalar: how its entries are numbered
    shown: bool = True
    helper: bool = False  # something that acts entry by entry inside an equation; its symbol is its text
    gradient_of: str | None = None

    @property
    def name(self) -> str:
        return self.symbol.text


@dataclass(frozen=True)
class Equation:
    """`key` = `text`. `stated` is the line as the layer, loss or optimizer has it, in its own names."""

    key: str
    text: str  # in the names of the step, scalars by name
    line: str  # the same as NumPy that runs, scalars as numbers
    stated: str
    terms: tuple[Term, ...]
    where: str = ""  # the layer, loss or optimizer it comes from


@dataclass(frozen=True)
class Column:
    """Arrays that stand above each other: values, their gradients, the parameters after the step."""

    values: tuple[str, ...]
    gradients: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    title: str
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Step:
    """One stop of the walk: what becomes known, where, and in which phase."""

    key: str
    phase: str  # given, forward, loss, backward, update
    title: str
    shows: tuple[str, ...]
    stage: int


@dataclass(eq=False)
class Trace:
    """A whole step. `tensors`, `equations`, `scalars` are by key."""

    title: str
    summary: str
    loss: float
    axes: dict[str, Axis] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    scalars: dict[str, Symbol] = field(default_factory=dict)
    equations: dict[str, Equation] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)
    walk: list[Step] = field(default_factory=list)

    @property
    def arrays(self) -> Mapping[str, Array]:
        return {key: tensor.values for key, tensor in self.tensors.items()}

    def __getitem__(self, key: str) -> Array:
        return self.tensors[key].values

    def terms(self, key: str, i: int, j: int) -> list[Product]:
        """The terms of cell [i, j] in numbers; empty for what is given."""
        equation = self.equations.get(key)
        return [] if equation is None else list(products(equation.terms, self.arrays, i, j))

    def divides_by_n(self, equation: Equation) -> bool:
        """Whether it is the loss's gradient, each row's own one over N."""
        own = self.equations.get("dl")
        return own is not None and equation.text == f"({own.text}) / n"

    def total(self, key: str, i: int, j: int) -> float:
        """Their sum, which is the cell's value."""
        return total(self.equations[key].terms, self.arrays, i, j)


def trace_step(net: Any, X: Any, y: Any, optimizer: Any = None, title: str = "One training step") -> Trace:
    """One step of `net` on all rows of X and y, in float64, without changing the network.

    The optimizer is SGD() where none is given; Dropout's masks are those of the network's next step.
    """
    from chainrule.explain.build import build

    return build(net, X, y, optimizer, title)
