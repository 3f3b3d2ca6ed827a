"""What the estimators' parameters mean: which values they take, and which layers, loss and optimizer they name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np

from chainrule.activations import Sigmoid
from chainrule.errors import InputError
from chainrule.layers import LAYERS, Dense, Dropout, Layer, LayerNorm
from chainrule.losses import (
    LOSSES,
    BinaryCrossEntropy,
    HalfSquaredError,
    Huber,
    Loss,
    MeanAbsoluteError,
    Poisson,
    PoissonDeviance,
    QuantileLoss,
    SoftmaxCrossEntropy,
)
from chainrule.optimizers import OPTIMIZERS, AdamEpsilonHat, ClassicalMomentum, Optimizer
from chainrule.schedules import LearningRate, Schedule
from chainrule.training import MOST_THREADS


@dataclass(frozen=True)
class Rule:
    """Which values a parameter takes, in words and as a test."""

    words: str
    holds: Callable[[Any], bool]

    def __or__(self, other: Rule) -> Rule:
        return Rule(f"{self.words} or {other.words}", lambda value: self.holds(value) or other.holds(value))


def real(low: float, high: float = inf, ends: str = "[)") -> Rule:
    def holds(value: Any) -> bool:
        if not isinstance(value, (int, float, np.number)) or isinstance(value, bool):
            return False
        inside = low < value < high or (value == low and ends[0] == "[") or (value == high and ends[1] == "]")
        return bool(inside)

    return Rule(f"a float in the range {ends[0]}{low:.1f}, {high:.1f}{ends[1]}", holds)


def whole(low: int, high: float = inf) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(low <= value <= high)

    return Rule(f"an int in the range [{low}, {'inf)' if high == inf else f'{high}]'}", holds)


def word(*known: str) -> Rule:
    return Rule(
        f"a str among {{{', '.join(map(repr, known))}}}", lambda value: isinstance(value, str) and value in known
    )


def instance(kind: type, words: str) -> Rule:
    return Rule(words, lambda value: isinstance(value, kind))


FLAG = Rule("a bool", lambda value: isinstance(value, (bool, np.bool_)))
NOTHING = Rule("None", lambda value: value is None)
LIST = Rule("a list", lambda value: not isinstance(value, str) and hasattr(value, "__len__"))

RULES: dict[str, Rule] = {
    "hidden_layer_sizes": Rule("an array-like", lambda value: hasattr(value, "__iter__")) | whole(1),
    "alpha": real(0),
    "batch_size": word("auto") | whole(1),
    "learning_rate": word("constant", "invscaling", "adaptive") | instance(Schedule, "a chainrule Schedule"),
    "learning_rate_init": real(0, ends="()"),
    "power_t": real(0),
    "max_iter": whole(1),
    "shuffle": FLAG,
    "tol": real(0),
    "verbose": whole(0) | FLAG,
    "warm_start": FLAG,
    "momentum": real(0, 1, "[]"),
    "nesterovs_momentum": FLAG,
    "early_stopping": FLAG,
    "validation_fraction": real(0, 1),
    "beta_1": real(0, 1),
    "beta_2": real(0, 1),
    "epsilon": real(0, ends="()"),
    "n_iter_no_change": whole(1) | Rule("inf", lambda value: isinstance(value, float) and value == inf),
    "max_fun": whole(1),
    "dropout": real(0, 1) | LIST,
    "layer_norm": FLAG,
    "scoring": NOTHING
    | Rule("the name of a scorer or a callable", lambda value: isinstance(value, str) or callable(value)),
    "coefs_init": NOTHING | LIST,
    "intercepts_init": NOTHING | LIST,
    "n_threads": NOTHING | whole(1, MOST_THREADS),
}


def check(estimator: Any) -> None:
    """InputError, in scikit-learn's words, for the first parameter whose value is not one it takes."""
    for name, rule in RULES.items():
        value = getattr(estimator, name)
        if not rule.holds(value):
            raise wrong(estimator, name, rule.words, value)


def wrong(estimator: Any, name: str, expected: str, value: Any) -> InputError:
    kind = type(estimator).__name__
    return InputError(f"The {name!r} parameter of {kind} must be {expected}. Got {value!r} instead.")


def _words(registry: Mapping[str, Any]) -> dict[str, Any]:
    """The registry with its class names as words: leaky_relu for LeakyReLU."""
    return {re.sub(r"(?<=[A-Za-z])(?=[A-Z][a-z])", "_", name).lower(): kind for name, kind in registry.items()}


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "")


def _named(estimator: Any, parameter: str, name: str, known: Mapping[str, Any], objects: str) -> Any:
    """The entry of that name, hyphens and case aside; InputError lists all of them."""
    found = {_plain(key): value for key, value in known.items()}
    if _plain(name) not in found:
        raise wrong(estimator, parameter, f"{word(*known).words} or {objects}", name)
    return found[_plain(name)]


def activations() -> dict[str, Callable[[], Layer] | None]:
    """scikit-learn's four names, and every activation of the library; looked up anew, since users add layers."""
    own = {name: kind for name, kind in _words(LAYERS).items() if kind not in (Dense, Dropout, LayerNorm)}
    return {"identity": None, "logistic": Sigmoid, "tanh": own.pop("tanh"), "relu": own.pop("relu")} | own


def _activation(estimator: Any, value: Any) -> list[Layer]:
    """No layer for the identity, else the one."""
    if isinstance(value, Layer) and value.shapes(1) == {} and not isinstance(value, Dropout):
        return [value]
    if not isinstance(value, str):
        expected = f"{word(*activations()).words}, an activation Layer, or a list of them, one for each hidden layer"
        raise wrong(estimator, "activation", expected, value)
    kind = _named(estimator, "activation", value, activations(), "a Layer, or a list of them")
    return [] if kind is None else [kind()]


def hidden_sizes(estimator: Any) -> list[int]:
    sizes = estimator.hidden_layer_sizes
    sizes = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if not all(whole(1).holds(size) for size in sizes):
        raise InputError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [int(size) for size in sizes]


def _each(estimator: Any, name: str, n: int, *, more: int = 0) -> list[Any]:
    """The parameter's value for each of n layers; a list may have one for the outputs too where `more` is 1."""
    value = getattr(estimator, name)
    if isinstance(value, str) or not hasattr(value, "__len__"):
        return [value] * n
    if not n <= len(value) <= n + more:
        raise InputError(f"{name}: expected a list of {n} values, one for each hidden layer, got {len(value)}")
    return list(value)


def layers(estimator: Any, loss: Loss, n_out: int) -> list[Layer]:
    """Dense, LayerNorm, activation and Dropout for each hidden layer; the output layer, and its activation if any."""
    sizes = hidden_sizes(estimator)
    own_outputs = int(loss.target in ("values", "counts"))  # a classifier's output activation belongs to its loss
    chosen = [_activation(estimator, value) for value in _each(estimator, "activation", len(sizes), more=own_outputs)]
    built: list[Layer] = []
    for size, activation, rate in zip(sizes, chosen, _each(estimator, "dropout", len(sizes))):
        if not real(0, 1).holds(rate):
            raise wrong(estimator, "dropout", f"{real(0, 1).words} or a list of such", estimator.dropout)
        normalise = [LayerNorm()] if estimator.layer_norm else []
        built += [Dense(size), *normalise, *activation, *([Dropout(float(rate))] if rate else [])]
    outputs = chosen[len(sizes)] if len(chosen) > len(sizes) else []
    return [*built, Dense(n_out), *outputs]


def initial_factors(estimator: Any) -> list[float]:
    """scikit-learn's numerator of Glorot's bound for each weight matrix: 2 before a sigmoid, else 6."""
    sizes = hidden_sizes(estimator)
    chosen = [_activation(estimator, value) for value in _each(estimator, "activation", len(sizes), more=1)]
    factors = [2.0 if layer and isinstance(layer[0], Sigmoid) else 6.0 for layer in chosen][: len(sizes)]
    return [*factors, factors[-1] if factors else 6.0]


def _losses(targets: Sequence[str]) -> dict[str, type[Loss]]:
    return {name: kind for name, kind in _words(LOSSES).items() if kind.target in targets}


def classifier_loss(estimator: Any, kind: str) -> Loss:
    """`log_loss` is softmax's for several classes, the sigmoid's for two, and for labels that go together."""
    several = kind == "multiclass"
    loss = estimator.loss
    if isinstance(loss, str):
        natural = SoftmaxCrossEntropy if several else BinaryCrossEntropy
        known = {"log_loss": natural} | _losses(["labels", "flags"])
        loss = _named(estimator, "loss", loss, known, "a Loss for labels or flags")()
    if not isinstance(loss, Loss) or loss.target not in ("labels", "flags"):
        raise wrong(estimator, "loss", "'log_loss' or a Loss for labels or flags, such as SoftmaxCrossEntropy()", loss)
    if several != (loss.target == "labels") and kind != "binary":
        raise wrong(estimator, "loss", f"one that fits {kind} targets", loss)
    return loss


def regressor_loss(estimator: Any) -> Loss:
    """With several outputs the squared error is summed over them, so that it is what its gradient belongs to."""
    loss = estimator.loss
    if isinstance(loss, str):
        known: dict[str, type[Loss]] = {
            "squared_error": HalfSquaredError, "poisson": PoissonDeviance, "absolute_error": MeanAbsoluteError,
            "huber": Huber, "quantile": QuantileLoss,
        }  # fmt: skip
        loss = _named(estimator, "loss", loss, _losses(["values", "counts"]) | known, "a Loss for values or counts")()
    if not isinstance(loss, Loss) or loss.target not in ("values", "counts"):
        raise wrong(estimator, "loss", "a str, or a Loss for values or counts, such as Huber(0.5)", loss)
    return loss


def out_activation(loss: Loss, built: Sequence[Layer]) -> str:
    """What scikit-learn calls the function from the last layer's sums to predictions."""
    if not isinstance(built[-1], Dense):
        return type(built[-1]).__name__.lower()
    if isinstance(loss, Poisson):
        return "exp"
    return {"Softmax": "softmax", "Sigmoid": "logistic"}.get(getattr(loss.applies, "__name__", ""), "identity")


def is_stochastic(estimator: Any) -> bool:
    return not (isinstance(estimator.solver, str) and _plain(estimator.solver) == "lbfgs")


def optimizer(estimator: Any, rate: float) -> Optimizer:
    """adam and sgd are scikit-learn's update rules, other names the library's; an object is taken as it is."""
    solver, schedule = estimator.solver, estimator.learning_rate
    if isinstance(solver, Optimizer):
        return solver
    own = {name: kind for name, kind in _words(OPTIMIZERS).items() if name not in ("adam", "sgd")}
    known = {"lbfgs": None, "sgd": ClassicalMomentum, "adam": AdamEpsilonHat} | own
    if not isinstance(solver, str):
        raise wrong(estimator, "solver", f"{word(*known).words} or an Optimizer", solver)
    kind = _named(estimator, "solver", solver, known, "an Optimizer")
    lr: LearningRate = schedule if isinstance(schedule, Schedule) else rate
    if kind is ClassicalMomentum:
        return ClassicalMomentum(lr, momentum=estimator.momentum, nesterov=bool(estimator.nesterovs_momentum))
    if kind is AdamEpsilonHat:
        return AdamEpsilonHat(lr, beta1=estimator.beta_1, beta2=estimator.beta_2, epsilon=estimator.epsilon)
    return kind(lr)
