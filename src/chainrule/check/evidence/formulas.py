"""The formula that gives the steps of an optimizer that is not ours: a book's, or one with a usual slip."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.probing.optimizing import STEPS, Values
from chainrule.check.probing.probes import OPTIMIZER

SAME = 1e-9  # of a tensor's largest change
EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Formula:
    """An update as a book has it, or with one of its usual slips; `wrong` names the slip."""

    kind: str
    wrong: str = ""
    epoch: int = 1  # steps for which the rate stays
    corrected: int | None = 1  # what the count of the bias correction is at the first step; None without
    inside: bool = False  # ε inside the root
    decay: str = ""  # "", "coupled", "decoupled"; on the weights alone, or with "all" on everything
    hat: bool = False  # ε beside the uncorrected root
    sign: float = 1.0  # -1 where the update adds
    rows: int = 1  # what it divides the gradient by


def formulas(kind: str, name: str, c: Mapping[str, float]) -> list[Formula]:
    """Right ones first."""
    decays = [""]
    if c.get("weight_decay"):
        decays = ["decoupled", "decoupled all", "", "coupled", "coupled all"]
    right = [Formula(kind, decay=decay) for decay in decays]
    right += [replace(f, hat=True) for f in right] if kind == "adam" else []
    faults = []
    if kind == "adam":
        faults += [replace(f, wrong="adam-uncorrected", corrected=None) for f in right]
        faults += [replace(f, wrong="adam-from-zero", corrected=0) for f in right]
    if kind in ("adam", "rmsprop", "adagrad"):
        faults += [replace(f, wrong="eps-inside", inside=True) for f in right]
    if c.get("decay"):
        faults += [replace(f, wrong="decay-per-epoch", epoch=s) for f in right for s in range(2, STEPS)]
    if "adamw" in name.lower():
        coupled = [f for f in right if f.decay.startswith("coupled")]
        right = [f for f in right if f not in coupled]
        faults = [replace(f, wrong="coupled-decay") for f in coupled] + faults
    return right + faults


def kind_of(name: str, c: Mapping[str, float]) -> str:
    words = name.lower()
    if "adagrad" in words:
        return "adagrad"
    if "rms" in words:
        return "rmsprop"
    if "adam" in words or {"beta1", "beta2"} <= set(c):
        return "adam"
    return "rmsprop" if "rho" in c else "sgd"


def after(f: Formula, c: Mapping[str, float], steps: Sequence[Mapping[str, Values]]) -> list[Values]:
    """Parameters after each step, from theirs before it and their gradients."""
    m: Values = {}
    v: Values = {}
    found = []
    for t, step in enumerate(steps):
        lr = c.get("lr", 1.0) / (1 + c.get("decay", 0.0) * (t // f.epoch))
        values = {}
        for path, w in step["before"].items():
            g = step["grads"][path] / f.rows
            shrinks = bool(f.decay) and ((w.ndim == 2 and min(w.shape) > 1) or "all" in f.decay)
            g = g + c["weight_decay"] * w if shrinks and f.decay.startswith("coupled") else g
            change = _change(f, c, path, g, t, m, v)
            values[path] = (
                w - f.sign * lr * change - (lr * c["weight_decay"] * w if shrinks and f.decay[0] == "d" else 0.0)
            )
        found.append(values)
    return found


def _change(f: Formula, c: Mapping[str, float], path: str, g: Array, t: int, m: Values, v: Values) -> Array:
    """What the rate multiplies."""
    eps = c.get("eps", 0.0)
    if f.kind == "sgd":
        m[path] = c.get("mu", 0.0) * m.get(path, np.zeros_like(g)) + g
        return m[path]
    keep = {"adam": c.get("beta2", 0.999), "rmsprop": c.get("rho", 0.9), "adagrad": 1.0}[f.kind]
    v[path] = keep * v.get(path, np.zeros_like(g)) + (1.0 if f.kind == "adagrad" else 1 - keep) * g * g
    top, bottom = g, v[path]
    if f.kind == "adam":
        b1 = c.get("beta1", 0.9)
        m[path] = b1 * m.get(path, np.zeros_like(g)) + (1 - b1) * g
        top = m[path]
        if f.corrected is not None:
            count = t + f.corrected
            top = top / np.float64(1 - b1**count)
            if f.hat:
                return top * np.sqrt(1 - keep**count) / (np.sqrt(bottom) + eps)
            bottom = bottom / np.float64(1 - keep**count)
    return top / np.sqrt(bottom + eps) if f.inside else top / (np.sqrt(bottom) + eps)


def formula_of(optimizer: Mapping[str, Any]) -> Formula | None:
    """The first formula that gives all their steps; a right one where one does. What subtracts comes first."""
    c, steps = optimizer["numbers"], optimizer["steps"]
    known = formulas(kind_of(optimizer["name"], c), optimizer["name"], c)
    with np.errstate(all="ignore"), contextlib.suppress(ValueError):  # gradients may have other shapes
        ways = [*known, *(replace(f, sign=-1.0) for f in known)]
        for f in (*ways, *(replace(f, rows=optimizer.get("rows", 1)) for f in ways)):
            if all(_same(step, values) for step, values in zip(steps, after(f, c, steps))):
                return f
    return None


def adds(optimizer: Mapping[str, Any]) -> bool:
    """Whether it adds the gradients it is given: by its formula, else by the first step, which has no memory yet."""
    formula, first = formula_of(optimizer), optimizer["steps"][0]
    moves = {path: value - first["before"][path] for path, value in first["after"].items()}
    return formula.sign < 0 if formula is not None else goes_along(moves, first["grads"])


def goes_along(moves: Mapping[str, Array], grads: Mapping[str, Array]) -> bool:
    """Whether every tensor of weights moves, and no cell of any moves against its gradient."""
    for path, g in grads.items():
        if path not in moves or moves[path].size != g.size:
            return False
        along = moves[path].ravel() * g.ravel()
        along = along[abs(g).ravel() > 1e-7 * abs(g).max(initial=0.0)]  # a gradient of nothing but rounding
        if not (along >= 0).all() or (g.ndim > 1 and along.size and not along.any()):
            return False
    return True


def _same(step: Mapping[str, Values], values: Values) -> bool:
    largest = max((abs(g).max() for g in step["grads"].values() if np.isfinite(g).all()), default=0.0)
    for path, theirs in step["after"].items():
        before, g = step["before"][path], step["grads"][path]
        if theirs.shape != values[path].shape:
            return False
        seen = ~(abs(g) < 1e-7 * largest)  # a gradient of nothing but rounding moves as it likes
        if not seen.any():
            continue
        a, b = theirs[seen], values[path][seen]
        if not np.isfinite(a).all() or not np.isfinite(b).all():
            if np.isfinite(a).any() or np.isfinite(b).any():
                return False
            continue
        room = SAME * abs(a - before[seen]).max() + 8 * EPS * abs(before).max()
        if abs(a - b).max() > room:
            return False
    return True


def findings(record: Mapping[str, Any]) -> dict[str, str]:
    """Slip -> what was seen, over all optimizers that were driven. LookupError where there were none."""
    driven = record.get("optimizers") or []
    if not driven:
        raise LookupError(OPTIMIZER)
    seen: dict[str, str] = {}
    for optimizer in driven:
        formula = formula_of(optimizer)
        if formula is not None and formula.wrong:
            at = f": the rate stays for {formula.epoch} steps" if formula.epoch > 1 else ""
            seen.setdefault(
                formula.wrong, f"{optimizer['name']}: {len(optimizer['steps'])} steps are exactly these{at}"
            )
    return seen
