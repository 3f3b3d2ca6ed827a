"""How one cell of an equation is a sum of terms, read off the equation's own text.

A line of NumPy such as `dW1 = x.T @ dz1` is parsed; for cell [i, j] it says Σₖ x[k, i]·dz1[k, j]. Sums, means and
matrix products become sums over an index, sums and differences separate terms, products factors. Whatever else acts
entry by entry (np.tanh(x), x > 0) is a helper: an array of its own that enters as one factor.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import count, product
from math import prod

from chainrule.arrays import Array

Index = tuple[
    str, str
]  # of a row and a column: "i" and "j" of the cell, "k0", "k1" summed over, "0" where there is one
REDUCTIONS = ("sum", "mean")


@dataclass(frozen=True)
class Factor:
    """The entry of array `key` at `at`, or one over it."""

    key: str
    at: Index
    inverse: bool = False


@dataclass(frozen=True)
class Term:
    """coefficient · Π factors, added up over each (index, size) of `over`."""

    factors: tuple[Factor, ...] = ()
    coefficient: float = 1.0
    over: tuple[tuple[str, int], ...] = ()

    def times(self, other: Term, sign: int = 1) -> Term:
        """The product, or with sign -1 the quotient by a term without a sum."""
        factors = tuple(replace(f, inverse=f.inverse != (sign < 0)) for f in other.factors)
        coefficient = self.coefficient * other.coefficient**sign
        return Term(self.factors + factors, coefficient, self.over + other.over)


@dataclass(frozen=True)
class Product:
    """One term of one cell, in numbers: coefficient · Π values; `at` are the indices it was summed at."""

    term: Term
    at: dict[str, int]
    values: tuple[float, ...]
    value: float


class Reader:
    """Reads expressions over 2-D arrays by name; `helper` gives a name to what acts entry by entry."""

    def __init__(self, arrays: Mapping[str, Array], helper: Callable[[ast.expr], str]) -> None:
        self.arrays, self.helper = arrays, helper
        self._unused = (f"k{number}" for number in count())

    def read(self, text: str) -> tuple[Term, ...]:
        return tuple(map(self._settled, self._terms(ast.parse(text, mode="eval").body, ("i", "j"))))

    def _terms(self, node: ast.expr, at: Index) -> list[Term]:
        match node:
            case ast.Constant(value=int() | float() as number):
                return [Term(coefficient=float(number))]
            case ast.Name(id=name):
                return [Term((Factor(name, at),))]
            case ast.Attribute(value=inner, attr="T"):
                return self._terms(inner, (at[1], at[0]))
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return [_scaled(term, -1) for term in self._terms(inner, at)]
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                sign = -1 if isinstance(op, ast.Sub) else 1
                return self._terms(left, at) + [_scaled(term, sign) for term in self._terms(right, at)]
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return [a.times(b) for a, b in product(self._factors(left, at), self._factors(right, at))]
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                (below,) = self._factors(right, at, divisor=True)
                return [term.times(below, -1) for term in self._terms(left, at)]
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._matmul(left, right, at)
            case ast.BinOp(left=ast.Name() as base, op=ast.Pow(), right=ast.Constant(value=2)):
                (term,) = self._terms(base, at)
                return [term.times(term)]
            case ast.Call(func=ast.Attribute(value=inner, attr=attr)) if attr in REDUCTIONS and not _is_module(inner):
                return self._reduction(node, inner, attr, at)
        return [self._helped(node, at)]

    def _factors(self, node: ast.expr, at: Index, *, divisor: bool = False) -> list[Term]:
        """A side of a product: one factor, unless it holds a sum over an index, which distributes."""
        is_sum = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)
        if (is_sum and not holds_sum(node)) or (divisor and (is_sum or holds_sum(node))):
            return [self._helped(node, at)]
        return self._terms(node, at)

    def _matmul(self, left: ast.expr, right: ast.expr, at: Index) -> list[Term]:
        index = next(self._unused)
        pairs = product(self._factors(left, (at[0], index)), self._factors(right, (index, at[1])))
        terms = [a.times(b) for a, b in pairs]
        return [replace(term, over=(*term.over, (index, self._size(term, index)))) for term in terms]

    def _reduction(self, node: ast.Call, inner: ast.expr, attr: str, at: Index) -> list[Term]:
        axis = next((ast.literal_eval(word.value) for word in node.keywords if word.arg == "axis"), None)
        rows, columns = (next(self._unused) if axis in (None, side) else at[side] for side in (0, 1))
        summed = [index for index, own in zip((rows, columns), at) if index != own]
        terms = []
        for term in self._terms(inner, (rows, columns)):
            over = tuple((index, self._size(term, index)) for index in summed)
            over = tuple(pair for pair in over if axis is not None or pair[1] > 1 or pair[0] == rows)
            mean = 1 / prod(size for _, size in over) if attr == "mean" else 1.0
            terms.append(replace(_scaled(term, mean), over=term.over + over))
        return terms

    def _helped(self, node: ast.expr, at: Index) -> Term:
        return Term((Factor(self.helper(node), at),))

    def _settled(self, term: Term) -> Term:
        """The term with 0 for an index along which an array has one entry, unless the sum too has only that one."""
        sizes = dict(term.over)

        def place(index: str, size: int) -> str:
            return "0" if size == 1 and sizes.get(index) != 1 else index

        def settled(factor: Factor) -> Factor:
            rows, columns = self.arrays[factor.key].shape
            return replace(factor, at=(place(factor.at[0], rows), place(factor.at[1], columns)))

        return replace(term, factors=tuple(map(settled, term.factors)))

    def _size(self, term: Term, index: str) -> int:
        shapes = [zip(self.arrays[factor.key].shape, factor.at) for factor in term.factors]
        return max((size for shape in shapes for size, at in shape if at == index), default=1)


def holds_sum(node: ast.AST) -> bool:
    """Whether a matrix product, sum or mean stands inside."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.MatMult):
            return True
        if isinstance(inner, ast.Attribute) and inner.attr in REDUCTIONS:
            return True
    return False


def _is_module(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "np"


def _scaled(term: Term, factor: float) -> Term:
    return replace(term, coefficient=term.coefficient * factor)


def products(terms: tuple[Term, ...], arrays: Mapping[str, Array], i: int, j: int) -> Iterator[Product]:
    """The terms of cell [i, j] in numbers, in the order in which they are written."""
    for term in terms:
        for numbers in product(*(range(size) for _, size in term.over)):
            summed = dict(zip((index for index, _ in term.over), numbers))
            where = {"i": i, "j": j, "0": 0} | summed
            values = tuple(float(arrays[f.key][where[f.at[0]], where[f.at[1]]]) for f in term.factors)
            value = term.coefficient * prod(1 / v if f.inverse else v for f, v in zip(term.factors, values))
            yield Product(term, summed, values, value)


def total(terms: tuple[Term, ...], arrays: Mapping[str, Array], i: int, j: int) -> float:
    return sum(product.value for product in products(terms, arrays, i, j))
