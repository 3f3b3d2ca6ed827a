"""Steps that are not a gradient times the rate: several in one call, an adaptive optimizer's, with a decay."""

import re
import textwrap

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reference.passes import gradients

HEAD = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1)
        self.p = self.h @ self.W2
        return self.p

    def loss(self, p, Y):
        return np.sum((p - Y) ** 2) / {divisor}
"""
BY_ROW = """
    def fit(self, X, Y, {argument}):
        for x, y in zip(X, Y):
            d2 = self.forward(x[None, :]) - y
            d1 = d2 @ self.W2.T * (1 - self.h**2)
            self.W2 -= {rate} * self.h.T @ d2
            self.W1 -= {rate} * self.X.T @ d1
"""
BY_BATCH = """
    def fit(self, X, Y, lr=0.05):
        for i in range(0, len(X), 2):
            x, y = X[i : i + 2], Y[i : i + 2]
            d2 = (self.forward(x) - y) / len(x)
            d1 = d2 @ self.W2.T * (1 - self.h**2)
            self.W2 -= lr * self.h.T @ d2
            self.W1 -= lr * x.T @ d1
"""
LONG = """
    def fit(self, X, Y, lr=0.05):
        for _ in range(20):
            d2 = self.forward(X) - Y
            d1 = d2 @ self.W2.T * (1 - self.h**2)
            self.W2 -= lr * self.h.T @ d2
            self.W1 -= lr * X.T @ d1
"""
GRADIENTS = """
    def train_step(self, X, Y, lr=0.01):
        d2 = self.forward(X) - Y
        g2 = self.h.T @ d2
        g1 = X.T @ (d2 @ self.W2.T * (1 - self.h**2))
"""
ADAM = (
    GRADIENTS
    + """
        if not hasattr(self, "t"):
            self.t, self.m, self.v = 0, [0, 0], [0, 0]
        self.t += 1
        for i, (name, g) in enumerate([("W1", g1), ("W2", g2)]):
            self.m[i] = 0.9 * self.m[i] + 0.1 * g
            self.v[i] = 0.999 * self.v[i] + 0.001 * g**2
            m, v = self.m[i] / (1 - 0.9**self.t), self.v[i] / (1 - 0.999**self.t)
            setattr(self, name, getattr(self, name) - lr * m / (np.sqrt(v) + 1e-8))
"""
)
RMSPROP = (
    GRADIENTS
    + """
        if not hasattr(self, "s1"):
            self.s1, self.s2 = 0, 0
        self.s1, self.s2 = 0.9 * self.s1 + 0.1 * g1**2, 0.9 * self.s2 + 0.1 * g2**2
        self.W1 -= lr * g1 / (np.sqrt(self.s1) + 1e-8)
        self.W2 -= lr * g2 / (np.sqrt(self.s2) + 1e-8)
"""
)
DECAY = (
    GRADIENTS
    + """
        self.W1 = (1 - lr * 0.01) * self.W1 - lr * g1
        self.W2 = (1 - lr * 0.01) * self.W2 - lr * g2
"""
)
APART = """
    def backward(self, Y):
        d2 = self.p - Y
        self.dW2 = self.h.T @ d2 + 0.01 * self.W2
        self.dW1 = self.X.T @ (d2 @ self.W2.T * (1 - self.h**2)) + 0.01 * self.W1
"""


def updated(step):
    """The hidden delta behind the update of the weights that it goes through."""
    return move(step, "d1 = ", "self.W2 -= ")


def move(text, line, behind):
    """One line of a text behind another."""
    lines = text.splitlines()
    (moved,) = [row for row in lines if row.strip().startswith(line)]
    lines.remove(moved)
    at = next(i for i, row in enumerate(lines) if row.strip().startswith(behind))
    return "\n".join([*lines[: at + 1], moved, *lines[at + 1 :]])


@pytest.fixture
def judged(tmp_path):
    def judge(step, divisor="2"):
        path = tmp_path / "net.py"
        path.write_text(textwrap.dedent(HEAD.format(divisor=divisor)) + step)
        return cr.diagnose(str(path))

    return judge


BY_ROW_ARGUMENT = BY_ROW.format(argument="lr=0.01", rate="lr")
FIXED = BY_ROW.format(argument="epochs=1", rate="0.01")
HELD = (
    BY_ROW.format(argument="epochs=1", rate="self.lr")
    + """
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.W2 = np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)
        self.lr = 0.01
"""
)


# Several updates in one call


@pytest.mark.parametrize(("step", "divisor"), [(BY_ROW_ARGUMENT, "2"), (HELD, "2"), (BY_BATCH, "(2 * len(Y))")])
def test_several_updates_in_one_call_are_read_from_as_many_rows_as_one_takes(judged, step, divisor):
    found = judged(step, divisor)
    assert found.verdict == "correct", str(found)
    assert any(note.startswith("one call makes several updates") for note in found.notes)
    assert found.small is not None


@pytest.mark.parametrize(
    ("step", "divisor", "mistake"),
    [
        (updated(BY_ROW_ARGUMENT), "2", 1),
        (updated(BY_BATCH), "(2 * len(Y))", 1),
        (BY_ROW_ARGUMENT.replace("(1 - self.h**2)", "(1 + self.h**2)"), "2", None),
        (BY_ROW_ARGUMENT.replace("(x[None, :]) - y", "(x[None, :]) * -1 + y"), "2", 2),
        (BY_BATCH.replace(" / len(x)", ""), "(2 * len(Y))", 3),
    ],
)
def test_a_wrong_pass_among_several_updates_is_named_all_the_same(judged, step, divisor, mistake):
    found = judged(step, divisor)
    assert found.verdict in ("wrong", "not consistent"), str(found)
    assert mistake is None or found.numbers == [mistake]


def test_updates_that_one_row_does_not_part_are_no_verdict(judged):
    found = judged(LONG)
    assert (found.verdict, found.ok) == ("no reference", False)
    assert "one call makes several updates" in str(found)


def test_one_update_with_updated_weights_is_named_as_before(judged):
    once = updated(BY_ROW_ARGUMENT).replace("for x, y in zip(X, Y)", "for x, y in [(X, Y)]").replace("x[None, :]", "x")
    found = judged(once)
    assert (found.verdict, found.numbers) == ("wrong", [1])
    assert not any("several" in note for note in found.notes)


def test_a_rate_that_cannot_be_another_and_a_step_for_each_row(judged):
    found = judged(FIXED)
    assert found.verdict == "correct", str(found)
    assert any(note.startswith("one call makes an update for each row") for note in found.notes)


def test_rows_in_an_order_of_theirs_and_a_fixed_rate_are_no_verdict(judged):
    found = judged(FIXED.replace("zip(X, Y)", "zip(X[::-1], Y[::-1])"))
    assert found.verdict == "no reference", str(found)


def test_a_wrong_pass_with_a_fixed_rate_is_not_let_off(judged):
    assert judged(FIXED.replace("(1 - self.h**2)", "(1 + self.h**2)")).verdict in ("wrong", "not consistent")


# Adaptive optimizers


@pytest.mark.parametrize("step", [ADAM, RMSPROP], ids=["adam", "rmsprop"])
def test_an_adaptive_step_is_no_verdict_where_its_signs_are_right(judged, step):
    found = judged(step)
    assert found.verdict == "no reference", str(found)
    assert "right in every cell" in str(found)


@pytest.mark.parametrize("step", [ADAM, RMSPROP], ids=["adam", "rmsprop"])
def test_an_adaptive_step_with_every_sign_wrong_is_mistake_2(judged, step):
    found = judged(step.replace("d2 = self.forward(X) - Y", "d2 = Y - self.forward(X)"))
    assert (found.verdict, found.numbers) == ("wrong", [2])


def test_an_adaptive_step_with_some_signs_wrong_is_not_let_off(judged):
    found = judged(ADAM.replace("self.W2.T", "-self.W2.T"))
    assert found.verdict in ("wrong", "not consistent")


# Decay


def test_decay_in_a_step_is_a_convention_and_its_factor_is_told(judged):
    found = judged(DECAY)
    assert found.verdict == "correct", str(found)
    assert any("λ = 0.01," in note for note in found.notes)
    assert found.decay == {name: pytest.approx(0.01, rel=1e-6) for name in ("W1", "W2")}
    assert found.spec is not None
    right = gradients(found.spec, found.small)
    assert all(np.allclose(g, right[name], rtol=1e-7, atol=1e-12) for name, g in found.small.grads.items())


def test_decay_in_a_gradient_of_its_own_is_mistake_14(judged):
    found = judged(APART)
    assert (found.verdict, found.numbers) == ("wrong", [14])


@pytest.mark.parametrize(
    "wrong",
    [("(1 - lr * 0.01)", "(1 + lr * 0.01)"), ("d2 = self.forward(X) - Y", "d2 = (self.forward(X) - Y) / len(Y)")],
)
def test_decay_does_not_excuse_what_else_is_wrong(judged, wrong):
    found = judged(DECAY.replace(*wrong))
    assert found.verdict == "wrong"
    assert wrong[0].startswith("(1") or found.numbers == [3]


def test_epochs_with_a_fixed_rate_are_no_verdict_and_one_epoch_is_one(judged):
    epochs = LONG.replace(", lr=0.05", "").replace("lr * ", "0.05 * ")
    found = judged(epochs)
    assert (found.verdict, found.ok) == ("no reference", False)
    assert "one call makes several updates" in str(found)
    once = epochs.replace("range(20)", "range(1)")
    assert judged(once).verdict == "correct"
    assert judged(once.replace("(1 - self.h**2)", "(1 + self.h**2)")).numbers == [11]


# A rate that the code does not name

NAMED = GRADIENTS.replace("0.01", "0.5") + "        self.W1 -= lr * g1\n        self.W2 -= lr * g2\n"
LITERAL = NAMED.replace(", lr=0.5", "").replace("lr * ", "0.5 * ")


def test_a_literal_rate_is_found_and_its_step_is_shown_divided_by_it(judged):
    found = judged(LITERAL)
    assert (found.verdict, found.rate) == ("correct", pytest.approx(0.5, rel=1e-9))
    assert all(row.worst < 1e-9 for row in found.tables), str(found)
    assert "note: their step divided by the η that was found, 0.5\n" in f"{found}\n"
    right = gradients(found.spec, found.small)
    assert all(np.allclose(g, right[name], rtol=1e-7, atol=1e-12) for name, g in found.small.grads.items())
    assert not any("divided" in note for note in judged(NAMED).notes)


def test_beside_a_mistake_the_tensors_that_are_right_are_shown_right(judged):
    literal, named = judged(updated_weights(LITERAL)), judged(updated_weights(NAMED))
    for found in (literal, named):
        assert (found.verdict, found.numbers) == ("wrong", [1]), str(found)
        assert found.constants == {"η": pytest.approx(0.5)}
    for row, same in zip(literal.tables, named.tables):
        assert (row.theirs, row.right) == (pytest.approx(same.theirs, rel=1e-7), same.right)
    assert {row.label: row.worst < 1e-9 for row in literal.tables} == {"W1": False, "W2": True}


def test_rules_that_an_unknown_rate_makes_equal_are_told_together(judged):
    """A factor 1/N is 1/(N·K) at a third of the rate, for three classes."""
    found = judged(LITERAL, "Y.size")
    assert found.numbers == [3]
    factors = {rule.key: said for rule, said in ((rule, found.tells[rule.key]) for rule in found.also)}
    assert factors
    assert all(re.fullmatch(r"with η = [0-9.]+; the step alone does not tell which", said) for said in factors.values())
    assert "This fits as well: 1/N and 1/K missing (mistake 3): with η = " in str(found)
    assert "1/N and 1/K missing" not in str(judged(NAMED, "len(Y)"))


def updated_weights(step):
    """The hidden gradient behind the update of the weights that it goes through."""
    return move(move(step, "g1 = ", "self.W2 -= "), "self.W1 -= ", "g1 = ")
