"""Without a reference: no known network gives their predictions or loss, so the differences of their loss decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.naming import asking
from chainrule.check.evidence import unusable
from chainrule.check.evidence.draws import DIFFERENCES, numeric, without_gradient
from chainrule.check.evidence.formulas import adds
from chainrule.check.evidence.steps import over, same_call, step_draws
from chainrule.check.reference.infer import Finding
from chainrule.check.reference.passes import Draw, Spec
from chainrule.check.report.diagnosis import Diagnosis
from chainrule.check.report.tables import TensorTable, beside, probes_run, table_of, untested
from chainrule.check.report.undecided import APART, MISREAD, NOT_ALONG
from chainrule.check.rules.case import Case, of_layer
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.check.rules.mistakes_scale import NO_UPDATE
from chainrule.check.rules.rule import Observation, Rule
from chainrule.check.verdict.convention import MINUS, update_adds
from chainrule.check.verdict.deciding import observed

FROM_STEP = "their step is in proportion to the differences of their loss: shown divided by that one number"


def without_reference(subject: str, record: Mapping[str, Any], draws: Sequence[Draw]) -> Diagnosis:
    """No known network gives their predictions or loss: the differences of their own loss decide alone."""
    differences = numeric(record)
    nameless = Finding(Spec((None,) * (len(record["weights"]) - 1)), False, False)
    blind = Case(nameless, draws, (), record)
    step, _ = _stepped(record, draws[0], known=False)
    by_rate, rate = _stepped(record, draws[0], known=True)
    if not draws[0].grads and rate is not None:
        blind = Case(nameless, [replace(draws[0], grads=by_rate)], (), record, from_step=True, rate=rate)
    notes = tuple(f"{probe}: {why}" for probe, why in record["notes"].items())
    seen = observed(blind, reference=False)
    theirs = blind.draws[0].grads if "factor" in seen else draws[0].grads or _along(step, differences)
    rows, compared, alike = _compare(record, differences, theirs)
    if not draws[0].grads and compared:
        notes = (*notes, FROM_STEP) if alike else notes
        compared = alike or "factor" in seen  # decay, momentum or clipping may stand in a step
    opposite = _compare(record, differences, over(draws[0].grads, -1.0)) if draws[0].grads else None
    turned = not alike and opposite is not None and opposite[2]
    if turned and opposite is not None and update_adds(blind):
        (rows, compared, alike), notes = opposite, (*notes, MINUS)
    if turned and not alike:
        seen["sign"] = "" if record["steps"] or record.get("optimizers") else NO_UPDATE
    elif not turned and (climbing := _climbs(record, step, differences, alike=alike)):
        seen["climbs"] = climbing
    everything: list[Rule | Observation] = [*RULES, *OBSERVATIONS]
    rules = tuple(rule for rule in everything if rule.key in seen)
    if compared and all(theirs[row.label].shape != differences[row.label].shape for row in rows):
        compared, notes = False, (*notes, MISREAD)
    more = beside(record, _largest(differences)) if draws[0].grads and compared and not turned else ()
    rows, alike = (*rows, *more), alike and _agree(more)
    if apart := [name for name in record.get("left out") or () if name not in [row.label for row in more]]:
        compared = compared and not alike  # what agrees is a part of it
        notes += (f"{APART}{', '.join(apart)}",)
    verdict = "wrong" if rules else "no reference" if not compared else "correct" if alike else "not consistent"
    no_gradient = without_gradient(record, theirs) if verdict == "correct" else ()
    without = [name for name in differences if name not in draws[0].grads]
    notes += _missing(without, step, alike=alike or "factor" in seen)
    wanting = {
        name: need for name, need in untested(blind, reference=False).items() if name not in {r.name for r in rules}
    }
    return Diagnosis(
        subject, verdict, "none", alike if compared else None, rules, seen, tables=rows, probes=probes_run(record),
        notes=notes, why=unusable.said(record), wanting=wanting, no_gradient=no_gradient,
    )  # fmt: skip


def _missing(names: Sequence[str], step: Mapping[str, Array], *, alike: bool) -> tuple[str, ...]:
    """Why tensors are not compared."""
    if step or not names:
        return () if alike or not names else (NOT_ALONG,)
    given = asking(f"d{name}" for name in names)
    return (f"not compared, for no gradient of them was found: {', '.join(names)}; name it: {given}",)


def _compare(
    record: Mapping[str, Any], differences: Mapping[str, Array], grads: Mapping[str, Array]
) -> tuple[tuple[TensorTable, ...], bool, bool]:
    """The table, whether anything in it was compared, and whether it agrees."""
    rows = tuple(
        table_of(n, record, grads[n], right, right, of_layer(differences, n), DIFFERENCES)
        for n, right in differences.items()
        if n in grads
    )
    compared = [row for row in rows if not np.isnan(differences[row.label]).all()]
    return rows, bool(compared), _agree(compared)


def _agree(rows: Sequence[TensorTable]) -> bool:
    return all(row.worst < 1e-5 for row in rows)  # neither NaN nor another shape is


def _largest(differences: Mapping[str, Array]) -> float:
    return max(float(np.nanmax(abs(array), initial=0.0)) for array in differences.values())


def _stepped(record: Mapping[str, Any], draw: Draw, *, known: bool) -> tuple[Mapping[str, Array], float | None]:
    """Before − after of a step of theirs from this draw's parameters on its rows, over its rate where that is `known`;
    empty where there is none."""
    stepped, rate = step_draws(record, known=known)
    return next((step.grads for step in stepped if same_call(step, draw)), {}), rate


def _along(step: Mapping[str, Array], differences: Mapping[str, Array]) -> Mapping[str, Array]:
    """A step over its rate, the one number between it and the differences, where they point the same way."""
    pairs = [(step[n], right) for n, right in differences.items() if n in step and step[n].shape == right.shape]
    top = sum(float(np.nansum(theirs * right)) for theirs, right in pairs)
    bottom = sum(float(np.nansum(right * right)) for _, right in pairs)
    return over(step, top / bottom) if bottom and top > 0 else {}


def _climbs(
    record: Mapping[str, Any], step: Mapping[str, Array], differences: Mapping[str, Array], *, alike: bool
) -> str:
    """Their update goes along the differences of their loss: by a step of theirs, else by their optimizer."""
    weights = [n for n in differences if n[0] == "W" and n in step and step[n].shape == differences[n].shape]
    if weights:
        uphill = all(float(np.nansum(step[n] * differences[n])) < 0 for n in weights)
        return "after one step every weight has moved along the gradient" if uphill else ""
    adding = [str(optimizer["name"]) for optimizer in record.get("optimizers") or [] if adds(optimizer)]
    return f"{', '.join(adding)}: every step goes along the gradient that it is given" if adding and alike else ""
