"""Without a reference: no known network gives their predictions or loss, so the differences of their loss decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.case import Case, of_layer
from chainrule.check.convention import MINUS, over, update_adds
from chainrule.check.deciding import observed
from chainrule.check.diagnosis import Diagnosis
from chainrule.check.infer import Finding
from chainrule.check.reference import Draw, Spec
from chainrule.check.rules import OBSERVATIONS, RULES
from chainrule.check.tables import DIFFERENCES, TensorTable, numeric, probes_run, table_of


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
