"""A diagnosis in words, as much as is asked for: 0 verdict, 1 a cell, 2 a question, 3 the mistake, 4 all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from chainrule.check.probing.probes import CHECKER
from chainrule.check.report import undecided, untested
from chainrule.check.report.tables import TensorTable
from chainrule.check.rules.search import OVER

if TYPE_CHECKING:
    from chainrule.check.report.diagnosis import Diagnosis

HINTS = (0, 1, 2, 3, 4)
SAID = {
    "correct": "The gradient is right.",
    "unwise": "The gradient is right for this network, but something in it is unwise.",
    "wrong": "The pass is wrong.",
    "not consistent": "The gradient is not the derivative of the loss, and no known mistake explains it.",
}
TURNED = " Your weights are (units, inputs); the page shows them transposed."
ALONE = "the differences of your own loss alone: no network known here gives that loss"


def text(d: Diagnosis, hint: int = 4) -> str:
    """The report at one level of hints."""
    lines = [d.subject, verdict(d)]
    if hint >= 1:
        lines += [_consistency(d, hint), *_asked(d, hint), *_cell(d)]
    if hint == 2 and d.mistakes:
        lines += ["", *(f"Ask yourself: {rule.question}" for rule in d.mistakes)]
    if hint >= 3:
        for rule in d.mistakes:
            said = d.seen.get(rule.key) or rule.sentence
            lines += ["", f"Mistake {rule.mistake}: {rule.name}{_where(d)}", f"  {said}"]
            lines += [f"  yours: {rule.formula}", f"  right: {rule.right}", f"  {rule.change}"] if hint >= 4 else []
        lines += [f"  {name} = {value:.12g}" for name, value in d.constants.items()]
    if hint >= 4:
        lines += _rest(d)
    return "\n".join(lines)


def verdict(d: Diagnosis) -> str:
    """The verdict in a sentence."""
    if d.probes == (CHECKER,):
        return "The gradient check is wrong." if d.mistakes else "The gradient check is right on every function tried."
    if d.verdict == "wrong" and d.consistent and {rule.mistake for rule in d.mistakes} == {17}:
        return "The gradient is right, the optimizer is not."
    if d.verdict in ("correct", "unwise") and d.no_gradient:
        return f"What was found of the gradient is right; none was found for {' and '.join(d.no_gradient)}."
    if d.verdict in ("correct", "unwise") and d.apart:
        return f"What was compared of the gradient is right; {' and '.join(d.apart)} could not be compared."
    if d.verdict == "correct" and d.reference == "none":
        return "The gradient is the derivative of the loss."
    if d.verdict == "no reference":
        return undecided.said(d)
    if d.verdict == "not consistent" and d.why:
        return d.why
    if d.verdict == "not consistent" and OVER in d.notes:
        return "The gradient is not the derivative of the loss; the search for the mistake was not finished."
    return SAID[d.verdict]


def headline(d: Diagnosis, hint: int = 4) -> str:
    """One line for the head of the page."""
    turned = TURNED if d.transposed else ""
    if hint < 3 or not d.mistakes:
        return " ".join([verdict(d), *([rule.question for rule in d.mistakes] if hint == 2 else [])]) + turned
    said = "; ".join(f"mistake {rule.mistake}, {rule.name}" for rule in d.mistakes)
    change = f" {d.mistakes[0].change}" if hint >= 4 else ""
    return f"{verdict(d)[:-1]}: {said}{_where(d)}.{change}{turned}"


def _where(d: Diagnosis) -> str:
    return f" ({', '.join(d.layers)})" if d.layers else ""


def _consistency(d: Diagnosis, hint: int) -> str:
    """What it was compared with. Below 3 without the loss's name, which can give an unwise piece away."""
    shown = f": {d.reference}" if hint >= 3 else ""
    if d.reference == "none":
        return f"compared with {ALONE}" if d.consistent is not None or d.tables else "compared with nothing"
    if d.probes == (CHECKER,):
        return f"compared with {d.reference}"
    if d.consistent is None:
        return f"compared with the network that its predictions show{shown}; no loss of yours was found to compare"
    return f"{'consistent' if d.consistent else 'not consistent'} with its own loss{shown}"


def _asked(d: Diagnosis, hint: int) -> list[str]:
    """Beside the reference that was given."""
    if d.asked is None:
        return []
    shown = f" ({d.asked.reference})" if hint >= 3 else ""
    if d.asked.agrees:
        return [f"the gradient of the loss that was asked for{shown}"]
    why = d.asked.why
    if d.asked.factor is not None and hint >= 3:
        why = f"all of it is {d.asked.factor:.6g} times what was asked for; a sum against a mean is a convention"
    return [f"not the gradient of the loss that was asked for{shown}: {why}"]


def worst(d: Diagnosis) -> TensorTable | None:
    """The tensor with the largest error, where there is one that counts."""
    if d.verdict in ("correct", "unwise") or not d.tables:
        return None
    row = max(d.tables, key=_size)
    return None if row.worst < 1e-9 else row


def _size(row: TensorTable) -> tuple[float, float]:
    """How large its error is; among equals, how large the value that is right there."""
    if math.isnan(row.worst) or math.isinf(row.worst):
        return math.inf, 0.0 if math.isnan(row.right) else abs(row.right)
    return float(f"{row.worst:.6g}"), abs(row.right)


def _cell(d: Diagnosis) -> list[str]:
    row = worst(d)
    if row is None:
        return []
    if row.expected is not None:
        return [f"{row.called}: yours has shape {row.shape}, that of the parameter is {row.expected}"]
    at = f"[{', '.join(map(str, row.where))}]" if row.where else ""
    return [f"{row.called}{at}: yours {row.theirs:.9g}, right {row.right:.9g}"]


def _rest(d: Diagnosis) -> list[str]:
    lines = ["", table(d.tables)] if d.tables else []
    if any(getattr(rule, "in_history", False) for rule in d.mistakes):
        right = worst(d) is None
        which = ", which is right; the mistake shows on the next" if right else " that is not right"
        lines.append(f"The table is of the first call{which}.")
    for rule in d.also:
        said = f": {d.tells[rule.key]}" if rule.key in d.tells else ""
        lines.append(f"This fits as well: {rule.name} (mistake {rule.mistake}){said}")
    lines.append(f"probes that ran: {', '.join(d.probes) or 'none'}")
    return [*lines, *untested.lines(d), *(f"note: {note}" for note in untested.notes(d))]


def table(rows: tuple[TensorTable, ...]) -> str:
    """One line a tensor: shape, worst relative error, where, theirs, right, numeric."""
    cells = [("tensor", "yours", "shape", "worst error", "where", "theirs", "right", "numeric")]
    for row in rows:
        shape = "×".join(map(str, row.shape)) or "1"
        numeric = "" if row.numeric is None or math.isnan(row.numeric) else f"{row.numeric:.6g}"
        where, error = str(list(row.where)) if row.where else "", f"{row.worst:.1e}"
        if row.expected is not None:
            cells.append((row.label, row.called, shape, "shape", "", "", "", ""))
        else:
            cells.append((row.label, row.called, shape, error, where, f"{row.theirs:.6g}", f"{row.right:.6g}", numeric))
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["  ".join(f"{cell:{'<' if i < 2 else '>'}{widths[i]}}" for i, cell in enumerate(row)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def as_json(d: Diagnosis, hint: int = 4) -> dict[str, Any]:
    """Everything but the arrays, as plain JSON; what a lower hint does not tell is null or empty, under the same keys.

    subject, verdict, ok, said; consistent_with_own_loss, reference, asked_for {reference, agrees, why, factor};
    cell {tensor, yours, where, theirs, right}; questions;
    mistakes [{mistake, key, name, sentence, seen, formula, right, change}], layers, constants, also, tells {key: data};
    tensors [{label, called, shape, worst, where, theirs, right, numeric}], probes, not_tested, needs {probe: names},
    notes. NaN is null.
    """
    row = worst(d) if hint >= 1 else None
    cell = row and {"tensor": row.label, "yours": row.called} | {
        n: getattr(row, n) for n in ("where", "theirs", "right")
    }
    asked = d.asked and {n: getattr(d.asked, n) for n in ("reference", "agrees", "why", "factor")}
    every = ("mistake", "key", "name", "sentence", "formula", "right", "change")
    hidden = () if hint >= 4 else ("formula", "right", "change")
    mistakes = [
        {name: None if name in hidden else getattr(rule, name) for name in every} | {"seen": d.seen.get(rule.key)}
        for rule in d.mistakes
    ]
    needs = {probe: [rule.name for rule in rules] for probe, rules in untested.needs(d).items()}
    found = {
        "subject": d.subject, "verdict": d.verdict, "ok": d.ok, "said": verdict(d),
        "consistent_with_own_loss": d.consistent if hint >= 1 else None,
        "reference": d.reference if hint >= 3 else None, "asked_for": asked if hint >= 3 else None,
        "cell": cell, "questions": [rule.question for rule in d.mistakes] if hint >= 2 else [],
        "mistakes": mistakes if hint >= 3 else [], "layers": d.layers if hint >= 3 else [],
        "constants": d.constants if hint >= 3 else {}, "also": [rule.key for rule in d.also] if hint >= 4 else [],
        "tells": d.tells if hint >= 4 else {},
        "tensors": [vars(row) for row in d.tables] if hint >= 4 else [],
        "probes": d.probes, "not_tested": d.not_tested if hint >= 4 else None, "needs": needs if hint >= 4 else None,
        "notes": d.notes if hint >= 4 else [],
    }  # fmt: skip
    plain: dict[str, Any] = _finite(found)
    return plain


def _finite(value: Any) -> Any:
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
