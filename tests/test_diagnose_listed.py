"""Modules that list their parameters, and in the same order their gradients: known as such under any name."""

import pytest

import chainrule as cr
from two_layers import NUMPY

MODULES = """
class Affine:
    def __init__(self, fan_in, fan_out, rng):
        self.A = rng.standard_normal((fan_out, fan_in)) / np.sqrt(fan_in)
        self.c = rng.standard_normal(fan_out) * 0.1
        self.gA, self.gc = np.zeros_like(self.A), np.zeros_like(self.c)
    def forward(self, x):
        self.x = x
        return x @ self.A.T + self.c
    def backward(self, g):
        self.gA[...] = g.T @ self.x
        self.gc[...] = g.sum(0)
        return g @ self.A
    def parameters(self):
        return [self.A, self.c]
    def gradients(self):
        return [self.gA, self.gc]

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y
    def backward(self, g):
        return g * (1 - self.y * self.y)
    def parameters(self):
        return []
    gradients = parameters

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.stages = [Affine(n_in, n_hidden, rng), Tanh(), Affine(n_hidden, n_out, rng)]
    def forward(self, x):
        for stage in self.stages:
            x = stage.forward(x)
        return x
    def loss(self, x, target):
        self.diff = self.forward(x) - target
        return np.sum(self.diff ** 2) / (2 * len(x))
    def backward(self):
        g = self.diff / len(self.diff)
        for stage in reversed(self.stages):
            g = stage.backward(g)
    def parameters(self):
        return [p for stage in self.stages for p in stage.parameters()]
    def gradients(self):
        return [p for stage in self.stages for p in stage.gradients()]
"""
NAMES = {
    "g before them": MODULES,
    "nothing in common": MODULES.replace("self.gA", "self.left").replace("self.gc", "self.right"),
    "anew": MODULES.replace("self.gA[...] = ", "self.gA = ").replace("self.gc[...] = ", "self.gc = "),
    "other methods": MODULES.replace("parameters(", "get_params(").replace("gradients(", "get_grads(").replace(
        "gradients = parameters", "get_grads = get_params"),
}  # fmt: skip


LISTS = MODULES.index("    def parameters(self):\n        return [p for")
NAMES["g before them, and no lists"] = MODULES[:LISTS]
NAMES["d before them, and no lists"] = MODULES[:LISTS].replace("self.gA", "self.dA").replace("self.gc", "self.dc")


@pytest.mark.parametrize("text", NAMES.values(), ids=NAMES)
def test_gradients_are_those_that_stand_in_the_list_beside_the_parameters(code, text):
    found = cr.diagnose(code(NUMPY + text))
    assert (found.verdict, found.consistent, len(found.tables)) == ("correct", True, 4), found
    wrong = cr.diagnose(code(NUMPY + text.replace("(1 - self.y * self.y)", "(1 - self.y)")))
    assert (wrong.verdict, wrong.numbers) == ("wrong", [11]), wrong
    assert cr.diagnose(code(NUMPY + text.replace("self.diff / len(self.diff)", "self.diff"))).numbers == [3]
