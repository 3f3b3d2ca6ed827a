"""Which mistake is in this hand-written backward pass? Probes, a reference, and the cheapest rule that fits."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from chainrule.check import (  # noqa: F401 - they fill the catalogue
    batches,
    mistakes,
    observations,
    observed_checks,
    observed_factor,
    observed_steps,
)
from chainrule.check.blind import without_reference
from chainrule.check.case import Case
from chainrule.check.deciding import MANY_REFERENCES, decide, unread
from chainrule.check.diagnosis import VERDICTS, Diagnosis
from chainrule.check.evidence import case_of, step_draws
from chainrule.check.given import (
    beside,
    depth_of,
    given_spec,
    own_rows,
    require_mapping,
    require_pass,
    small_draw,
    split,
)
from chainrule.check.infer import EXACT, SINGLE, Finding, draws_of, references
from chainrule.check.process import probe
from chainrule.check.reference import Spec
from chainrule.check.rules import CHECKER, OBSERVATIONS
from chainrule.check.step_loss import with_step_loss
from chainrule.check.stepping import ONE_ROW, SEVERAL, UNCLEAR, UNSEEN, row_by_row
from chainrule.check.tables import probes_run

__all__ = ["Diagnosis", "diagnose", "judge", "judge_check"]


def diagnose(
    target: Any,
    X: Any = None,
    y: Any = None,
    *,
    mapping: Mapping[str, str] | None = None,
    reference: Any = None,
    seconds: float = 60.0,
) -> Diagnosis:
    """Which mistake is in a hand-written backward pass.

    Parameters
    ----------
    target : str or Path
        ``"file.py"``, ``"file.py:Name"`` or a notebook. It runs in a process of its own, for at most `seconds`; the
        search for what explains its gradient takes no longer either.
    X, y : array, optional
        Rows to use instead of those made for the purpose; y as labels, one-hot rows or values, (N,) or (N, K).
    mapping : dict, optional
        Our names to theirs, where the conventions do not find them: {"forward": "think", "W1": "alpha", "dW1": "da"}.
        InputError lists what may be named.
    reference : Network or function, optional
        What was asked for: a network of dense layers and activations, or a function of (predictions, targets) that
        gives the loss. Without it, the reference is inferred from their predictions and loss.
    """
    path, name = split(str(target))
    evidence = probe(path, name, require_mapping(mapping), seconds, own_rows(X, y))
    wanted = given_spec(reference)
    until = time.monotonic() + seconds
    judged: list[tuple[Diagnosis, Mapping[str, Any] | None]]
    judged = [(judge(r, s, wanted, until), s) for r in evidence["readings"] for s in _settings(r)]
    judged = [pair for pair in judged if pair[0].reference != "none"] or judged
    found, record = min(
        [*judged, *_checks(evidence)], key=lambda p: (VERDICTS.index(p[0].verdict), -len(p[0].mistakes))
    )
    if record is None:
        return found if reference is None else replace(found, asked=beside(reference, *require_pass(judged, found)))
    found = replace(found, small=small_draw(record, found))
    return found if reference is None else replace(found, asked=beside(reference, found, record))


def _checks(evidence: Mapping[str, Any]) -> list[tuple[Diagnosis, Mapping[str, Any] | None]]:
    return [(judge_check(evidence["checks"]), None)] if evidence["checks"] else []


def judge_check(checks: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """The verdict over gradient checks of theirs, from their answers where the gradient is known."""
    blind = Case(Finding(Spec(()), False, False), (), (), {"checks": checks})
    seen = {rule.key: said for rule in OBSERVATIONS if CHECKER in rule.probes and (said := rule.see(blind))}
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    names = ", ".join(str(check["name"]) for check in checks)
    known = "functions whose gradients are known"
    verdict = "wrong" if rules else "correct"
    return Diagnosis(f"the gradient check {names}", verdict, known, None, rules, seen, probes=(CHECKER,))


def _settings(reading: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The way of handing over targets whose loss is recognised, else the first."""
    settings = [_oriented(with_step_loss(setting, _finding)) for setting in reading["settings"]]
    known = [s for s in settings if (finding := _finding(s)) is not None and finding.loss]
    return (known or settings)[:1]


def _oriented(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record; with its weights the other way round where all are square, which hides how they are stored, and only
    so they make a network known here."""
    shapes = [record["draws"][0]["params"][name].shape for name in record["weights"]]
    if any(len(shape) != 2 or shape[0] != shape[1] for shape in shapes) or _finding(record) is not None:
        return record
    other = _turned(record)
    return record if _finding(other) is None else other


def _turned(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the weights the other way round, in the records inside it too."""
    inner = {key: _turned(value) for key, value in record.items() if isinstance(value, dict) and "transposed" in value}
    return {**record, **inner, "transposed": not record["transposed"]}


def _finding(record: Mapping[str, Any]) -> Finding | None:
    draws = draws_of(record, record["draws"], record["transposed"])
    tolerance = SINGLE if record["draws"][0]["single"] else EXACT
    return next(references(draws, tolerance), None)


def judge(
    reading: Mapping[str, Any], record: Mapping[str, Any], wanted: Spec | None = None, until: float = math.inf
) -> Diagnosis:
    """The verdict over one reading of their code in one setting; `wanted` decides where their loss does not.

    The search ends at `until` on the monotonic clock.
    """
    single = bool(record["draws"][0]["single"])
    draws = draws_of(record, record["draws"], record["transposed"])
    found = list(references(draws, SINGLE if single else EXACT))
    if wanted is not None and wanted.depth == depth_of(draws[0]) and not any(finding.loss for finding in found):
        found = [Finding(wanted, draws[0].out is not None, False)]
    subject = f"{reading['style']} ({record['layout']}, targets as {record['kind']})"
    if not found:
        alone = without_reference(subject, record, draws)
        if record.get("fewer rows") is None or alone.verdict != "no reference":
            return alone
        few = _from_fewer_rows(alone, reading, record, wanted, until)  # a loss may be that of the last update
        return alone if few.reference == "none" else few
    cases = [
        case
        for finding in found[: MANY_REFERENCES * 4]
        if (case := case_of(finding, record, draws, single)) is not None
    ]
    if not cases:
        return Diagnosis(
            subject,
            "no reference",
            str(found[0].spec),
            None,
            probes=probes_run(record),
            notes=(f"gradients: {record['notes'].get('gradients', 'none, and it makes no step')}",),
        )
    decided = decide(cases, record, until)
    if decided.verdict == "not consistent" and "fewer rows" in record:
        decided = _from_fewer_rows(decided, reading, record, wanted, until)
    elif decided.verdict == "not consistent" and "one row" in record:
        decided = _from_one_row(decided, cases, reading, record, wanted, until)
    if decided.verdict == "not consistent" and not any(finding.out or finding.loss for finding in found):
        decided = unread(decided, UNSEEN)
    return replace(decided, subject=subject)


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
