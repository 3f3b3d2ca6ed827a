"""Which of their arrays are the weights and biases of which layer: found by chaining the shapes, then by name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, permutations

from chainrule.check.reading.names import (
    gradient_of,
    is_bias,
    is_gradient_alone,
    is_intercept,
    is_slope,
    is_weight,
    names_place,
    plain,
    short,
)

NOT_PARAMETERS = re.compile(
    r"(^|[._'\[])(v|m|s|z|a|h|(?i:vel|velocity|velocities|moments?|momentums?|cache|running|mask|dropout|output|inputs?"
    r"|delta|error|loss|adam|rms))(_|\d|'|\]|\[|$|(?=[dwb]\d?$))",
)


@dataclass(frozen=True)
class Chained:
    """Their names, layer by layer; `transposed` where weights are stored (units, inputs)."""

    weights: tuple[str, ...]
    biases: tuple[str | None, ...]
    transposed: bool
    widths: tuple[int, ...]

    @property
    def named(self) -> dict[str, str]:
        """Their name for each of ours: W1, b1, W2, ..."""
        ours = {f"W{i + 1}": name for i, name in enumerate(self.weights)}
        return ours | {f"b{i + 1}": name for i, name in enumerate(self.biases) if name is not None}


def tail(path: str) -> str:
    """The last name in a path: layers[0].weights -> weights, params['W1'] -> W1."""
    return re.findall(r"[A-Za-z_α-ωΑ-Ω]\w*", path)[-1] if re.search(r"[A-Za-z_α-ωΑ-Ω]", path) else path


def stem(path: str) -> str:
    """What encloses the last name: layers[0].weights -> layers[0]; weights[1] -> [1]."""
    index = re.findall(r"\[(\d+)\]$", path)
    return f"[{index[0]}]" if index else path[: path.rfind(tail(path))]


def best_chain(shapes: Mapping[str, Sequence[int]], n_in: int | None, n_out: int | None) -> Chained | None:
    """All matrices from n_in to n_out, else between other ends, else fewer of them."""
    for full in (True, False):
        for ends in ((n_in, n_out), (None, None)):
            found = next(chains(shapes, *ends, full=full), None)
            if found is not None:
                return found
    return _line(shapes)


def _line(shapes: Mapping[str, Sequence[int]]) -> Chained | None:
    """One number times x, and one beside it: y = w·x + b, m·x + c, θ₁·x + θ₀; there is no other array."""
    names = [name for name in shapes if gradient_of(tail(name)) is None]
    slopes, rest = ([name for name in names if fits(tail(name))] for fits in (is_slope, is_intercept))
    if len(slopes) != 1 or len(rest) > 1 or any(_size(shapes[name]) != 1 for name in names):
        return None
    return Chained((slopes[0],), (rest[0] if rest else None,), False, (1, 1))


def left_out(shapes: Mapping[str, Sequence[int]], chained: Chained, later: Mapping[str, Sequence[int]]) -> list[str]:
    """Matrices that are called weights and have no place in the chain; and arrays of any name with a gradient of their
    shape among those that are there `later`, after a backward pass."""
    names = [name for name in shapes if may_be_learned(name) and name not in chained.named.values()]
    same = {name: [n for n, shape in later.items() if tuple(shape) == tuple(shapes[name])] for name in names}
    return [
        name
        for name in names
        if (len(shapes[name]) == 2 and is_weight(tail(name))) or any(_is_gradient(name, other) for other in same[name])
    ]


def chains(
    shapes: Mapping[str, Sequence[int]], n_in: int | None = None, n_out: int | None = None, *, full: bool = False
) -> Iterator[Chained]:
    """Every reading of the arrays as dense layers from n_in to n_out, the likeliest first; `full` uses all matrices."""
    usable = {name: tuple(s) for name, s in shapes.items() if may_be_learned(name) and not _beside(name, s, shapes)}
    matrices = [name for name, shape in usable.items() if len(shape) == 2 and not is_bias(tail(name))]
    matrices = [name for name in matrices if name not in _rows_behind(matrices, usable)]
    matrices = [name for name in matrices if is_weight(tail(name)) or not _adds(name, usable)]
    matrices += [name for name, shape in usable.items() if len(shape) == 1 < shape[0] and is_weight(tail(name))]
    matrices = [name for name in usable if name in matrices]
    vectors = [name for name in usable if name not in matrices]
    made = (tuple(matrices), False), (tuple(matrices), True)
    others = [(order, turned) for turned in (False, True) for order in _orders(matrices)]
    for order, transposed in (*made, *others):
        if full and len(order) < len(matrices):
            continue
        usable |= {
            name: (1, s[0]) if transposed else (s[0], 1) for name, s in shapes.items() if len(s) == 1 and name in order
        }
        widths = _widths([usable[name] for name in order], transposed, n_in, n_out)
        if widths is not None:
            yield Chained(order, _biases(order, widths, vectors, usable), transposed, widths)


def _rows_behind(names: Sequence[str], shapes: Mapping[str, tuple[int, ...]]) -> set[str]:
    """Biases that no name tells from weights: a row as wide as the matrix before it, in a list or in objects alike."""
    return {
        name
        for before, name in pairwise(names)
        if tail(before) == tail(name) and not is_weight(tail(name))
        if shapes[name] == (1, shapes[before][1]) and shapes[before][0] > 1
    }


def _beside(name: str, shape: Sequence[int], shapes: Mapping[str, Sequence[int]]) -> bool:
    """Whether it is by name the gradient of another array of its shape: gA beside A."""
    return any(tuple(s) == tuple(shape) and other != name and _is_gradient(other, name) for other, s in shapes.items())


def _adds(name: str, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether an object holds it and one matrix of as many units alone: (1, O) beside (I, O) is a bias, however it is
    called."""
    own = [other for other in shapes if _owner(other) == _owner(name)] if _owner(name) else []
    if len(own) != 2 or 1 not in shapes[name]:
        return False
    matrix = shapes[own[0] if own[1] == name else own[1]]
    units = matrix[-1] if shapes[name][0] == 1 else matrix[0]
    return len(matrix) == 2 and 1 not in matrix and _size(shapes[name]) == units


def may_be_learned(name: str) -> bool:
    last = tail(name)
    where = name[: name.rfind(last)] if names_place(last) else name  # weights_input_hidden holds no inputs
    return gradient_of(last) is None and not NOT_PARAMETERS.search(where)


def _orders(matrices: list[str]) -> Iterator[tuple[str, ...]]:
    """All of them in every order, then fewer."""
    if 2 <= len(matrices) <= 5:
        yield from permutations(matrices)
    for fewer in range(len(matrices) - 1, 0, -1):
        yield tuple(matrices[:fewer])
        yield tuple(matrices[-fewer:])


def _widths(
    shapes: list[tuple[int, ...]], transposed: bool, n_in: int | None, n_out: int | None
) -> tuple[int, ...] | None:
    if not shapes:
        return None
    turned = [shape[::-1] if transposed else shape for shape in shapes]
    fits = all(a[1] == b[0] for a, b in pairwise(turned))
    if not fits or (n_in is not None and turned[0][0] != n_in) or (n_out is not None and turned[-1][1] != n_out):
        return None
    return (turned[0][0], *(shape[1] for shape in turned))


def chain_widths(shapes: Sequence[tuple[int, ...]], transposed: bool) -> tuple[int, ...] | None:
    """I, H, ..., K where these matrices chain in this order; else None."""
    flat = any(len(shape) != 2 for shape in shapes)
    return None if flat else _widths(list(shapes), transposed, None, None)


def _biases(
    weights: Sequence[str], widths: tuple[int, ...], vectors: list[str], shapes: Mapping[str, tuple[int, ...]]
) -> tuple[str | None, ...]:
    free, chosen = list(vectors), list[str | None]()
    for weight, units in zip(weights, widths[1:]):
        fitting = [
            name for name in free if _size(shapes[name]) in (units, 1) and max(shapes[name], default=1) in (units, 1)
        ]
        exact = [name for name in fitting if _size(shapes[name]) == units] or fitting
        best = min(exact, key=lambda name: _distance(weight, name), default=None)
        if best is not None:
            free.remove(best)
        chosen.append(best)
    return tuple(chosen)


def _size(shape: Sequence[int]) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def _distance(weight: str, bias: str) -> int:
    """How unlikely it is that these two belong together: another number, another owner, a name that is no bias's."""
    ours, theirs = short(tail(weight))[1:], short(tail(bias))[1:]
    return 4 * (ours != theirs) + 2 * (stem(weight) != stem(bias)) + (not is_bias(tail(bias)))


def matching(params: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """For each parameter the array whose name says that it is its gradient, where there is one."""
    found: dict[str, str] = {}
    for param in params:
        if is_gradient_alone(tail(param)) and any(_kept_by(other, param) for other in params):
            continue  # w.grad beside w.data has none itself
        for name in names:
            if name in found.values() or name == param:
                continue
            if _is_gradient(param, name):
                found[param] = name
                break
    return found


VALUES = ("data", "value", "val", "array")  # what an object of one parameter calls it


def _kept_by(param: str, name: str) -> bool:
    """Whether a gradient is kept by its parameter, w.g, or by the object that holds the two: w.data and w.grad."""
    holders = (param, _owner(param)) if tail(param) in VALUES else (param,)
    return is_gradient_alone(tail(name)) and "." in name and _owner(name) in holders


@cache
def _is_gradient(param: str, name: str) -> bool:
    if _kept_by(param, name):
        return True
    of = gradient_of(tail(name))
    same_place = stem(param) == stem(name) or _owner(param) == _owner(name) or not _owner(name)
    if of is not None and short(of) == short(tail(param)) and same_place:
        index_p, index_n = re.findall(r"\[\d+\]", param), re.findall(r"\[\d+\]", name)
        return index_p == index_n or not (index_p and index_n)
    own, bare = plain(tail(param)), plain(tail(name))
    if same_place and bare in (f"d{own}", f"d_{own}", f"g{own}", f"g_{own}", f"grad_{own}", f"{own}_grad"):
        return True  # whatever the parameter is called
    if own in ("params", "parameters") and bare in ("grads", "gradients", "param_grads"):  # two lists in one order
        indices = [re.findall(r"\[\d+\]$", path) for path in (param, name)]
        return _owner(param) == _owner(name) != "" and indices[0] == indices[1]  # of one layer
    holder = re.search(r"grad|delta|nabla|(^|\.)d[_\[]", name.lower()) is not None
    return (
        holder and tail(param) == tail(name) and re.findall(r"\[.*?\]", param)[-1:] == re.findall(r"\[.*?\]", name)[-1:]
    )


def _owner(path: str) -> str:
    return path[: path.rfind(".")] if "." in path else ""
