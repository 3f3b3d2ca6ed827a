"""Their gradient beside that of a reference that was asked for: a network, or a loss of (predictions, targets)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.evidence.draws import draws_of
from chainrule.check.evidence.steps import step_draws
from chainrule.check.reference.forms import ACTIVATIONS, FORMS, LINKS, SCALES, Form, Scale
from chainrule.check.reference.infer import close
from chainrule.check.reference.passes import Penalty, Spec, forward, gradients
from chainrule.check.report.diagnosis import Asked, Diagnosis
from chainrule.errors import InputError
from chainrule.layers import Dense, Layer
from chainrule.losses import (
    BinaryCrossEntropy,
    HalfSquaredError,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network

AGREE, AGREE_NUMERIC, AGREE_SINGLE = 1e-8, 1e-5, 1e-4  # of a tensor's largest entry

STEP = 1e-3  # of the differences of a loss function, combined with half of it


def given_spec(reference: Any) -> Spec | None:
    """A Network as the reference knows it; None for no reference and for a loss function. InputError for others."""
    if reference is None or (callable(reference) and not isinstance(reference, (Network, Loss, type))):
        return None
    if not isinstance(reference, Network):
        raise InputError(f"reference: expected a chainrule Network or a function of (p, t), got {reference!r}")
    if reference.objective.l1:
        raise InputError("reference: an l1 penalty cannot be compared here")
    acts: list[list[Layer]] = []
    for layer in reference.layers:
        if isinstance(layer, Dense):
            acts.append([])
        elif layer in ACTIVATIONS and acts and not acts[-1]:
            acts[-1].append(layer)
        else:
            raise InputError(f"reference: expected dense layers with one activation each, got {layer!r}")
    link, form, scale = _end(reference.loss, acts[-1])
    l2 = reference.objective.l2
    penalty = Penalty(l2 / 2, per_row=reference.objective.by_batch) if l2 else None
    return Spec(tuple(a[0] if a else None for a in acts[:-1]), link, form, scale, penalty)


def _end(loss: Loss, last: list[Layer]) -> tuple[Any, Form, Scale]:
    links = {link.name: link for link in LINKS}
    forms = {form.name: form for form in reversed(FORMS) if not form.epsilon and form.mistake is None}
    known = {
        SoftmaxCrossEntropy: ("softmax", "cross-entropy", 0),
        BinaryCrossEntropy: ("sigmoid", "binary cross-entropy", 0),
        MeanSquaredError: ("", "squared error", 2), HalfSquaredError: ("", "squared error", 4),
        MeanAbsoluteError: ("", "absolute error", 2),
    }  # fmt: skip
    if type(loss) not in known or getattr(loss, "smoothing", False):
        raise InputError(f"reference: {loss!r} cannot be compared here; give the loss as a function of (p, t)")
    own, form, scale = known[type(loss)]
    called = {"Sigmoid()": "sigmoid", "Tanh()": "tanh", "ReLU()": "ReLU"}
    name = own or (called.get(repr(last[0]), "") if last else "identity")
    if (own and last) or name not in links:
        raise InputError(f"reference: {last[0]!r} before {loss!r} cannot be compared here")
    return links[name], forms[form], SCALES[scale]


def require_pass(
    judged: Sequence[tuple[Diagnosis, Mapping[str, Any] | None]], check: Diagnosis
) -> tuple[Diagnosis, Mapping[str, Any]]:
    """The pass that stands beside a gradient check. InputError where there is none to compare with a reference."""
    for found, record in judged:
        if record is not None:
            return found, record
    raise InputError(f"reference: {check.subject} has no gradient of its own to compare with it; leave it out")


def beside(reference: Any, found: Diagnosis, record: Mapping[str, Any]) -> Asked:
    """Their gradient beside the reference's, at their parameters and rows."""
    draw = draws_of(record, record["draws"][:1], record["transposed"])[0]
    spec = given_spec(reference)
    name = str(spec) if spec is not None else f"the loss {getattr(reference, '__name__', 'that was given')}"
    theirs = found.theirs if found.convention else draw.grads
    if not theirs or record["moves"]:
        stepped, rate = step_draws(record)
        share = (found.rate or 1.0) if rate is None else 1.0
        theirs = {n: g / share for n, g in stepped[0].grads.items()} if stepped else {}
    if not theirs:
        return Asked(name, False, "there is no gradient of yours to compare")
    if spec is not None and spec.depth != draw.depth:
        return Asked(name, False, f"it has {spec.depth} dense layers, yours has {draw.depth}")
    numeric = spec is None
    if spec is None:
        if found.spec is None:
            return Asked(name, False, "what your network computes is not known here, so there is nothing to compare")
        whole = Scale("as given", lambda n, cells, k: 1.0)
        spec = replace(found.spec, form=_form(reference), scale=whole, penalty=None)
    if draw.out is not None and not numeric:
        trace = forward(spec, draw)
        if not any(close(draw.out, value, AGREE_SINGLE) for value in (trace.o, trace.z[-1])):
            return Asked(name, False, "your predictions are not that network's at the same parameters")
    single = bool(record["draws"][0]["single"])
    room = AGREE_NUMERIC if numeric else AGREE_SINGLE if single else AGREE
    return _compare(name, theirs, gradients(spec, draw), room)


def _compare(name: str, theirs: Mapping[str, Array], right: Mapping[str, Array], room: float) -> Asked:
    pairs = {n: (g.reshape(right[n].shape), right[n]) for n, g in theirs.items() if g.size == right[n].size}
    if len(pairs) < len(theirs):
        bad = next(n for n in theirs if n not in pairs)
        return Asked(name, False, f"{bad}: yours has shape {theirs[bad].shape}, right is {right[bad].shape}")
    off = {n: float(abs(a - b).max()) for n, (a, b) in pairs.items() if not abs(a - b).max() <= room * abs(b).max()}
    if not off:
        return Asked(name, True)
    left, right_ = (np.concatenate([pair[i].ravel() for pair in pairs.values()]) for i in (0, 1))
    factor = float(left @ right_ / (right_ @ right_))
    same = all(abs(a - factor * b).max() <= room * abs(a).max() for a, b in pairs.values())
    worst = max(off, key=lambda n: off[n])
    a, b = pairs[worst]
    at = tuple(int(i) for i in np.unravel_index(int(np.argmax(abs(a - b))), a.shape))
    why = f"{worst}[{', '.join(map(str, at))}]: yours {a[at]:.9g}, asked for {b[at]:.9g}"
    return Asked(name, False, why, factor if same else None)


def _form(function: Callable[..., Any]) -> Form:
    """A loss function of (p, t) as a form: its value, and its derivative by differences."""

    def value(o: Array, t: Array) -> float:
        try:
            return float(function(o, t))
        except Exception as error:
            raise InputError(f"reference: the loss function failed: {type(error).__name__}: {error}") from None

    def slope(o: Array, t: Array) -> Array:
        found = np.empty_like(o)
        for index in np.ndindex(o.shape):
            step = STEP * min(1.0, float(abs(o[index])) or 1.0)

            def central(h: float, index: tuple[int, ...] = index) -> float:
                up, down = o.copy(), o.copy()
                up[index] += h
                down[index] -= h
                return (value(up, t) - value(down, t)) / (2 * h)

            found[index] = (4 * central(step / 2) - central(step)) / 3
        return found

    return Form("as given", lambda o, t: np.array([[value(o, t)]]), slope, ())
