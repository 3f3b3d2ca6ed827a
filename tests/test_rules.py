"""Each rule alone: what it says is recognised as itself, the right gradient is not, nor another wrong one."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from chainrule.activations import ELU, GELU, GELUTanh, LeakyReLU, ReLU, Sigmoid, SiLU, Softplus, Tanh
from chainrule.check.probing.probes import STEP
from chainrule.check.reference.forms import (
    BROADCAST,
    FORMS,
    IDENTITY,
    LINKS,
    SCALES,
    SIGMOID,
    SOFTMAX,
    SOFTMAX_BATCH,
    SQUARED,
    TANH,
)
from chainrule.check.reference.infer import Finding
from chainrule.check.reference.passes import Draw, Penalty, Spec, gradients
from chainrule.check.rules.case import NOTHING, Case, Hypothesis, candidates, effective
from chainrule.check.rules.catalogue import RULES
from chainrule.check.rules.rule import Rule, add

ENTROPY, BINARY = FORMS[0], next(form for form in FORMS if form.name == "binary cross-entropy")
TWICE = next(link for link in LINKS if link.name == "softmax twice")
WIDE, SQUARE, ONE, NARROW = (5, 4, 6, 3), (4, 4, 4, 4), (5, 4, 6, 1), (1, 4, 6, 3)
RATE = 0.37
SPECS = (
    Spec((ReLU(), ReLU()), SOFTMAX, ENTROPY),
    Spec((LeakyReLU(0.1),) * 2, SOFTMAX, ENTROPY, penalty=Penalty(0.2)),
    Spec((Sigmoid(),) * 2, SIGMOID, SQUARED),
    Spec((Tanh(),) * 2, TANH, SQUARED, SCALES[2]),
    Spec((Tanh(),) * 2, IDENTITY, SQUARED, penalty=Penalty(0.2, per_row=True)),
    Spec((ReLU(),) * 2, SOFTMAX_BATCH, ENTROPY),
    Spec((ReLU(),) * 2, TWICE, ENTROPY),
    Spec((Sigmoid(),) * 2, SIGMOID, BINARY),
    Spec((ReLU(),) * 2, IDENTITY, BROADCAST, SCALES[2]),
    *(Spec((Tanh(),) * 2, IDENTITY, form) for form in FORMS if form.name == "absolute error" or form.bound == 1.0),
    *(Spec((act,) * 2, IDENTITY, SQUARED) for act in (SiLU(), ELU(), Softplus(), GELU(), GELUTanh())),
)


def draw(widths: tuple[int, ...], seed: int, n: int, *, classes: bool) -> Draw:
    """Rows, targets and parameters, with a dropout mask behind the first layer and another that was drawn."""
    rng = np.random.default_rng(seed)
    params = {}
    for i, (a, b) in enumerate(pairwise(widths), 1):
        params[f"W{i}"], params[f"b{i}"] = rng.normal(size=(a, b)), rng.normal(size=b)
    t = (
        np.eye(widths[-1])[rng.integers(0, max(widths[-1] - 1, 1), n)]
        if classes
        else rng.uniform(0.1, 0.9, (n, widths[-1]))
    )
    masks = [(rng.random((n, widths[1])) < 0.7) / 0.7 for _ in range(2)]
    return Draw(rng.normal(size=(n, widths[0])), t, params, masks={0: masks[0]}, drawn={0: masks[1]})


def cases() -> list[Case]:
    """Networks on which, together, every rule of the catalogue can show; their gradients are right."""
    found = []
    for spec in SPECS:
        shapes = (
            (ONE,)
            if spec.form is BROADCAST
            else (WIDE, SQUARE, ONE, NARROW)
            if spec.link is SIGMOID
            else (WIDE, SQUARE)
        )
        for widths in shapes:
            classes = "entropy" in spec.form.name and widths[-1] > 1
            bare = [draw(widths, seed, n, classes=classes) for seed, n in ((0, 11), (1, 11), (2, 8))]
            draws = [replace(d, grads=gradients(spec, d)) for d in bare]
            history = [replace(d, params=draws[0].params) for d in (draws[0], draws[0], draws[1])]
            history = [replace(d, grads=gradients(spec, d)) for d in history]
            found.append(Case(Finding(spec, True, True), draws, history))
    return found


CASES = cases()


def spoiled(case: Case, hypothesis: Hypothesis, c: float) -> Case | None:
    """The case with the gradients that a hypothesis gives; None where it cannot stand there."""
    step = STEP in hypothesis.rules[0].probes
    case = replace(case, from_step=step, rate=RATE if step else None)
    draws = [case.predicted(d, hypothesis, c) for d in case.draws]
    history = list(case.history[:1])
    for d in case.history[1:]:
        grads = case.predicted(d, hypothesis, c, history[-1])
        history += [] if grads is None else [replace(d, grads=grads)]
    if hypothesis.rules[0].in_history:
        return replace(case, history=history) if len(history) == 3 else None
    if any(grads is None for grads in draws):
        return None
    return replace(case, draws=[replace(d, grads=grads) for d, grads in zip(case.draws, draws) if grads is not None])


def shown(rule: Rule) -> list[tuple[Hypothesis, Case]]:
    """Where the rule changes something: the hypothesis and the case that it spoils."""
    found = []
    for case in CASES:
        hypothesis = Hypothesis(((rule, None),))
        wrong = spoiled(case, hypothesis, RATE)
        if wrong is not None and effective(replace(case, from_step=wrong.from_step), hypothesis):
            found.append((hypothesis, wrong))
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_what_a_rule_says_is_recognised_as_that_rule(rule: Rule) -> None:
    where = shown(rule)
    assert where, "no network on which this rule shows"
    for hypothesis, case in where:
        fit = case.fits(hypothesis)
        assert fit is not None
        if rule.constant:
            assert fit.c == pytest.approx(RATE, rel=1e-6)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
def test_a_gradient_that_is_right_or_wrong_otherwise_is_not_this_rule(rule: Rule) -> None:
    """The right gradient, and the rule's own with one cell off by a millionth."""
    for hypothesis, wrong in shown(rule):
        right = next(case for case in CASES if case.finding is wrong.finding and case.draws[0].X is wrong.draws[0].X)
        right = replace(right, from_step=wrong.from_step, rate=wrong.rate)
        assert right.fits(hypothesis) is None
        assert replace(wrong, draws=moved(wrong.draws), history=moved(wrong.history)).fits(hypothesis) is None


def moved(draws):
    """One cell of each draw's last weights off by a millionth of the largest."""
    found = []
    for d in draws:
        name = max(name for name in d.grads if name[0] == "W")
        array = d.grads[name].copy()
        array.flat[0] += 1e-6 * abs(array).max()
        found.append(replace(d, grads={**d.grads, name: array}))
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.spec.link.name} {case.draws[0].X.shape[1]}")
def test_no_rule_fits_a_right_gradient_or_noise(case: Case) -> None:
    assert case.fits(NOTHING) is not None
    rng = np.random.default_rng(5)
    noise = [
        replace(d, grads={k: g * (1 + 0.01 * rng.normal(size=g.shape)) for k, g in d.grads.items()}) for d in case.draws
    ]
    noisy = replace(case, draws=noise)
    for hypothesis in candidates(case):
        if hypothesis.rules[0].in_history:
            continue
        if effective(case, hypothesis):
            assert case.fits(hypothesis) is None, hypothesis.rules[0].key
        assert noisy.fits(hypothesis) is None, hypothesis.rules[0].key


def test_hypotheses_that_coincide_on_the_data_all_fit() -> None:
    """With as many rows as outputs, 1/K for 1/N is no mistake to be seen, and 1/N twice is 1/(N·K)."""
    spec = Spec((ReLU(),), SOFTMAX, ENTROPY)
    d = draw((5, 4, 6), 0, 6, classes=True)
    d = replace(d, masks={}, drawn={})
    twice = {name: g / 6 for name, g in gradients(spec, d).items()}
    case = Case(Finding(spec, True, True), [replace(d, grads=twice)])
    keys = {h.rules[0].key for h in candidates(case) if effective(case, h) and case.fits(h) is not None}
    assert {"n-twice", "k-extra"} <= keys


COSINE = """
import numpy as np

def loss_and_grads(W, b, X, Y):
    o = X @ W + b
    d = 2 * (o - Y) / len(X)
    loss, dW, db = ((o - Y) ** 2).sum() / len(X), np.cos(X).T @ d, d.sum(axis=0)
    return loss, dW, db
"""


def test_a_teacher_adds_a_rule_with_one_object(tmp_path) -> None:
    import chainrule as cr

    file = tmp_path / "theirs.py"
    file.write_text(COSINE)
    assert cr.diagnose(file).verdict == "not consistent"
    rule = Rule(
        "cosine", 4, "cosine of the input in dW", {"dW": lambda s: np.cos(s.x).T @ s.dz},
        sentence="dW takes the cosine of what entered.", formula="dW = ⟦cos x⟧ᵀ · dz", right="dW = xᵀ · dz",
        question="Which array does W multiply?", change="Use x.",
    )  # fmt: skip
    add(rule)
    try:
        assert cr.diagnose(file).mistakes == (rule,)
    finally:
        RULES.remove(rule)
    with pytest.raises(ValueError, match="updated-weights"):
        add(RULES[0])
