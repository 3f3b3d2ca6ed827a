"""What cannot be tested in a file is listed as not tested, with what it needed; never passed in silence."""

import pytest

import chainrule as cr
from chainrule.check.report.untested import NEEDS
from chainrule.check.report.words import as_json
from chainrule.check.rules.catalogue import OBSERVATIONS
from two_layers import INIT, NET, NUMPY, UNKNOWN

JOINT = f"""{NUMPY}{INIT}
def loss_and_grads(params, X, y):
    h = np.tanh(X @ params["W1"] + params["b1"])
    dp = (h @ params["W2"] + params["b2"] - y) / len(y)
    dz = dp @ params["W2"].T * (1 - h ** 2)
    grads = {{"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}}
    return np.sum(dp ** 2) * len(y) / 2, grads
"""
ANEW = f"""{NUMPY}{INIT}
def forward(params, X):
    h = np.tanh(X @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"], h

def backward(params, X, y):
    p, h = forward(params, X)
    dp = (p - y) / len(y)
    dz = dp @ params["W2"].T * (1 - h ** 2)
    return {{"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}}
"""
STEP = """
def train_step(params, X, y, lr):
    loss, grads = loss_and_grads(params, X, y)
    for name in params:
        params[name] -= lr * grads[name]
"""
BATCHES = """
def train_step(params, X, y, lr, batch_size):
    for i in range(0, len(X), batch_size):
        loss, grads = loss_and_grads(params, X[i : i + batch_size], y[i : i + batch_size])
        for name in params:
            params[name] -= lr * grads[name]
"""
CHANGES, OF_THE_SET = (
    "backward changes what the forward left",
    "divided by the size of the whole set instead of the batch's",
)
DRAWS = "the backward pass draws random numbers"
LACKING = {  # what is lacking -> the rule, a file without it, and one that has it
    "backward again": (CHANGES, JOINT, NET),
    "one step": (OF_THE_SET, JOINT, JOINT + BATCHES),
    "a step over two batches": (OF_THE_SET, JOINT + STEP, JOINT + BATCHES),
    "a loss beside it": (DRAWS, ANEW, JOINT),
}


@pytest.mark.parametrize("need", LACKING)
def test_an_observation_is_listed_with_what_it_lacks_and_tried_where_that_is_there(code, need):
    name, without, having = LACKING[need]
    found = cr.diagnose(code(without))
    assert name in found.not_tested, found
    need = need if need in NEEDS else "backward again"
    assert found.wanting[name] == need
    assert name in as_json(found)["needs"][need]
    assert name not in cr.diagnose(code(having, "other.py")).not_tested


@pytest.mark.parametrize(
    "text", [JOINT, NET, UNKNOWN, JOINT + STEP], ids=["one call", "a class", "no network", "a step"]
)
def test_every_observation_was_tried_or_is_listed(code, text, monkeypatch):
    lacking = set()
    for rule in OBSERVATIONS:

        def see(case, rule=rule, own=rule.see):
            try:
                return own(case)
            except LookupError:
                lacking.add(rule.name)
                raise

        monkeypatch.setitem(rule.__dict__, "see", see)
    found = cr.diagnose(code(text))
    assert lacking <= set(found.not_tested), found
    assert set(found.wanting.values()) <= set(NEEDS)
    assert lacking


RAISING = f"""{NUMPY}
import math
{INIT}
def forward(params, X):
    h = np.tanh(X @ params["W1"] + params["b1"])
    scores = h @ params["W2"] + params["b2"]
    e = np.array([[math.exp(v) for v in row] for row in SCORES])
    return e / e.sum(axis=1, keepdims=True), {{"h": h}}

def loss(p, y):
    return -np.sum(y * np.log(p)) / len(y)

def backward(params, X, y, p, cache):
    h = cache.TAKEN("h")
    dp = (p - y) / len(y)
    dz = dp @ params["W2"].T * (1 - h ** 2)
    return {{"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}}

class Momentum:
    def __init__(self, lr=0.1, mu=0.9):
        self.lr, self.mu, self.v = lr, mu, {{}}

    def step(self, params, grads):
        for name in params:
            self.v[name] = self.mu * self.v.HELD + grads[name]
            params[name] -= self.lr * self.v[name]

def gradient_check(f, x, grad):
    numeric = np.array([(f(x + h) - f(x - h)) / 2e-5 for h in STEPS])
    return bool(abs(numeric.ravel() - grad.ravel()).max() < 1e-6)
"""
FINE = {
    "SCORES": "scores - scores.max(axis=1, keepdims=True)", "TAKEN": "get", "HELD": "get(name, 0.0)",
    "STEPS": "1e-5 * np.eye(x.size).reshape(-1, *x.shape)",
}  # fmt: skip
FAILING = {  # a probe -> what makes it fail, and what their code says then
    "forward with large scores": (
        "SCORES",
        "[row / (1 // int(max(abs(row)) < 99)) for row in scores]",
        "ZeroDivisionError: ",
    ),
    "backward again": ("TAKEN", "pop", "KeyError: 'h'"),
    "steps of an optimizer": ("HELD", "pop(name)", "not run: Momentum: KeyError: 'W1'"),
    "a gradient check": ("STEPS", "np.eye(x.size)", "not run: gradient_check: ValueError: operands could not"),
}


def with_parts(**parts):
    text = RAISING
    for name, part in {**FINE, **parts}.items():
        text = text.replace(name, part)
    return text


def test_what_runs_needs_no_reason(code):
    found = cr.diagnose(code(with_parts()))
    assert (found.verdict, found.notes) == ("correct", ("one step: not run: it makes no step",)), found
    assert "steps of an optimizer" in found.probes


@pytest.mark.parametrize("probe", FAILING)
def test_a_probe_in_which_their_code_raises_says_what_and_where(code, probe):
    part, other, said = FAILING[probe]
    found = cr.diagnose(code(with_parts(**{part: other})))
    assert found.verdict == "correct", found
    (note,) = (note for note in found.notes if note.startswith(f"{probe}: "))
    assert said in note
    assert "(line " in note
    assert note in as_json(found)["notes"]
    assert f"note: {note}" in str(found)
    assert probe in found.wanting.values()
