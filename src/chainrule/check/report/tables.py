"""What a diagnosis shows beside its verdict: tensors next to the reference, and which probes ran."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.evidence.draws import numeric
from chainrule.check.evidence.formulas import formula_of
from chainrule.check.probing.probes import AGAIN, FORWARD, GRADIENTS, LOSS, OPTIMIZER, OTHER, REFERENCE, SECOND, STEP
from chainrule.check.reference.passes import gradients
from chainrule.check.rules.case import ROUNDING, Case, nothing, of_layer, shaped
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.check.rules.rule import Observation, Rule

EQUAL = 1e-6  # of an error: as large
SMALL = 1e-4  # of the largest gradient: what differences of a loss cannot tell to more digits


@dataclass(frozen=True)
class TensorTable:
    """One tensor of theirs beside the reference or the differences of their loss; shape and place as they have them."""

    label: str
    called: str
    shape: tuple[int, ...]
    worst: float
    where: tuple[int, ...]
    theirs: float
    right: float
    numeric: float | None
    expected: tuple[int, ...] | None = None  # the parameter's shape, where theirs is another


def tables(case: Case, record: Mapping[str, Any]) -> tuple[TensorTable, ...]:
    draw, differences = case.draws[0], numeric(record)
    right = gradients(case.spec, draw)
    return tuple(
        table_of(name, record, draw.grads[name], right[name], differences.get(name), of_layer(right, name))
        for name in draw.params
        if name in draw.grads
    )


def beside(record: Mapping[str, Any], scale: float) -> tuple[TensorTable, ...]:
    """The parameters that fit into no layer, beside the differences of their loss; `scale` is its largest."""
    first, rows = record["draws"][0], []
    for name, right in (record.get("numeric beside") or {}).items():
        if np.isnan(right).all():
            continue
        theirs = np.asarray(first["grads"][name]).reshape(right.shape)
        error = _errors(theirs, right, SMALL * scale)
        at = _worst(error, right)
        rows.append(TensorTable(name, first["called"].get(name, name), right.shape, float(error[at]), at,
                                float(theirs[at]), float(right[at]), float(right[at])))  # fmt: skip
    return tuple(rows)


def _errors(theirs: Array, right: Array, least: float = 0.0) -> Array:
    """Cell by cell, relative to the larger of the two and to no less than `least`."""
    least = max(least, 1e-13 * float(abs(right).max(initial=0.0)), 1e-300)
    with np.errstate(invalid="ignore"):  # theirs may be infinite
        relative = abs(theirs - right) / np.maximum(np.maximum(abs(theirs), abs(right)), least)
    return np.where(np.isnan(right), 0.0, relative)


def table_of(
    name: str, record: Mapping[str, Any], theirs: Array, right: Array, numeric: Array | None, scale: float,
    rounding: float = ROUNDING,
) -> TensorTable:  # fmt: skip
    """`scale` is the largest gradient of the layer: beside it, a tensor may be nothing but rounding."""
    their = _their_name(name, record)
    cells = their if " " in their else name  # several names: which are its cells
    called = record["draws"][0]["called"].get(their, cells) or "returned"
    theirs, right = shaped(theirs, right)
    if theirs.shape != right.shape:
        shape = theirs.shape[::-1] if record["transposed"] and theirs.ndim == 2 else theirs.shape
        own = record["draws"][0]["params"][their].shape
        return TensorTable(name, called, shape, float("inf"), (), float("nan"), float("nan"), None, own)
    error = _errors(theirs, right)
    if name[0] == "b" and nothing(theirs, right, scale, rounding):
        error = abs(theirs - right)
    at = _worst(error, right)
    difference = None if numeric is None or numeric.shape != right.shape else float(numeric[at])
    shape, where = _as_theirs(name, record, right.shape, at)
    return TensorTable(name, called, shape, float(error[at]), where, float(theirs[at]), float(right[at]), difference)


def _worst(error: Array, right: Array) -> tuple[int, ...]:
    """The cell with the largest error; among equals the one whose right value is the largest, for 0 shows little."""
    top = error.max()
    equals = np.isnan(error) if np.isnan(top) else error >= top * (1 - EQUAL)
    size = np.where(equals & ~np.isnan(right), abs(right), -1.0)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(size)), size.shape))


def _as_theirs(
    name: str, record: Mapping[str, Any], shape: tuple[int, ...], at: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape that a tensor has in their code, and where one of its cells is there."""
    first, their = record["draws"][0], _their_name(name, record)
    own = np.shape(first["params"][their] if record["moves"] else first["grads"].get(their, first["params"][their]))
    if name[0] == "W" and record["transposed"] and len(own) == 2:
        return shape[::-1], at[::-1]
    if math.prod(own) != math.prod(shape):
        return shape, at
    return own, tuple(int(i) for i in np.unravel_index(int(np.ravel_multi_index(at, shape)), own))


def _their_name(name: str, record: Mapping[str, Any]) -> str:
    names = record["weights"] if name[0] == "W" else record["biases"]
    return str(names[int(name[1:]) - 1])


def probes_run(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Those that gave something."""
    first, ran = record["draws"][0], []
    ran += [FORWARD] if first["out"] is not None else []
    ran += [LOSS] if first["loss"] is not None else []
    ran += [GRADIENTS] if first["grads"] and not record["moves"] else []
    given = bool(first["grads"]) and not record["moves"]
    stepped = [call for call in record.get("step history") or [] if call["rate"] is not None]
    calls = len(record.get("history") or []) if given else 1 + len(stepped)  # a step on other data shows both
    ran += [AGAIN] if calls > 1 else []
    ran += [OTHER] if calls > 2 else []
    ran += [SECOND] if len(record["draws"]) > 2 and first["grads"] else []
    ran += [STEP] if record["steps"] or record["moves"] else []
    return (*ran, *([OPTIMIZER] if record.get("optimizers") else []))


def untested(case: Case, *, reference: bool = True) -> dict[str, str]:
    """Rules that could not be tried here, and what they needed: a probe that did not run, or what they say."""
    ran = set(probes_run(case.record)) | ({GRADIENTS} if case.from_step else set())
    everything: list[Rule | Observation] = [*RULES, *OBSERVATIONS]
    found: dict[str, str] = {}
    for rule in everything:
        if not reference and getattr(rule, "needs_reference", True):
            need: str | None = REFERENCE
        else:
            missing = [probe for probe in rule.probes if probe not in ran and getattr(rule, "instead", None) not in ran]
            need = missing[0] if missing else _lacking(rule, case)
        if need is not None:
            found.setdefault(rule.name, need)
    return found


def _lacking(rule: Rule | Observation, case: Case) -> str | None:
    """What an observation asks for in vain, though its probes ran."""
    try:
        if isinstance(rule, Observation):
            rule.see(case)
    except LookupError as error:
        return str(error.args[0])
    return None


def notes_of(case: Case, record: Mapping[str, Any]) -> tuple[str, ...]:
    seen = (STEP, GRADIENTS) if record["moves"] else ()  # their step showed both
    notes = [f"{probe}: {why}" for probe, why in record["notes"].items() if probe not in seen]
    notes += ["their code computes in float32: compared at 1e-5 of each tensor's maximum"] if case.single else []
    notes += [case.convention] if case.convention else []
    notes += [f"their step divided by the η that was found, {case.rate:.9g}"] if case.solved else []
    notes += [
        f"{optimizer['name']}: its steps are none of the formulas known here, so its slips are not tested"
        for optimizer in record.get("optimizers") or []
        if formula_of(optimizer) is None
    ]
    notes += (
        [f"{', '.join(case.silent)} never change" if case.from_step else f"{', '.join(case.silent)}: all zero"]
        if case.silent
        else []
    )
    return tuple(notes)
