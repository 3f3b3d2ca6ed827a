"""The verdict over one reading of their code: a reference, cases, and what explains them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chainrule.check.evidence.draws import draws_of, numeric
from chainrule.check.evidence.steps import step_draws, step_history
from chainrule.check.probing.probes import CHECKER, GRADIENTS, STEP
from chainrule.check.reference.dropout import with_masks
from chainrule.check.reference.infer import EXACT, SINGLE, Finding, references
from chainrule.check.reference.passes import Draw, Spec
from chainrule.check.report.diagnosis import Diagnosis
from chainrule.check.report.tables import probes_run
from chainrule.check.rules.case import Case
from chainrule.check.rules.catalogue import OBSERVATIONS
from chainrule.check.verdict.blind import without_reference
from chainrule.check.verdict.deciding import MANY_REFERENCES, decide, unread
from chainrule.check.verdict.stepping import ONE_ROW, SEVERAL, UNCLEAR, UNSEEN, row_by_row

FLAT = (
    "the loss does not change with any parameter, so nothing can be compared with it; is it called with the "
    "predictions? Name its argument that takes them: --map out=NAME"
)


def judge(
    reading: Mapping[str, Any], record: Mapping[str, Any], wanted: Spec | None = None, until: float = math.inf
) -> Diagnosis:
    """The verdict over one reading of their code in one setting; `wanted` decides where their loss does not.

    The search ends at `until` on the monotonic clock.
    """
    single = bool(record["draws"][0]["single"])
    draws = draws_of(record, record["draws"], record["transposed"])
    if _flat(record):  # what agrees with differences of 0 is no gradient of the network's loss
        because = Diagnosis(_subject(reading, record), "no reference", "none", None, probes=probes_run(record))
        return unread(because, FLAT)
    found = list(references(draws, SINGLE if single else EXACT))
    if wanted is not None and wanted.depth == draws[0].depth and not any(finding.loss for finding in found):
        found = [Finding(wanted, draws[0].out is not None, False)]
    subject = _subject(reading, record)
    if not found:
        alone = without_reference(subject, record, draws)
        if record.get("fewer rows") is None or alone.verdict != "no reference":
            return alone
        few = _from_fewer_rows(alone, reading, record, wanted, until)  # a loss may be that of the last update
        return alone if few.reference == "none" else few
    tried = (case_of(finding, record, draws, single) for finding in found[: MANY_REFERENCES * 4])
    cases = [case for case in tried if case is not None]
    if not cases:
        known = str(found[0].spec) if found[0].out or found[0].loss else "none"
        notes = (f"gradients: {_none_because(record['notes'])}",)
        return Diagnosis(subject, "no reference", known, None, probes=probes_run(record), notes=notes)
    decided = decide(cases, record, until)
    if decided.verdict == "not consistent" and "fewer rows" in record:
        decided = _from_fewer_rows(decided, reading, record, wanted, until)
    elif decided.verdict == "not consistent" and "one row" in record:
        decided = _from_one_row(decided, cases, reading, record, wanted, until)
    if decided.verdict == "not consistent" and not any(finding.out or finding.loss for finding in found):
        decided = unread(decided, UNSEEN)
    return replace(decided, subject=subject)


def _subject(reading: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    kind = record["kind"]
    one = record["draws"][0]["t"].shape[1] == 1
    return f"{reading['style']} ({record['layout']}, targets as {'0 or 1' if one and kind == 'one-hot' else kind})"


def _flat(record: Mapping[str, Any]) -> bool:
    """Whether no parameter at all moves their loss: then it was not called with what the network gives."""
    differences = numeric(record)
    return bool(differences) and not any(array.any() for array in differences.values())


def _none_because(notes: Mapping[str, str]) -> str:
    """Why there is none: backward gave none, and no step shows one."""
    step = notes.get(STEP, "it makes no step").removeprefix("not run: ")
    return notes.get(GRADIENTS, f"none, and {step}")


def case_of(finding: Finding, record: Mapping[str, Any], draws: Sequence[Draw], single: bool) -> Case | None:
    """Gradients as they gave them, or as their steps show them."""
    draws = with_masks(draws, finding.masks)
    if draws[0].grads and not record["moves"]:
        history = with_masks(draws_of(record, record.get("history") or [], record["transposed"]), finding.masks)
        silent = tuple(n for n in draws[0].grads if not any(d.grads[n].any() for d in draws))
        return Case(finding, draws, history, record, single=single, silent=silent)
    stepped, rate = step_draws(record)
    if not stepped:
        return None
    silent = tuple(n for n in stepped[0].grads if not any(d.grads[n].any() for d in stepped))
    history = step_history(record, rate) if rate is not None else []
    return Case(finding, stepped, history, record, True, rate, single=single, silent=silent)


def judge_check(checks: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """The verdict over gradient checks of theirs, from their answers where the gradient is known."""
    blind = Case(Finding(Spec(()), False, False), (), (), {"checks": checks})
    seen = {rule.key: said for rule in OBSERVATIONS if CHECKER in rule.probes and (said := rule.see(blind))}
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    names = ", ".join(str(check["name"]) for check in checks)
    known = "functions whose gradients are known"
    verdict = "wrong" if rules else "correct"
    return Diagnosis(f"the gradient check {names}", verdict, known, None, rules, seen, probes=(CHECKER,))


def _from_fewer_rows(
    found: Diagnosis, reading: Mapping[str, Any], record: Mapping[str, Any], wanted: Spec | None, until: float
) -> Diagnosis:
    """Several updates in one call are no gradient; with as many rows as one update takes, the call shows one."""
    few = record["fewer rows"]
    if few is None:
        return unread(found, SEVERAL)
    n = len(few["draws"][0]["X"])
    note = f"one call makes several updates: {ONE_ROW if n == 1 else f'the gradient is read from calls with {n} rows'}"
    found = judge(reading, few, wanted, until)
    return replace(found, notes=(*found.notes, note))


def _from_one_row(
    found: Diagnosis, cases: Sequence[Case], reading: Mapping[str, Any], record: Mapping[str, Any],
    wanted: Spec | None, until: float,
) -> Diagnosis:  # fmt: skip
    """Where no rate can be changed, a step that one row explains may be several: right where they are the rows'."""
    one = judge(reading, record["one row"], wanted, until)
    if one.verdict not in ("correct", "unwise") or one.spec is None:
        return found
    step = step_draws(record["one row"])[0][0]
    if any(case.spec == one.spec and row_by_row(case, step) for case in cases):
        return replace(one, notes=(*one.notes, f"one call makes an update for each row: {ONE_ROW}"))
    return unread(found, UNCLEAR)
