"""What was compared and what not, where there is no verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chainrule.check.report.diagnosis import Diagnosis

NOT_ALONG = "their step is not in proportion to the differences of their loss: it shows no gradient to compare"
MISREAD = (
    "none of their gradients has the shape of its parameter: the targets are read in another way than they are meant"
)
APART = "not compared, for no layers were found that these fit into: "


def said(d: Diagnosis) -> str:
    """The verdict in a sentence."""
    if why := [note for note in d.notes if note.startswith("gradients: ")]:
        return f"Undecided: no gradient to compare. {why[0]}"
    if d.reference == "none" and "loss" in d.probes:
        return f"Undecided: {_beside_loss(d)}."
    return "Undecided: there is no loss and no known network to compare with."


def _beside_loss(d: Diagnosis) -> str:
    """How what is theirs stands beside the differences of a loss that is not known."""
    if MISREAD in d.notes:
        return "the gradients were to be compared with the differences of your loss, and none has its parameter's shape"
    if NOT_ALONG in d.notes:
        return "the step was compared with the differences of your loss, and is not in proportion to them"
    apart = [note.removeprefix(APART) for note in d.notes if note.startswith(APART)]
    if apart and d.tables:
        compared = ", ".join(row.called for row in d.tables)
        return f"the differences of your loss agree with {compared}; {apart[0]} could not be compared"
    return "no network known here gives your loss, and no gradient could be compared with its differences"
