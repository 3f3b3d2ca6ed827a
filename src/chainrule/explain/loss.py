"""The last stage: prediction beside target, the loss of each row, their mean, and the one division by N."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from chainrule.explain import lines as text_of
from chainrule.explain.symbols import LETTERS, Symbol
from chainrule.explain.trace import Column, Stage, Step
from chainrule.special import one_hot

if TYPE_CHECKING:
    from chainrule.explain.build import Builder


def add_loss(b: Builder) -> None:
    loss = b.net.loss
    where, axis = type(loss).__name__, b.width_axes[-1]
    names = _names(b)
    t = one_hot(b.data.t, b.net.n_out) if b.data.t.ndim == 1 else b.data.t
    b.add("t", Symbol("t"), t, "batch", axis)
    given, made = text_of.assignments(loss.math), dict[str, str]()
    columns: list[Column] = []
    for name, text in given:
        made[name] = text_of.rename(text_of.plain(text, "t", names["K"]), names)
        if name in ("loss", "dz"):
            continue
        if name == "q" and not getattr(loss, "smoothing", 0.0):
            names["q"] = "t"  # the targets as they are
            continue
        b.add(name, Symbol(LETTERS.get(name, name)), text_of.evaluate(made[name], b.names), "batch", axis)
        b.equation(name, made[name], f"{name} = {text}", where)
        names[name] = name
        columns.append(Column((name,)))
    prediction = _prediction(b, made["dz"], where)
    stated = {name: f"{name} = {text}" for name, text in given}
    gradient = _gradient(b, text_of.put(made["dz"], prediction, "p") if prediction else made["dz"], stated, where)
    _value(b, made["loss"], stated, where)
    first = Column(("p",), ("dl",)[: "dl" in gradient]) if "p" in b.trace.tensors else None
    if first is None and "dl" in gradient:
        first = Column((), ("dl",))  # of z, which is in the stage before
    order = [*([first] if first else []), Column(("t",)), *columns, Column(("l", "L"))]
    b.trace.stages.append(Stage(_title(b), tuple(order)))
    _walk(b, [c.values[0] for c in columns], gradient)


def _names(b: Builder) -> dict[str, str]:
    names = {"z": b.outputs[-1], "n": b.scalar("n", b.data.total), "K": b.scalar("K", b.net.n_out)}
    for name, value in vars(b.net.loss).items():
        names[name] = b.scalar(name, value)
    return names


def _title(b: Builder) -> str:
    words = {"SoftmaxCrossEntropy": "softmax + loss", "BinaryCrossEntropy": "sigmoid + loss"}
    return words.get(type(b.net.loss).__name__, repr(b.net.loss).removesuffix("()"))


def _prediction(b: Builder, dz: str, where: str) -> str | None:
    """Enter p = link(z) where the loss has a link; the call inside dz that computes it."""
    z = b.trace[b.outputs[-1]]
    p = b.net.loss.link(z)
    if p is z:
        return None
    b.add("p", Symbol("p"), p, "batch", b.width_axes[-1])
    call = text_of.matching(dz, p, b.names)
    if call is not None:
        b.equation("p", call, f"p = {call.replace(b.outputs[-1], 'z')}", where)
    return call


def _gradient(b: Builder, dz: str, stated: dict[str, str], where: str) -> list[str]:
    """∂ℓ/∂z of each row's own loss, then ∂L/∂z with the division by N."""
    key, n = f"d{b.outputs[-1]}", b.numbers["n"]
    own = text_of.undivided(dz, "n")
    if own is None:
        b.equation(key, dz, stated["dz"], where)
        return [key]
    symbol = b.trace.tensors[b.outputs[-1]].symbol
    b.add("dl", Symbol(symbol.letter, symbol.number, of="ℓ"), b.trace[key] * n, "batch", b.width_axes[-1],
          gradient_of=b.outputs[-1])  # fmt: skip
    b.equation("dl", own, stated["dz"], where)
    b.equation(key, f"({own}) / n", stated["dz"], where)
    return ["dl", key]


def _value(b: Builder, text: str, stated: dict[str, str], where: str) -> None:
    """ℓ of each row, then L, their mean, with the penalties."""
    z = b.trace[b.outputs[-1]]
    rows = b.net.loss.rows(z, b.data.t, np.empty_like(z))
    own, total = text_of.undivided(text, "n"), "l.sum() / n"
    if own is None and not text_of.uses(text, "n"):  # a sum over the rows, not their mean
        own, total = text, "l.sum()"
    b.add("l", Symbol("ℓ"), rows[:, None], "batch", "one")
    b.add("L", Symbol("L"), np.array([[b.trace.loss]]), "one", "one", kind="scalar")
    if own is not None:
        rowwise = text_of.by_row(own)
        positive = "p" in b.trace.tensors and b.trace["p"].min() > 0
        shown = text_of.with_predictions(rowwise, b.outputs[-1]) if positive else None
        b.equation("l", rowwise, stated["loss"], where, shown)
    penalties = "".join(_penalty(b, slot.label) for slot in b.plan.slots if len(slot.shape) == 2)
    b.equation("L", f"{total}{penalties}", stated["loss"], where)


def _penalty(b: Builder, label: str) -> str:
    l2, l1 = b.net.objective.rates(b.data.total)
    squares = f" + {b.scalar('l2', l2)} / 2 * ({label} ** 2).sum()" if l2 else ""
    return squares + (f" + {b.scalar('l1', l1)} * np.abs({label}).sum()" if l1 else "")


def _walk(b: Builder, parts: list[str], gradient: list[str]) -> None:
    stage, walk = len(b.trace.stages) - 1, b.trace.walk
    if "p" in b.trace.tensors:
        walk.append(Step("p", "loss", "The prediction", ("p",), stage))
    for key in parts:
        walk.append(Step(key, "loss", f"{type(b.net.loss).__name__}: {key}", (key,), stage))
    walk.append(Step("l", "loss", "The loss of each row", ("l",), stage))
    mean = b.trace.equations["L"].text.startswith("l.sum() / n")
    walk.append(Step("L", "loss", f"The loss: their {'mean' if mean else 'sum'}", ("L",), stage))
    if len(gradient) == 2:
        walk.append(Step("dl", "loss", "Each row’s own error", ("dl",), stage))
    title = "The division by N" if len(gradient) == 2 else "Gradient of the loss"
    walk.append(Step(gradient[-1], "loss", title, (gradient[-1],), stage))
