"""One case: what their code gave, with the reference that it agrees with, ready for rules to be tried on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.probing.probes import STEP
from chainrule.check.reference.infer import Finding
from chainrule.check.reference.passes import Draw, Fault, Spec, gradients
from chainrule.check.rules.rule import RULES, Rule

TIGHT = 1e-9  # float64: a cell relative to itself
SINGLE = 1e-5  # float32: relative to the tensor's maximum
EPS = float(np.finfo(np.float64).eps)
ROUNDING = 256 * EPS  # of a tensor's maximum: cells below it have no digits


@dataclass(frozen=True)
class Hypothesis:
    """Rules at layers (all of them where None), and the constant that was solved for."""

    parts: tuple[tuple[Rule, frozenset[int] | None], ...]
    c: float | None = None

    @property
    def cost(self) -> float:
        return sum(rule.cost + (0.2 if layers is not None else 0.0) for rule, layers in self.parts)

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(rule for rule, _ in self.parts)

    @property
    def constant(self) -> str:
        return next((rule.constant for rule in self.rules if rule.constant), "")

    def faults(self, c: float) -> list[Fault]:
        return [Fault(place, wrong, layers, c) for rule, layers in self.parts for place, wrong in rule.lines.items()]


@dataclass(frozen=True)
class Case:
    """`draws` hold their gradients; from a step they are -Δ/η, or -Δ where η is not known (`rate` None).

    `history` holds consecutive calls of the same object; `silent` are tensors that have no gradient or never move.
    """

    finding: Finding
    draws: Sequence[Draw]
    history: Sequence[Draw] = ()
    record: Mapping[str, Any] = field(default_factory=dict)
    from_step: bool = False
    rate: float | None = None
    solved: bool = False  # `rate` is what their step showed, for their code does not name it
    single: bool = False
    silent: tuple[str, ...] = ()
    convention: str = ""  # how `draws` hold their gradients, where not as backward gave them

    @property
    def spec(self) -> Spec:
        return self.finding.spec

    @property
    def tensors(self) -> list[str]:
        """Those that can be compared."""
        return [name for name in self.draws[0].params if name in self.draws[0].grads and name not in self.silent]

    def predicted(
        self, draw: Draw, hypothesis: Hypothesis, c: float, previous: Draw | None = None
    ) -> dict[str, Array] | None:
        """Gradients as this hypothesis has them; None where its shapes do not fit or a name is not known."""
        try:
            return gradients(self.spec, draw, hypothesis.faults(c), previous)
        except (ValueError, LookupError, IndexError, AttributeError, TypeError):
            return None

    def agrees(self, theirs: Mapping[str, Array], ours: Mapping[str, Array], draw: Draw, rate: float | None) -> bool:
        """Every tensor, cell by cell."""
        return all(
            (name[0] == "b" and nothing(theirs[name], ours[name], of_layer(ours, name)))
            or not self.differing(theirs[name], ours[name], draw.params[name], rate).any()
            for name in self.tensors
        )

    def differing(self, theirs: Array, ours: Array, param: Array, rate: float | None = None) -> Array:
        """Which cells of theirs are not ours. From a step, the digits that the subtraction cost are allowed for."""
        theirs, ours = shaped(theirs, ours)
        if theirs.shape != ours.shape:
            return np.ones(theirs.shape, bool)
        largest = max(abs(theirs).max(initial=0.0), abs(ours).max(initial=0.0))
        with np.errstate(all="ignore"):
            if self.single:
                room = np.full(ours.shape, SINGLE * largest)
            else:
                room = TIGHT * np.maximum(abs(theirs), abs(ours)) + ROUNDING * largest
            if self.from_step:
                room = room + 8 * EPS * abs(param).max(initial=0.0) / abs(rate or 1.0)
            return ~(abs(theirs - ours) <= room)

    def fits(self, hypothesis: Hypothesis, draws: Sequence[Draw] | None = None) -> Hypothesis | None:
        """The hypothesis with its constants, where it gives their gradients on every draw; else None."""
        pairs = self.calls(hypothesis, self.draws if draws is None else draws)
        if not pairs:
            return None
        if self.from_step and self.rate is None:
            return self._fits_any_rate(hypothesis, pairs)
        c = self._solve(hypothesis, pairs) if hypothesis.constant else 1.0
        if c is None:
            return None
        for draw, previous in pairs:
            ours = self.predicted(draw, hypothesis, c, previous)
            if ours is None or not self.agrees(draw.grads, ours, draw, self.rate):
                return None
        if hypothesis.constant and self._is_right(hypothesis, c, pairs[0]):
            return None  # with the right constant in it, the line is right
        return replace(hypothesis, c=c if hypothesis.constant else None)

    def _is_right(self, hypothesis: Hypothesis, c: float, pair: tuple[Draw, Draw | None]) -> bool:
        draw, previous = pair
        ours, right = self.predicted(draw, hypothesis, c, previous), self.predicted(draw, NOTHING, 1.0)
        return ours is not None and right is not None and self.agrees(ours, right, draw, self.rate)

    def calls(self, hypothesis: Hypothesis, draws: Sequence[Draw]) -> list[tuple[Draw, Draw | None]]:
        if any(rule.in_history for rule in hypothesis.rules):
            return list(zip(self.history[1:], self.history[:-1]))
        return [(draw, None) for draw in draws]

    def _solve(self, hypothesis: Hypothesis, pairs: Sequence[tuple[Draw, Draw | None]]) -> float | None:
        """The constant by least squares, refined where the gradients are not linear in it (Gauss-Newton)."""
        if hypothesis.constant == "η" and self.rate is not None:
            return self.rate
        c = 0.0
        for _ in range(8):
            moved = self._newton(hypothesis, pairs, c)
            if moved is None:
                return None
            if abs(moved - c) <= 1e-15 * abs(moved):
                break
            c = moved
        return c if np.isfinite(c) and abs(c) > 1e-12 else None

    def _newton(self, hypothesis: Hypothesis, pairs: Sequence[tuple[Draw, Draw | None]], c: float) -> float | None:
        top = bottom = 0.0
        for draw, previous in pairs:
            here = self.predicted(draw, hypothesis, c, previous)
            there = self.predicted(draw, hypothesis, c + 1.0 if not c else c * (1 + 1e-6), previous)
            if here is None or there is None:
                return None
            h = 1.0 if not c else c * 1e-6
            for name in self.tensors:
                theirs, ours = shaped(draw.grads[name], here[name])
                if theirs.shape != ours.shape or ours.shape != there[name].shape:
                    return None
                slope = (there[name] - ours) / h
                top += float((slope * (theirs - ours)).sum())
                bottom += float((slope * slope).sum())
        return c + top / bottom if bottom else None

    def _fits_any_rate(self, hypothesis: Hypothesis, pairs: Sequence[tuple[Draw, Draw | None]]) -> Hypothesis | None:
        """From a step whose rate is not known: the rate that the last layer shows, the same on every draw, above 0."""
        last = f"W{self.spec.depth}"
        rate = 0.0
        for draw, previous in pairs:
            ours = self.predicted(draw, hypothesis, 0.0 if hypothesis.constant else 1.0, previous)
            if ours is None or last not in draw.grads or ours[last].shape != draw.grads[last].shape:
                return None
            if not ours[last].any():
                return None
            found = float((draw.grads[last] * ours[last]).sum() / (ours[last] ** 2).sum())
            if rate and abs(found - rate) > 1e-7 * abs(rate):
                return None
            rate = rate or found
            if hypothesis.constant:
                ours = self.predicted(draw, hypothesis, rate, previous)
            scaled = {name: rate * array for name, array in (ours or {}).items()}
            if rate <= 0 or not scaled or not self.agrees(draw.grads, scaled, draw, 1.0):
                return None
        return replace(hypothesis, c=rate)


def of_layer(grads: Mapping[str, Array], name: str) -> float:
    """The largest gradient in the layer of this tensor."""
    own = [grads[n] for n in (f"W{name[1:]}", f"b{name[1:]}") if n in grads]
    return max(float(abs(array[np.isfinite(array)]).max(initial=0.0)) for array in own)


def nothing(theirs: Array, ours: Array, scale: float, rounding: float = ROUNDING) -> bool:
    """Both are 0 but for the rounding of a sum of terms as large as `scale`: such a sum has no digits to compare."""
    return theirs.size == ours.size and all((abs(array) <= rounding * scale).all() for array in (theirs, ours))


def shaped(theirs: Array, ours: Array) -> tuple[Array, Array]:
    """The two in one shape, where they hold the same numbers in another: (1, O) beside (O,), one number beside many."""
    if theirs.size == ours.size and theirs.ndim != ours.ndim:
        return theirs.reshape(ours.shape), ours
    if ours.size == 1 and theirs.size > 1:
        return theirs, np.broadcast_to(ours.reshape(()), theirs.shape)
    return theirs, ours


NOTHING = Hypothesis(())


def agreeing(case: Case) -> int:
    """How many tensors are right as they stand; of a step whose rate is not known, up to the one of the last layer."""
    last, right = f"W{case.spec.depth}", [gradients(case.spec, draw) for draw in case.draws]
    rate, theirs = 1.0, case.draws[0].grads.get(last)
    if case.from_step and case.rate is None and theirs is not None and theirs.shape == right[0][last].shape:
        square = float((right[0][last] ** 2).sum())
        rate = float((theirs * right[0][last]).sum()) / square if square else 0.0
    return sum(
        rate > 0 and not any(case.differing(draw.grads[name], rate * ours[name], draw.params[name], case.rate).any()
        for draw, ours in zip(case.draws, right))
        for name in case.tensors
    )  # fmt: skip


def candidates(case: Case) -> Iterator[Hypothesis]:
    """Every rule that may be tried here, at every layer and at each one."""
    depth = case.spec.depth
    for rule in RULES:
        if (STEP in rule.probes and not case.from_step) or (rule.of_loss and not case.finding.loss):
            continue
        places = set(rule.lines)
        layers = list(range(depth))
        if places <= {"act", "mask"} or rule.only == "hidden":
            layers = layers[:-1]
        if places == {"dx"}:
            layers = layers[1:]
        yield Hypothesis(((rule, None),))
        if rule.every and places != {"loss"} and rule.only != "last" and len(layers) > 1:
            yield from (Hypothesis(((rule, frozenset({layer})),)) for layer in layers)


def effective(case: Case, hypothesis: Hypothesis) -> bool:
    """Whether it changes anything here; what changes nothing cannot be told from what is right."""
    for draw, previous in case.calls(hypothesis, case.draws[:1]):
        right = case.predicted(draw, NOTHING, 1.0)
        wrong = case.predicted(draw, hypothesis, 0.5, previous)
        if wrong is None or right is None:
            return False
        if not case.agrees(wrong, right, draw, None):
            return True
    return False


def pairs_of(singles: Sequence[Hypothesis]) -> list[Hypothesis]:
    """Two mistakes at once, the cheapest first; no two of the same line and layer, at most one constant."""
    found = []
    for a, b in combinations(singles, 2):
        (rule_a, layers_a), (rule_b, layers_b) = a.parts[0], b.parts[0]
        same_line = set(rule_a.lines) & set(rule_b.lines) and (
            layers_a is None or layers_b is None or layers_a & layers_b
        )
        if rule_a.multiplies and not rule_b.multiplies:
            a, b = b, a  # what multiplies comes after what replaces
        together = not same_line or ((rule_a.multiplies or rule_b.multiplies) and rule_a.mistake != rule_b.mistake)
        if together and not (rule_a.constant and rule_b.constant) and rule_a.in_history == rule_b.in_history:
            found.append(Hypothesis((*a.parts, *b.parts)))
    return sorted(found, key=lambda hypothesis: hypothesis.cost)
