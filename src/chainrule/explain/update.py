"""The optimizer's step: every parameter before, its step, after."""

from __future__ import annotations

import ast
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explain import lines as text_of
from chainrule.explain.symbols import Symbol
from chainrule.explain.trace import Step
from chainrule.plan import Slot

if TYPE_CHECKING:
    from chainrule.explain.build import Builder


def add_update(b: Builder) -> None:
    state, optimizer = b.net.state, b.optimizer
    same = state.optimizer == type(optimizer).__name__ and len(state.moments) == optimizer.n_moments
    step = state.step if same or state.optimizer is None else 0
    moments = state.moments.astype(np.float64) if same else np.zeros((optimizer.n_moments, b.plan.size))
    before = moments.copy()
    after, grads = b.params.copy(), b.grads.copy()
    optimizer.apply(after, grads, moments, b.plan.n_decay, optimizer.scalars(step))
    for i, slots in enumerate(b.parameters):
        shows = [_parameter(b, slot, after, before, step) for slot in slots]
        if shows:
            names = " and ".join(b.trace.tensors[slot.label].name for slot in slots)
            b.trace.walk.append(Step(shows[0], "update", f"Update {names}", tuple(shows), i + 1))


def _parameter(b: Builder, slot: Slot, after: Any, before: Any, step: int) -> str:
    """The lines of the optimizer for one parameter; each assignment makes a new array."""
    tensor = b.trace.tensors[slot.label]
    key, label = f"{slot.label}_after", slot.label
    b.add(key, Symbol(tensor.symbol.letter, tensor.symbol.number, after=True), slot.view(after), tensor.rows,
          tensor.columns, kind=tensor.kind)  # fmt: skip
    names = {"p": label, "g": f"d{label}"} | _scalars(b, step)
    memory = [name for name, _ in text_of.assignments(b.optimizer.math) if name != "p"]
    for name, moment in zip(memory, before):
        symbol = Symbol(name, tensor.symbol.number)
        names[name] = b.add(f"{name}_{label}", symbol, slot.view(moment), tensor.rows, tensor.columns,
                            kind=tensor.kind, shown=False)  # fmt: skip
    lines = text_of.assignments(b.optimizer.lines(len(slot.shape) > 1, _clips(b)))
    between = {"p": (f"{label}_decayed", tensor.symbol.letter), "g": (f"d{label}_clipped", "g")}
    for number, (name, text) in enumerate(lines):
        own = text_of.rename(text, names)
        target, letter = between.get(name, (f"{name}_{label}_after", name))
        if number == len(lines) - 1:
            target = key
        else:
            b.add(target, Symbol(f"{letter}′", tensor.symbol.number), text_of.evaluate(own, b.names), tensor.rows,
                  tensor.columns, kind=tensor.kind, shown=False)  # fmt: skip
        b.equation(target, own, f"{name} = {text}", type(b.optimizer).__name__)
        names[name] = target
    return key


def _clips(b: Builder) -> bool:
    return b.optimizer.clip_norm is not None and _norm(b) > b.optimizer.clip_norm


def _norm(b: Builder) -> float:
    return sqrt(float(np.dot(b.grads, b.grads)))


def _scalars(b: Builder, step: int) -> dict[str, str]:
    optimizer = b.optimizer
    values = {name: value for name, value in vars(optimizer).items() if isinstance(value, int | float)}
    values |= {"lr": optimizer.scalars(step)[0], "t": step + 1, "norm": _norm(b)}
    texts = [text for _, text in text_of.assignments(optimizer.lines(True, _clips(b)))]
    used = {node.id for text in texts for node in ast.walk(text_of.parse(text)) if isinstance(node, ast.Name)}
    return {name: b.scalar("t_step" if name == "t" else name, value) for name, value in values.items()
               if not isinstance(value, bool) and name in used}  # fmt: skip
