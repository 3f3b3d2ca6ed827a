"""Dropout that draws at every forward: a loss that calls the forward, and a backward pass that draws its own mask."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.calling.draws import Draws
from two_layers import HALF_SQUARES, INIT, MADE, NUMPY

FUNCTIONS = (
    NUMPY
    + INIT
    + """
def dropout(h):
    return h * (np.random.rand(*h.shape) < 0.8) / 0.8

def forward(params, X):
    np.random.seed(0)
    z = X @ params["W1"] + params["b1"]
    h = dropout(np.maximum(0, z))
    return h @ params["W2"] + params["b2"], (z, h)

def loss(p, y):
    return np.sum((p - y) ** 2) / (2 * len(y))

def backward(params, X, y, p, cache):
    z, h = cache
    dp = (p - y) / len(y)
    np.random.seed(0)
    dz = dropout(dp @ params["W2"].T) * (z > 0)
    return {"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}
"""
)
CLASS = f"""{NUMPY}{MADE}
    def forward(self, X):
        np.random.seed(0)
        self.X, self.z = X, X @ self.W1 + self.b1
        self.kept = np.random.binomial(1, 0.8, size=self.z.shape)
        self.h = np.maximum(0, self.z) * self.kept / 0.8
        return self.h @ self.W2 + self.b2
{HALF_SQUARES}
    def backward(self, p, y):
        dp = (p - y) / len(y)
        self.dW2, self.db2 = self.h.T @ dp, dp.sum(axis=0)
        dz = dp @ self.W2.T * self.kept / 0.8 * (self.z > 0)
        self.dW1, self.db1 = self.X.T @ dz, dz.sum(axis=0)
"""
OWN = {
    "functions": (FUNCTIONS, "    np.random.seed(0)\n    dz", "    dz"),
    "a class": (CLASS, "T * self.kept", "T * np.random.binomial(1, 0.8, size=self.z.shape)"),
    "a class with a name for it": (
        CLASS,
        "dz = dp @ self.W2.T * self.kept / 0.8",
        "mask = np.random.binomial(1, 0.8, size=self.z.shape) / 0.8; dz = dp @ self.W2.T * mask",
    ),
}


@pytest.mark.parametrize(("code", "right", "wrong"), OWN.values(), ids=OWN)
def test_a_mask_of_its_own_is_told_and_the_forwards_is_right(tmp_path, code, right, wrong):
    assert right in code
    (tmp_path / "right.py").write_text(code)
    (tmp_path / "wrong.py").write_text(code.replace(right, wrong))
    assert cr.diagnose(str(tmp_path / "right.py")).verdict == "correct"
    found = cr.diagnose(str(tmp_path / "wrong.py"))
    assert found.verdict == "wrong"
    assert [rule.mistake for rule in found.mistakes] == [16], found
    assert "drawn again" in str(found) or "behind the same forward, other random numbers" in str(found)


LAYERS = """
import random

import numpy as np

class Drop:
    rng = np.random.RandomState(5)

    def __init__(self, rate=0.4):
        self.rate, self.own, self.plain = rate, np.random.default_rng(3), random.Random(4)

    def forward(self, x):
        self.keep = (DRAWN > self.rate) / (1 - self.rate)
        return x * self.keep

    def backward(self, d):
        return d * self.keep

class Linear:
    def __init__(self, i, o):
        self.W, self.b = np.random.randn(i, o), np.zeros(o)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW, self.db = self.x.T @ d, d.sum(axis=0)
        return d @ self.W.T

class Relu:
    def forward(self, x):
        self.on = x > 0
        return x * self.on

    def backward(self, d):
        return d * self.on

class Network:
    def __init__(self, n_in=7, n_hidden=5, n_out=3):
        self.layers = [Linear(n_in, n_hidden), Relu(), Drop(), Linear(n_hidden, n_out)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def loss(self, x, y):
        z = self.forward(x)
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p, self.y = e / e.sum(axis=1, keepdims=True), y
        return -np.log(self.p[np.arange(len(y)), y]).mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.y] -= 1
        d /= len(d)
        for layer in reversed(self.layers):
            d = layer.backward(d)
"""
DRAWS = {
    "np.random": "np.random.rand(*x.shape)",
    "a Generator of the layer": "self.own.random(x.shape)",
    "a RandomState of its class": "self.rng.rand(*x.shape)",
    "Python's, of the layer": "np.array([[self.plain.random() for _ in row] for row in x])",
}
UNMASKED = ("return d * self.keep", "return d", "dropout mask not applied backward")
REDRAWN = ("return d * self.keep", "return d * (DRAWN.T > self.rate) / (1 - self.rate)", "random numbers")
SLOPE = ("return d * self.on", "return d", "")


@pytest.mark.parametrize("drawn", DRAWS.values(), ids=DRAWS)
def test_a_loss_that_calls_a_forward_that_draws_is_known_and_its_pass_is_right(code, drawn):
    found = cr.diagnose(code(LAYERS.replace("DRAWN", drawn)))
    assert (found.verdict, found.consistent) == ("correct", True), found
    assert "cross-entropy, mean over the rows" in found.reference


@pytest.mark.parametrize("drawn", DRAWS.values(), ids=DRAWS)
@pytest.mark.parametrize(("right", "wrong", "name"), [UNMASKED, REDRAWN, SLOPE], ids=["unmasked", "redrawn", "slope"])
def test_a_loss_that_calls_a_forward_that_draws_and_a_wrong_pass(code, drawn, right, wrong, name):
    assert right in LAYERS
    wrong = wrong.replace("DRAWN.T", drawn.replace("x", "d"))
    found = cr.diagnose(code(LAYERS.replace(right, wrong).replace("DRAWN", drawn)))
    assert (found.verdict, found.numbers) == ("wrong", [16 if name else 8]), found
    assert not name or name in str(found)


ANEW = """
def forward(params, X):
    z = X @ params["W1"] + params["b1"]
    mask = (np.random.rand(*z.shape) < 0.8) / 0.8
    h = np.maximum(0, z) * mask
    return h @ params["W2"] + params["b2"], (z, h, mask)

def loss(params, X, y):
    p, _ = forward(params, X)
    return np.sum((p - y) ** 2) / (2 * len(y))

def backward(params, X, y):
    p, (z, h, mask) = forward(params, X)
    dp = (p - y) / len(y)
    dz = dp @ params["W2"].T * mask * (z > 0)
    return {"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}
"""
METHODS = f"""{NUMPY}{MADE}
    def forward(self, X):
        self.X, self.z = X, X @ self.W1 + self.b1
        self.mask = (np.random.rand(*self.z.shape) < 0.8) / 0.8
        self.h = np.maximum(0, self.z) * self.mask
        return self.h @ self.W2 + self.b2

    def loss(self, X, y):
        return np.sum((self.forward(X) - y) ** 2) / (2 * len(y))

    def backward(self, X, y):
        self.loss(X, y)
        dp = (self.h @ self.W2 + self.b2 - y) / len(y)
        self.dW2, self.db2 = self.h.T @ dp, dp.sum(axis=0)
        dz = dp @ self.W2.T * self.mask * (self.z > 0)
        self.dW1, self.db1 = self.X.T @ dz, dz.sum(axis=0)
"""
BEGUN = {"functions": (NUMPY + INIT + ANEW, " * mask * (z"), "a class": (METHODS, " * self.mask * (self.z")}


@pytest.mark.parametrize(("text", "masked"), BEGUN.values(), ids=BEGUN)
def test_a_backward_that_begins_with_a_forward_of_its_own_draws_no_mask_of_its_own(code, text, masked):
    found = cr.diagnose(code(text))
    assert (found.verdict, found.consistent) == ("correct", True), found
    found = cr.diagnose(code(text.replace(masked, masked.replace("mask", "mask ** 0")), "other.py"))
    assert (found.verdict, found.numbers) == ("wrong", [16]), found
    assert "dropout mask not applied backward" in str(found)


JOINT = f"""{NUMPY}{INIT}
def loss_and_grads(params, X, y):
    z = X @ params["W1"] + params["b1"]
    mask = (np.random.rand(*z.shape) < 0.8) / 0.8
    h = np.maximum(0, z) * mask
    dp = (h @ params["W2"] + params["b2"] - y) / len(y)
    dz = dp @ params["W2"].T * mask * (z > 0)
    grads = {{"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}}
    return np.sum(dp ** 2) * len(y) / 2, grads
"""
NOISY = (("< 0.8) / 0.8", "< 2)"), ('"W1": X.T @ dz', '"W1": X.T @ dz * np.random.rand()'))


def test_random_numbers_in_the_gradient_alone_are_told_where_one_call_gives_it_with_the_loss(code):
    right = cr.diagnose(code(JOINT))
    assert (right.verdict, right.consistent) == ("correct", True), right
    text = JOINT
    for shown, other in NOISY:
        assert shown in text
        text = text.replace(shown, other)
    found = cr.diagnose(code(text, "noisy.py"))
    assert (found.verdict, found.numbers) == ("wrong", [16]), found
    assert "at the same loss, other random numbers give another gradient: W1[" in str(found)


def test_a_source_of_random_numbers_that_the_first_forward_makes_begins_at_the_same_place_for_every_difference(code):
    text = JOINT.replace("def loss_and_grads", "rngs = {}\n\ndef loss_and_grads").replace(
        "np.random.rand(*z.shape)", "rngs.setdefault(0, np.random.default_rng(3)).random(z.shape)"
    )
    assert text.count("rngs") == 2
    found = cr.diagnose(code(text))
    assert (found.verdict, found.consistent) == ("correct", True), found
    wrong = cr.diagnose(code(text.replace(" * mask * (z > 0)", " * (z > 0)"), "unmasked.py"))
    assert (wrong.verdict, wrong.numbers) == ("wrong", [16]), wrong


def test_draws_are_idle_until_one_is_drawn_or_a_source_comes_to_be():
    held = {"rng": np.random.default_rng(1)}
    begun = Draws(held)
    assert begun.idle()
    held["rng"].random()
    assert not begun.idle()
    begun.put()
    assert begun.idle()
    held["other"] = np.random.default_rng(2)
    assert not begun.idle()
    assert not begun.moved()
