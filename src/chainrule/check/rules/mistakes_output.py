"""Mistakes 8, 9, 11 and 15: slopes of activations, the softmax, the targets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.activations import Sigmoid, Tanh
from chainrule.arrays import Array
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.lines import Line, fused, has_slope, only_for, only_link
from chainrule.check.rules.rule import Rule, add
from chainrule.special import one_hot, sigmoid

_OUTPUT: dict[str, Any] = {
    "question": "Write ∂L/∂o and ∂o/∂z apart for the last layer. Which of the two factors does your line hold, and does p − t hold both already?",
    "change": "Squared error behind an activation: (o − t)·f′(z). Softmax or sigmoid with its cross-entropy: p − t, nothing more.",
}


def _missing(s: Scene) -> Array:
    if fused(s):
        raise LookupError("∂L/∂o of a cross-entropy alone is another mistake")
    return s.do


def _not_fused(s: Scene) -> Array:
    """(o − t) times the scale, where the loss is a squared error."""
    if fused(s):
        raise LookupError("p − t is right here")
    return s.scale * (s.o - s.t)


add(
    Rule(
        "output-slope-missing", 8, "output activation's derivative missing", {"loss": has_slope(_missing)},
        sentence="The delta of the last layer is ∂L/∂o: the derivative of the output's activation is missing.", formula="dz = ∂L/∂o ⟦without f′(z)⟧", right="dz = ∂L/∂o · f′(z)", **_OUTPUT,
    ),
    Rule(
        "output-slope-missing-half", 8, "output activation's derivative missing, and the 2 of the square", {"loss": has_slope(_not_fused)},
        sentence="The delta of the last layer is o − t: the derivative of the output's activation is missing.", formula="dz = (o − t) ⟦without f′(z)⟧", right="dz = ∂L/∂o · f′(z)", cost=1.1, **_OUTPUT,
    ),
    Rule(
        "output-slope-extra", 8, "output activation's derivative where the fused form holds it already", {"loss": has_slope(lambda s: s.right * s.link.diagonal(s.o))},
        sentence="p − t is the gradient with respect to z already; it is multiplied by the derivative once more.", formula="dz = (p − t)⟦·p(1 − p)⟧", right="dz = (p − t)/N", **_OUTPUT,
    ),
    Rule(
        "output-do", 8, "∂L/∂o handed on as if it were ∂L/∂z", {"loss": has_slope(lambda s: s.do)},
        sentence="The derivative of the loss with respect to the prediction is taken for that with respect to z.", formula="dz = ∂L/∂o ⟦without ∂o/∂z⟧", right="dz = ∂L/∂o · ∂o/∂z", cost=1.1, **_OUTPUT,
    ),
    Rule(
        "hidden-slope-missing", 8, "hidden activation's derivative missing", {"act": lambda s: s.dy},
        sentence="What comes back through a hidden layer is not multiplied by the derivative of its activation.", formula="dz = dy ⟦without f′(z)⟧", right="dz = dy · f′(z)",
        question="Between dy and dz of a hidden layer stands its activation. Where is its derivative?", change="dz = dy · f′(z).",
    ),
    Rule(
        "hidden-slope-twice", 8, "hidden activation's derivative twice", {"act": lambda s: s.right * s.slope()},
        sentence="The derivative of a hidden activation is applied twice.", formula="dz = dy · f′(z)⟦·f′(z)⟧", right="dz = dy · f′(z)",
        question="Between dy and dz of a hidden layer stands its activation, once. How often does its derivative appear?", change="dz = dy · f′(z), once.", cost=1.1,
    ),
)  # fmt: skip

_SOFTMAX: dict[str, Any] = {
    "right": "dz = p·(do − Σ do·p): every z moves every p",
    "question": "If z₁ grows, what happens to p₂? Which entries of ∂p/∂z does your line use?",
    "change": "Use the whole Jacobian, or the fused form p − t of softmax with cross-entropy.",
}
add(
    Rule(
        "softmax-diagonal", 9, "softmax: only the diagonal p(1 − p) of the Jacobian", {"loss": only_link(("softmax", "softmax over the batch"), lambda s: s.do * s.o * (1 - s.o))},
        sentence="The softmax is taken for a function of each entry alone: the Jacobian's other entries, −pᵢpⱼ, are missing.", formula="dz = do ⟦·p(1 − p)⟧", **_SOFTMAX,
    ),
    Rule(
        "softmax-diagonal-fused", 9, "softmax: p(1 − p) on top of p − t", {"loss": only_link(("softmax",), lambda s: s.scale * (s.o - s.t) * s.o * (1 - s.o))},
        sentence="p(1 − p) stands where the whole Jacobian belongs.", formula="dz = (p − t)⟦·p(1 − p)⟧", cost=1.1, **_SOFTMAX,
    ),
    Rule(
        "softmax-twice-once-back", 9, "softmax applied twice, and only once on the way back", {"loss": only_link(("softmax twice", "sigmoid twice"), lambda s: s.scale * (s.o - s.t))},
        sentence="The loss applies softmax to what is already a softmax, and p − t goes back through only one of them.", formula="p = softmax(⟦softmax⟧(z)), dz = p − t", **_SOFTMAX,
    ),
    Rule(
        "softmax-batch-fused", 9, "softmax over axis 0", {"loss": only_link(("softmax over the batch",), lambda s: s.scale * (s.o - s.t))},
        sentence="softmax runs over axis 0, the rows of the batch, so that the columns sum to 1.", formula="p = softmax(z, axis=⟦0⟧)", **_SOFTMAX,
    ),
)  # fmt: skip


_SLOPE: dict[str, Any] = {
    "right": "σ′ = σ(z)(1 − σ(z)) = a(1 − a); tanh′ = 1 − tanh²(z) = 1 − a²",
    "question": "Does your derivative expect the pre-activation z or the activation a = f(z), and which of the two does it get?",
    "change": "Give f′ the z, or write it in terms of a; not one in the place of the other.",
}


def _through_link(names: tuple[str, ...], slope: Callable[[Scene], Array]) -> Line:
    return only_link(names, lambda s: s.do * slope(s))


def _both(act: type, link: str, slope_hidden: Callable[[Array, Array], Array]) -> dict[str, Line]:
    """The same slip in the hidden layers, and at the output where it has the same activation and no fused form."""
    hidden = only_for(act, lambda s: s.dy * slope_hidden(s.z, s.y))

    def last(s: Scene) -> Array:
        if s.link.name != link or fused(s):
            return s.right
        return s.do * slope_hidden(s.z, s.o)

    return {"act": hidden, "loss": last}


def _sigmoid_of_y(z: Array, y: Array) -> Array:
    return sigmoid(y) * (1 - sigmoid(y))


_FORMS_11: list[tuple[str, str, type, str, Callable[[Array, Array], Array], str]] = [
    ("sigmoid-z", "σ′ written for the activation, given the pre-activation", Sigmoid, "sigmoid", lambda z, y: z * (1 - z), "dz = dy · ⟦z(1 − z)⟧"),
    ("sigmoid-a", "σ′ evaluated at the activation", Sigmoid, "sigmoid", _sigmoid_of_y, "dz = dy · σ′(⟦a⟧)"),
    ("tanh-z", "tanh′ written for the activation, given the pre-activation", Tanh, "tanh", lambda z, y: 1 - z**2, "dz = dy · (1 − ⟦z⟧²)"),
    ("tanh-a", "tanh′ evaluated at the activation", Tanh, "tanh", lambda z, y: 1 - np.tanh(y) ** 2, "dz = dy · tanh′(⟦a⟧)"),
]  # fmt: skip
for _key, _name, _kind, _link, _wrong, _formula in _FORMS_11:
    _said = (
        "The derivative is evaluated at the wrong array: it gets one of z and a = f(z) and is written for the other."
    )
    add(
        Rule(_key, 11, _name, _both(_kind, _link, _wrong), sentence=_said, formula=_formula, every=False, **_SLOPE),
        Rule(
            f"{_key}-hidden", 11, f"{_name} (hidden layer)", {"act": only_for(_kind, lambda s, w=_wrong: s.dy * w(s.z, s.y))},  # type: ignore[misc]
            sentence=_said, formula=_formula, cost=1.05, **_SLOPE,
        ),
        Rule(
            f"{_key}-output", 11, f"{_name} (output)", {"loss": _through_link((_link,), lambda s, w=_wrong: w(s.z, s.o))},  # type: ignore[misc]
            sentence=_said, formula=_formula, cost=1.05, **_SLOPE,
        ),
    )  # fmt: skip


_ROWS: dict[str, Any] = {
    "question": "Print the shapes of prediction, target and their difference, and compare one row of X with its row of y.",
    "change": "Bring targets into the shape of the prediction once, at the door, and shuffle X and y with the same order.",
}


def _index_labels(s: Scene) -> Array:
    if s.K == 1:
        raise LookupError("one output has no index")
    index = s.t.argmax(axis=1)[:, None].astype(np.float64)
    return s.scale * (s.o - index) * (1.0 if fused(s) else 2.0)


def broadcast_rows(s: Scene) -> Array:
    if s.form.mistake != 15:
        raise LookupError("their loss does not broadcast")
    return s.right * s.N


def broadcast_kept(s: Scene) -> Array:
    """The (N, N) difference itself."""
    if s.K != 1:
        raise LookupError("broadcasting needs one output")
    return s.link.pull(s.z, s.scale * s.form.slope(s.o, s.t.T))


add(
    Rule("index-as-value", 15, "class index used as a value", {"loss": _index_labels}, sentence="The class' number is subtracted from every probability, where its one-hot row belongs.", formula="dz = (p − ⟦index⟧)/N", right="dz = (p − one-hot)/N", **_ROWS),
    Rule("rows-reversed", 15, "rows of X and y out of step (reversed)", {"loss": lambda s: s.output_dz(s.t[::-1])}, sentence="A row is compared with another row's target.", formula="dz = (p − ⟦t of another row⟧)/N", right="dz = (p − t)/N", cost=1.1, **_ROWS),
    Rule("rows-shifted", 15, "rows of X and y out of step (by one)", {"loss": lambda s: s.output_dz(np.roll(s.t, 1, axis=0))}, sentence="A row is compared with another row's target.", formula="dz = (p − ⟦t of the row before⟧)/N", right="dz = (p − t)/N", cost=1.1, **_ROWS),
    Rule("rows-shifted-back", 15, "rows of X and y out of step (by one)", {"loss": lambda s: s.output_dz(np.roll(s.t, -1, axis=0))}, sentence="A row is compared with another row's target.", formula="dz = (p − ⟦t of the row after⟧)/N", right="dz = (p − t)/N", cost=1.1, **_ROWS),
    Rule("rows-sorted", 15, "rows of X and y out of step (targets sorted)", {"loss": lambda s: s.output_dz(one_hot(np.sort(s.t.argmax(axis=1)), s.K))}, sentence="Targets are sorted, rows are not.", formula="dz = (p − ⟦sorted t⟧)/N", right="dz = (p − t)/N", cost=1.2, **_ROWS),
    Rule("broadcast", 15, "(N, 1) − (N,) broadcast to (N, N)", {"loss": lambda s: broadcast(s, np.sum)}, sentence="Prediction (N, 1) and target (N,) broadcast to (N, N): every prediction is compared with every target.", formula="dz = Σⱼ (oᵢ − ⟦tⱼ⟧) …", right="dz = (oᵢ − tᵢ) …", **_ROWS),
    Rule("broadcast-rows", 15, "(N, 1) − (N,) broadcast, divided by N where the loss averages N·N cells", {"loss": broadcast_rows}, sentence="Prediction (N, 1) and target (N,) broadcast to (N, N); the loss averages over all N·N differences, the gradient divides by N.", formula="dz = Σⱼ (oᵢ − ⟦tⱼ⟧)/N", right="dz = (oᵢ − tᵢ)/N", cost=0.85, every=False, **_ROWS),
    Rule("broadcast-kept", 15, "(N, 1) − (N,) broadcast to (N, N), and kept", {"loss": broadcast_kept}, sentence="Prediction (N, 1) and target (N,) broadcast to (N, N), and so the weights grow to N columns.", formula="dz = oᵢ − ⟦tⱼ⟧, (N, N)", right="dz = oᵢ − tᵢ, (N, 1)", **_ROWS),
    Rule("broadcast-mean", 15, "(N, 1) − (N,) broadcast to (N, N), averaged", {"loss": lambda s: broadcast(s, np.mean)}, sentence="Prediction (N, 1) and target (N,) broadcast to (N, N): every prediction is compared with the mean target.", formula="dz = (oᵢ − ⟦mean t⟧) …", right="dz = (oᵢ − tᵢ) …", **_ROWS),
)  # fmt: skip


def broadcast(s: Scene, reduce: Callable[..., Array]) -> Array:
    """The (N, N) difference, brought back to (N, 1) by a sum or a mean over the targets."""
    if s.K != 1:
        raise LookupError("broadcasting needs one output")
    each = (
        s.form.slope(s.o, s.o * 0 + s.t.mean())
        if reduce is np.mean
        else s.form.slope(s.o, s.t.mean() + s.o * 0) * len(s.t)
    )
    return s.link.pull(s.z, s.scale * each)
