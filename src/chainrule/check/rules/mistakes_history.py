"""Mistakes 12 and 13: what an earlier call left behind, and arrays that a pass overwrites."""

from __future__ import annotations

from typing import Any

from chainrule.arrays import Array
from chainrule.check.probing.probes import AGAIN, GRADIENTS, OTHER
from chainrule.check.reference.forms import slope
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.rule import Rule, add

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
        "accumulated-weights", 12, "gradients of the weights accumulated from the previous call",
        {"end": lambda s: s.right + s.before if s.name[0] == "W" else s.right},
        sentence="Each call adds to the weights' gradient of the call before; that of the biases is assigned.", formula="dW ⟦+=⟧ xᵀ · dz, db = Σ dz", right="dW = xᵀ · dz", probes=(GRADIENTS, AGAIN), cost=1.1, **_HISTORY,
    ),
    Rule(
        "accumulated-biases", 12, "gradients of the biases accumulated from the previous call",
        {"end": lambda s: s.right + s.before if s.name[0] == "b" else s.right},
        sentence="Each call adds to the biases' gradient of the call before; that of the weights is assigned.", formula="dW = xᵀ · dz, db ⟦+=⟧ Σ dz", right="db = Σ dz", probes=(GRADIENTS, AGAIN), cost=1.1, **_HISTORY,
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
    return slope(s.spec.acts[s.l - 1], s.zs[s.l - 1])


def overwritten(s: Scene) -> Array:
    return (s.dz @ s.W.T) * slope_of_input(s)
