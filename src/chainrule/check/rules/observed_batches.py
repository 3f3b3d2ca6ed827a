"""A step over several batches in one call: does it divide by the rows of the batch, or by all that there are?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chainrule.check.evidence.draws import draws_of
from chainrule.check.evidence.steps import step_draws
from chainrule.check.probing.batches import SLOW
from chainrule.check.probing.probes import BATCHES, RATE, STEP
from chainrule.check.reference.infer import close
from chainrule.check.reference.passes import Draw, gradients, loss
from chainrule.check.rules.case import Case
from chainrule.check.rules.rule import Observation, add

NEAR = 1e-4  # of a tensor's largest change; the two answers are a factor of 2 apart


def _by_the_set(case: Case) -> str | None:
    """Two batches move the parameters by half of what their gradients say, and their loss is not halved."""
    call: Mapping[str, Any] | None = case.record.get("half batches")
    rate = case.rate if case.from_step else step_draws(case.record)[1]
    if call is None or rate is None:
        raise LookupError(BATCHES if call is None else RATE)
    start, after = (draws_of(case.record, [{**call, "params": params, "grads": {}}], case.record["transposed"])[0]
                    for params in (call["params"], {**call["params"], **call["after"]}))  # fmt: skip
    halves = _halves(start, call["size"])
    share = call["size"] / start.n
    whole = [loss(case.spec, half) for half in halves]
    if any(
        close(call["shown loss"], share * value, NEAR)
        for value in [*whole, sum(whole)]
        if call["shown loss"] is not None
    ):
        return None  # their loss is divided by all rows too
    for slower in (SLOW, 1.0):
        if _moves(case, start, after, halves, rate * slower * share) and not _moves(
            case, start, after, halves, rate * slower
        ):
            n, m = start.n, call["size"]
            by = f"divides by {n}, all the rows, and not by the batch's {m}"
            return f"with {n} rows in batches of {m}, each step {by}"
    return None


def _halves(draw: Draw, size: int) -> list[Draw]:
    return [replace(draw, X=draw.X[i : i + size], t=draw.t[i : i + size]) for i in range(0, draw.n, size)]


def _moves(case: Case, start: Draw, after: Draw, batches: list[Draw], rate: float) -> bool:
    """Whether steps at this rate, one for each batch, lead from one to the other."""
    params = dict(start.params)
    for batch in batches:
        step = gradients(case.spec, replace(batch, params=params))
        params = {name: value - rate * step[name] for name, value in params.items()}
    for name, value in params.items():
        ours, theirs = value - start.params[name], after.params[name] - start.params[name]
        if not abs(ours - theirs).max() <= NEAR * abs(ours).max():
            return False
    return True


add(
    Observation(
        "n-of-the-set", 3, "divided by the size of the whole set instead of the batch's", _by_the_set,
        "Each batch is a part of the rows, and its gradient is divided by the number of all of them.",
        "dz = (p − t)/⟦m⟧ with m the rows of the whole set", "dz = (p − t)/N with N the rows of this batch",
        "How many rows does one step see, and by how many does it divide?",
        "Divide by the number of rows in the batch, len(x_batch), which also holds for a last batch that is smaller.",
        (STEP,),
    ),
)  # fmt: skip
