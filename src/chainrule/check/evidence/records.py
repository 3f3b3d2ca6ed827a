"""A record as it is judged: with the loss that a step returned, its weights the way round that makes a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chainrule.check.evidence.draws import draws_of
from chainrule.check.reference.infer import EXACT, SINGLE, Finding, references


def settings_of(reading: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The way of handing over targets whose loss is recognised, else the first."""
    settings = [_oriented(_with_step_loss(setting)) for setting in reading["settings"]]
    known = [s for s in settings if (finding := _finding(s)) is not None and finding.loss]
    return (known or settings)[:1]


def _with_step_loss(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The record with the loss of its step: where it makes a network known here, or where it is of one update.

    The loss of a call that makes several updates is that of one of them, or their sum.
    """
    inner = {key: _with_step_loss(record[key]) for key in ("fewer rows", "one row") if record.get(key)}
    record = {**record, **inner}
    if any(draw["loss"] is not None or draw["step loss"] is None for draw in record["draws"]):
        return record
    draws = [{**draw, "loss": draw["step loss"]} for draw in record["draws"]]
    other = {**record, "draws": draws, "numeric": record["step numeric"]}
    finding = _finding(other)
    if finding is None or not finding.loss:
        return record if {"fewer rows", "one row"} & set(record) else other
    absolute = "absolute" in finding.spec.form.name  # shows how far the training is
    return record if absolute and (plain := _finding(record)) is not None and plain.out else other


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
