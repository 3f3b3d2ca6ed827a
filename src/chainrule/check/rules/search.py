"""The search through the catalogue: the rules that explain a gradient alone, or two at once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from chainrule.check.reference.forms import FORMS
from chainrule.check.rules.case import Case, Hypothesis, candidates, effective, pairs_of

OVER = "not searched further: the time was over; allow more with --seconds"


def without_epsilon(case: Case) -> Case:
    """An ε inside the logarithm is there for safety: a gradient that leaves it out is right too."""
    form = case.spec.form
    if not form.epsilon:
        return case
    plain = next(f for f in FORMS if f.name == form.name and not f.epsilon)
    return replace(case, finding=replace(case.finding, spec=replace(case.spec, form=plain)))


def singles(case: Case, until: float) -> list[Hypothesis]:
    """All single rules that explain it, the cheapest first."""
    variants = [case] if not case.spec.form.epsilon else [without_epsilon(case), case]
    for variant in variants:
        tried = in_time(candidates(variant), until)
        found = [fit for h in tried if (fit := variant.fits(h)) is not None and effective(variant, h)]
        if found:
            return sorted(found, key=lambda h: h.cost)
    return []


def pairs(case: Case, until: float, below: float) -> list[Hypothesis]:
    """The cheapest two that explain it together, where they cost less than `below`."""
    case = without_epsilon(case)
    alone = [h for h in in_time(candidates(case), until) if h.cost < 1.3 and effective(case, h)]
    cheap = itertools.takewhile(lambda pair: pair.cost < below, pairs_of(alone))
    for pair in in_time(cheap, until):
        if case.fits(pair, case.draws[:1]) is not None and (fit := case.fits(pair)) is not None:
            return [fit]
    return []


def in_time(hypotheses: Iterable[Hypothesis], until: float) -> Iterator[Hypothesis]:
    """Hypotheses, for as long as there is time to try them."""
    return itertools.takewhile(lambda _: time.monotonic() < until, hypotheses)
