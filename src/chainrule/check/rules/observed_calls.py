"""Mistakes that show beside the gradient: what a call changed, what a step left alone, what the forward is made of."""

from __future__ import annotations

import numpy as np

from chainrule.check.calling.naming import asking
from chainrule.check.evidence import unusable
from chainrule.check.evidence.draws import named
from chainrule.check.evidence.formulas import adds
from chainrule.check.evidence.steps import same_call, step_draws
from chainrule.check.probing.probes import AGAIN, BACKWARD, FORWARD, GRADIENTS, LARGE, OPTIMIZER, STEP
from chainrule.check.reference.passes import Draw, gradients
from chainrule.check.rules.case import Case
from chainrule.check.rules.permuted import order_of
from chainrule.check.rules.rule import Observation, add


def _climbs(case: Case) -> str | None:
    """Their gradient is right and their update adds it; where they have no update of their own, their optimizer."""
    if case.from_step:
        return None  # the gradient is what the step shows: its sign is a rule's
    if not (case.record.get("steps") or case.record.get("optimizers")):
        raise LookupError(STEP)
    if not case.record.get("steps"):
        adding = [str(optimizer["name"]) for optimizer in case.record["optimizers"] if adds(optimizer)]
        last = f"W{case.spec.depth}"
        theirs, ours = case.draws[0].grads.get(last), gradients(case.spec, case.draws[0])[last]
        uphill = theirs is not None and theirs.shape == ours.shape and float((theirs * ours).sum()) > 0
        climbing = adding and uphill and not case.convention
        return f"{', '.join(adding)}: every step goes along the gradient that it is given" if climbing else None
    stepped, _ = step_draws(case.record)
    climbing = [_climbing(case, draw) for draw in stepped]
    common = set.intersection(*climbing) if climbing else set()
    if "W1" in common:
        return "after one step every weight has moved along the gradient"
    if not common:
        return None
    return f"after one step the gradient has been added to {', '.join(sorted(common))}, and not to the others"


def _climbing(case: Case, step: Draw) -> set[str]:
    """Parameters that a step moves along the gradient: the first weights as a whole, others in every cell."""
    theirs = next((draw.grads for draw in case.draws if same_call(step, draw)), {})
    found: set[str] = set()
    for name, right in gradients(case.spec, step).items():
        moved = step.grads.get(name)
        own = theirs.get(name, right)  # one that is wrong may point the other way without any climbing
        if moved is None or not moved.shape == right.shape == own.shape or not moved.any():
            continue
        ways = [moved * right, moved * own]
        uphill = all(float(way.sum()) < 0 for way in ways)
        if uphill and (name == "W1" or (moved.size > 1 and all((way <= 0).all() for way in ways))):
            found.add(name)
    return found


def _frozen_bias(case: Case) -> str | None:
    """A bias that stays where it is, or of which no gradient was found, where no step shows whether it moves."""
    still = set(case.silent) | _unmoved(case)
    missing = set() if case.record["steps"] else set(case.draws[0].params) - set(case.draws[0].grads)
    frozen, lost = (_biases(case, names) for names in (still, missing - still))
    said = [f"{', '.join(frozen)}: never changes"] if frozen else []
    if lost:
        names = asking(f"d{name}" for name in lost)
        said.append(f"{', '.join(lost)}: no gradient was found; if there is one, name it: {names}")
    return "; ".join(said) or None


def _frozen_weight(case: Case) -> str | None:
    """A weight matrix that stays where it is, though the loss depends on it."""
    right = gradients(case.spec, case.draws[0])
    still = {name for name in {*case.silent, *_unmoved(case)} if name[0] == "W" and right[name].any()}
    return f"{', '.join(sorted(still))}: never changes" if still else None


def _biases(case: Case, names: set[str]) -> list[str]:
    return sorted(name for name in names if name[0] == "b" and not _one_number(case, name))


def _unmoved(case: Case) -> set[str]:
    """Parameters that no step of theirs has moved, where their steps move others."""
    found = set(named(case.record)) if case.record["steps"] else set()
    for step in case.record["steps"]:
        moved = {name: bool((after != step["params"][name]).any()) for name, after in step["after"][-1].items()
                 if name in step["params"] and after.shape == step["params"][name].shape}  # fmt: skip
        if not any(moved.values()):
            return set()
        found &= {ours for ours, name in named(case.record).items() if not moved.get(name, True)}
    return found


def _one_number(case: Case, name: str) -> bool:
    """One number for a layer of several units; where it never moves either, it is a constant of the exercise."""
    return case.draws[0].params[name].size == 1 < case.draws[0].params["W" + name[1:]].shape[1]


def _shared_bias(case: Case) -> str | None:
    shared = [n for n in case.draws[0].params if n[0] == "b" and n not in case.silent and _one_number(case, n)]
    return f"{', '.join(shared)} is one number for all units of its layer" if shared else None


def _odd(mistake: int) -> object:
    def see(case: Case) -> str | None:
        return next((odd for number, odd in case.spec.oddities if number == mistake), None)

    return see


def _changes_inputs(case: Case) -> str | None:
    calls = [*case.record["draws"], *case.record["steps"]]
    changed = sorted({name for call in calls for name in call["changed"]})
    return f"{' and '.join(changed)} is not the same after the call" if changed else None


def _overflow(case: Case) -> str | None:
    if case.record.get("shifted") is None:
        raise LookupError(LARGE)
    softmax = case.spec.link.name == "softmax"
    return (
        "with 1,000 added to every score the prediction is not finite"
        if softmax and not case.record["shifted"]
        else None
    )


def _disturbs(case: Case) -> str | None:
    """A second backward behind the same forward gives other gradients, because the first changed what it was given."""
    again, first = case.record.get("again"), case.record["draws"][0]
    disturbed = first.get("disturbed") or []
    if not again:
        raise LookupError(BACKWARD)
    if not disturbed:
        return None
    same = all(np.allclose(g, first["grads"][n], rtol=1e-9, atol=0) for n, g in again.items() if n in first["grads"])
    if same:
        return None
    doubled = all(np.allclose(g, 2 * first["grads"][n], rtol=1e-9) for n, g in again.items() if n in first["grads"])
    return None if doubled else f"a second backward gives other gradients: the first has changed {', '.join(disturbed)}"


def _draws(case: Case) -> str | None:
    """Gradients behind one forward, or at one loss, that differ because random numbers are drawn for them."""
    redrawn: str | None = case.record.get("redrawn")
    if redrawn is None or unusable.said(case.record):  # what differs in any two calls says nothing about the draw
        raise LookupError(BACKWARD)
    return redrawn or None


def _permuted(case: Case) -> str | None:
    """Whether the gradient is that of the targets in another order, which is solved for where rows have classes."""
    orders = [order_of(case, draw) for draw in case.draws]
    if any(order is None for order in orders):
        return None
    order = orders[0]
    assert order is not None
    moved = [i for i in range(len(order)) if (case.draws[0].t[i] != case.draws[0].t[order[i]]).any()]
    return f"the gradient is that of the targets in another order: rows {', '.join(map(str, moved))} have another row's target"


add(
    Observation(
        "rows-permuted", 15, "rows of X and y out of step", _permuted, "A row is compared with another row's target.", "dz = (p − ⟦t of another row⟧)/N", "dz = (p − t)/N",
        "Print the first rows of X and y where the loss is computed. Do they belong together?", "Shuffle X and y with the same order.", (GRADIENTS,),
        alone=True,
    ),
    Observation(
        "backward-draws", 16, "the backward pass draws random numbers", _draws, "The backward pass draws a mask of its own in place of the forward's; a seed does not make the two alike.",
        "dy = d(dropped) · ⟦a mask drawn in backward⟧", "dy = d(dropped) · mask, with the mask of the forward, 1/keep in it",
        "Set another seed between forward and backward. Is the gradient still the same?", "Keep the mask (with its 1/keep) in forward, multiply by the same array in backward.", (AGAIN,),
        needs_reference=False, alone=True,
    ),
    Observation(
        "climbs", 2, "sign: the update adds the gradient", _climbs, "The gradient is right, and the update goes along it: the loss grows.",
        "W ⟦+=⟧ η·dW", "W −= η·dW", "Does one step of your update make the loss smaller or larger?", "Subtract the gradient.", (GRADIENTS, STEP),
        instead=OPTIMIZER,
    ),
    Observation(
        "bias-frozen", 7, "bias never updated", _frozen_bias, "The biases stay where they began.", "db = ⟦0⟧", "db = Σ dz over the rows; b −= η·db",
        "Which of your parameters are the same before and after a step?", "Compute db and update the bias like the weights.", (GRADIENTS,),
    ),
    Observation(
        "weight-frozen", 7, "weights never updated", _frozen_weight, "The weights stay where they began, though the loss depends on them.", "dW = ⟦0⟧", "dW = xᵀ · dz; W −= η·dW",
        "Which of your parameters are the same before and after a step?", "Compute dW for every layer and update every W.", (GRADIENTS,),
    ),
    Observation(
        "bias-shared", 7, "bias shared by a layer", _shared_bias, "All units of a layer share one bias.", "b is ⟦one number⟧", "b is (O,)",
        "How many numbers is the bias of a layer of O units?", "Give each unit a bias of its own.", (FORWARD,), grave=False,
    ),
    Observation(
        "softmax-odd", 9, "softmax of the wrong thing", _odd(9), "The gradient is that of its loss, but the forward is not what was asked for.",  # type: ignore[arg-type]
        "p = ⟦softmax⟧(…)", "p = softmax(z, axis=1), once", "Which axis of your probabilities sums to 1, and how often was softmax applied?", "Apply softmax once, over the classes.", (FORWARD,), grave=False,
    ),
    Observation(
        "loss-broadcast", 15, "(N, 1) − (N,) broadcast to (N, N)", _odd(15), "The loss compares every prediction with every target.",  # type: ignore[arg-type]
        "o − ⟦t of shape (N,)⟧", "o − t, both (N, 1)", "Print the shape of the difference.", "Bring the targets into the shape of the prediction.", (FORWARD,),
    ),
    Observation(
        "no-shift", 9, "softmax without the shift by the maximum", _overflow, "The gradient is right, but the softmax overflows where scores are large.",
        "eᶻ / Σ eᶻ ⟦without z − max z⟧", "e^(z − max z) / Σ e^(z − max z)", "What is exp(1000)?", "Subtract each row's maximum before exp: the softmax is the same, and nothing overflows.", (FORWARD,), grave=False,
    ),
    Observation(
        "changes-cache", 13, "backward changes what the forward left", _disturbs, "The backward works in place on the forward's arrays.",
        "a ⟦*=⟧ …", "d = a · … in an array of its own", "Print an activation before and after backward. Is it still the same?", "Work on a copy.", (GRADIENTS,),
        needs_reference=False,
    ),
    Observation(
        "changes-inputs", 13, "the call changes its inputs", _changes_inputs, "What was handed over is not the same after the call.",
        "X ⟦−=⟧ …", "X − … in an array of its own", "Is X the same before and after the call?", "Work on a copy.", (FORWARD,),
        needs_reference=False,
    ),
)  # fmt: skip
