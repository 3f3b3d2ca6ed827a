"""What the command line's words mean: names and numbers to layers, losses, optimizers and schedules."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from cyclopts import Group, Parameter, Token

from chainrule.data.encoder import SCALES
from chainrule.errors import InputError, counted, nearest, require_count, require_number
from chainrule.initializers import INITIALIZERS
from chainrule.job import SMALL, TASKS, Problem
from chainrule.layers import LAYERS, Dense, Dropout, Layer, LayerNorm
from chainrule.losses import LOSSES
from chainrule.metrics import METRICS, require_fitting
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, Adam, Optimizer
from chainrule.schedules import CosineDecay, ExponentialDecay, LearningRate, Warmup
from chainrule.training import MOST_THREADS

SCHEDULES = ("constant", "cosine", "exponential")
SMALL_STEPS = 2000  # the fixed budget below `SMALL` training rows
PATIENCE_STEPS = 4000


def whole(kind: Any, tokens: Sequence[Token]) -> int:
    """A whole number, also as 0x10, 3.0 or 1e3. By itself the command line would round 2.9."""
    text = tokens[0].value
    try:
        return int(text, 0)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(number)


Whole = Annotated[int, Parameter(converter=whole)]
OptionalWhole = Annotated[int | None, Parameter(converter=whole)]

DATA, NETWORK, TRAINING = Group("Data", sort_key=1), Group("Network", sort_key=2), Group("Training", sort_key=3)


def find(option: str, name: str, known: Mapping[str, Any]) -> Any:
    """The entry of that name in any case, hyphens aside; InputError with the nearest otherwise."""
    plain = {key.lower(): value for key, value in known.items()}
    key = name.lower().replace("-", "").replace("_", "")
    if key not in plain:
        raise InputError(f"{option}: no {name!r}; {nearest(key, plain)}")
    return plain[key]


def make(option: str, text: str, known: Mapping[str, Any]) -> Any:
    """An instance from `name` or `name=number`, the number for its one setting (huber=0.5, leakyrelu=0.2)."""
    name, equals, number = text.partition("=")
    kind = find(option, name, known)
    try:
        values = [float(number)] if equals else []
    except ValueError:
        raise InputError(f"{option}: expected a number after {name}=, got {number!r}") from None
    try:
        return kind(*values)
    except TypeError:
        raise InputError(f"{option}: {name} has no setting, got {text!r}") from None


def one_of(option: str, name: str | None, known: Iterable[str]) -> None:
    if name is not None and name not in known:
        raise InputError(f"{option}: no {name!r}; {nearest(name, known)}")


@Parameter(name="*", group=DATA)
@dataclass(frozen=True)
class DataOptions:
    target: str | None = None
    "The column to predict; of images, the file of their labels."
    task: str | None = None
    "classification or regression; told from the target where not given."
    test: float = 0.2
    "Share of the rows held out for the yardsticks, unless the data has test rows of its own."
    validation: float | None = None
    "Share of the training rows for early stopping; 0.1 from 2,000 training rows on, none below."
    scale: str = "robust"
    "Numeric columns: robust, standard or quantile."
    categorical: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ()
    "Numeric columns that are names of categories."
    drop: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ()
    "Columns to leave out."
    keep: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ()
    "Columns to use though they count the rows, as a year does, or differ in nearly every row."
    drop_missing: Annotated[bool, Parameter(negative="")] = False
    "Leave out rows without a target."
    sample_weight: str | None = None
    "The column that weights the rows."

    def check(self) -> None:
        one_of("--task", self.task, TASKS)
        one_of("--scale", self.scale, SCALES)


@Parameter(name="*", group=NETWORK)
@dataclass(frozen=True)
class NetworkOptions:
    hidden: str = "128,64"
    "Units of each hidden layer, separated by commas; 0 for none."
    activation: str = "relu"
    "relu, gelu, tanh, leakyrelu=0.2, …: any activation layer, with its setting."
    dropout: float = 0.2
    "After each hidden layer."
    layer_norm: Annotated[bool, Parameter(negative="")] = False
    "Normalise each hidden layer before its activation."
    init: str | None = None
    "Initial weights: henormal, glorotuniform, normal=0.01, …"
    loss: str | None = None
    "softmaxcrossentropy (=0.1 smooths) or meansquarederror by default; huber=0.5, quantileloss=0.9 …"
    dtype: str = "float32"
    "float32 or float64."

    def layers(self, n_out: int) -> list[Layer]:
        weights = {"weights": make("--init", self.init, INITIALIZERS)} if self.init else {}
        activations = {name: kind for name, kind in LAYERS.items() if kind not in (Dense, Dropout, LayerNorm)}
        activation = make("--activation", self.activation, activations)
        require_number("--dropout", self.dropout, 0.0, 1.0)
        layers: list[Layer] = []
        for units in self.units():
            layers += [Dense(units, **weights), *([LayerNorm()] if self.layer_norm else []), activation]
            layers += [Dropout(self.dropout)] if self.dropout else []
        return [*layers, Dense(n_out, **weights)]

    def units(self) -> list[int]:
        if self.hidden.strip() in ("0", ""):
            return []
        try:
            units = [int(part) for part in self.hidden.split(",")]
        except ValueError:
            raise InputError(f"--hidden: expected numbers separated by commas, got {self.hidden!r}") from None
        for count in units:
            require_count("--hidden", count)
        return units


@Parameter(name="*", group=TRAINING)
@dataclass(frozen=True)
class TrainingOptions:
    optimizer: str = "adamw"
    "sgd, adagrad, rmsprop, adam or adamw."
    lr: float | None = None
    "Learning rate; 0.002 below 2,000 training rows, 0.001 from there on; 0.1 for sgd."
    momentum: float = 0.9
    "For sgd."
    nesterov: Annotated[bool, Parameter(negative="")] = False
    "Nesterov's momentum, for sgd."
    schedule: str | None = None
    "constant, cosine or exponential; cosine without validation rows, else constant."
    warmup: Whole = 0
    "Steps over which the learning rate rises at the start."
    weight_decay: float | None = None
    "Decoupled, for any optimizer; 0.3 below 2,000 training rows, 0.01 from there on."
    clip_norm: float | None = None
    "Largest norm of the whole gradient."
    l2: float = 0.0
    "Penalty l2/2·ΣW², part of the loss."
    l1: float = 0.0
    "Penalty l1·Σ|W|, part of the loss."
    batch_size: OptionalWhole = None
    "Rows of a step; 32 below 2,000 training rows, 128 from there on."
    epochs: OptionalWhole = None
    "Passes over the training rows, at most; 2,000 steps' worth below 2,000 training rows, 100 from there on."
    patience: Whole = PATIENCE_STEPS
    "Optimizer steps without a better validation loss after which training stops."
    class_weight: str | None = None
    "balanced: every class counts the same."
    metric: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative="")] = ()
    "More metrics to follow: balanced_accuracy, f1_macro, mean_absolute_error, …"
    seed: Whole = 0
    "Of the split, the weights, the order and dropout."
    threads: OptionalWhole = None
    "Of the training: exactly so many; by default what the work is worth and the process may use."

    def check(self) -> None:
        one_of("--schedule", self.schedule, SCHEDULES)
        one_of("--class-weight", self.class_weight, ("balanced",))
        for name in self.metric:
            one_of("--metric", name, METRICS)
        require_count("--seed", self.seed, least=0)
        if self.seed >= 2**64:
            raise InputError(f"--seed: expected a whole number below 2**64, got {self.seed}")
        require_count("--warmup", self.warmup, least=0)
        require_count("--patience", self.patience)
        if self.threads is not None:
            require_count("--threads", self.threads, most=MOST_THREADS)
        if self.epochs is not None:
            require_count("--epochs", self.epochs)
        if self.batch_size is not None:
            require_count("--batch-size", self.batch_size)


@dataclass(frozen=True)
class Recipe:
    """How one problem is trained: settings with their defaults filled in."""

    optimizer: Optimizer
    batch_size: int
    epochs: int
    patience: int | None  # steps; None where no rows are held out for it

    def __str__(self) -> str:
        optimizer = self.optimizer
        decay = f", weight decay {optimizer.weight_decay:g}" if optimizer.weight_decay else ""
        until = "" if self.patience is None else f", until {self.patience:,} steps bring nothing better"
        rate = f"{optimizer.lr:g}" if isinstance(optimizer.lr, float) else repr(optimizer.lr)
        return (
            f"{type(optimizer).__name__}, learning rate {rate}{decay}, batches of {self.batch_size}, "
            f"{counted(self.epochs, 'epoch')}{until and ' at most'}{until}"
        )


def recipe(options: TrainingOptions, problem: Problem) -> Recipe:
    n, options_kind = len(problem.train), find("--optimizer", options.optimizer, OPTIMIZERS)
    require_fitting("--metric", options.metric, problem.task)
    small = n < SMALL
    batch = options.batch_size if options.batch_size is not None else min(n, 32 if small else 128)
    if batch > n:
        raise InputError(f"--batch-size: expected at most {n:,}, the number of training rows, got {batch}")
    steps = math.ceil(n / batch)
    default_epochs = math.ceil(SMALL_STEPS / steps) if problem.valid is None else 100
    epochs = options.epochs if options.epochs is not None else default_epochs
    sgd = options_kind is OPTIMIZERS["SGD"]
    lr = options.lr if options.lr is not None else (0.1 if sgd else 0.002 if small else 0.001)
    decay = options.weight_decay if options.weight_decay is not None else (0.0 if sgd else 0.3 if small else 0.01)
    settings: dict[str, Any] = {"momentum": options.momentum, "nesterov": options.nesterov} if sgd else {}
    schedule = options.schedule or ("cosine" if problem.valid is None else "constant")
    rate = _rate(schedule, lr, epochs * steps, options.warmup)
    optimizer = options_kind(lr=rate, weight_decay=decay, clip_norm=options.clip_norm, **settings)
    return Recipe(optimizer, batch, epochs, None if problem.valid is None else options.patience)


def linear_optimizer(plan: Recipe, problem: Problem) -> Optimizer:
    """For the linear model, whose loss has one minimum: Adam with a rate that gets there in as many epochs."""
    steps = plan.epochs * math.ceil(len(problem.train) / plan.batch_size)
    return Adam(CosineDecay(0.02, steps) if plan.patience is None else 0.001)


def _rate(schedule: str, lr: float, steps: int, warmup: int) -> LearningRate:
    require_number("--lr", lr)
    rate: LearningRate = lr
    if schedule == "cosine":
        rate = CosineDecay(lr, steps)
    elif schedule == "exponential":
        rate = ExponentialDecay(lr, 0.01 ** (1 / steps))  # to a hundredth at the end
    return Warmup(rate, warmup) if warmup else rate


def build_network(options: NetworkOptions, training: TrainingOptions, problem: Problem) -> Network:
    """The network for the problem, its target set."""
    dtype = find("--dtype", options.dtype, {"float32": np.float32, "float64": np.float64})
    loss = make("--loss", options.loss, LOSSES) if options.loss else problem.default_loss
    target, n_out = problem.fit_target(loss)
    n_in = problem.encoder.n_features
    net = Network(options.layers(n_out), loss, n_in, training.seed, dtype, l2=training.l2, l1=training.l1)
    net.target = target
    return net
