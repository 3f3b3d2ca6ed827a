"""Updates that change a right gradient on purpose: decay with a rate of its own, L1, momentum, schedules, clipping."""

import textwrap

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reference.passes import gradients

HEAD = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out, {argument}=0.1):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
        self.{argument}, self.v, self.t = {argument}, None, 0

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.p = self.h @ self.W2 + self.b2
        return self.p

    def loss(self, p, Y):
        return np.sum((p - Y) ** 2) / (2 * len(Y))
"""
GRADIENTS = """
        d2 = (self.p - Y) / len(Y)
        d1 = d2 @ self.W2.T * (1 - self.h**2)
        grads = [self.X.T @ d1, d1.sum(axis=0), self.h.T @ d2, d2.sum(axis=0)]
"""
STEP = """
    def train_step(self, X, Y):
        self.forward(X)
        self.t += 1
        params = [self.W1, self.b1, self.W2, self.b2]
        {gradients}
        {prepare}
        for i, (p, g) in enumerate(zip(params, grads)):
            {line}
"""
BACKWARD = """
    def backward(self, Y):
        {gradients}
        {prepare}
        self.dW1, self.db1, self.dW2, self.db2 = grads
"""
FIXED, OWN = "size", "lr"  # what the argument is called: no rate, or one
WEIGHTS = "* (p.ndim > 1)"
MEMORY = "self.v = self.v or [0] * 4"
AVERAGE = "self.v[i] = 0.5 * self.v[i] + 0.5 * g; p -= self.lr * self.v[i]"
NESTEROV = "last = self.v[i]; self.v[i] = 0.9 * last - self.lr * g; p += 1.9 * self.v[i] - 0.9 * last"
STEPS = {
    "decay": (FIXED, "pass", f"p -= 0.1 * (g + 1e-4 * p {WEIGHTS})", "shrinks the weights by η·λ, λ = 0.0001"),
    "shrink": (FIXED, "pass", f"p *= 1 - 0.001 {WEIGHTS}; p -= 0.1 * g", "shrinks the weights"),
    "decay of all": (FIXED, "pass", "p -= 0.1 * (g + 0.01 * p)", "shrinks the weights and biases by η·λ, λ = 0.01"),
    "decay by rows": (OWN, "pass", f"p -= self.lr * (g + 0.1 / len(X) * p {WEIGHTS})", "on the rows that were tried"),
    "l1": (OWN, "pass", f"p -= self.lr * (g + 1e-3 * np.sign(p) {WEIGHTS})", "(L1)"),
    "average": (OWN, MEMORY, AVERAGE, "0.5·η"),
    "schedule": (OWN, "lr = self.lr / (1 + self.t)", "p -= lr * g", "0.5·η"),
    "nesterov": (OWN, MEMORY, NESTEROV, "1.9·η"),
    "constant": (OWN, "pass", "p -= 0.37 * self.lr * g", "0.37·η"),
}
CLIPS = {
    "value": ("grads = [np.clip(g, -0.1, 0.1) for g in grads]", "clipped at ±0.1"),
    "norm": (
        "n = np.sqrt(sum((g**2).sum() for g in grads)); grads = [g * min(1, 0.5 / (n + 1e-6)) for g in grads]",
        "the whole gradient is clipped",
    ),
    "each": ("grads = [g * min(1, 0.2 / np.linalg.norm(g)) for g in grads]", "each gradient is clipped"),
}
FAULTS = [
    ("(self.p - Y)", "(Y - self.p)"),
    ("(1 - self.h**2)", "(1 + self.h**2)"),
    ("d1.sum(axis=0)", "d1.sum(axis=0)[::-1]"),
]


@pytest.fixture
def judged(tmp_path):
    def judge(text, argument=FIXED):
        path = tmp_path / "net.py"
        path.write_text(textwrap.dedent(HEAD.replace("{argument}", argument)) + text)
        return cr.diagnose(str(path), seconds=200)

    return judge


def step(prepare, line, fault=None):
    return STEP.format(gradients=faulty(fault), prepare=prepare, line=line)


def backward(prepare, fault=None):
    return BACKWARD.format(gradients=faulty(fault), prepare=prepare)


def faulty(fault):
    assert fault is None or fault[0] in GRADIENTS
    return (GRADIENTS if fault is None else GRADIENTS.replace(*fault)).strip()


@pytest.mark.parametrize("name", STEPS)
def test_a_right_gradient_in_an_update_of_its_own_is_right(judged, name):
    argument, prepare, line, said = STEPS[name]
    found = judged(step(prepare, line), argument)
    assert (found.verdict, found.mistakes) == ("correct", ()), str(found)
    assert any(said in note for note in found.notes), found.notes
    right = gradients(found.spec, found.small)
    assert all(np.allclose(g, right[name]) for name, g in found.small.grads.items())


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_gradient_in_such_an_update_is_not_let_off(judged, name, fault):
    argument, prepare, line, _ = STEPS[name]
    assert judged(step(prepare, line, fault), argument).verdict in ("wrong", "not consistent")


@pytest.mark.parametrize("line", ["p -= 0.1 * (g - 0.01 * p)", "p += 0.1 * (g - 0.01 * p)", "p += 0.1 * g"])
def test_parameters_that_grow_or_a_step_uphill_are_wrong(judged, line):
    assert judged(step("pass", line)).verdict in ("wrong", "not consistent")


@pytest.mark.parametrize(("rate", "key"), [("0.5 * self.lr", "half"), ("self.lr / len(X)", "n-twice")])
def test_a_factor_that_no_later_step_explains_stays_a_mistake(judged, rate, key):
    found = judged(step("pass", f"p -= {rate} * g"), OWN)
    assert [rule.key for rule in found.mistakes] == [key]


@pytest.mark.parametrize("name", CLIPS)
def test_a_clipped_gradient_is_right_in_a_step_and_in_backward(judged, name):
    prepare, said = CLIPS[name]
    for text in (step(prepare, "p -= 0.1 * g"), step(prepare, "p -= self.lr * g"), backward(prepare)):
        found = judged(text, OWN)
        assert (found.verdict, found.mistakes) == ("correct", ()), str(found)
        assert any(said in note for note in found.notes), found.notes


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_gradient_that_is_clipped_is_not_let_off(judged, name, fault):
    prepare, _ = CLIPS[name]
    for text in (step(prepare, "p -= 0.1 * g", fault), backward(prepare, fault)):
        assert judged(text).verdict in ("wrong", "not consistent")


MINI_BATCH = """
class Network:
    def __init__(self, sizes):
        self.sizes = sizes
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = 1 / (1 + np.exp(-(w @ a + b)))
        return a

    def backprop(self, x, y):
        grad_b, grad_w = [None] * len(self.biases), [None] * len(self.weights)
        acts = [x]
        for b, w in zip(self.biases, self.weights):
            acts.append(1 / (1 + np.exp(-(w @ acts[-1] + b))))
        delta = acts[-1] - y
        for l in range(1, len(self.sizes)):
            if l > 1:
                delta = (self.weights[-l + 1].T @ delta) * acts[-l] * (1 - acts[-l])
            grad_b[-l], grad_w[-l] = delta, delta @ acts[-l - 1].T
        return grad_b, grad_w

    def update_mini_batch(self, mini_batch, eta, lmbda=0.0, n=1):
        gb, gw = [0 * b for b in self.biases], [0 * w for w in self.weights]
        for x, y in mini_batch:
            db, dw = self.backprop(x, y)
            gb, gw = [a + b for a, b in zip(gb, db)], [a + b for a, b in zip(gw, dw)]
        k = len(mini_batch)
        self.weights = [(1 - eta * lmbda / n) * w - eta / k * g for w, g in zip(self.weights, gw)]
        self.biases = [b - eta / k * g for b, g in zip(self.biases, gb)]
"""


def test_a_mistake_is_named_beside_a_decay_that_is_divided_by_the_rows(code):
    right = cr.diagnose(code("import numpy as np\n" + MINI_BATCH))
    assert right.verdict == "correct", right
    for good, bad, key in (
        ("* w - eta / k * g", "* w - eta * g", "n-weights-missing"),
        (" * acts[-l] * (1 - acts[-l])", " * acts[-l]", "sigmoid-only-a"),
    ):
        wrong = cr.diagnose(code("import numpy as np\n" + MINI_BATCH.replace(good, bad)))
        assert [rule.key for rule in wrong.mistakes] == [key], wrong
        assert "on the rows that were tried" in str(wrong)
