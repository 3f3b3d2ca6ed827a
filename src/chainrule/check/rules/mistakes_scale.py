"""Mistakes 1 to 3 and 14: the order of updates, signs, divisions, penalties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.arrays import Array
from chainrule.check.probing.probes import GRADIENTS, LOSS, STEP
from chainrule.check.reference.passes import BUT_FIRST, Scene
from chainrule.check.rules.lines import Line, times
from chainrule.check.rules.rule import Rule, add

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

NO_UPDATE = (
    "The gradient is minus the derivative of the loss. No update ran here: it is right only if the update adds it."
)
_SIGN: dict[str, Any] = {
    "sentence": "The gradient has the opposite sign: actual − prediction, with an update that subtracts.",
    "formula": "dz = ⟦(t − p)⟧ …", "right": "dz = (p − t) …",
    "question": "Does one step of your update make the loss smaller or larger?",
    "change": "Either p − t with W −= η·dW, or t − p with W += η·dW; not a mix of the two.",
}  # fmt: skip
add(
    Rule(
        "sign",
        2,
        "sign: actual − prediction",
        {"loss": lambda s: -s.right},
        **_SIGN,
        cost=0.8,
        multiplies=True,
    ),
    Rule("sign-weights", 2, "sign of the weights' gradient alone", {"dW": lambda s: -s.right}, **_SIGN, cost=1.1),
    Rule("sign-bias", 2, "sign of the bias' gradient alone", {"db": lambda s: -s.right}, **_SIGN, cost=1.1),
    Rule("sign-back", 2, "sign of what is handed back", {"dx": lambda s: -s.right}, **_SIGN, cost=1.2),
)

ONCE = "dz = (p − t)/N with N the number of rows, once"
_SCALE: dict[str, Any] = {
    "question": "By what does your loss divide, and where, how often, does that division appear on the way back?",
}


def scale(
    key: str,
    name: str,
    factor: Callable[[Scene], float],
    formula: str,
    change: str,
    cost: float = 1.0,
    right: str = ONCE,
) -> Rule:
    sentence = f"The whole gradient is off by one factor: {name}."
    return Rule(
        key,
        3,
        name,
        {"loss": times(factor)},
        sentence=sentence,
        formula=formula,
        right=right,
        change=change,
        cost=cost,
        multiplies=True,
        **_SCALE,
    )


def _features(s: Scene) -> float:
    if s.X.shape[1] == s.K:
        raise LookupError("as many features as outputs: the other rule says it")
    return s.N / s.X.shape[1]


def _rows_less_one(s: Scene) -> float:
    if s.N == 1:
        raise LookupError("one row less is none")
    return s.N / (s.N - 1)


add(
    scale("n-missing", "1/N missing", lambda s: s.N, "dz = (p − t) ⟦without /N⟧", "Divide dz by the number of rows, as the mean in the loss does.", 0.9),
    scale("n-twice", "1/N applied twice", lambda s: 1 / s.N, "dz = (p − t)/N⟦/N⟧", "Divide once: in the loss' gradient, and nowhere after it.", 0.9),
    scale("k-extra", "divided by the number of outputs too", lambda s: 1 / s.K, "dz = (p − t)/N⟦/K⟧", "Your loss does not average over the outputs: leave out 1/K."),
    scale("k-missing", "1/K missing: the loss averages over the outputs too", lambda s: s.K, "dz = (p − t)/N ⟦without /K⟧", "Your loss is a mean over rows and outputs: divide by K as well.", right="dz = (p − t)/(N·K)"),
    scale("classes-for-n", "divided by the number of classes instead of the rows", lambda s: s.N / s.K, "dz = (p − t)/⟦K⟧", "N is the length of the axis of the rows."),
    scale("features-for-n", "divided by the number of features instead of the rows", _features, "dz = (p − t)/⟦I⟧", "N is the length of the axis of the rows."),
    scale("n-less-one", "divided by N − 1 instead of N", _rows_less_one, "dz = (p − t)/⟦(N − 1)⟧", "N − 1 belongs to a variance; the mean in your loss divides by N.", 1.15),
    scale("all-for-none", "1/N and 1/K missing", lambda s: s.N * s.K, "dz = (p − t) ⟦without /(N·K)⟧", "Your loss is a mean over rows and outputs: divide by N·K.", 1.1, "dz = (p − t)/(N·K)"),
    scale("all-for-one", "divided by N·K where the loss sums", lambda s: 1 / (s.N * s.K), "dz = (p − t)⟦/(N·K)⟧", "Your loss is a sum: do not divide.", 1.3, "dz = (p − t), undivided as your loss is"),
    scale("half", "half the gradient of your loss: the 2 of the square is missing", lambda s: 0.5, "dz = ⟦½⟧·2(p − t) …", "Either ½ in the loss, or 2 in its gradient.", 1.1, "dz = 2(p − t) …"),
    scale("double", "twice the gradient of your loss: the ½ of the loss is forgotten", lambda s: 2.0, "dz = ⟦2⟧·(p − t) …", "With ½ in the loss the 2 of the square cancels.", 1.1, "dz = (p − t) …"),
    Rule(
        "n-weights", 3, "1/N once more in dW", {"dW": lambda s: s.right / s.N},
        sentence="dW is divided by N although dz is divided already.", formula="dW = xᵀ · dz ⟦/N⟧", right="dW = xᵀ · dz", change="Divide in the loss' gradient, and nowhere after it.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-weights-missing", 3, "1/N missing in dW", {"dW": lambda s: s.right * s.N},
        sentence="dW is N times the gradient, while the others are divided.", formula="dW = xᵀ · dz ⟦without /N⟧", right=ONCE, change="Divide in the loss' gradient, once, for all.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-bias-missing", 3, "1/N missing in db", {"db": lambda s: s.right * s.N},
        sentence="db is N times the gradient, while the others are divided.", formula="db = Σ dz ⟦without /N⟧", right=ONCE, change="Divide in the loss' gradient, once, for all.", cost=1.1, **_SCALE,
    ),
    Rule(
        "n-each-layer", 3, "1/N again in every layer", {"dx": lambda s: s.right / s.N},
        sentence="What is handed back is divided by N in each layer, so that the first layers get 1/N², 1/N³ …", formula="dx = dz · Wᵀ ⟦/N⟧", right="dx = dz · Wᵀ", change="Divide in the loss' gradient, and nowhere after it.", **_SCALE,
    ),
    Rule(
        "n-each-layer-missing", 3, "1/N missing on the way to the layers before", {"dx": lambda s: s.right * s.N},
        sentence="The last layer is divided by N, those before it are not.", formula="dx = dz ⟦·N⟧ · Wᵀ", right=ONCE, change="Divide in the loss' gradient, once, so that every layer receives it divided.", cost=1.1, **_SCALE,
    ),
    Rule(
        "inputs-for-n", 3, "divided by a layer's inputs instead of the rows", {"dW": lambda s: s.right * s.N / s.x.shape[1], "db": lambda s: s.right * s.N / s.x.shape[1]},
        sentence="N was read from the wrong axis: the number of the layer's inputs divides instead of the rows.", formula="dW = xᵀ · dz /⟦I⟧", right=ONCE, change="N is the length of the axis of the rows.", cost=1.05, **_SCALE,
    ),
)  # fmt: skip


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
    wanted = 2 * s.spec.penalty.factor(len(s.X)) * s.param - s.penalty  # what the penalty leaves out
    return s.right + wanted if s.name[0] == "b" or s.spec.penalty.over == BUT_FIRST else s.right


def penalty_rule(key: str, name: str, line: Line, formula: str, cost: float = 1.0, constant: str = "") -> Rule:
    return Rule(
        key, 14, name, {"end": needs_penalty(line)}, sentence=f"The penalty in the gradient is not the derivative of the one in the loss: {name}.",
        formula=formula, right="dW = xᵀ · dz + ∂penalty/∂W", probes=(GRADIENTS, LOSS), cost=cost, constant=constant, **_PENALTY,
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
    penalty_rule("l2-factor", "another λ", lambda s: s.right - s.penalty + s.c * s.param * (s.name[0] == "W"), "dW = xᵀ · dz + ⟦c⟧·W", 1.4, "c"),
    Rule(
        "l2-not-in-loss", 14, "decay in the gradient that the loss does not have", {"end": without_penalty(lambda s: s.right + s.c * s.param * (s.name[0] == "W"))},
        sentence="The gradient holds c·W, and the loss has no such penalty.", formula="dW = xᵀ · dz ⟦+ c·W⟧", right="dW = xᵀ · dz", probes=(GRADIENTS, LOSS), constant="c", cost=1.2, every=False, **_PENALTY,
    ),
    Rule(
        "l2-all-not-in-loss", 14, "decay of weights and biases that the loss does not have", {"end": without_penalty(lambda s: s.right + s.c * s.param)},
        sentence="The gradient holds c·W and c·b, and the loss has no such penalty.", formula="dW = xᵀ · dz ⟦+ c·W⟧, db = Σ dz ⟦+ c·b⟧", right="dW = xᵀ · dz", probes=(GRADIENTS, LOSS), constant="c", cost=1.3, every=False, **_PENALTY,
    ),
)  # fmt: skip
