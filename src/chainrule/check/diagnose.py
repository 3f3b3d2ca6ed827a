"""Which mistake is in this hand-written backward pass? Probes, a reference, and the cheapest rule that fits."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chainrule.check.evidence.records import settings_of
from chainrule.check.given import own_rows, require_mapping, split
from chainrule.check.probing.process import probe
from chainrule.check.report.diagnosis import VERDICTS, Diagnosis
from chainrule.check.verdict.asked import beside, given_spec, require_pass
from chainrule.check.verdict.judging import judge, judge_check
from chainrule.check.verdict.small import small_draw


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
    judged = [(judge(r, s, wanted, until), s) for r in evidence["readings"] for s in settings_of(r)]
    checks: list[tuple[Diagnosis, Mapping[str, Any] | None]]
    checks = [(judge_check(evidence["checks"]), None)] if evidence["checks"] else []
    judged = [pair for pair in judged if pair[0].reference != "none"] or judged
    found, record = min([*judged, *checks], key=lambda p: (VERDICTS.index(p[0].verdict), -len(p[0].mistakes)))
    if record is None:
        return found if reference is None else replace(found, asked=beside(reference, *require_pass(judged, found)))
    found = replace(found, small=small_draw(record, found))
    return found if reference is None else replace(found, asked=beside(reference, found, record))
