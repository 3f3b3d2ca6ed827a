"""The catalogue: mistakes as wrong lines of the backward pass, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.activations import LeakyReLU, ReLU, Sigmoid, Tanh
from chainrule.arrays import Array
from chainrule.check.reference import Scene
from chainrule.check.rules import AGAIN, GRADIENTS, LOSS, OTHER, STEP, Rule, add
from chainrule.special import one_hot, sigmoid

Line = Callable[[Scene], Array]


def times(factor: Callable[[Scene], float]) -> Line:
    return lambda s: s.right * factor(s)


def only_for(kind: type | tuple[type, ...], line: Line) -> Line:
    """A line that can stand only behind this activation."""

    def wrong(s: Scene) -> Array:
        if not isinstance(s.act, kind):
            raise LookupError("another activation")
        return line(s)

    return wrong


def only_link(names: tuple[str, ...], line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.link.name not in names:
            raise LookupError("another link")
        return line(s)

    return wrong


add(
    Rule(
        "updated-weights", 1, "hidden delta from already updated weights",
        {"dx": lambda s: s.dz @ (s.W - s.c * s.grads[f"W{s.l + 1}"]).T},
        sentence="The delta that goes back through a layer is taken from weights that this step has changed already.",
        formula="dx = dz · ⟦(W − η·dW)⟧ᵀ", right="dx = dz · Wᵀ",
        question="When the hidden delta is computed, which weights are in W: those that made this prediction, or later ones?",
        change="Compute all deltas first, then update; or keep the old weights until the pass is over.",
        probes=(STEP,), constant="η", cost=0.9, every=False,
    ),
)  # fmt: skip

_SIGN: dict[str, Any] = {
    "sentence": "The gradient has the opposite sign: actual − prediction, with an update that subtracts.",
    "formula": "dz = ⟦(t − p)⟧ …", "right": "dz = (p − t) …",
    "question": "Does one step of your update make the loss smaller or larger?",
    "change": "Either p − t with W −= η·dW, or t − p with W += η·dW; not a mix of the two.",
}  # fmt: skip
add(
    Rule(
        "sign", 2, "sign: actual − prediction with a descending update", {"loss": lambda s: -s.right}, **_SIGN, cost=0.8,
        multiplies=True,
    ),
    Rule("sign-weights", 2, "sign of the weights' gradient alone", {"dW": lambda s: -s.right}, **_SIGN, cost=1.1),
    Rule("sign-bias", 2, "sign of the bias' gradient alone", {"db": lambda s: -s.right}, **_SIGN, cost=1.1),
    Rule("sign-back", 2, "sign of what is handed back", {"dx": lambda s: -s.right}, **_SIGN, cost=1.2),
)

_SCALE: dict[str, Any] = {
    "question": "By what does your loss divide, and where, how often, does that division appear on the way back?",
    "right": "dz = (p − t)/N with N the number of rows, once",
}


def scale(key: str, name: str, factor: Callable[[Scene], float], formula: str, change: str, cost: float = 1.0) -> Rule:
    sentence = f"The whole gradient is off by one factor: {name}."
    return Rule(
        key, 3, name, {"loss": times(factor)}, sentence=sentence, formula=formula, change=change, cost=cost, multiplies=True,
        **_SCALE,
    )


def _features(s: Scene) -> float:
    if s.X.shape[1] == s.K:
        raise LookupError("as many features as outputs: the other rule says it")
    return s.N / s.X.shape[1]


add(
    scale("n-missing", "1/N missing", lambda s: s.N, "dz = (p − t) ⟦without /N⟧", "Divide dz by the number of rows, as the mean in the loss does.", 0.9),
    scale("n-twice", "1/N applied twice", lambda s: 1 / s.N, "dz = (p − t)/N⟦/N⟧", "Divide once: in the loss' gradient, and nowhere after it.", 0.9),
    scale("k-extra", "divided by the number of outputs too", lambda s: 1 / s.K, "dz = (p − t)/N⟦/K⟧", "Your loss does not average over the outputs: leave out 1/K."),
    scale("k-missing", "1/K missing: the loss averages over the outputs too", lambda s: s.K, "dz = (p − t)/N ⟦without /K⟧", "Your loss is a mean over rows and outputs: divide by K as well."),
    scale("classes-for-n", "divided by the number of classes instead of the rows", lambda s: s.N / s.K, "dz = (p − t)/⟦K⟧", "N is the length of the axis of the rows."),
    scale("features-for-n", "divided by the number of features instead of the rows", _features, "dz = (p − t)/⟦I⟧", "N is the length of the axis of the rows."),
    scale("all-for-none", "1/N and 1/K missing", lambda s: s.N * s.K, "dz = (p − t) ⟦without /(N·K)⟧", "Your loss is a mean over rows and outputs: divide by N·K.", 1.1),
    scale("all-for-one", "divided by N·K where the loss sums", lambda s: 1 / (s.N * s.K), "dz = (p − t)⟦/(N·K)⟧", "Your loss is a sum: do not divide.", 1.3),
    scale("half", "half the gradient of your loss: the 2 of the square is missing", lambda s: 0.5, "dz = ⟦½⟧·2(p − t) …", "Either ½ in the loss, or 2 in its gradient.", 1.1),
    scale("double", "twice the gradient of your loss: the ½ of the loss is forgotten", lambda s: 2.0, "dz = ⟦2⟧·(p − t) …", "With ½ in the loss the 2 of the square cancels.", 1.1),
    Rule(
        "n-weights", 3, "1/N once more in dW", {"dW": lambda s: s.right / s.N},
        sentence="dW is divided by N although dz is divided already.", formula="dW = xᵀ · dz ⟦/N⟧", change="dW = xᵀ · dz.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-weights-missing", 3, "1/N missing in dW", {"dW": lambda s: s.right * s.N},
        sentence="dW is N times the gradient, while the others are divided.", formula="dW = xᵀ · dz ⟦without /N⟧", change="Divide in the loss' gradient, once, for all.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-bias-missing", 3, "1/N missing in db", {"db": lambda s: s.right * s.N},
        sentence="db is N times the gradient, while the others are divided.", formula="db = Σ dz ⟦without /N⟧", change="Divide in the loss' gradient, once, for all.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-each-layer", 3, "1/N again in every layer", {"dx": lambda s: s.right / s.N},
        sentence="What is handed back is divided by N in each layer, so that the first layers get 1/N², 1/N³ …", formula="dx = dz · Wᵀ ⟦/N⟧", change="Divide in the loss' gradient, and nowhere after it.", **_SCALE,
    ),
    Rule(
        "n-each-layer-missing", 3, "1/N missing on the way to the layers before", {"dx": lambda s: s.right * s.N},
        sentence="The last layer is divided by N, those before it are not.", formula="dx = dz ⟦·N⟧ · Wᵀ", change="Divide in the loss' gradient, once, so that every layer receives it divided.", cost=1.1, **_SCALE,
    ),
    Rule(
        "inputs-for-n", 3, "divided by a layer's inputs instead of the rows", {"dW": lambda s: s.right * s.N / s.x.shape[1], "db": lambda s: s.right * s.N / s.x.shape[1]},
        sentence="N was read from the wrong axis: the number of the layer's inputs divides instead of the rows.", formula="dW = xᵀ · dz /⟦I⟧", change="N is the length of the axis of the rows.", cost=1.05, **_SCALE,
    ),
)  # fmt: skip

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
    Rule("bias-width", 6, "db averaged over the units", {"db": lambda s: s.right / s.dz.shape[1]}, sentence="db is divided by the number of units.", formula="db = Σ dz ⟦/O⟧", cost=1.2, **_BIAS),
    Rule(
        "bias-zero", 7, "bias never updated", {"db": lambda s: np.zeros_like(s.right)}, sentence="The bias gets no gradient, so it stays where it began.", formula="db = ⟦0⟧", right="db = Σ dz over the rows",
        question="Which of your parameters are the same before and after a step?", change="Compute db and update the bias like the weights.",
    ),
)  # fmt: skip

_OUTPUT: dict[str, Any] = {
    "question": "Write ∂L/∂o and ∂o/∂z apart for the last layer. Which of the two factors does your line hold, and does p − t hold both already?",
    "change": "Squared error behind an activation: (o − t)·f′(z). Softmax or sigmoid with its cross-entropy: p − t, nothing more.",
}


def _has_slope(line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.link.diagonal is None:
            raise LookupError("the link is the identity")
        return line(s)

    return wrong


def _fused(s: Scene) -> bool:
    return "entropy" in s.form.name


def _missing(s: Scene) -> Array:
    if _fused(s):
        raise LookupError("∂L/∂o of a cross-entropy alone is another mistake")
    return s.do


def _not_fused(s: Scene) -> Array:
    """(o − t) times the scale, where the loss is a squared error."""
    if _fused(s):
        raise LookupError("p − t is right here")
    return s.scale * (s.o - s.t)


add(
    Rule(
        "output-slope-missing", 8, "output activation's derivative missing", {"loss": _has_slope(_missing)},
        sentence="The delta of the last layer is ∂L/∂o: the derivative of the output's activation is missing.", formula="dz = ∂L/∂o ⟦without f′(z)⟧", right="dz = ∂L/∂o · f′(z)", **_OUTPUT,
    ),
    Rule(
        "output-slope-missing-half", 8, "output activation's derivative missing, and the 2 of the square", {"loss": _has_slope(_not_fused)},
        sentence="The delta of the last layer is o − t: the derivative of the output's activation is missing.", formula="dz = (o − t) ⟦without f′(z)⟧", right="dz = ∂L/∂o · f′(z)", cost=1.1, **_OUTPUT,
    ),
    Rule(
        "output-slope-extra", 8, "output activation's derivative where the fused form holds it already", {"loss": _has_slope(lambda s: s.right * s.link.diagonal(s.o))},
        sentence="p − t is the gradient with respect to z already; it is multiplied by the derivative once more.", formula="dz = (p − t)⟦·p(1 − p)⟧", right="dz = (p − t)/N", **_OUTPUT,
    ),
    Rule(
        "output-do", 8, "∂L/∂o handed on as if it were ∂L/∂z", {"loss": _has_slope(lambda s: s.do)},
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
        if s.link.name != link or _fused(s):
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

_HISTORY: dict[str, Any] = {
    "question": "Call backward twice on the same batch. Is the second gradient the same as the first?",
    "change": "Assign gradients (=) instead of adding (+=), or set them to zero before each pass; run forward before every backward.",
}
add(
    Rule(
        "accumulated", 12, "gradients accumulated from the previous call", {"end": lambda s: s.right + s.before},
        sentence="Each call adds to the gradient of the call before.", formula="dW ⟦+=⟧ xᵀ · dz", right="dW = xᵀ · dz", probes=(GRADIENTS, AGAIN), **_HISTORY,
    ),
    Rule(
        "stale-input", 12, "input cached by an earlier forward", {"dW": lambda s: s.previous.x[s.l].T @ s.dz},
        sentence="dW uses the input that an earlier forward left behind.", formula="dW = ⟦x of the call before⟧ᵀ · dz", right="dW = xᵀ · dz", probes=(GRADIENTS, OTHER), cost=1.1, **_HISTORY,
    ),
    Rule(
        "stale-slope", 12, "activation cached by an earlier forward", {"act": lambda s: s.dy * s.slope(s.previous.z[s.l])},
        sentence="The derivative is taken at what an earlier forward left behind.", formula="dz = dy · f′(⟦z of the call before⟧)", right="dz = dy · f′(z)", probes=(GRADIENTS, OTHER), cost=1.1, **_HISTORY,
    ),
    Rule(
        "stale-cache", 12, "inputs and activations cached by an earlier forward",
        {"dW": lambda s: s.previous.x[s.l].T @ s.dz, "act": lambda s: s.dy * s.slope(s.previous.z[s.l])},
        sentence="The error is that of this batch, and it meets what an earlier forward left behind.", formula="dW = ⟦x of the call before⟧ᵀ · dz", right="dW = xᵀ · dz", probes=(GRADIENTS, OTHER), every=False, **_HISTORY,
    ),
    Rule(
        "stale-all", 12, "everything cached by an earlier forward",
        {
            "loss": lambda s: s.link.pull(s.previous.z[-1], s.scale * s.form.slope(s.previous.o, s.t)),
            "dW": lambda s: s.previous.x[s.l].T @ s.dz,
            "act": lambda s: s.dy * s.slope(s.previous.z[s.l]),
        },
        sentence="The pass runs on what an earlier forward left behind.", formula="dW = ⟦x of the call before⟧ᵀ · dz …", right="dW = xᵀ · dz", probes=(GRADIENTS, OTHER), every=False, **_HISTORY,
    ),
)  # fmt: skip

_ALIAS: dict[str, Any] = {
    "right": "dW = xᵀ · dz with x as the forward left it",
    "question": "Print an activation before and after backward. Is it still the same?",
    "change": "Work on a copy: d = a * (1 - a) instead of a *= …, dout.copy() before cells are set to 0.",
}
add(
    Rule("overwritten-slope", 13, "activation overwritten by its derivative", {"dW": lambda s: s.right if s.l == 0 else slope_of_input(s).T @ s.dz}, sentence="The activation was overwritten by its derivative before dW used it.", formula="dW = ⟦f′⟧ᵀ · dz", cost=1.2, **_ALIAS),
    Rule("overwritten-square", 13, "activation squared in place", {"dW": lambda s: s.right if s.l == 0 else (s.x**2).T @ s.dz}, sentence="The activation was squared in place, for the derivative, before dW used it.", formula="dW = ⟦(x²)⟧ᵀ · dz", cost=1.2, **_ALIAS),
    Rule("overwritten-delta", 13, "activation overwritten by the delta", {"dW": lambda s: s.right if s.l == 0 else overwritten(s).T @ s.dz}, sentence="The activation was overwritten on the way before dW used it.", formula="dW = ⟦delta⟧ᵀ · dz", cost=1.3, **_ALIAS),
)  # fmt: skip


def slope_of_input(s: Scene) -> Array:
    from chainrule.check.forms import slope

    return slope(s.spec.acts[s.l - 1], s.zs[s.l - 1])


def overwritten(s: Scene) -> Array:
    return (s.dz @ s.W.T) * slope_of_input(s)


_PENALTY: dict[str, Any] = {
    "question": "Differentiate the penalty exactly as your loss writes it. Which factor do you get in front of W, and for which parameters?",
    "change": "For λ/2·ΣW² add λW, for λΣW² add 2λW, to the weights only, and divide by N only if the loss does.",
}


def needs_penalty(line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.spec.penalty is None:
            raise LookupError("their loss has no penalty")
        return line(s)

    return wrong


def _for_biases(s: Scene) -> Array:
    if s.name[0] != "b" or s.spec.penalty.biases:
        return s.right
    return s.right + 2 * s.spec.penalty.factor(len(s.X)) * s.param


def penalty_rule(key: str, name: str, line: Line, formula: str, cost: float = 1.0) -> Rule:
    return Rule(
        key, 14, name, {"end": needs_penalty(line)}, sentence=f"The penalty in the gradient is not the derivative of the one in the loss: {name}.",
        formula=formula, right="dW = xᵀ · dz + ∂penalty/∂W", probes=(GRADIENTS, LOSS), cost=cost, **_PENALTY,
    )  # fmt: skip


def without_penalty(line: Line) -> Line:
    def wrong(s: Scene) -> Array:
        if s.spec.penalty is not None:
            raise LookupError("their loss has a penalty")
        return line(s)

    return wrong


add(
    penalty_rule("l2-missing", "λW missing", lambda s: s.right - s.penalty, "dW = xᵀ · dz ⟦without λW⟧", 0.9),
    penalty_rule("l2-double", "doubled: no ½ belongs to it", lambda s: s.right + s.penalty, "dW = xᵀ · dz + ⟦2⟧λW"),
    penalty_rule("l2-half", "halved: the 2 of the square is missing", lambda s: s.right - s.penalty / 2, "dW = xᵀ · dz + ⟦½⟧·2λW"),
    penalty_rule("l2-biases", "applied to biases", _for_biases, "db = Σ dz ⟦+ λb⟧"),
    penalty_rule("l2-per-batch", "divided by the batch", lambda s: s.right - s.penalty + s.penalty / s.N, "dW = xᵀ · dz + λW⟦/N⟧"),
    penalty_rule("l2-not-per-batch", "not divided by the batch", lambda s: s.right - s.penalty + s.penalty * s.N, "dW = xᵀ · dz + λW⟦ without /N⟧"),
    penalty_rule("l2-sign", "subtracted", lambda s: s.right - 2 * s.penalty, "dW = xᵀ · dz ⟦−⟧ λW"),
    penalty_rule("l2-factor", "another λ", lambda s: s.right - s.penalty + s.c * s.param * (s.name[0] == "W"), "dW = xᵀ · dz + ⟦c⟧·W", 1.4),
    Rule(
        "l2-not-in-loss", 14, "decay in the gradient that the loss does not have", {"end": without_penalty(lambda s: s.right + s.c * s.param * (s.name[0] == "W"))},
        sentence="The gradient holds c·W, and the loss has no such penalty.", formula="dW = xᵀ · dz ⟦+ c·W⟧", right="dW = xᵀ · dz", probes=(GRADIENTS, LOSS), constant="c", cost=1.2, every=False, **_PENALTY,
    ),
    Rule(
        "l2-all-not-in-loss", 14, "decay of weights and biases that the loss does not have", {"end": without_penalty(lambda s: s.right + s.c * s.param)},
        sentence="The gradient holds c·W and c·b, and the loss has no such penalty.", formula="dW = xᵀ · dz ⟦+ c·W⟧, db = Σ dz ⟦+ c·b⟧", right="dW = xᵀ · dz", probes=(GRADIENTS, LOSS), constant="c", cost=1.3, every=False, **_PENALTY,
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
    return s.scale * (s.o - index) * (1.0 if _fused(s) else 2.0)


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
