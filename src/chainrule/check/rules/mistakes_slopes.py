"""Mistake 11, derivatives of hidden activations written wrongly: a factor, a term or the argument is another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.activations import ELU, GELU, GELUTanh, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from chainrule.arrays import Array
from chainrule.check.reference.forms import slope
from chainrule.check.reference.passes import Scene
from chainrule.check.rules.lines import fused, only_for, only_link
from chainrule.check.rules.rule import Rule, add
from chainrule.special import erf, sigmoid

ROOT = np.sqrt(2 / np.pi)
Slope = Callable[[Array, Array], Array]  # z, y -> what stands where f′(z) belongs


def _bell(z: Array) -> Array:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def _below(z: Array) -> Array:
    """Φ, the share of a normal distribution below z."""
    return np.asarray((1 + erf(z / np.sqrt(2))) / 2)


def _inner(z: Array) -> Array:
    return np.tanh(ROOT * (z + 0.044715 * z**3))


def _sigmoid_slope(z: Array) -> Array:
    return sigmoid(z) * (1 - sigmoid(z))


def _silu_slope(z: Array) -> Array:
    return sigmoid(z) * (1 + z * (1 - sigmoid(z)))


def _gelu_slope(z: Array) -> Array:
    return _below(z) + z * _bell(z)


_FACTOR = "A factor of the derivative is missing."
_TERM = "The derivative of a product has two terms; one of them is missing."
_PLACE = "The derivative is evaluated at a = f(z), and its formula is written for z."
_FORM = "This is the derivative of another function."
_OUTPUTS: dict[type, str] = {Sigmoid: "sigmoid", Tanh: "tanh"}
_RIGHT: dict[type, str] = {
    Sigmoid: "dz = dy · a(1 − a)",
    Tanh: "dz = dy · (1 − a²)",
    SiLU: "dz = dy · (σ(z) + z·σ(z)(1 − σ(z)))",
    ELU: "dz = dy where z > 0, else dy · α·eᶻ = dy · (a + α)",
    Softplus: "dz = dy · σ(z)",
    GELU: "dz = dy · (Φ(z) + z·φ(z))",
    GELUTanh: "dz = dy · (½(1 + tanh u) + ½z(1 − tanh² u)·u′)",
}
_SLIPS: list[tuple[str, str, type, Slope, str, str]] = [
    ("sigmoid-only-a", "σ′ written as a: the factor 1 − a is missing", Sigmoid, lambda z, y: y, "dz = dy · ⟦a⟧", _FACTOR),
    ("sigmoid-only-rest", "σ′ written as 1 − a: the factor a is missing", Sigmoid, lambda z, y: 1 - y, "dz = dy · ⟦(1 − a)⟧", _FACTOR),
    ("sigmoid-as-tanh", "σ′ written as tanh′", Sigmoid, lambda z, y: 1 - y**2, "dz = dy · ⟦(1 − a²)⟧", _FORM),
    ("sigmoid-plus", "σ′ written as a(1 + a)", Sigmoid, lambda z, y: y * (1 + y), "dz = dy · a(1 ⟦+⟧ a)", "A sign in the derivative is the other one."),
    ("tanh-no-square", "tanh′ written as 1 − a", Tanh, lambda z, y: 1 - y, "dz = dy · (1 − ⟦a⟧)", "The square in tanh′ = 1 − a² is missing."),
    ("tanh-plus", "tanh′ written as 1 + a²", Tanh, lambda z, y: 1 + y**2, "dz = dy · (1 ⟦+⟧ a²)", "A sign in the derivative is the other one."),
    ("tanh-as-sigmoid", "tanh′ written as σ′", Tanh, lambda z, y: y * (1 - y), "dz = dy · ⟦a(1 − a)⟧", _FORM),
    ("tanh-only-square", "tanh′ written as a²", Tanh, lambda z, y: y**2, "dz = dy · ⟦a²⟧", "The derivative is 1 minus this square."),
    ("silu-only-sigmoid", "SiLU′ without its second term", SiLU, lambda z, y: sigmoid(z), "dz = dy · σ(z) ⟦without + z·σ′(z)⟧", _TERM),
    ("silu-only-slope", "SiLU′ without its first term", SiLU, lambda z, y: z * _sigmoid_slope(z), "dz = dy · ⟦z·σ′(z)⟧", _TERM),
    ("silu-no-z", "SiLU′ without the factor z", SiLU, lambda z, y: sigmoid(z) + _sigmoid_slope(z), "dz = dy · (σ(z) + ⟦σ′(z)⟧)", _FACTOR),
    ("silu-no-sigmoid", "SiLU′ without the factor σ", SiLU, lambda z, y: 1 + z * (1 - sigmoid(z)), "dz = dy · ⟦(1 + z(1 − σ(z)))⟧", _FACTOR),
    ("silu-no-rest", "SiLU′ without the factor 1 − σ", SiLU, lambda z, y: sigmoid(z) * (1 + z), "dz = dy · σ(z)⟦(1 + z)⟧", _FACTOR),
    ("silu-as-sigmoid", "SiLU′ written as σ′", SiLU, lambda z, y: _sigmoid_slope(z), "dz = dy · ⟦σ′(z)⟧", _FORM),
    ("silu-a", "SiLU′ evaluated at the activation", SiLU, lambda z, y: _silu_slope(y), "dz = dy · SiLU′(⟦a⟧)", _PLACE),
    ("silu-sigmoid-a", "SiLU′ with σ at the activation", SiLU, lambda z, y: sigmoid(y) + z * _sigmoid_slope(y), "dz = dy · (σ(⟦a⟧) + z·σ′(⟦a⟧))", _PLACE),
    ("silu-slope-a", "SiLU′ with σ′ at the activation", SiLU, lambda z, y: sigmoid(z) + z * _sigmoid_slope(y), "dz = dy · (σ(z) + z·σ′(⟦a⟧))", _PLACE),
    ("silu-slope-sigmoid", "SiLU′ with σ′ at σ(z)", SiLU, lambda z, y: sigmoid(z) + z * _sigmoid_slope(sigmoid(z)), "dz = dy · (σ(z) + z·σ′(⟦σ(z)⟧))", "σ′ is written for z and gets σ(z)."),
    ("elu-only-a", "ELU′ without its + α", ELU, lambda z, y: np.where(z > 0, 1, y), "dz = dy where z > 0, else dy · a ⟦without + α⟧", "eᶻ is (a + α)/α, not a: the α that the forward subtracts has to come back."),
    ("elu-a", "ELU′ evaluated at the activation", ELU, lambda z, y: np.where(z > 0, 1, np.exp(np.minimum(y, 0))), "dz = dy where z > 0, else dy · α·e^⟦a⟧", _PLACE),
    ("elu-constant", "ELU′ with a constant slope", ELU, lambda z, y: np.ones_like(z), "dz = dy ⟦everywhere⟧", "The slope of the negative side is the constant α here; it is α·eᶻ."),
    ("elu-cut", "ELU′ written as ReLU′", ELU, lambda z, y: (z > 0) * 1.0, "dz = dy where z > 0, else ⟦0⟧", _FORM),
    ("elu-two", "ELU′ with a + 1 on both sides", ELU, lambda z, y: y + 1, "dz = dy · ⟦(a + 1)⟧ everywhere", "a + α belongs to the negative side; where z > 0 the slope is 1."),
    ("softplus-a", "Softplus′ evaluated at the activation", Softplus, lambda z, y: sigmoid(y), "dz = dy · σ(⟦a⟧)", _PLACE),
    ("softplus-sigmoid", "Softplus′ written as σ′", Softplus, lambda z, y: _sigmoid_slope(z), "dz = dy · ⟦σ(z)(1 − σ(z))⟧", "Softplus′ is σ itself, not its derivative."),
    ("softplus-rest", "Softplus′ written as 1 − σ", Softplus, lambda z, y: sigmoid(-z), "dz = dy · ⟦(1 − σ(z))⟧", "1/(1 + eᶻ) is σ(−z): the sign of the exponent is the other one."),
    ("softplus-cut", "Softplus′ written as ReLU′", Softplus, lambda z, y: (z > 0) * 1.0, "dz = dy · ⟦(z > 0)⟧", _FORM),
    ("gelu-only-below", "GELU′ without its second term", GELU, lambda z, y: _below(z), "dz = dy · Φ(z) ⟦without + z·φ(z)⟧", _TERM),
    ("gelu-only-bell", "GELU′ without its first term", GELU, lambda z, y: z * _bell(z), "dz = dy · ⟦z·φ(z)⟧", _TERM),
    ("gelu-no-z", "GELU′ without the factor z", GELU, lambda z, y: _below(z) + _bell(z), "dz = dy · (Φ(z) + ⟦φ(z)⟧)", _FACTOR),
    ("gelu-a", "GELU′ evaluated at the activation", GELU, lambda z, y: _gelu_slope(y), "dz = dy · GELU′(⟦a⟧)", _PLACE),
    ("gelu-no-root", "GELU′ with a density without 1/√(2π)", GELU, lambda z, y: _below(z) + z * np.exp(-(z**2) / 2), "dz = dy · (Φ(z) + z·⟦e^(−z²/2)⟧)", _FACTOR),
    ("gelu-no-half", "GELU′ with e^(−z²) in the density", GELU, lambda z, y: _below(z) + z * np.exp(-(z**2)) / np.sqrt(2 * np.pi), "dz = dy · (Φ(z) + z·e^(−z²⟦without /2⟧)/√(2π))", _FACTOR),
    ("gelu-tanh-only-half", "GELU′ (tanh) without its second term", GELUTanh, lambda z, y: (1 + _inner(z)) / 2, "dz = dy · ½(1 + tanh u) ⟦without the rest⟧", _TERM),
    ("gelu-tanh-no-inner", "GELU′ (tanh) without u′", GELUTanh, lambda z, y: (1 + _inner(z)) / 2 + z * (1 - _inner(z) ** 2) / 2, "dz = dy · (½(1 + tanh u) + ½z(1 − tanh² u) ⟦without u′⟧)", _FACTOR),
    ("gelu-tanh-no-cube", "GELU′ (tanh) with √(2/π) for u′", GELUTanh, lambda z, y: (1 + _inner(z)) / 2 + z * (1 - _inner(z) ** 2) / 2 * ROOT, "dz = dy · (½(1 + tanh u) + ½z(1 − tanh² u)·⟦√(2/π)⟧)", "u holds z³ as well: u′ = √(2/π)(1 + 3·0.044715·z²)."),
    ("gelu-tanh-exact", "derivative of the exact GELU behind its approximation", GELUTanh, lambda z, y: _gelu_slope(z), "dz = dy · ⟦(Φ(z) + z·φ(z))⟧", "Forward and backward are two functions, alike to three digits."),
]  # fmt: skip


def _slip(kind: type, wrong: Slope) -> Callable[[Scene], Array]:
    return only_for(kind, lambda s: s.dy * wrong(s.z, s.y))


def _output_slip(link: str, wrong: Slope) -> Callable[[Scene], Array]:
    return only_link((link,), lambda s: s.do * wrong(s.z, s.o))


for _key, _name, _kind, _wrong, _formula, _sentence in _SLIPS:
    _words: dict[str, Any] = {
        "sentence": _sentence, "formula": _formula, "right": _RIGHT[_kind], "change": f"{_RIGHT[_kind]}.",
        "question": "Differentiate the activation by hand, term by term. What is it at z = 0, and what is yours there?",
    }  # fmt: skip
    _hidden = _slip(_kind, _wrong)
    add(Rule(_key, 11, _name, {"act": _hidden}, cost=1.1, **_words))
    if _kind in _OUTPUTS:  # one function may serve the output as well
        _output = _output_slip(_OUTPUTS[_kind], _wrong)
        add(
            Rule(f"{_key}-output", 11, f"{_name} (output)", {"loss": _output}, cost=1.15, **_words),
            Rule(f"{_key}-both", 11, f"{_name} (hidden and output)", {"act": _hidden, "loss": _output}, cost=1.15, every=False, **_words),
        )  # fmt: skip

_ALONE: dict[str, Any] = {
    "right": "dz = dy · f′(z)",
    "question": "Two things meet in dz: what came back, and the slope of the activation. How do they meet, and at which array is the slope?",
    "change": "dz = dy · f′(z), with the z of this layer.",
}


def _smooth(line: Callable[[Scene], Array]) -> Callable[[Scene], Array]:
    """Not of ReLU, whose masks have rules of their own."""

    def wrong(s: Scene) -> Array:
        if s.act is None or isinstance(s.act, (ReLU, LeakyReLU)):
            raise LookupError("another activation")
        return line(s)

    return wrong


def _before(line: Callable[[Scene], Array]) -> Callable[[Scene], Array]:
    """With the error at a layer's output in the place of dz, where the two are not one."""

    def wrong(s: Scene) -> Array:
        if s.l == s.depth - 1 and fused(s):
            raise LookupError("p − t holds the derivative already")
        return line(s)

    return wrong


_USED_TWICE: dict[str, Any] = {
    "question": "A layer's error is used for dW, for db and for the layer before. In which of them does the derivative of the activation stand?",
    "change": "Compute dz = dy · f′(z) once, and use it for dW, db and dz · Wᵀ.", "cost": 1.1,
}  # fmt: skip

add(
    Rule("slope-for-dz", 8, "hidden activation's derivative alone, without what came back", {"act": _smooth(lambda s: s.slope())}, sentence="dz is the derivative itself: the gradient that came back is lost.", formula="dz = ⟦f′(z)⟧", cost=1.1, **_ALONE),
    Rule("slope-added", 8, "hidden activation's derivative added instead of multiplied", {"act": _smooth(lambda s: s.dy + s.slope())}, sentence="The chain rule multiplies; here the derivative is added.", formula="dz = dy ⟦+⟧ f′(z)", cost=1.1, **_ALONE),
    Rule("output-for-slope", 8, "the activation itself instead of its derivative", {"act": lambda s: s.dy * s.y}, sentence="What came back is multiplied by a = f(z), where f′(z) belongs.", formula="dz = dy · ⟦a⟧", cost=1.15, **_ALONE),
    Rule("slope-next-layer", 11, "derivative at the next layer's pre-activation", {"act": _smooth(lambda s: s.dy * slope(s.act, s.zs[s.l + 1]))}, sentence="The slope is that of another layer: an index is off by one.", formula="dz = dy · f′(⟦z₊₁⟧)", cost=1.1, **_ALONE),
    Rule("slope-layer-before", 11, "derivative at the pre-activation of the layer before", {"act": _smooth(lambda s: s.dy * slope(s.act, s.zs[s.l - 1] if s.l else s.x))}, sentence="The slope is that of another layer: an index is off by one.", formula="dz = dy · f′(⟦z₋₁⟧)", cost=1.1, **_ALONE),
    Rule("slope-of-input", 11, "derivative at what entered the layer", {"act": _smooth(lambda s: s.dy * slope(s.act, s.x))}, sentence="The slope is evaluated at the layer's input, before its weights.", formula="dz = dy · f′(⟦x⟧)", cost=1.15, **_ALONE),
    Rule("slope-skipped", 8, "derivative missing in what a layer hands back", {"dx": _before(lambda s: s.dy @ s.W.T)}, sentence="What goes back through the weights is the error at the layer's output, without its derivative.", formula="dx = ⟦dy⟧ · Wᵀ", right="dx = dz · Wᵀ with dz = dy · f′(z)", **_USED_TWICE),
    Rule("slope-not-in-bias", 8, "derivative missing in db", {"db": _before(lambda s: s.dy.sum(axis=0))}, sentence="db sums the error at the layer's output, without its derivative.", formula="db = Σ ⟦dy⟧", right="db = Σ dz with dz = dy · f′(z)", **_USED_TWICE),
    Rule("slope-not-in-weights", 8, "derivative missing in dW", {"dW": _before(lambda s: s.x.T @ s.dy)}, sentence="dW takes the error at the layer's output, without its derivative.", formula="dW = xᵀ · ⟦dy⟧", right="dW = xᵀ · dz with dz = dy · f′(z)", **_USED_TWICE),
)  # fmt: skip
