"""Parameters and gradients in a NamedTuple, a dataclass or a SimpleNamespace, and updates that make new ones."""

import pytest

import chainrule as cr

FUNCTIONS = """
from collections import namedtuple
from dataclasses import dataclass, fields, replace
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

{classes}

def init_params(n_in, n_hidden, n_out, seed=0):
    rng = np.random.default_rng(seed)
    return Params(W1=rng.normal(size=(n_in, n_hidden)), b1=np.zeros(n_hidden),
                  W2=rng.normal(size=(n_hidden, n_out)), b2=np.zeros(n_out))

def forward(params, X):
    h = np.tanh(X @ params.W1 + params.b1)
    return h @ params.W2 + params.b2, Cache(X, h)

def loss_fn(pred, y):
    return np.mean((pred - y) ** 2)

def backward(params, cache, pred, y):
    d2 = 2 * (pred - y) / y.size
    d1 = d2 @ params.W2.T * (1 - cache.h ** 2)
    return {grads}

def update(params, grads, lr=0.1):
    {update}
"""
NAMED = """
class Params(NamedTuple):
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray

class Cache(NamedTuple):
    X: np.ndarray
    h: np.ndarray

Grads = namedtuple("Grads", "dW1 db1 dW2 db2")
"""
DATA = """
@dataclass(FROZEN)
class Params:
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray

@dataclass(FROZEN)
class Cache:
    X: np.ndarray
    h: np.ndarray

@dataclass(FROZEN)
class Grads:
    dW1: np.ndarray
    db1: np.ndarray
    dW2: np.ndarray
    db2: np.ndarray
"""
SIMPLE = """
Params = Grads = SimpleNamespace

def Cache(X, h):
    return SimpleNamespace(X=X, h=h)
"""
OWN = "Grads(dW1=cache.X.T @ d1, db1=d1.sum(axis=0), dW2=cache.h.T @ d2, db2=d2.sum(axis=0))"
SAME = "Params(W1=cache.X.T @ d1, b1=d1.sum(axis=0), W2=cache.h.T @ d2, b2=d2.sum(axis=0))"
REPLACED = (
    "(W1=params.W1 - lr * grads.dW1, b1=params.b1 - lr * grads.db1, "
    "W2=params.W2 - lr * grads.dW2, b2=params.b2 - lr * grads.db2)"
)
ZIPPED = "return Params(*(p - lr * g for p, g in zip(params, grads)))"
BY_FIELD = "return Params(**{f.name: getattr(params, f.name) - lr * getattr(grads, f.name) for f in fields(params)})"
IN_PLACE = """for name, p in vars(params).items():
        p -= lr * getattr(grads, "d" + name)
    return params"""
STYLES: dict[str, tuple[str, str, str]] = {
    "NamedTuple, _replace": (NAMED, OWN, f"return params._replace{REPLACED}"),
    "NamedTuple, zip": (NAMED, SAME, ZIPPED),
    "dataclass, replace": (DATA.replace("FROZEN", ""), OWN, f"return replace(params, {REPLACED[1:]}"),
    "frozen dataclass, replace": (DATA.replace("FROZEN", "frozen=True"), OWN, f"return replace(params, {REPLACED[1:]}"),
    "frozen dataclass with slots, fields": (DATA.replace("FROZEN", "frozen=True, slots=True"), SAME, BY_FIELD),
    "SimpleNamespace, new": (SIMPLE, OWN, f"return Params{REPLACED}"),
    "SimpleNamespace, in place": (SIMPLE, OWN, IN_PLACE),
}
WRONG = [
    ("d1.sum(axis=0)", "d1.mean(axis=0)", 6),
    (" * (1 - cache.h ** 2)", "", 8),
    ("cache.X.T @ d1", "cache.X.T @ d1 / len(y)", 3),
    ("2 * (pred - y)", "2 * (y - pred)", 2),
]


@pytest.fixture
def judged(code):
    def judge(style, fault=("", "")):
        classes, grads, update = STYLES[style]
        text = FUNCTIONS.format(classes=classes, grads=grads, update=update)
        assert not fault[0] or fault[0] in text
        return cr.diagnose(code(text.replace(*fault)), seconds=200)

    return judge


@pytest.mark.parametrize("style", STYLES)
def test_a_right_pass_is_right_and_its_step_is_seen(judged, style):
    found = judged(style)
    assert (found.verdict, found.consistent, len(found.tables)) == ("correct", True, 4)
    assert {"gradients", "one step"} <= set(found.probes)
    assert not found.notes


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("right", "wrong", "number"), WRONG, ids=[str(number) for *_, number in WRONG])
def test_a_wrong_pass_is_named(judged, style, right, wrong, number):
    found = judged(style, (right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", [number])


def test_a_gradient_that_points_the_other_way_is_no_update_that_climbs(judged):
    found = judged("NamedTuple, zip", ("(1 - cache.h ** 2)", "cache.h * (1 - cache.h)"))
    assert (found.verdict, found.numbers) == ("wrong", [11])


@pytest.mark.parametrize("style", STYLES)
def test_an_update_that_climbs_is_wrong(judged, style):
    text = STYLES[style][2]
    found = judged(style, (text, text.replace("- lr", "+ lr").replace("-= lr", "+= lr")))
    assert (found.verdict, found.numbers) == ("wrong", [2])


STEP = """
def loss_and_grads(params, X, y):
    h = np.maximum(X @ params.W1 + params.b1, 0)
    z = h @ params.W2 + params.b2
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(p[np.arange(len(y)), y]))
    d2 = p.copy()
    d2[np.arange(len(y)), y] -= 1
    d2 /= len(y)
    d1 = (d2 @ params.W2.T) * (h > 0)
    return loss, Params(X.T @ d1, d1.sum(axis=0), h.T @ d2, d2.sum(axis=0))

def train_step(params, X, y, lr=0.1):
    loss, grads = loss_and_grads(params, X, y)
    params = Params(*(p - lr * g for p, g in zip(params, grads)))
    return params, loss
"""
HELD = """
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.params = init_params(n_in, n_hidden, n_out)

    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.params.W1 + self.params.b1)
        self.out = self.h @ self.params.W2 + self.params.b2
        return self.out

    def loss(self, y):
        return np.mean((self.out - y) ** 2)

    def backward(self, y):
        d2 = 2 * (self.out - y) / y.size
        d1 = d2 @ self.params.W2.T * (1 - self.h ** 2)
        self.grads = Params(self.X.T @ d1, d1.sum(axis=0), self.h.T @ d2, d2.sum(axis=0))

    def update(self, lr=0.1):
        p, g = self.params, self.grads
        self.params = MAKE
"""
INIT = FUNCTIONS[FUNCTIONS.index("def init_params") : FUNCTIONS.index("def forward")]
START = FUNCTIONS[: FUNCTIONS.index("{classes}")]
MAKES = {
    "p._replace(W1=p.W1 - lr * g.W1, b1=p.b1 - lr * g.b1, W2=p.W2 - lr * g.W2, b2=p.b2 - lr * g.b2)": NAMED,
    "replace(p, W1=p.W1 - lr * g.W1, b1=p.b1 - lr * g.b1, W2=p.W2 - lr * g.W2, b2=p.b2 - lr * g.b2)": DATA,
}
FAULTS = [("", "", None), ("h.T @ d2", "h.T @ d2 / len(y)", 3), ("d1.sum(axis=0)", "d1[0]", 6), ("- lr", "+ lr", 2)]


@pytest.mark.parametrize(("right", "wrong", "number"), FAULTS)
def test_loss_with_gradients_and_a_step_of_one_named_tuple(code, right, wrong, number):
    found = cr.diagnose(code((START + NAMED + INIT + STEP).replace(right, wrong)), seconds=200)
    assert (found.verdict, found.numbers) == (("correct", []) if number is None else ("wrong", [number]))
    assert "one step" in found.probes


@pytest.mark.parametrize("make", MAKES, ids=["NamedTuple", "dataclass"])
@pytest.mark.parametrize(("right", "wrong", "number"), FAULTS)
def test_a_class_that_holds_its_parameters_so(code, make, right, wrong, number):
    text = START + MAKES[make].replace("FROZEN", "frozen=True") + INIT + HELD.replace("MAKE", make)
    found = cr.diagnose(code(text.replace(right, wrong)), seconds=200)
    assert (found.verdict, found.numbers) == (("correct", []) if number is None else ("wrong", [number]))
    assert "one step" in found.probes
