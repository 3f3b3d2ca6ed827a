"""A diagnosis in words, as much as is asked for: 0 verdict, 1 a cell, 2 a question, 3 the mistake, 4 all."""

from __future__ import annotations

import math
from typing import Any

from chainrule.check.diagnose import Diagnosis
from chainrule.check.tables import TensorTable

HINTS = (0, 1, 2, 3, 4)
SAID = {
    "correct": "The gradient is right.",
    "unwise": "The gradient is right for this network, but something in it is unwise.",
    "wrong": "The pass is wrong.",
    "not consistent": "The gradient is not the derivative of the loss, and no known mistake explains it.",
    "no reference": "Undecided: there is no loss and no known network to compare with.",
}


def text(d: Diagnosis, hint: int = 4) -> str:
    """The report at one level of hints."""
    lines = [f"{d.subject}", SAID[d.verdict]]
    if hint >= 1:
        lines += _consistency(d)
        lines += _cell(d)
    if hint >= 2 and d.mistakes:
        lines += ["", *(f"Ask yourself: {rule.question}" for rule in d.mistakes)] if hint == 2 else []
    if hint >= 3:
        for rule in d.mistakes:
            lines += [
                "",
                f"Mistake {rule.mistake}: {rule.name}{_where(d)}",
                f"  {d.seen.get(rule.key) or rule.sentence}",
            ]
            lines += [f"  yours: {rule.formula}", f"  right: {rule.right}", f"  {rule.change}"] if hint >= 4 else []
    if hint >= 3:
        lines += [f"  {name} = {value:.12g}" for name, value in d.constants.items()]
    if hint >= 4:
        lines += _rest(d)
    return "\n".join(lines)


def _where(d: Diagnosis) -> str:
    return f" ({', '.join(d.layers)})" if d.layers else ""


def _consistency(d: Diagnosis) -> list[str]:
    if d.consistent is None:
        return [f"compared with: {d.reference}" if d.reference != "none" else "compared with nothing"]
    said = "consistent" if d.consistent else "not consistent"
    return [f"{said} with its own loss: {d.reference}"]


def _cell(d: Diagnosis) -> list[str]:
    if d.verdict in ("correct", "unwise") or not d.tables:
        return []
    worst = max(d.tables, key=lambda row: row.worst)
    if math.isinf(worst.worst) or (not worst.where and worst.shape):
        return [f"{worst.called}: shape {worst.shape}, which is not that of {worst.label}"]
    if worst.worst < 1e-9:
        return []
    return [f"{worst.called}[{', '.join(map(str, worst.where))}]: yours {worst.theirs:.9g}, right {worst.right:.9g}"]


def _rest(d: Diagnosis) -> list[str]:
    lines = ["", table(d.tables)] if d.tables else []
    if d.also:
        lines.append("These fit as well: " + "; ".join(f"{rule.name} (mistake {rule.mistake})" for rule in d.also))
    lines.append(f"probes that ran: {', '.join(d.probes) or 'none'}")
    if d.not_tested:
        lines.append(f"not tested: {'; '.join(d.not_tested)}")
    return lines + [f"note: {note}" for note in d.notes]


def table(rows: tuple[TensorTable, ...]) -> str:
    """One line a tensor: shape, worst relative error, where, theirs, right, numeric."""
    cells = [("tensor", "yours", "shape", "worst error", "where", "theirs", "right", "numeric")]
    for row in rows:
        shape = "×".join(map(str, row.shape)) or "1"
        numeric = "" if row.numeric is None else f"{row.numeric:.6g}"
        cells.append(
            (
                row.label,
                row.called,
                shape,
                f"{row.worst:.1e}",
                str(list(row.where)),
                f"{row.theirs:.6g}",
                f"{row.right:.6g}",
                numeric,
            )
        )
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths)) for row in cells)


def as_json(d: Diagnosis) -> dict[str, Any]:
    """Everything but the arrays; numbers that are not finite are left out."""
    return {
        "subject": d.subject, "verdict": d.verdict, "consistent_with_own_loss": d.consistent, "reference": d.reference,
        "mistakes": [
            {name: getattr(rule, name) for name in ("mistake", "key", "name", "formula", "right", "change")}
            | {"seen": d.seen.get(rule.key)}
            for rule in d.mistakes
        ],
        "layers": list(d.layers), "constants": dict(d.constants), "also": [rule.key for rule in d.also],
        "tensors": [_finite(vars(row)) for row in d.tables], "probes": list(d.probes),
        "not_tested": list(d.not_tested), "notes": list(d.notes),
    }  # fmt: skip


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
