"""Mistakes 8, 9 and 11 at the output: the derivative of another loss, or p − t with another p than the forward's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.probing.probes import GRADIENTS, LOSS
from chainrule.check.reference.forms import ABSOLUTE, SQUARED, Form
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.lines import Line, fused_form, only_link
from chainrule.check.rules.rule import Rule, add
from chainrule.special import softmax

_ANOTHER: dict[str, Any] = {
    "question": "Differentiate each term of the loss as it is written, with respect to o. Does your line have as many terms, and the same?",
    "probes": (GRADIENTS, LOSS), "of_loss": True,
}  # fmt: skip


def for_form(fits: Callable[[Form], bool], line: Line) -> Line:
    """A line that can stand only behind such a loss."""

    def wrong(s: Scene) -> Array:
        if not fits(s.form):
            raise LookupError("another loss")
        return line(s)

    return wrong


def _binary(form: Form) -> bool:
    return form.name == "binary cross-entropy"


def _absolute(form: Form) -> bool:
    return form.name == ABSOLUTE.name


def _squared(form: Form) -> bool:
    return form.name == SQUARED.name and form.mistake is None


def _bent(form: Form) -> bool:
    return bool(form.bound)


def _of(form: Form, factor: float = 1.0) -> Line:
    """dz as another loss of the same scale has it."""
    return lambda s: s.link.pull(s.z, factor * s.scale * form.slope(s.o, s.t))


def _first_term(s: Scene) -> Array:
    return s.link.pull(s.z, -s.scale * s.t / (s.o + s.form.epsilon))


def _second_term(s: Scene) -> Array:
    return s.link.pull(s.z, s.scale * (1 - s.t) / (1 - s.o + s.form.epsilon))


_TERM: dict[str, Any] = {
    "sentence": "The binary cross-entropy has two terms, one for t = 1 and one for t = 0; the gradient holds one of them.",
    "right": "∂L/∂o = −t/p + (1 − t)/(1 − p), so dz = (p − t)/N behind a sigmoid", "cost": 1.05,
    "change": "Differentiate both terms; behind a sigmoid they add up to p − t.", **_ANOTHER,
}  # fmt: skip
_LOSSES: list[tuple[str, str, Callable[[Form], bool], Form, str, str, str, str]] = [
    (
        "squared-for-absolute", "the squared error's derivative where the loss is the absolute error", _absolute, SQUARED,
        "dz = ⟦(o − t)⟧ …", "dz = sign(o − t) …", "The loss is |o − t|, the gradient that of (o − t)².",
        "|o − t| has the derivative sign(o − t), whatever the size of the error.",
    ),
    (
        "absolute-for-squared", "the absolute error's derivative where the loss is the squared error", _squared, ABSOLUTE,
        "dz = ⟦sign(o − t)⟧ …", "dz = (o − t) …", "The loss is (o − t)², the gradient that of |o − t|.",
        "(o − t)² has the derivative 2(o − t), in proportion to the error.",
    ),
    (
        "huber-not-clipped", "Huber's derivative without the clip", _bent, SQUARED,
        "dz = (o − t)⟦ without the clip⟧ …", "dz = clip(o − t, −δ, δ) …",
        "Beyond δ the loss is a line, and its slope is δ; the gradient goes on growing with the error.",
        "np.clip(o − t, −δ, δ), with the δ of the loss.",
    ),
    (
        "huber-sign", "Huber's derivative by the sign everywhere", _bent, ABSOLUTE,
        "dz = ⟦sign(o − t)⟧ …", "dz = clip(o − t, −δ, δ) …",
        "Within δ the loss is a parabola, and its slope is o − t; the gradient is the line's everywhere.",
        "np.clip(o − t, −δ, δ), with the δ of the loss.",
    ),
]  # fmt: skip
add(
    Rule("bce-first-term", 8, "binary cross-entropy: only −t/p in the gradient", {"loss": for_form(_binary, _first_term)}, formula="∂L/∂o = −t/p ⟦without + (1 − t)/(1 − p)⟧", **_TERM),
    Rule("bce-second-term", 8, "binary cross-entropy: only (1 − t)/(1 − p) in the gradient", {"loss": for_form(_binary, _second_term)}, formula="∂L/∂o = ⟦without −t/p +⟧ (1 − t)/(1 − p)", **_TERM),
)  # fmt: skip
for _key, _name, _fits, _form, _formula, _right, _sentence, _change in _LOSSES:
    for _suffix, _factor, _cost in (("", 1.0, 1.1), ("-half", 0.5, 1.15), ("-double", 2.0, 1.15)):
        add(
            Rule(
                f"{_key}{_suffix}", 8, _name, {"loss": for_form(_fits, _of(_form, _factor))},
                sentence=_sentence, formula=_formula, right=_right, change=_change, cost=_cost, **_ANOTHER,
            )
        )  # fmt: skip

_OTHER_P: dict[str, Any] = {
    "right": "dz = (p − t)/N with the p of the forward, softmax over each row of z, once",
    "question": "Print the sum of each row of the p in your dz. Is it 1, and is it the p that the loss is computed from?",
    "change": "Keep the p of the forward and use it in dz; no second softmax is needed.",
}


def _instead_of_p(link: str, p: Callable[[Scene], Array]) -> Line:
    return only_link((link,), _entropy(lambda s: s.scale * (p(s) - s.t)))


def _entropy(line: Line) -> Line:
    return for_form(fused_form, line)


def _again(s: Scene) -> Array:
    again: Array = s.link.f(s.o)
    return again


def _over_all(s: Scene) -> Array:
    powers = np.exp(s.z - s.z.max())
    return np.asarray(powers / powers.sum())


add(
    Rule("softmax-batch-back", 9, "softmax over the batch, in the gradient alone", {"loss": _instead_of_p("softmax", lambda s: softmax(s.z.T).T)}, sentence="The forward's softmax runs over the outputs of a row, that in dz over the rows of the batch.", formula="dz = (softmax(z, ⟦over the batch⟧) − t)/N", **_OTHER_P),
    Rule("softmax-all-back", 9, "softmax over rows and outputs, in the gradient alone", {"loss": _instead_of_p("softmax", _over_all)}, sentence="The softmax in dz divides by one sum over the whole batch, so that its rows do not sum to 1.", formula="dz = (eᶻ / ⟦Σ over everything⟧ − t)/N", **_OTHER_P),
    Rule("softmax-again-back", 9, "softmax applied again, in the gradient alone", {"loss": _instead_of_p("softmax", _again)}, sentence="p is a softmax already; dz takes the softmax of it once more.", formula="dz = (⟦softmax⟧(p) − t)/N", **_OTHER_P),
    Rule("sigmoid-again-back", 9, "sigmoid applied again, in the gradient alone", {"loss": _instead_of_p("sigmoid", _again)}, sentence="p is a sigmoid already; dz takes the sigmoid of it once more.", formula="dz = (⟦σ⟧(p) − t)/N", **_OTHER_P | {"right": "dz = (p − t)/N with the p of the forward, σ of z, once", "question": "Print the p in your dz: are there any below 0.5? And is it the p that the loss is computed from?", "change": "Keep the p of the forward and use it in dz; no second sigmoid is needed."}),
    Rule(
        "logits-for-p", 11, "the scores z in place of p in dz", {"loss": _entropy(lambda s: s.scale * (s.z - s.t))},
        sentence="p − t is written for the probabilities and gets the scores that they are made of.", formula="dz = (⟦z⟧ − t)/N", right="dz = (p − t)/N",
        question="Which array does the loss compare with t, the scores or the probabilities, and which stands in dz?", change="dz = (p − t)/N with p = softmax(z), or σ(z) behind a sigmoid.",
    ),
)  # fmt: skip
