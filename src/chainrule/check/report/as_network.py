"""Their network as one of ours: the inferred reference with their parameters, for the page."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.activations import ReLU, Sigmoid, Softmax, Tanh
from chainrule.arrays import Array
from chainrule.check.reference.passes import WEIGHTS, Draw, Spec, factor, forward
from chainrule.check.reference.passes import loss as reference_loss
from chainrule.errors import InputError
from chainrule.layers import Dense, Layer
from chainrule.losses import Huber, Loss
from chainrule.network import Network
from chainrule.special import sigmoid, softmax, softplus
from chainrule.targets import TARGETS

LAST_LAYERS: dict[str, Layer] = {"sigmoid": Sigmoid(), "tanh": Tanh(), "ReLU": ReLU(), "softmax": Softmax()}
HUBER = "half the mean over rows and outputs"  # of the reference's form, which is twice Huber's
SAME = 1e-9  # of the loss: an ε of theirs inside a logarithm is less


class AsStated(Loss):
    """A loss of the reference's in its own scale: `share` times the sum over a row, added up, divided by n or not.

    `cells` (B, K) are the summands and `slopes` their derivatives by z; `texts` say the same for the page.
    """

    share: ClassVar[float] = 1.0
    per_output: ClassVar[bool] = False
    divides: ClassVar[bool] = True
    texts: ClassVar[tuple[str, str]]

    def cells(self, z: Array, t: Array) -> Array:
        raise NotImplementedError

    def slopes(self, z: Array, t: Array) -> Array:
        raise NotImplementedError

    def rows(self, z: Array, t: Array, dz: Array) -> Array:
        share = self.share / (z.shape[1] if self.per_output else 1)
        np.multiply(self.slopes(z, t), share, out=dz)
        return np.asarray(share * self.cells(z, t).sum(axis=1))

    def __call__(self, z: Array, t: Array, dz: Array, n: float, w: Array | None = None) -> float:
        return super().__call__(z, t, dz, n if self.divides else 1.0, w)


class SquaredError(AsStated):
    texts = ("((z - t) ** 2).sum()", "2 * (z - t)")

    def cells(self, z: Array, t: Array) -> Array:
        return np.asarray((z - t) ** 2)

    def slopes(self, z: Array, t: Array) -> Array:
        return 2 * (z - t)


class AbsoluteError(AsStated):
    texts = ("np.abs(z - t).sum()", "np.sign(z - t)")

    def cells(self, z: Array, t: Array) -> Array:
        return abs(z - t)

    def slopes(self, z: Array, t: Array) -> Array:
        return np.asarray(np.sign(z - t))


class CrossEntropyOfLogits(AsStated):
    texts = ("(softplus(z) - t * z).sum()", "(sigmoid(z) - t)")
    target = "flags"

    def cells(self, z: Array, t: Array) -> Array:
        return softplus(z) - t * z

    def slopes(self, z: Array, t: Array) -> Array:
        return sigmoid(z) - t

    def link(self, z: Array) -> Array:
        return sigmoid(z)


class CrossEntropy(AsStated):
    texts = ("-(t * log_softmax(z)).sum()", "(softmax(z) - t)")
    target = "labels"

    def cells(self, z: Array, t: Array) -> Array:
        shifted = z - z.max(axis=1, keepdims=True)
        return np.asarray(-t * (shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))))

    def slopes(self, z: Array, t: Array) -> Array:
        return softmax(z) - t

    def link(self, z: Array) -> Array:
        return softmax(z)


def network_of(spec: Spec, draw: Draw) -> Network:
    """A float64 network with the parameters of `draw`, whose loss and gradients are those of `spec`.

    InputError says which part has no layer or loss here.
    """
    if draw.masks:
        raise InputError("dropout: its mask is drawn by their code, and no layer here draws the same")
    if spec.penalty is not None and spec.penalty.over != WEIGHTS:
        raise InputError(f"the penalty is over {spec.penalty.over}, and no network here has that")
    last, loss = _end(spec)
    layers: list[Layer] = []
    for i in range(spec.depth):
        layers.append(Dense(draw.params[f"W{i + 1}"].shape[1]))
        act = spec.acts[i] if i < spec.depth - 1 else last
        layers += [] if act is None else [act]
    per_row = spec.penalty is not None and spec.penalty.per_row
    l2 = 0.0 if spec.penalty is None else 2 * spec.penalty.coefficient
    net = Network(layers, loss, draw.X.shape[1], dtype=np.float64, l2=l2, penalty_by_batch=per_row)
    for name in net.state.named:
        net[name][...] = draw.params.get(name, np.zeros(1)).reshape(-1) if name[0] == "b" else draw.params[name]
    net.target = TARGETS[loss.target](net.n_out)
    _require_same(net, spec, draw)
    return net


def _end(spec: Spec) -> tuple[Layer | None, Loss]:
    """What stands behind the last dense layer, and the loss."""
    form, link = spec.form.name, spec.link.name
    kinds: dict[tuple[str, str], type[AsStated]] = {
        ("cross-entropy", "softmax"): CrossEntropy, ("binary cross-entropy", "sigmoid"): CrossEntropyOfLogits,
        ("cross-entropy", "softmax twice"): CrossEntropy,
    }  # fmt: skip
    if (form, link) in kinds:
        return LAST_LAYERS["softmax"] if link.endswith("twice") else None, _scaled(kinds[form, link], spec)
    if spec.form.bound and spec.scale.name == HUBER and (link in LAST_LAYERS or link == "identity"):
        return LAST_LAYERS.get(link), Huber(spec.form.bound)
    plain = {"squared error": SquaredError, "absolute error": AbsoluteError}.get(form)
    if plain is not None and spec.form.mistake is None and (link in LAST_LAYERS or link == "identity"):
        return LAST_LAYERS.get(link), _scaled(plain, spec)
    raise InputError(f"{form} of {link}: no loss here computes that")


def _scaled(kind: type[AsStated], spec: Spec) -> Loss:
    """The loss with the factor of the reference: read from two sizes of batch and two numbers of outputs."""
    at = spec.scale.factor
    divides, per_output = at(8, 8, 1) != at(4, 4, 1), at(4, 8, 2) != at(4, 4, 1)
    share = at(1, 1, 1)
    value, slope = kind.texts
    below = [*(["n"] if divides else []), *(["z.shape[1]"] if per_output else [])]
    tail = "" if not below else f" / {below[0]}" if len(below) == 1 else f" / ({' * '.join(below)})"
    if share == 0.5:
        value, slope = f"{value} / 2", slope.removeprefix("2 * ") if slope.startswith("2 * ") else f"{slope} / 2"
    lines = (f"loss = {value}{tail}", f"dz = {slope}{tail}")
    name = f"{spec.form.name}, {spec.scale.name}"
    made = type(name, (kind,), {"share": share, "per_output": per_output, "divides": divides, "math": lines})
    loss: Loss = made()
    return loss


def _require_same(net: Network, spec: Spec, draw: Draw) -> None:
    z = net.outputs(draw.X)
    with np.errstate(all="ignore"):
        value = net.loss(z, draw.t, np.empty_like(z), len(draw.X)) + net.objective.penalty(
            net.state.params[: net.plan.n_decay], len(draw.X)
        )
        wanted = reference_loss(spec, draw)
    within = 1e3 * spec.form.epsilon * factor(spec, draw, forward(spec, draw).o)
    if not abs(value - wanted) <= SAME * abs(wanted) + within:
        raise InputError(f"{spec}: no network here has that loss ({value:.9g} instead of {wanted:.9g})")


def as_gradients(theirs: dict[str, Array], net: Network) -> dict[str, Any]:
    """Their gradients by parameter, in the shapes of the page; one of another shape stays as it is."""
    found = {}
    for name, value in theirs.items():
        if name in net.state.named:
            ours = net[name]
            found[name] = value.reshape(ours.shape) if value.size == ours.size and value.ndim != ours.ndim else value
    return found
