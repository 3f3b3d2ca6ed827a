"""The verdict over cases with a reference: right as they stand, else the cheapest rule that fits, else unknown."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from chainrule.check.evidence import unusable
from chainrule.check.evidence.draws import without_gradient
from chainrule.check.reference.passes import gradients
from chainrule.check.report.diagnosis import Diagnosis
from chainrule.check.report.tables import TensorTable, notes_of, probes_run, tables, untested
from chainrule.check.rules.case import NOTHING, Case, Hypothesis, agreeing, candidates
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.check.rules.mistakes_scale import NO_UPDATE
from chainrule.check.rules.search import OVER, pairs, singles, without_epsilon
from chainrule.check.verdict.apart import tells
from chainrule.check.verdict.clipping import clipped_wrong
from chainrule.check.verdict.convention import conventions, turned_over
from chainrule.check.verdict.smoothing import smoothed
from chainrule.check.verdict.stepping import Adaptive, adaptive, at_rate, decay_of, shows_rate, without_decay
from chainrule.check.verdict.updates import Update, other_rate, remembering, shrunk_wrong, update_of

LATER = 0.15  # what each reference that comes first costs an explanation by another
SMOOTHED = "the gradient is that of smoothed targets, (1 − ε)·t + ε/K"
MANY_REFERENCES = 10  # tried with the rules where their loss does not single one out


def decide(cases: Sequence[Case], record: Mapping[str, Any], until: float) -> Diagnosis:
    """Right as it stands, else the cheapest rule, else the cheapest pair, else nothing that is known."""
    rate = record.get("said rate")
    cases = sorted(cases, key=lambda case: not shows_rate(case, rate))  # the η that they name is the likeliest
    if not cases[0].tensors:  # all of it is zero
        return _unknown(cases[0], record)
    found = _as_it_stands(cases, record) or _as_updated(cases, record) or _by_signs(cases, record)
    if found is not None:
        return found
    cases = sorted((turned_over(case) or case for case in cases), key=lambda case: -agreeing(case))
    return _by_rules(cases, record, until) or _unexplained(cases, record, until)


def _as_it_stands(cases: Sequence[Case], record: Mapping[str, Any]) -> Diagnosis | None:
    """The right gradient, or what a convention makes of it."""
    for whole in chain(cases, (other for case in cases for other in conventions(case))):
        for exact in (whole, without_epsilon(whole)):
            if (fit := exact.fits(NOTHING)) is not None:
                shown = at_rate(exact, fit)
                return _from_history(shown, record) or _right(shown, record)
    return None


def _as_updated(cases: Sequence[Case], record: Mapping[str, Any]) -> Diagnosis | None:
    """The right gradient, behind an update that changes it on purpose; or that of smoothed targets."""
    for case in cases:
        for exact in (case, without_epsilon(case)):
            if (update := update_of(exact)) is not None:
                return _updated(exact, update, record)
        if not case.finding.loss and (soft := smoothed(without_epsilon(case))) is not None:
            judged = _from_history(soft[0], record) or _right(soft[0], record)
            return replace(judged, notes=(*judged.notes, f"{SMOOTHED}, ε = {soft[1]:.6g}"))
    return None


def _by_signs(cases: Sequence[Case], record: Mapping[str, Any]) -> Diagnosis | None:
    """What the first step of an adaptive optimizer tells."""
    steps = [(case, step) for case in cases if (step := adaptive(case)) is not None]
    return _from_adaptive(*min(steps, key=lambda pair: pair[1].against), record) if steps else None


def _by_rules(cases: Sequence[Case], record: Mapping[str, Any], until: float) -> Diagnosis | None:
    """The cheapest rule, else a rule behind a clip or a decay, else the cheapest pair."""
    finite = all(np.isfinite(g).all() for g in cases[0].draws[0].grads.values())
    few = cases[:MANY_REFERENCES] if finite else []
    fitting = [(i, hypothesis) for i, case in enumerate(few) for hypothesis in singles(case, until)]
    for case in few if not fitting else []:
        if (cut := clipped_wrong(case)) is not None:
            found = _wrong(case, cut[0], [], record)
            return replace(found, notes=(*found.notes, cut[1]))
        if (shrunk := shrunk_wrong(case)) is not None:
            behind, hypothesis, update = shrunk
            found = _wrong(behind, hypothesis, [], record)
            return replace(found, decay=update.decay, notes=(*found.notes, update.said))
    below = math.inf
    for i, case in enumerate([] if fitting or _several(record) else few):
        for hypothesis in pairs(case, until, below - LATER * i):
            fitting.append((i, hypothesis))
            below = hypothesis.cost + LATER * i
    if not fitting:
        return None
    first, best = min(fitting, key=lambda pair: pair[1].cost + LATER * pair[0])
    also = [hypothesis for i, hypothesis in fitting if i == first and hypothesis is not best]
    decay, rest = decay_of(few[first], best)
    return _decayed(few[first], decay, rest, record) if decay else _wrong(few[first], best, also, record)


def _several(record: Mapping[str, Any]) -> bool:
    """Whether a call makes several updates, whose sum no pair of rules gives and no one rate."""
    return "fewer rows" in record


def _unexplained(cases: Sequence[Case], record: Mapping[str, Any], until: float) -> Diagnosis:
    """A step at a rate of its own, else nothing that is known."""
    for case in [] if _several(record) else cases:
        if why := remembering(case):
            return unread(_unknown(case, record), f"{why}; is there a factor too many in it?")
        if (update := other_rate(case)) is not None:
            return _updated(case, update, record)
    return _soft(_unknown(cases[0], record, searched=time.monotonic() < until), cases[0])


def _soft(found: Diagnosis, case: Case) -> Diagnosis:
    """Of a gradient that nothing explains: whether it is that of smoothed targets, which their loss leaves out."""
    soft = smoothed(without_epsilon(case))
    if soft is None or found.verdict == "wrong":
        return found
    note = f"{SMOOTHED}, ε = {soft[1]:.6g}, and your loss is that of the targets as they are"
    return replace(found, notes=(*found.notes, note))


def _updated(case: Case, update: Update, record: Mapping[str, Any]) -> Diagnosis:
    """Right, and what the update makes of it: shown is the gradient behind it."""
    right = [replace(draw, grads=gradients(case.spec, draw)) for draw in case.draws]
    found = _right(replace(case, draws=right, history=()), record)
    return replace(found, decay=update.decay, behind=True, notes=(*found.notes, update.said))


def _from_adaptive(case: Case, step: Adaptive, record: Mapping[str, Any]) -> Diagnosis | None:
    """What the signs of an adaptive optimizer's step tell: nothing against a pass where they are right."""
    why = step.why(case)
    if step.against == 0:
        return unread(_unknown(case, record), f"{why}, which is right in every cell")
    if step.against < 1:
        return None
    sign = next(rule for rule in RULES if rule.key == "sign")
    found = _wrong(case, Hypothesis(((sign, None),)), [], record)
    return replace(found, notes=(*found.notes, f"{why}, which is wrong in every cell"))


def _decayed(case: Case, decay: Mapping[str, float], rest: Hypothesis, record: Mapping[str, Any]) -> Diagnosis:
    """The verdict beside a decay: of a step, the same in the update and in the gradient; of a gradient without a loss,
    that of a penalty."""
    case = without_decay(case, decay)
    found = _wrong(case, rest, [], record) if rest.parts else _right(case, record)
    what = "weights and biases" if any(name[0] == "b" for name in decay) else "weights"
    size = f"λ = {max(decay.values()):.9g}"
    note = f"the step also shrinks the {what} by η·λ, {size}, which the loss does not contain"
    if not case.from_step:
        note = f"the gradient of the {what} also holds λ·W, {size}: that of ½λ·ΣW², of which no loss here tells"
    return replace(found, decay=decay, notes=(*found.notes, note))


def _from_history(case: Case, record: Mapping[str, Any]) -> Diagnosis | None:
    """Right when called afresh: is it still right on the next call of the same object?"""
    later = case.history[1:]
    if all(case.agrees(d.grads, gradients(case.spec, d), d, case.rate) for d in later):
        return None
    tried = [h for h in candidates(case) if h.parts[0][0].in_history]
    fitting = sorted((fit for h in tried if (fit := case.fits(h)) is not None), key=lambda h: h.cost)
    if fitting:
        return replace(_wrong(case, fitting[0], fitting[1:], record), tables=_later_tables(case, record))
    # a later step may differ because of the optimizer's memory, which is judged apart
    if case.from_step or observed(case):
        return None
    return replace(_unknown(case, record), tables=_later_tables(case, record))


def _later_tables(case: Case, record: Mapping[str, Any]) -> tuple[TensorTable, ...]:
    """The tensors at the first call that is not right, since the one before it is; differences are those of the first
    call, and stand beside it where it is on the same data."""
    wrong = next(d for d in case.history[1:] if not case.agrees(d.grads, gradients(case.spec, d), d, case.rate))
    first = case.draws[0]
    same = np.array_equal(wrong.X, first.X) and all(np.array_equal(first.params[n], p) for n, p in wrong.params.items())
    return tables(replace(case, draws=[wrong]), record if same else {**record, "numeric": {}})


def observed(case: Case, *, reference: bool = True, explained: bool = False) -> dict[str, str]:
    """What the evidence shows beside the numbers of the gradient; without a reference, what needs none."""
    seen = {}
    for rule in OBSERVATIONS:
        if (rule.needs_reference and not reference) or (rule.alone and explained):
            continue
        try:
            what = rule.see(case)
        except LookupError:
            continue
        if what is not None:
            seen[rule.key] = what
    return seen


def _common(case: Case, record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "subject": "", "reference": str(case.spec), "tables": tables(case, record), "probes": probes_run(record),
        "wanting": untested(case), "notes": notes_of(case, record), "theirs": dict(case.draws[0].grads),
        "spec": case.spec, "convention": case.convention, "rate": case.rate if case.from_step else None,
        "transposed": record["transposed"],
    }  # fmt: skip


def _right(case: Case, record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case, explained=True)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if any(rule.grave for rule in rules) else "unwise" if rules else "correct"
    consistent = True if case.finding.loss else None
    no_gradient = without_gradient(record, case.draws[0].grads)
    return Diagnosis(
        **_common(case, record),
        verdict=verdict,
        consistent=consistent,
        mistakes=rules,
        seen=seen,
        no_gradient=no_gradient,
        apart=tuple(record.get("left out") or ()),
    )


def _wrong(case: Case, best: Hypothesis, also: Sequence[Hypothesis], record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case, explained=True)
    if not (case.from_step or record["steps"] or record.get("optimizers")):
        seen |= {rule.key: NO_UPDATE for rule in best.rules if rule.key == "sign"}
    extra = tuple(
        rule for rule in OBSERVATIONS if rule.key in seen and rule.mistake not in [r.mistake for r in best.rules]
    )
    places = tuple(f"layer {layer + 1}" for _, layers in best.parts if layers is not None for layer in sorted(layers))
    named = {rule.key: rule for rule in best.rules}.values()  # one of them may stand in two layers
    constants = {} if best.c is None else {best.constant or "η": best.c}
    apart = tells(case, best, also)
    case = at_rate(case, best)
    known = [rule.mistake for rule in best.rules]
    fitting = {h.rules[0].key: h.rules[0] for h in also}
    others = tuple(rule for rule in fitting.values() if rule.mistake not in known or rule.key in apart)
    predicted = case.predicted(case.draws[0], best, best.c if best.c is not None else 1.0) or {}
    return Diagnosis(
        **_common(case, record), verdict="wrong", consistent=False if case.finding.loss else None,
        mistakes=(*named, *extra), seen=seen, layers=places, constants=constants, also=others, tells=apart,
        predicted=predicted,
    )  # fmt: skip


def unread(found: Diagnosis, why: str) -> Diagnosis:
    """No verdict: their step shows no gradient."""
    notes = (*found.notes, f"gradients: {why}")
    return Diagnosis(found.subject, "no reference", found.reference, None, probes=found.probes, notes=notes)


def _unknown(case: Case, record: Mapping[str, Any], *, searched: bool = True) -> Diagnosis:
    seen = observed(case, explained=not searched)  # a rule not tried yet may say more
    common = _common(case, record)
    if not searched:
        common["notes"] = (*common["notes"], OVER)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if rules else "not consistent"
    return Diagnosis(
        **common,
        verdict=verdict,
        consistent=False if case.finding.loss else None,
        mistakes=rules,
        seen=seen,
        why=unusable.said(record),
    )
