"""Which mistake is in this hand-written backward pass? Probes, a reference, and the cheapest rule that fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check import mistakes, observations, observed_checks, observed_steps  # noqa: F401 - they fill the catalogue
from chainrule.check.case import NOTHING, Case, Hypothesis, candidates, effective, pairs_of, shaped
from chainrule.check.dropout import with_masks
from chainrule.check.infer import EXACT, SINGLE, Finding, draws_of, references
from chainrule.check.probe import probe
from chainrule.check.reference import Draw, Spec, gradients
from chainrule.check.rules import CHECKER, GRADIENTS, OBSERVATIONS, OPTIMIZER, RULES, Observation, Rule
from chainrule.errors import InputError

VERDICTS = ("wrong", "not consistent", "unwise", "correct", "no reference")
MANY_REFERENCES = 10  # tried with the rules where their loss does not single one out


@dataclass(frozen=True)
class TensorTable:
    """One tensor of theirs beside the reference or the differences of their loss."""

    label: str
    called: str
    shape: tuple[int, ...]
    worst: float
    where: tuple[int, ...]
    theirs: float
    right: float
    numeric: float | None


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
    tables: tuple[TensorTable, ...] = ()
    predicted: Mapping[str, Array] = field(default_factory=dict)
    theirs: Mapping[str, Array] = field(default_factory=dict)
    probes: tuple[str, ...] = ()
    not_tested: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[int]:
        return [rule.mistake for rule in self.mistakes]

    @property
    def ok(self) -> bool:
        return self.verdict in ("correct", "unwise")

    def __str__(self) -> str:
        from chainrule.check.report import text

        return text(self)


def diagnose(
    target: Any,
    X: Any = None,
    y: Any = None,
    *,
    mapping: Mapping[str, str] | None = None,
    seconds: float = 60.0,
) -> Diagnosis:
    """Which mistake is in a hand-written backward pass.

    Parameters
    ----------
    target : str or Path
        ``"file.py"``, ``"file.py:Name"`` or a notebook. It runs in a process of its own, for at most `seconds`.
    X, y : array, optional
        Rows to use instead of those made for the purpose; y as one-hot rows or values (N, K), or one value a row (N,).
    mapping : dict, optional
        Our names to theirs, where the conventions do not find them: {"forward": "think", "W1": "alpha"}.
    """
    path, name = split(str(target))
    own = None if X is None else (np.asarray(X, float), np.asarray(y, float))
    evidence = probe(path, name, mapping or {}, seconds, own)
    found = [judge(reading, setting) for reading in evidence["readings"] for setting in _settings(reading)]
    found = [diagnosis for diagnosis in found if diagnosis.reference != "none"] or found
    found += [judge_check(evidence["checks"])] if evidence.get("checks") else []
    return min(found, key=lambda diagnosis: (VERDICTS.index(diagnosis.verdict), -len(diagnosis.mistakes)))


def judge_check(checks: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """The verdict over gradient checks of theirs, from their answers where the gradient is known."""
    blind = Case(Finding(Spec(()), False, False), (), (), {"checks": checks})
    seen = {rule.key: said for rule in OBSERVATIONS if CHECKER in rule.probes and (said := rule.see(blind))}
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    names = ", ".join(str(check["name"]) for check in checks)
    known = "functions whose gradients are known"
    verdict = "wrong" if rules else "correct"
    return Diagnosis(f"the gradient check {names}", verdict, known, None, rules, seen, probes=(CHECKER,))


def split(target: str) -> tuple[Path, str | None]:
    """FILE[:NAME]. InputError where the file is not there."""
    file, _, name = target.partition(":") if not Path(target).exists() else (target, "", "")
    if not Path(file).exists():
        raise InputError(f"{file}: no such file")
    return Path(file), name or None


def _settings(reading: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The way of handing over targets whose loss is recognised, else the first."""
    known = [s for s in reading["settings"] if _finding(s) is not None and _finding(s).loss]  # type: ignore[union-attr]
    return (known or reading["settings"])[:1]


def _finding(record: Mapping[str, Any]) -> Finding | None:
    draws = draws_of(record, record["draws"], record["transposed"])
    tolerance = SINGLE if record["draws"][0]["single"] else EXACT
    return next(references(draws, tolerance), None)


def judge(reading: Mapping[str, Any], record: Mapping[str, Any]) -> Diagnosis:
    """The verdict over one reading of their code in one setting."""
    single = bool(record["draws"][0]["single"])
    draws = draws_of(record, record["draws"], record["transposed"])
    found = list(references(draws, SINGLE if single else EXACT))
    subject = f"{reading['style']} ({record['layout']}, targets as {record['kind']})"
    if not found:
        return without_reference(subject, record, draws)
    cases = [
        case for finding in found[: MANY_REFERENCES * 4] if (case := _case(finding, record, draws, single)) is not None
    ]
    if not cases:
        return Diagnosis(
            subject, "no reference", str(found[0].spec), None, notes=("it gives no gradients and makes no step",)
        )
    return replace(_decide(cases, record), subject=subject)


def _case(finding: Finding, record: Mapping[str, Any], draws: Sequence[Draw], single: bool) -> Case | None:
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
    return Case(finding, stepped, history, record, True, rate, single, silent)


def step_draws(record: Mapping[str, Any]) -> tuple[list[Draw], float | None]:
    """(before − after)/η of the first of their steps, or before − after where η is not known."""
    rate = record.get("rate")
    if record["moves"]:
        pairs = [(call, call["after"]) for call in record["draws"]]
    else:
        pairs = [(call, call["after"][0]) for call in record["steps"] if call["after"]]
        rate = pairs[0][0]["rate"] if pairs else None
    return _moved(pairs, rate, record), rate


def step_history(record: Mapping[str, Any], rate: float | None) -> list[Draw]:
    """Steps of one object on other data, its parameters set back in between."""
    calls = record.get("step history") or []
    return _moved([(call, call["after"][0]) for call in calls], rate, record)


def _moved(pairs: Sequence[tuple[Any, Any]], rate: float | None, record: Mapping[str, Any]) -> list[Draw]:
    calls = []
    for call, after in pairs:
        grads = {
            name: (before - value) / (rate or 1.0)
            for name, before in call["params"].items()
            if (value := after.get(name)) is not None and (value.shape == before.shape or value.ndim >= before.ndim)
        }
        calls.append({**call, "grads": grads, "out": None, "loss": None})
    return draws_of(record, calls, record["transposed"])


def _decide(cases: Sequence[Case], record: Mapping[str, Any]) -> Diagnosis:
    """Right as it stands, else the cheapest rule, else the cheapest pair, else nothing that is known."""
    for case in cases:
        for exact in (case, _without_epsilon(case)):
            if exact.fits(NOTHING) is not None:
                return _from_history(exact, record) or _right(exact, record)
    few = cases[:MANY_REFERENCES]
    for search in (_singles, _pairs):
        fitting = [(case, hypothesis) for case in few for hypothesis in search(case)]
        if fitting:
            order = {id(case): i for i, case in enumerate(few)}
            case, best = min(fitting, key=lambda pair: pair[1].cost + 0.15 * order[id(pair[0])])
            also = [h for c, h in fitting if c is case and h is not best]
            return _wrong(case, best, also, record)
    return _unknown(cases[0], record)


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


def _without_epsilon(case: Case) -> Case:
    """An ε inside the logarithm is there for safety: a gradient that leaves it out is right too."""
    form = case.spec.form
    if not form.epsilon:
        return case
    from chainrule.check.forms import FORMS

    plain = next(f for f in FORMS if f.name == form.name and not f.epsilon)
    return replace(case, finding=replace(case.finding, spec=replace(case.spec, form=plain)))


def _singles(case: Case) -> list[Hypothesis]:
    variants = [case] if not case.spec.form.epsilon else [_without_epsilon(case), case]
    for variant in variants:
        found = [fit for h in candidates(variant) if (fit := variant.fits(h)) is not None and effective(variant, h)]
        if found:
            return sorted(found, key=lambda h: h.cost)
    return []


def _pairs(case: Case) -> list[Hypothesis]:
    case = _without_epsilon(case)
    singles = [h for h in candidates(case) if h.cost < 1.3 and effective(case, h)]
    for pair in pairs_of(singles):
        if case.fits(pair, case.draws[:1]) is not None and (fit := case.fits(pair)) is not None:
            return [fit]
    return []


def observed(case: Case, *, reference: bool = True) -> dict[str, str]:
    """What the evidence shows beside the numbers of the gradient; without a reference, what needs none."""
    seen = {}
    for rule in OBSERVATIONS:
        if rule.needs_reference and not reference:
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
        "not_tested": not_tested(case), "notes": _notes(case, record), "theirs": dict(case.draws[0].grads),
    }  # fmt: skip


def _right(case: Case, record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if any(rule.grave for rule in rules) else "unwise" if rules else "correct"
    consistent = True if case.finding.loss else None
    return Diagnosis(**_common(case, record), verdict=verdict, consistent=consistent, mistakes=rules, seen=seen)


def _wrong(case: Case, best: Hypothesis, also: Sequence[Hypothesis], record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case)
    extra = tuple(
        rule for rule in OBSERVATIONS if rule.key in seen and rule.mistake not in [r.mistake for r in best.rules]
    )
    places = tuple(f"layer {layer + 1}" for _, layers in best.parts if layers is not None for layer in sorted(layers))
    constants = {} if best.c is None else {best.constant or "η": best.c}
    others = tuple(h.rules[0] for h in also if h.rules[0].mistake not in [r.mistake for r in best.rules])
    predicted = case.predicted(case.draws[0], best, best.c if best.c is not None else 1.0) or {}
    return Diagnosis(
        **_common(case, record), verdict="wrong", consistent=False if case.finding.loss else None,
        mistakes=(*best.rules, *extra), seen=seen, layers=places, constants=constants, also=others, predicted=predicted,
    )  # fmt: skip


def _unknown(case: Case, record: Mapping[str, Any]) -> Diagnosis:
    seen = observed(case)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if rules else "not consistent"
    return Diagnosis(
        **_common(case, record),
        verdict=verdict,
        consistent=False if case.finding.loss else None,
        mistakes=rules,
        seen=seen,
    )


def without_reference(subject: str, record: Mapping[str, Any], draws: Sequence[Draw]) -> Diagnosis:
    """No known network gives their predictions or loss: the differences of their own loss decide alone."""
    numeric = _numeric(record)
    rows = tuple(
        _table(name, record, draws[0].grads[name], right, right)
        for name, right in numeric.items()
        if name in draws[0].grads
    )
    compared = [row for row in rows if np.isfinite(row.worst)]
    verdict = (
        "no reference" if not compared else "correct" if max(row.worst for row in compared) < 1e-5 else "not consistent"
    )
    consistent = None if not compared else verdict == "correct"
    blind = Case(Finding(Spec((None,) * (len(record["weights"]) - 1)), False, False), draws, (), record)
    seen = observed(blind, reference=False)
    rules = tuple(rule for rule in OBSERVATIONS if rule.key in seen)
    verdict = "wrong" if rules else verdict
    notes = ("no network of the kinds known here gives their loss: only differences of that loss were compared",)
    return Diagnosis(
        subject, verdict, "none", consistent, rules, seen, tables=rows, probes=probes_run(record), notes=notes,
        not_tested=(*(rule.name for rule in RULES), *(rule.name for rule in OBSERVATIONS if rule.needs_reference)),
    )  # fmt: skip


def _numeric(record: Mapping[str, Any]) -> dict[str, Array]:
    given = record.get("numeric") or {}
    if not given:
        return {}
    call = {**record["draws"][0], "grads": given}
    return dict(draws_of(record, [call], record["transposed"])[0].grads)


def tables(case: Case, record: Mapping[str, Any]) -> tuple[TensorTable, ...]:
    draw, numeric = case.draws[0], _numeric(record)
    right = gradients(case.spec, draw)
    return tuple(
        _table(name, record, draw.grads[name], right[name], numeric.get(name))
        for name in draw.params
        if name in draw.grads
    )


def _table(name: str, record: Mapping[str, Any], theirs: Array, right: Array, numeric: Array | None) -> TensorTable:
    called = record["draws"][0]["called"].get(_their_name(name, record), name)
    theirs, right = shaped(theirs, right)
    if theirs.shape != right.shape:
        return TensorTable(name, called, theirs.shape, float("inf"), (), float("nan"), float("nan"), None)
    largest = np.maximum(np.maximum(abs(theirs), abs(right)), 1e-13 * abs(right).max(initial=1e-300) + 1e-300)
    error = np.where(np.isnan(right), 0.0, abs(theirs - right) / largest)
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
    difference = None if numeric is None or numeric.shape != right.shape else float(numeric[where])
    return TensorTable(
        name, called, right.shape, float(error[where]), where, float(theirs[where]), float(right[where]), difference
    )


def _their_name(name: str, record: Mapping[str, Any]) -> str:
    names = record["weights"] if name[0] == "W" else record["biases"]
    return str(names[int(name[1:]) - 1])


def probes_run(record: Mapping[str, Any]) -> tuple[str, ...]:
    first, ran = record["draws"][0], []
    ran += ["forward"] if first["out"] is not None else []
    ran += ["loss"] if first["loss"] is not None else []
    ran += ["gradients"] if first["grads"] and not record["moves"] else []
    ran += ["gradients again"] if len(record.get("history") or []) > 1 else []
    ran += ["gradients on other data"] if len(record.get("history") or []) > 2 else []
    ran += ["gradients at a second batch size"] if len(record["draws"]) > 2 and first["grads"] else []
    ran += ["one step"] if record["steps"] or record["moves"] else []
    return (*ran, *([OPTIMIZER] if record.get("optimizers") else []))


def not_tested(case: Case) -> tuple[str, ...]:
    """Rules whose probes did not run here, or that cannot show on this network."""
    ran = set(probes_run(case.record)) | ({GRADIENTS} if case.from_step else set())
    everything: list[Rule | Observation] = [*RULES, *OBSERVATIONS]
    missing = [rule.name for rule in everything if not set(rule.probes) <= ran]
    return tuple(dict.fromkeys(missing))


def _notes(case: Case, record: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"{probe}: {why}" for probe, why in record["notes"].items()]
    notes += ["their code computes in float32: compared at 1e-5 of each tensor's maximum"] if case.single else []
    notes += (
        [f"{', '.join(case.silent)} never change" if case.from_step else f"{', '.join(case.silent)}: all zero"]
        if case.silent
        else []
    )
    return tuple(notes)
