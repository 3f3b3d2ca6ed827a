"""Learning rates over time. A schedule is a function of `step`, the number of updates already made, in float64."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TypeAlias

from chainrule.errors import require_count, require_number
from chainrule.settings import Settings, settings


class Schedule(Settings, ABC):
    @abstractmethod
    def __call__(self, step: int) -> float: ...


@settings
class Constant(Schedule):
    """lr."""

    lr: float

    def __post_init__(self) -> None:
        require_number("Constant(lr)", self.lr)

    def __call__(self, step: int) -> float:
        return self.lr


@settings
class InverseTimeDecay(Schedule):
    """lr / (1 + decay·step)."""

    lr: float
    decay: float

    def __post_init__(self) -> None:
        require_number("InverseTimeDecay(lr)", self.lr)
        require_number("InverseTimeDecay(decay)", self.decay)

    def __call__(self, step: int) -> float:
        return self.lr / (1 + self.decay * step)


@settings
class StepDecay(Schedule):
    """lr · factor^⌊step / every⌋."""

    lr: float
    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        require_number("StepDecay(lr)", self.lr)
        require_count("StepDecay(every)", self.every)
        require_number("StepDecay(factor)", self.factor)

    def __call__(self, step: int) -> float:
        return self.lr * self.factor ** (step // self.every)


@settings
class ExponentialDecay(Schedule):
    """lr · factor^step."""

    lr: float
    factor: float

    def __post_init__(self) -> None:
        require_number("ExponentialDecay(lr)", self.lr)
        require_number("ExponentialDecay(factor)", self.factor)

    def __call__(self, step: int) -> float:
        return float(self.lr * self.factor**step)


@settings
class CosineDecay(Schedule):
    """Half a cosine from lr to `floor` over `steps` updates, `floor` afterwards (Loshchilov and Hutter 2017)."""

    lr: float
    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        require_number("CosineDecay(lr)", self.lr)
        require_count("CosineDecay(steps)", self.steps)
        require_number("CosineDecay(floor)", self.floor)

    def __call__(self, step: int) -> float:
        done = min(step / self.steps, 1.0)
        return self.floor + (self.lr - self.floor) * (1 + math.cos(math.pi * done)) / 2


@settings
class Warmup(Schedule):
    """Another schedule (or a number), times (step + 1)/steps until that reaches 1."""

    schedule: LearningRate
    steps: int

    def __post_init__(self) -> None:
        require_rate("Warmup(schedule)", self.schedule)
        require_count("Warmup(steps)", self.steps)

    def __call__(self, step: int) -> float:
        return rate_at(self.schedule, step) * min((step + 1) / self.steps, 1.0)


LearningRate: TypeAlias = float | Schedule


def rate_at(lr: LearningRate, step: int) -> float:
    return lr(step) if callable(lr) else float(lr)


def require_rate(name: str, lr: LearningRate) -> None:
    if isinstance(lr, Schedule):
        return
    require_number(name, lr)


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (Constant, InverseTimeDecay, StepDecay, ExponentialDecay, CosineDecay, Warmup)
}
