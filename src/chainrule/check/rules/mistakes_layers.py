"""Mistakes 4 to 7, 10 and 16: weights, biases, masks of hidden layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.activations import LeakyReLU, ReLU
from chainrule.arrays import Array
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.lines import Line, only_for
from chainrule.check.rules.rule import Rule, add

_WRONG_X: dict[str, Any] = {
    "sentence": "dW takes another array than the one that went into the layer.",
    "right": "dW = xᵀ · dz with x = what entered this layer (the activation of the layer before)",
    "question": "Which array does this W multiply in the forward pass?",
    "change": "Use the layer's own input in dW.",
}


def _own_z(s: Scene) -> Array:
    if s.l == 0:
        raise LookupError("the first layer's input has no pre-activation")
    return s.zs[s.l - 1].T @ s.dz


def _another(j: Callable[[Scene], Array]) -> Line:
    return lambda s: j(s).T @ s.dz


add(
    Rule("pre-activation-in-dw", 4, "pre-activation instead of the activation in dW", {"dW": lambda s: s.right if s.l == 0 else _own_z(s)}, formula="dW = ⟦z⟧ᵀ · dz", **_WRONG_X),
    Rule("own-activation", 4, "activation of this layer instead of the one before in dW", {"dW": lambda s: s.right if s.l == s.depth - 1 and s.l else s.y.T @ s.dz}, formula="dW = ⟦y⟧ᵀ · dz", **_WRONG_X),
    Rule("own-output", 4, "what leaves the layer instead of what enters it in dW", {"dW": lambda s: s.y.T @ s.dz}, formula="dW = ⟦y⟧ᵀ · dz", **_WRONG_X),
    Rule("own-prediction", 4, "the prediction instead of the layer's input in dW", {"dW": _another(lambda s: s.o)}, formula="dW = ⟦o⟧ᵀ · dz", cost=1.1, **_WRONG_X),
    Rule("input-everywhere", 4, "the network's input instead of the layer's in dW", {"dW": _another(lambda s: s.X)}, formula="dW = ⟦X⟧ᵀ · dz", cost=1.1, **_WRONG_X),
    Rule("own-z", 4, "this layer's pre-activation in dW", {"dW": _another(lambda s: s.z)}, formula="dW = ⟦z⟧ᵀ · dz", cost=1.2, **_WRONG_X),
    Rule("layer-before", 4, "activation of two layers before in dW", {"dW": lambda s: s.right if s.l == 0 else s.xs[s.l - 1].T @ s.dz}, formula="dW = ⟦x₋₁⟧ᵀ · dz", cost=1.2, **_WRONG_X),
    Rule("no-input", 4, "the layer's input missing in dW", {"dW": lambda s: np.broadcast_to(s.dz.sum(axis=0), s.W.shape)}, formula="dW = ⟦1⟧ᵀ · dz", **_WRONG_X | {"sentence": "dW leaves out what went into the layer: each of its rows is the sum of dz, as db is."}),
    Rule("targets-in-dw", 4, "the targets instead of the layer's input in dW", {"dW": _another(lambda s: s.t)}, formula="dW = ⟦t⟧ᵀ · dz", cost=1.3, **_WRONG_X),
)  # fmt: skip

_TURNED: dict[str, Any] = {
    "question": "W is (inputs, units). Which of xᵀ·dz and dzᵀ·x has that shape, and which has it only because the layer is square?",
    "change": "Check with layers of different widths: a wrong order then raises an error instead of training badly.",
}
add(
    Rule(
        "transposed", 5, "dW transposed", {"dW": lambda s: s.right.T},
        sentence="dW is the transpose of the gradient: the outer product is taken in the wrong order.", formula="dW = ⟦dzᵀ · x⟧", right="dW = xᵀ · dz", **_TURNED,
    ),
    Rule(
        "reshaped", 5, "dW reshaped where it should be transposed", {"dW": lambda s: s.right.T.reshape(s.right.shape)},
        sentence="dW has the right shape and its cells in the wrong order: reshaped, not transposed.", formula="dW = (dzᵀ · x)⟦.reshape(I, O)⟧", right="dW = xᵀ · dz", cost=1.1, **_TURNED,
    ),
    Rule(
        "w-not-transposed", 5, "W where Wᵀ belongs on the way back", {"dx": lambda s: s.dz @ s.W},
        sentence="What is handed back goes through W instead of its transpose.", formula="dx = dz · ⟦W⟧", right="dx = dz · Wᵀ", **_TURNED,
    ),
    Rule(
        "w-reshaped", 5, "W reshaped instead of transposed on the way back", {"dx": lambda s: s.dz @ s.W.reshape(s.W.shape[::-1])},
        sentence="What is handed back goes through W reshaped: its cells are in the wrong order.", formula="dx = dz · W⟦.reshape(O, I)⟧", right="dx = dz · Wᵀ", cost=1.1, **_TURNED,
    ),
)  # fmt: skip


def _with_input(s: Scene) -> Array:
    one = s.x.shape[1] == 1  # of several inputs none is meant
    return np.asarray((s.x * s.dz).sum(axis=0)) if one else s.right


_BIAS: dict[str, Any] = {
    "right": "db = Σ dz over the rows (axis 0), one number for each unit",
    "question": "A bias is added once to its unit in every row. So over what does its gradient sum, and how many numbers remain?",
    "change": "db = dz.sum(axis=0).",
}
add(
    Rule("bias-mean", 6, "db averaged where the loss is averaged already", {"db": lambda s: s.dz.mean(axis=0)}, sentence="db is a mean over the rows, although dz carries 1/N.", formula="db = ⟦mean⟧ of dz", **_BIAS),
    Rule("bias-axis", 6, "db summed over the wrong axis", {"db": lambda s: s.dz.sum(axis=1)}, sentence="db sums over the units: one number for each row.", formula="db = dz.sum(axis=⟦1⟧)", **_BIAS),
    Rule("bias-axis-mean", 6, "db averaged over the wrong axis", {"db": lambda s: s.dz.mean(axis=1)}, sentence="db is a mean over the units: one number for each row.", formula="db = dz.mean(axis=⟦1⟧)", **_BIAS),
    Rule("bias-not-summed", 6, "db not summed over the rows", {"db": lambda s: s.dz}, sentence="db is dz itself, a row for each sample: b silently grows to that shape, or only one row counts.", formula="db = ⟦dz⟧", **_BIAS),
    Rule("bias-total", 6, "db summed over everything", {"db": lambda s: s.dz.sum()}, sentence="db is one number, the sum over rows and units, and every unit gets the same.", formula="db = dz.sum(⟦⟧)", **_BIAS),
    Rule("bias-total-mean", 6, "db averaged over everything", {"db": lambda s: s.dz.mean()}, sentence="db is one number, the mean over rows and units, and every unit gets the same.", formula="db = dz.mean(⟦⟧)", **_BIAS),
    Rule("bias-one-row", 6, "db of one row alone", {"db": lambda s: s.dz[0]}, sentence="db is dz of the first row.", formula="db = dz⟦[0]⟧", cost=1.2, **_BIAS),
    Rule("bias-last-row", 6, "db of the last row alone", {"db": lambda s: s.dz[-1]}, sentence="db is dz of the last row.", formula="db = dz⟦[-1]⟧", cost=1.2, **_BIAS),
    Rule("bias-input", 6, "db times the input", {"db": _with_input}, sentence="db is multiplied by x, as if the bias were a weight.", formula="db = Σ ⟦x ·⟧ dz", cost=1.1, **_BIAS),
    Rule("bias-width", 6, "db averaged over the units", {"db": lambda s: s.right / s.dz.shape[1]}, sentence="db is divided by the number of units.", formula="db = Σ dz ⟦/O⟧", cost=1.2, **_BIAS),
    Rule(
        "bias-zero", 7, "bias never updated", {"db": lambda s: np.zeros_like(s.right)}, sentence="The bias gets no gradient, so it stays where it began.", formula="db = ⟦0⟧", right="db = Σ dz over the rows",
        question="Which of your parameters are the same before and after a step?", change="Compute db and update the bias like the weights.",
    ),
)  # fmt: skip


_MASK: dict[str, Any] = {
    "right": "dz = dy where z > 0, else 0 (leaky: slope·dy)",
    "question": "A ReLU that was open lets the gradient through. Which array says whether it was open?",
    "change": "Take the mask from the pre-activation z of the same layer, and multiply the gradient by it.",
}
_RELU = (ReLU, LeakyReLU)


def _slope_below(s: Scene) -> float:
    return getattr(s.act, "slope", 0.0)


def mask_by(array: Callable[[Scene], Array]) -> Line:
    return only_for(_RELU, lambda s: s.dy * np.where(array(s) > 0, 1.0, _slope_below(s)))


add(
    Rule("mask-gradient", 10, "ReLU mask of the gradient itself", {"act": mask_by(lambda s: s.dy)}, sentence="The gradient is cut where it is negative itself, not where the unit was closed.", formula="dz = dy · (⟦dy⟧ > 0)", **_MASK),
    Rule("mask-both", 10, "ReLU mask of the gradient and of the unit", {"act": only_for(ReLU, lambda s: s.right * (s.dy > 0))}, sentence="The gradient is cut where it is negative too.", formula="dz = dy · (z > 0)⟦·(dy > 0)⟧", cost=1.1, **_MASK),
    Rule("mask-next", 10, "ReLU mask of the next layer", {"act": mask_by(lambda s: s.zs[s.l + 1])}, sentence="The mask comes from the layer after this one.", formula="dz = dy · (⟦z₊₁⟧ > 0)", **_MASK),
    Rule("mask-input", 10, "ReLU mask of the layer's input", {"act": mask_by(lambda s: s.x)}, sentence="The mask comes from what entered the layer, before its weights.", formula="dz = dy · (⟦x⟧ > 0)", **_MASK),
    Rule("mask-delta", 10, "ReLU mask of the next layer's delta", {"act": mask_by(lambda s: s.after)}, sentence="The mask comes from the delta of the next layer.", formula="dz = dy · (⟦dz₊₁⟧ > 0)", cost=1.1, **_MASK),
    Rule("mask-inverse", 10, "ReLU mask inverted", {"act": only_for(_RELU, lambda s: s.dy * np.where(s.z > 0, _slope_below(s), 1.0))}, sentence="The gradient passes where the unit was closed.", formula="dz = dy · (z ⟦<⟧ 0)", **_MASK),
    Rule("mask-alone", 10, "ReLU derivative not times the gradient", {"act": only_for(_RELU, lambda s: s.slope())}, sentence="dz is the derivative itself: the gradient that came back is lost.", formula="dz = ⟦f′(z)⟧", **_MASK),
    Rule("slope-constant", 10, "leaky slope written as a constant", {"act": only_for(LeakyReLU, lambda s: np.where(s.z > 0, s.dy, _slope_below(s)))}, sentence="Where the unit is closed, dz is the slope itself, not the slope times the gradient.", formula="dz = dy where z > 0, else ⟦slope⟧", **_MASK),
    Rule("slope-forgotten", 10, "leaky slope forgotten", {"act": only_for(LeakyReLU, lambda s: s.dy * (s.z > 0))}, sentence="Where the unit is closed nothing passes, although the forward has a slope there.", formula="dz = dy where z > 0, else ⟦0⟧", **_MASK),
    Rule("slope-other", 10, "another leaky slope than in the forward", {"act": only_for(_RELU, lambda s: s.dy * np.where(s.z > 0, 1.0, s.c))}, sentence="The slope of the closed side differs between forward and backward.", formula="dz = dy where z > 0, else ⟦c⟧·dy", constant="the slope used", cost=1.3, **_MASK),
    Rule("slope-alone", 10, "1 instead of the gradient where the unit is open", {"act": only_for(_RELU, lambda s: np.where(s.z > 0, 1.0, _slope_below(s) * s.dy))}, sentence="Where the unit is open, dz is 1 instead of the gradient.", formula="dz = ⟦1⟧ where z > 0", cost=1.2, **_MASK),
)  # fmt: skip


_DROPOUT: dict[str, Any] = {
    "right": "dy = d(dropped) · mask, with the mask of the forward, 1/keep in it",
    "question": "A unit that was dropped had no influence on the loss. What does your backward give it?",
    "change": "Keep the mask (with its 1/keep) in forward, multiply by the same array in backward.",
}
add(
    Rule("mask-not-applied", 16, "dropout mask not applied backward", {"mask": lambda s: s.dy}, sentence="Dropped units get a gradient.", formula="dy = d(dropped) ⟦without mask⟧", **_DROPOUT),
    Rule("mask-not-scaled", 16, "dropout mask not scaled backward", {"mask": lambda s: s.dy * (s.mask != 0)}, sentence="The forward scales by 1/keep, the backward does not.", formula="dy = d(dropped) · ⟦(mask ≠ 0)⟧", **_DROPOUT),
    Rule("mask-scaled-twice", 16, "dropout scaled twice backward", {"mask": lambda s: s.dy * s.mask * s.mask}, sentence="The backward scales by 1/keep twice.", formula="dy = d(dropped) · mask⟦·mask⟧", **_DROPOUT),
    Rule("mask-drawn-again", 16, "dropout mask drawn again backward", {"mask": lambda s: s.dy * s.drawn}, sentence="The backward draws a mask of its own: other units than those that were dropped.", formula="dy = d(dropped) · ⟦another mask⟧", cost=1.05, **_DROPOUT),
    Rule("mask-inverted", 16, "dropout mask inverted backward", {"mask": lambda s: s.dy * (s.mask == 0)}, sentence="The gradient goes to the dropped units.", formula="dy = d(dropped) · ⟦(1 − mask)⟧", cost=1.1, **_DROPOUT),
)  # fmt: skip
