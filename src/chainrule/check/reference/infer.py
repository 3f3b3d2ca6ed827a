"""What does their network compute? The piece by piece search for a reference that gives their predictions and loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, product
from typing import Any

import numpy as np

from chainrule.activations import LeakyReLU
from chainrule.arrays import Array
from chainrule.check.reference.dropout import Mask, choices, with_masks
from chainrule.check.reference.forms import ACTIVATIONS, FORMS, IDENTITY, LINKS, SCALES, SIGMOID, SOFTMAX, Form, Link
from chainrule.check.reference.passes import ALL, BUT_FIRST, WEIGHTS, Draw, Penalty, Spec, forward
from chainrule.layers import Layer

EXACT = 1e-12  # of a prediction or a loss, relative: the same formula in another order
SINGLE = 2e-6  # where their code computes in float32
SLOPED = (IDENTITY, SOFTMAX, SIGMOID)  # the links behind which an unknown slope is solved for
NEWTON, NUDGE = 8, 1e-6
MANY_LAYERS = 4  # up to this many hidden layers each may have an activation of its own


@dataclass(frozen=True)
class Finding:
    """A reference, and how much of theirs it reproduces."""

    spec: Spec
    out: bool  # their predictions, or the last z
    loss: bool
    masks: Mapping[int, Mask] = field(default_factory=dict)  # dropout's, by hidden layer


def close(a: Any, b: Any, tolerance: float) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not np.isfinite(a).all() or not np.isfinite(b).all():
        return False
    return bool(abs(a - b).max(initial=0.0) <= tolerance * max(abs(a).max(initial=0.0), abs(b).max(initial=0.0)))


def references(draws: Sequence[Draw], tolerance: float = EXACT) -> Iterator[Finding]:
    """Every reference that agrees with all their predictions and losses; without either, all that make sense."""
    found = []
    for finding in _references(draws, tolerance):
        found.append(finding)
        if finding.loss:
            yield finding
    if any(finding.loss for finding in found):
        return
    if draws[0].loss is not None:
        bare = {(repr(f.spec.acts), f.spec.link.name): f.spec for f in found}  # predictions may be made without dropout
        for masks in choices(draws, draws[0].depth):
            dropped = with_masks(draws, masks)
            tried = [_with_losses(s, dropped, [s.link], True, tolerance) for s in bare.values()]
            masked = [f for findings in tried or [_references(dropped, tolerance)] for f in findings if f.loss]
            if masked:
                yield from (replace(finding, masks=masks) for finding in masked)
                return
    if any(draw.loss is None for draw in draws):  # a loss that is there and not known must not be guessed
        yield from found


def _references(draws: Sequence[Draw], tolerance: float) -> Iterator[Finding]:
    knows_loss = all(draw.loss is not None for draw in draws)
    seen = False
    for acts in chain(hidden_choices(draws[0].depth - 1, predicted=draws[0].out is not None), _leaky(draws)):
        spec = Spec(acts, LINKS[2])
        with np.errstate(all="ignore"):
            z = [forward(spec, draw).o for draw in draws]
            links = [link for link in LINKS if _gives(draws, z, link, tolerance)]
        if not links:
            continue
        for finding in _with_losses(spec, draws, links, knows_loss, tolerance):
            seen = True
            yield finding
        if seen and (draws[0].out is not None or finding.loss):
            return  # a loss to the last digits on every draw is no accident


def hidden_choices(n: int, *, predicted: bool = True) -> Iterator[tuple[Layer | None, ...]]:
    """The same activation everywhere, then one for each layer."""
    for act in ACTIVATIONS:
        yield (act,) * n
    if 1 < n <= MANY_LAYERS:
        few = ACTIVATIONS if n == 2 and predicted else ACTIVATIONS[:5]
        yield from (acts for acts in product(few, repeat=n) if len(set(map(repr, acts))) > 1)


def _leaky(draws: Sequence[Draw]) -> Iterator[tuple[Layer | None, ...]]:
    """Leaky ReLUs of any slope, the same in all hidden layers: solved for in what they predict (Gauss-Newton)."""
    hidden = draws[0].depth - 1
    theirs = np.concatenate([np.ravel(draw.out) for draw in draws if draw.out is not None] or [np.empty(0)])
    for link in SLOPED if hidden and theirs.size == sum(draw.t.size for draw in draws) else ():
        slope = 0.1
        with np.errstate(all="ignore"):
            for _ in range(NEWTON):
                here, there = (_predictions(draws, link, hidden, s) for s in (slope, slope + NUDGE))
                change = (there - here) / NUDGE
                slope += float((change * (theirs - here)).sum() / (change * change).sum())
                if not 0 < slope < 1:
                    break
        if 0 < slope < 1:
            yield from ((LeakyReLU(s),) * hidden for s in (float(f"{slope:.9g}"), slope))


def _predictions(draws: Sequence[Draw], link: Link, hidden: int, slope: float) -> Array:
    spec = Spec((LeakyReLU(slope),) * hidden, link)
    return np.concatenate([np.ravel(forward(spec, draw).o) for draw in draws])


def _gives(draws: Sequence[Draw], z: Sequence[Array], link: Link, tolerance: float) -> bool:
    """Their prediction is this link of z, or z itself (then the link is in their loss)."""
    if draws[0].out is None:
        return True
    pairs = [(draw.out, value) for draw, value in zip(draws, z) if draw.out is not None]
    as_scores = all(close(out, value, 100 * tolerance) for out, value in pairs)
    if link.name.endswith("twice"):
        once = next(other for other in LINKS if other.name == link.name.split()[0])
        as_scores = as_scores or all(close(out, once.f(value), 100 * tolerance) for out, value in pairs)
    if link is SOFTMAX:  # or its logarithm
        with np.errstate(all="ignore"):
            as_scores = as_scores or all(close(np.exp(out), link.f(value), 100 * tolerance) for out, value in pairs)
    return as_scores or all(close(out, link.f(value), 100 * tolerance) for out, value in pairs)


def _with_losses(
    spec: Spec, draws: Sequence[Draw], links: Sequence[Link], knows_loss: bool, tolerance: float
) -> Iterator[Finding]:
    has_out = draws[0].out is not None
    with np.errstate(all="ignore"):
        outputs = {link.name: [forward(replace(spec, link=link), draw).o for draw in draws] for link in links}
    if not knows_loss:
        one = draws[0].t.shape[1] == 1  # of which a softmax is 1, whatever the scores
        for link in (link for link in links if not (one and link.name.startswith("softmax"))):
            scores = not _gives(draws, outputs[link.name], IDENTITY, tolerance)  # what only an entropy is handed
            for form in (form for form in _usual(link) if not scores or "entropy" in form.name):
                for scale in SCALES[: _usual_scales(form)]:
                    if not link.odd and form.mistake is None:
                        yield Finding(replace(spec, link=link, form=form, scale=scale), has_out, False)
        return
    found = False
    for link, form in product(links, FORMS):
        if link.name not in form.links or (form.mistake == 15 and draws[0].t.shape[1] != 1):
            continue
        for candidate in _scaled(replace(spec, link=link, form=form), draws, outputs[link.name], tolerance):
            found = True
            yield Finding(candidate, has_out, True)
        if found:
            return
    if has_out:  # no loss of these: which link and activations remains to be known
        yield from (
            Finding(replace(spec, link=link, form=form, scale=scale), True, False)
            for link in links if not link.name.endswith("twice") for form in _usual(link) for scale in SCALES[:3]
        )  # fmt: skip


def _usual_scales(form: Form) -> int:
    """How many of the scales this loss is asked for with: a mean over the outputs where each stands for itself."""
    return 7 if "entropy" not in form.name else 3 if form.name.startswith("binary") else 2


def _usual(link: Link) -> list[Form]:
    """Losses that are asked for with this link, without an ε."""
    return [form for form in FORMS if form.links[0] == link.name and not (form.epsilon or form.bound)] + [
        form for form in FORMS if link.name in form.links[1:] and form.name == "squared error" and form.mistake is None
    ]


def _scaled(spec: Spec, draws: Sequence[Draw], outputs: Sequence[Array], tolerance: float) -> Iterator[Spec]:
    """The scales, then penalties, with which every loss of theirs comes out."""
    theirs = [float(draw.loss or 0.0) for draw in draws]
    with np.errstate(all="ignore"):  # a form that does not fit may leave its domain
        cells = [spec.form.cells(o, draw.t) for o, draw in zip(outputs, draws)]
    sums = [float(c.sum()) for c in cells]
    if not np.isfinite(sums).all():
        return
    for scale in SCALES:
        candidate = replace(spec, scale=scale)
        ours = [scale.factor(d.n, c.size, d.t.shape[1]) * total for d, c, total in zip(draws, cells, sums)]
        if all(abs(a - b) <= tolerance * max(abs(a), abs(b)) for a, b in zip(ours, theirs)):
            yield candidate
            return
        penalty = _penalty([a - b for a, b in zip(theirs, ours)], draws, theirs, tolerance)
        if penalty is not None:
            yield replace(candidate, penalty=penalty)
            return


def _penalty(rest: list[float], draws: Sequence[Draw], theirs: list[float], tolerance: float) -> Penalty | None:
    """What remains of the loss is c·ΣW², the same c on every draw (three of them, so that this is no accident)."""
    if len(draws) < 3 or min(rest) <= 0:
        return None
    kinds = (WEIGHTS, ALL, BUT_FIRST) if draws[0].depth == 1 < len(draws[0].params["W1"]) else (WEIGHTS, ALL)
    for over, per_row in product(kinds, (False, True)):
        unit = Penalty(1.0, over, per_row)
        c = [r / unit.value(draw) for r, draw in zip(rest, draws)]
        rounding = [tolerance * abs(value) / unit.value(draw) for value, draw in zip(theirs, draws)]
        if all(abs(other - c[0]) <= 4 * (rounding[0] + room) + 1e-9 * c[0] for other, room in zip(c[1:], rounding[1:])):
            return Penalty(c[0], over, per_row)
    return None
