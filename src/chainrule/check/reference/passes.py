"""The reference: what a hand-written network computes, as data, and its backward pass as lines that a rule can change.

Every line has a name: at the end of the forward pass ``loss`` (dz of the last layer), then for each layer, from the
last to the first, ``dW`` = xᵀ·dz, ``db`` = Σ dz over the rows, ``dx`` = dz·Wᵀ, ``mask`` (dropout) and ``act``
(dz = dy·f′(z) of the layer before); ``end`` sees each finished gradient, with the penalty's part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.forms import FORMS, LINKS, SCALES, Form, Link, Scale, apply, name_of, pull, slope
from chainrule.layers import Layer


@dataclass(frozen=True)
class Draw:
    """One call of their code: what went in and what came out, rows as samples, weights (inputs, units)."""

    X: Array  # (N, I)
    t: Array  # (N, K)
    params: Mapping[str, Array]  # W1 (I, O), b1 (O,), ...
    grads: Mapping[str, Array] = field(default_factory=dict)  # theirs, in whatever shape they have
    out: Array | None = None  # (N, K)
    loss: float | None = None
    masks: Mapping[int, Array] = field(default_factory=dict)  # dropout's, by layer
    drawn: Mapping[int, Array] = field(default_factory=dict)  # another mask of the same shape that the pass held
    held: Mapping[str, Array] = field(default_factory=dict)  # arrays with a row or a column for each sample
    numbers: Sequence[float] = ()  # between 0 and 1, that their code holds

    @property
    def n(self) -> int:
        return len(self.X)

    @property
    def depth(self) -> int:
        """Dense layers."""
        return sum(name[0] == "W" for name in self.params)

    @cached_property
    def latest(self) -> list[tuple[Spec, Forward]]:
        """The last network, and its forward pass; empty before the first."""
        return []

    @cached_property
    def squares(self) -> dict[str, float]:
        """The sums of squares that a penalty may be over."""
        of = {kind: sum(float((p**2).sum()) for name, p in self.params.items() if name[0] == kind) for kind in "Wb"}
        return {WEIGHTS: of["W"], ALL: of["W"] + of["b"], BUT_FIRST: of["W"] - float((self.params["W1"][0] ** 2).sum())}


# What a penalty is over. Where rows begin with a column of ones, the first input's weights are the biases.
WEIGHTS, ALL, BUT_FIRST = "ΣW²", "Σ(W² + b²)", "ΣW[1:]²"


@dataclass(frozen=True)
class Penalty:
    """coefficient · Σ W² added to the loss, or over what else a penalty may be; perhaps divided by N."""

    coefficient: float
    over: str = WEIGHTS
    per_row: bool = False

    def factor(self, n: int) -> float:
        return self.coefficient / n if self.per_row else self.coefficient

    def value(self, draw: Draw) -> float:
        return self.factor(draw.n) * draw.squares[self.over]

    def gradient(self, name: str, draw: Draw) -> Array:
        if name[0] == "b" and self.over != ALL:
            return np.zeros_like(draw.params[name])
        gradient = 2 * self.factor(draw.n) * draw.params[name]
        if name == "W1" and self.over == BUT_FIRST:
            gradient[0] = 0
        return gradient

    def __str__(self) -> str:
        return f"{self.coefficient:.6g}·{self.over}{'/N' if self.per_row else ''}"


@dataclass(frozen=True)
class Spec:
    """Dense layers with hidden activations, a link, and a loss: everything a gradient follows from."""

    acts: tuple[Layer | None, ...]  # one for each layer but the last
    link: Link = LINKS[0]
    form: Form = FORMS[0]
    scale: Scale = SCALES[0]
    penalty: Penalty | None = None
    biased: tuple[bool, ...] = ()  # which layers have a bias; all of them where empty

    @property
    def depth(self) -> int:
        return len(self.acts) + 1

    def bias(self, layer: int, params: Mapping[str, Array]) -> Array | float:
        return params.get(f"b{layer + 1}", 0.0)

    @property
    def oddities(self) -> list[tuple[int, str]]:
        """Consistent but unwise pieces: mistake and sentence."""
        return [(piece.mistake, piece.odd) for piece in (self.link, self.form) if piece.mistake is not None]

    def __str__(self) -> str:
        hidden = ", ".join(dict.fromkeys(name_of(act) for act in self.acts)) or "none"
        loss = f"{self.form.name}, {self.scale.name}"
        if self.form.epsilon:
            loss += f", {self.form.epsilon:g} added inside the logarithm"
        penalty = "" if self.penalty is None else f", plus {self.penalty}"
        return f"{self.depth} dense layers, hidden {hidden}, output {self.link.name}; {loss}{penalty}"


@dataclass(frozen=True)
class Forward:
    """Layer by layer: what enters (x), the pre-activation (z); then the prediction."""

    x: tuple[Array, ...]
    z: tuple[Array, ...]
    o: Array


def forward(spec: Spec, draw: Draw) -> Forward:
    """The last one of a draw is kept: hundreds of rules are tried on it."""
    if not draw.latest or draw.latest[0][0] is not spec:
        draw.latest[:] = [(spec, _forward(spec, draw))]
    return draw.latest[0][1]


def _forward(spec: Spec, draw: Draw) -> Forward:
    x, xs, zs = draw.X, [], []
    for layer in range(spec.depth):
        z = x @ draw.params[f"W{layer + 1}"] + spec.bias(layer, draw.params)
        xs.append(x)
        zs.append(z)
        if layer < spec.depth - 1:
            x = apply(spec.acts[layer], z) * draw.masks.get(layer, 1.0)
    return Forward(tuple(xs), tuple(zs), spec.link.f(zs[-1]))


def factor(spec: Spec, draw: Draw, o: Array) -> float:
    """What their loss multiplies the sum over its cells by."""
    return spec.scale.factor(draw.n, spec.form.cells(o, draw.t).size, o.shape[1])


def loss(spec: Spec, draw: Draw) -> float:
    o = forward(spec, draw).o
    with np.errstate(all="ignore"):  # a form that does not fit may leave its domain
        value = float(factor(spec, draw, o) * spec.form.cells(o, draw.t).sum())
    return value + (0.0 if spec.penalty is None else spec.penalty.value(draw))


class Scene:
    """What a rule sees at one line of the pass. `right` is what belongs there.

    l, depth     the layer, counted from 0, and how many there are
    x, z, y      what entered the layer (N, I), its pre-activation (N, O), its output after the activation
    W, b         its weights and biases
    dz, dy       the gradients with respect to z and to y
    act, link    the layer's activation; the link at the output
    o, t, N, K   prediction, targets, rows, outputs
    do           the gradient with respect to the prediction
    xs, zs       the same of every layer; `previous` holds them from the call before, where there was one
    name, param, penalty, before   at ``end``: which tensor, its value, the penalty's gradient, theirs before
    grads        finished gradients, of this layer and those after it
    c            the rule's unknown constant
    """

    previous: Forward

    def __init__(self, **seen: Any) -> None:
        self.__dict__.update(seen)

    def __getattr__(self, name: str) -> Any:
        raise LookupError(f"{name} is not known at this line")

    def slope(self, z: Array | None = None) -> Array:
        """f′ of the layer's activation, at its pre-activation or at what is given."""
        return slope(self.act, self.z if z is None else z)

    def output_dz(self, t: Array) -> Array:
        """dz of the last layer, had the targets been these."""
        return self.link.pull(self.z, self.scale * self.form.slope(self.o, t))


@dataclass(frozen=True)
class Fault:
    """A line replaced: `wrong` takes the Scene and returns what stands there instead. No layers: wherever it occurs."""

    place: str
    wrong: Callable[[Scene], Array]
    layers: frozenset[int] | None = None
    c: float = 1.0

    def touches(self, place: str, layer: int) -> bool:
        return place == self.place and (self.layers is None or layer in self.layers)


class Pass:
    """The backward pass with faults in it; without any, the reference gradient."""

    def __init__(self, spec: Spec, draw: Draw, faults: Sequence[Fault] = (), previous: Draw | None = None) -> None:
        self.spec, self.draw, self.faults = spec, draw, faults
        self.trace = forward(spec, draw)
        self.before: Mapping[str, Array] = {} if previous is None else previous.grads
        self.previous = None if previous is None else forward(spec, previous)
        self.grads: dict[str, Array] = {}

    def line(self, place: str, layer: int, right: Array, **seen: Any) -> Array:
        """What stands at this line once every fault that touches it has had its turn."""
        for fault in self.faults:
            if fault.touches(place, layer):
                scene = Scene(**self._seen(layer), **seen, right=right, c=fault.c)
                if self.previous is not None:
                    scene.previous = self.previous
                right = np.asarray(fault.wrong(scene))
        return right

    def _seen(self, layer: int) -> dict[str, Any]:
        last = layer == self.spec.depth - 1
        z, act = self.trace.z[layer], None if last else self.spec.acts[layer]
        return {
            "l": layer, "depth": self.spec.depth, "x": self.trace.x[layer], "z": z, "act": act,
            "y": self.trace.o if last else self.trace.x[layer + 1], "W": self.draw.params[f"W{layer + 1}"],
            "b": self.draw.params.get(f"b{layer + 1}"),
            "link": self.spec.link, "o": self.trace.o, "t": self.draw.t, "X": self.draw.X,
            "N": self.draw.n, "K": self.draw.t.shape[1], "grads": self.grads, "masks": self.draw.masks,
            "form": self.spec.form, "xs": self.trace.x, "zs": self.trace.z, "spec": self.spec,
        }  # fmt: skip

    def run(self) -> dict[str, Array]:
        """Gradients by name."""
        spec, draw, o = self.spec, self.draw, self.trace.o
        scale = factor(spec, draw, o)
        do = scale * spec.form.slope(o, draw.t)  # (N, K)
        last = spec.depth - 1
        dy, dz = do, self.line("loss", last, spec.link.pull(self.trace.z[-1], do), do=do, scale=scale)
        for layer in reversed(range(spec.depth)):
            x, W = self.trace.x[layer], draw.params[f"W{layer + 1}"]
            self._finish(f"W{layer + 1}", layer, self.line("dW", layer, x.T @ dz, dz=dz, dy=dy), dz)
            if f"b{layer + 1}" in draw.params:
                column_sums = dz.sum(axis=0)
                shared = draw.params[f"b{layer + 1}"].size == 1 < W.shape[1]  # one number for all units: their sum
                right = column_sums.sum(keepdims=True) if shared else column_sums
                self._finish(f"b{layer + 1}", layer, self.line("db", layer, right, dz=dz, dy=dy), dz)
            if layer:
                back = self.line("dx", layer, dz @ W.T, dz=dz, dy=dy)
                dy, dz = back, self._through(layer - 1, back, dz)
        return self.grads

    def _through(self, layer: int, dy: Array, after: Array) -> Array:
        """dz of a hidden layer from the gradient of what leaves it; `after` is the dz of the next layer."""
        if layer in self.draw.masks:
            mask = self.draw.masks[layer]
            seen = {"drawn": self.draw.drawn[layer]} if layer in self.draw.drawn else {}
            dy = self.line("mask", layer, dy * mask, dy=dy, mask=mask, **seen)
        return self.line("act", layer, pull(self.spec.acts[layer], self.trace.z[layer], dy), dy=dy, after=after)

    def _finish(self, name: str, layer: int, gradient: Array, dz: Array) -> None:
        penalty = np.zeros_like(self.draw.params[name])
        if self.spec.penalty is not None:
            penalty = self.spec.penalty.gradient(name, self.draw)
        total = gradient + penalty if penalty.any() else gradient
        param, before = self.draw.params[name], self.before.get(name)
        seen = {"name": name, "param": param, "penalty": penalty, "dz": dz}
        self.grads[name] = self.line("end", layer, total, **seen, **({} if before is None else {"before": before}))


def gradients(spec: Spec, draw: Draw, faults: Sequence[Fault] = (), previous: Draw | None = None) -> dict[str, Array]:
    """∂loss/∂parameter as a pass with these faults finds them."""
    with np.errstate(all="ignore"):  # a wrong line may divide by 0; what is not finite fits nothing
        return Pass(spec, draw, faults, previous).run()
