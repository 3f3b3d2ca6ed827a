"""Which mistake is in this hand-written backward pass? Probes, a reference, and the cheapest rule that fits."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check import (  # noqa: F401 - they fill the catalogue
    mistakes,
    observations,
    observed_checks,
    observed_factor,
    observed_steps,
)
from chainrule.check.apart import tells
from chainrule.check.case import NOTHING, Case, Hypothesis, candidates, of_layer
from chainrule.check.convention import MINUS, conventions, over, turned_over, update_adds
from chainrule.check.evidence import case_of, step_draws
from chainrule.check.given import (
    Asked,
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
from chainrule.check.mistakes_scale import NO_UPDATE
from chainrule.check.process import probe
from chainrule.check.reference import Draw, Spec, gradients
from chainrule.check.rules import CHECKER, OBSERVATIONS, RULES, Observation, Rule
from chainrule.check.search import OVER, pairs, singles, without_epsilon
from chainrule.check.stepping import (
    ONE_ROW,
    SEVERAL,
    UNCLEAR,
    Adaptive,
    adaptive,
    decay_of,
    row_by_row,
    without_decay,
)
from chainrule.check.tables import DIFFERENCES, TensorTable, not_tested, notes_of, numeric, probes_run, table_of, tables

if TYPE_CHECKING:
    from chainrule.explain import Page

VERDICTS = ("wrong", "not consistent", "unwise", "correct", "no reference")
LATER = 0.15  # what each reference that comes first costs an explanation by another
MANY_REFERENCES = 10  # tried with the rules where their loss does not single one out


@dataclass(frozen=True)
class Diagnosis:
    """`verdict` is one of VERDICTS; `mistakes` are the rules that explain it, the main one first."""

    subject: str
    verdict: str
    reference: str
    consistent: bool | None  # with their own loss; None where there is none
    mistakes: tuple[Rule | Observation, ...] = ()
    seen: Mapping[str, str] = field(default_factory=dict)  # observation -> what was seen
    layers: tuple[str, ...] = ()
    constants: Mapping[str, float] = field(default_factory=dict)
    also: tuple[Rule, ...] = ()
    tells: Mapping[str, str] = field(default_factory=dict)  # key of a rule in `also` -> what data would tell it apart
    tables: tuple[TensorTable, ...] = ()
    predicted: Mapping[str, Array] = field(default_factory=dict)
    theirs: Mapping[str, Array] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    not_tested: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    spec: Spec | None = None  # the reference as data
    small: Draw | None = None  # a few rows of it with their gradients, for the page
    convention: str = ""  # what backward gives, where it is not the gradient and the update makes it right
    decay: Mapping[str, float] = field(default_factory=dict)  # tensor -> λ, where a step shrinks it by η·λ too
    asked: Asked | None = None  # beside the loss that was asked for, where a reference was given

    @property
    def numbers(self) -> list[int]:
        return [rule.mistake for rule in self.mistakes]

    @property
    def ok(self) -> bool:
        return self.verdict in ("correct", "unwise")

    def __str__(self) -> str:
        from chainrule.check.report import text

        return text(self)

    def page(self, hint: int = 4) -> Page:
        """The step with their gradients as a lane of its own: ``diagnose(file).page().save("step.html")``."""
        from chainrule.check.page import page_of

        return page_of(self, hint)


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
    known = [s for s in reading["settings"] if _finding(s) is not None and _finding(s).loss]  # type: ignore[union-attr]
    return (known or reading["settings"])[:1]


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
        return without_reference(subject, record, draws)
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
    decided = _decide(cases, record, until)
    if decided.verdict == "not consistent" and "fewer rows" in record:
        decided = _from_fewer_rows(decided, reading, record, wanted, until)
    elif decided.verdict == "not consistent" and "one row" in record:
        decided = _from_one_row(decided, cases, reading, record, wanted, until)
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


def _decide(cases: Sequence[Case], record: Mapping[str, Any], until: float) -> Diagnosis:
    """Right as it stands, else the cheapest rule, else the cheapest pair, else nothing that is known."""
    for case in cases:
        for exact in (case, without_epsilon(case)):
            if exact.fits(NOTHING) is not None:
                return _from_history(exact, record) or _right(exact, record)
    for case in cases:
        for whole in conventions(case):
            for exact in (whole, without_epsilon(whole)):
                if exact.fits(NOTHING) is not None:
                    return _from_history(exact, record) or _right(exact, record)
    steps = [(case, step) for case in cases if (step := adaptive(case)) is not None]
    if steps and (found := _from_adaptive(*min(steps, key=lambda pair: pair[1].against), record)) is not None:
        return found
    cases = [turned_over(case) or case for case in cases]
    finite = all(np.isfinite(g).all() for g in cases[0].draws[0].grads.values())
    few = cases[:MANY_REFERENCES] if finite else []
    fitting = [(i, hypothesis) for i, case in enumerate(few) for hypothesis in singles(case, until)]
    below = math.inf
    several = "fewer rows" in record  # no pair gives the sum of several updates
    for i, case in enumerate([] if fitting or several else few):
        for hypothesis in pairs(case, until, below - LATER * i):
            fitting.append((i, hypothesis))
            below = hypothesis.cost + LATER * i
    if fitting:
        first, best = min(fitting, key=lambda pair: pair[1].cost + LATER * pair[0])
        also = [hypothesis for i, hypothesis in fitting if i == first and hypothesis is not best]
        decay, rest = decay_of(few[first], best)
        return _decayed(few[first], decay, rest, record) if decay else _wrong(few[first], best, also, record)
    return _unknown(cases[0], record, searched=time.monotonic() < until)


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
    """The verdict beside the decay of a step, which is the same in the update and in the gradient."""
    case = without_decay(case, decay)
    found = _wrong(case, rest, [], record) if rest.parts else _right(case, record)
    what = "weights and biases" if any(name[0] == "b" for name in decay) else "weights"
    note = f"the step also shrinks the {what} by η·λ, λ = {max(decay.values()):.9g}, which the loss does not contain"
    return replace(found, decay=decay, notes=(*found.notes, note))


def _from_history(case: Case, record: Mapping[str, Any]) -> Diagnosis | None:
    """Right when called afresh: is it still right on the next call of the same object?"""
    later = case.history[1:]
    if all(case.agrees(d.grads, gradients(case.spec, d), d, case.rate) for d in later):
        return None
    tried = [h for h in candidates(case) if h.parts[0][0].in_history]
    fitting = sorted((fit for h in tried if (fit := case.fits(h)) is not None), key=lambda h: h.cost)
    if fitting:
        return _wrong(case, fitting[0], fitting[1:], record)
    # a later step may differ because of the optimizer's memory, which is judged apart
    return None if case.from_step or observed(case) else _unknown(case, record)


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
        "not_tested": not_tested(case), "notes": notes_of(case, record), "theirs": dict(case.draws[0].grads),
        "spec": case.spec, "convention": case.convention,
    }  # fmt: skip


def _right(case: Case, record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case, explained=True)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if any(rule.grave for rule in rules) else "unwise" if rules else "correct"
    consistent = True if case.finding.loss else None
    return Diagnosis(**_common(case, record), verdict=verdict, consistent=consistent, mistakes=rules, seen=seen)


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
    )


def without_reference(subject: str, record: Mapping[str, Any], draws: Sequence[Draw]) -> Diagnosis:
    """No known network gives their predictions or loss: the differences of their own loss decide alone."""
    differences = numeric(record)
    blind = Case(Finding(Spec((None,) * (len(record["weights"]) - 1)), False, False), draws, (), record)
    notes = tuple(f"{probe}: {why}" for probe, why in record["notes"].items())

    def compare(grads: Mapping[str, Array]) -> tuple[tuple[TensorTable, ...], bool, bool]:
        """The table, whether anything in it was compared, and whether it agrees."""
        rows = tuple(
            table_of(n, record, grads[n], right, right, of_layer(differences, n), DIFFERENCES)
            for n, right in differences.items()
            if n in grads
        )
        compared = [row for row in rows if not np.isnan(differences[row.label]).all()]
        return rows, bool(compared), all(row.worst < 1e-5 for row in compared)  # neither NaN nor another shape is

    rows, compared, alike = compare(draws[0].grads)
    if not alike and (turned := compare(over(draws[0].grads, -1.0)))[2] and update_adds(blind):
        (rows, compared, alike), notes = turned, (*notes, MINUS)
    verdict = "no reference" if not compared else "correct" if alike else "not consistent"
    consistent = None if not compared else alike
    seen = observed(blind, reference=False)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if rules else verdict
    missing = [name for name in differences if name not in draws[0].grads]
    names = [f"--map d{name}=NAME" for name in missing]
    blind_rules = [rule for rule in OBSERVATIONS if rule.needs_reference]
    names_of_rules = [rule.name for rule in RULES] + [rule.name for rule in blind_rules]
    if missing:
        notes += (f"not compared, for no gradient of them was found: {', '.join(missing)}; name it: {' '.join(names)}",)
    return Diagnosis(
        subject, verdict, "none", consistent, rules, seen, tables=rows, probes=probes_run(record), notes=notes,
        not_tested=tuple(dict.fromkeys(names_of_rules)),
    )  # fmt: skip
