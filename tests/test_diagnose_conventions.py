"""The update decides with the gradient: minus the gradient that is added, sums that the update divides, optimizers."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.evidence.formulas import formula_of

NET = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        self.lr = lr
        self.W1 = np.random.randn(n_in, n_hidden)
        self.b1 = np.zeros(n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.p = self.h @ self.W2
        return self.p

    def loss(self, p, Y):
        return {loss}

    def backward(self, Y):
        d2 = {delta}
        d1 = {back}
        self.dW2 = self.h.T @ d2
        self.dW1 = self.X.T @ d1
        self.db1 = d1.sum(axis=0)
"""
UPDATE = """
    def update(self{argument}):
        self.W1 {step} * self.dW1
        self.b1 {step} * self.db1
        self.W2 {step} * self.dW2
"""
MEAN = "np.sum((p - Y) ** 2) / (2 * len(Y))"
BACK = "d2 @ self.W2.T * (1 - self.h ** 2)"
FUNCTIONS = """
import numpy as np

def forward(X, W1, b1, W2, b2):
    H = np.tanh(X @ W1 + b1)
    return H, H @ W2 + b2

def loss(Y, O):
    return 0.5 * np.sum((Y - O) ** 2)

def backward(X, Y, H, O, W2):
    d2 = Y - O
    d1 = d2 @ W2.T * (1 - H * H)
    return X.T @ d1, d1.sum(axis=0), H.T @ d2, d2.sum(axis=0)

def update(W1, b1, W2, b2, dW1, db1, dW2, db2, lr):
    return W1 {s} lr * dW1, b1 {s} lr * db1, W2 {s} lr * dW2, b2 {s} lr * db2
"""
OPTIMIZED = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.params = {"W1": np.random.randn(n_in, n_hidden), "W2": np.random.randn(n_hidden, n_out)}

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.params["W1"])
        self.p = self.h @ self.params["W2"]
        return self.p

    def loss(self, p, Y):
        return np.sum((p - Y) ** 2) / (2 * len(Y))

    def backward(self, Y):
        d2 = DELTA / len(Y)
        d1 = d2 @ self.params["W2"].T * (1 - self.h ** 2)
        return {"W1": self.X.T @ d1, "W2": self.h.T @ d2}

class Optimizer:
    def __init__(self, lr=0.01, beta=0.9):
        self.lr, self.beta, self.v = lr, beta, {}

    def update(self, params, grads):
        for k in params:
            LINES
"""
PLAIN = "params[k] SIGN self.lr * grads[k]"
MOMENTUM = "self.v[k] = self.beta * self.v.get(k, 0) + self.lr * grads[k]; params[k] SIGN self.v[k]"
AVERAGE = "self.v[k] = self.beta * self.v.get(k, 0) + 0.1 * grads[k]; params[k] SIGN self.lr * self.v[k]"
MINUS, SUM = "minus the gradient, and the update adds it", "the 1/N stands in the update"


@pytest.fixture
def judged(tmp_path):
    def judge(text):
        path = tmp_path / "net.py"
        path.write_text(text)
        return cr.diagnose(str(path), seconds=200)

    return judge


def net(delta, step=None, argument=", lr", loss=MEAN, back=BACK):
    text = NET.format(loss=loss, delta=delta, back=back)
    return text if step is None else text + UPDATE.format(step=step, argument=argument)


def optimized(lines, sign, delta="(self.p - Y)"):
    text = OPTIMIZED
    if "beta" not in lines:
        text = text.replace(", beta=0.9", "").replace("self.lr, self.beta, self.v = lr, beta, {}", "self.lr = lr")
    return text.replace("LINES", lines).replace("SIGN", sign).replace("DELTA", delta)


def noted(found, words):
    return any(words in note for note in found.notes)


@pytest.mark.parametrize(("rate", "argument"), [("lr", ", lr"), ("self.lr", ""), ("0.05", "")])
def test_minus_the_gradient_is_right_where_the_update_adds_it(judged, rate, argument):
    found = judged(net("(Y - self.p) / len(Y)", f"+= {rate}", argument))
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert noted(found, MINUS)
    assert found.page() is not None
    mixed = judged(net("(Y - self.p) / len(Y)", f"-= {rate}", argument))
    assert ([rule.key for rule in mixed.mistakes], mixed.verdict) == (["sign"], "wrong")
    assert [rule.key for rule in judged(net("(self.p - Y) / len(Y)", f"+= {rate}", argument)).mistakes] == ["climbs"]


def test_another_mistake_beside_that_convention_is_named_alone(judged):
    found = judged(net("Y - self.p", "+= lr"))
    assert found.numbers == [3]
    assert noted(found, MINUS)
    assert judged(net("(Y - self.p) / len(Y)", "+= lr", back="d2 @ self.W2.T")).numbers == [8]


def test_functions_whose_update_takes_gradients_by_name(judged):
    assert judged(FUNCTIONS.format(s="+")).verdict == "correct"
    assert judged(FUNCTIONS.format(s="-")).numbers == [2]


def test_without_an_update_nothing_is_said_about_one(judged):
    found = judged(net("(Y - self.p) / len(Y)"))
    assert found.numbers == [2]
    assert "right only if the update adds it" in str(found)
    assert "with an update that subtracts" not in str(found)


def test_the_convention_counts_for_a_loss_that_is_not_known_too(judged):
    loss = "np.mean(np.log(np.cosh(p - Y)))"
    found = judged(net("np.tanh(Y - self.p) / Y.size", "+= lr", loss=loss))
    assert (found.verdict, found.reference) == ("correct", "none")
    assert noted(found, MINUS)
    assert judged(net("np.tanh(Y - self.p) / Y.size", "-= lr", loss=loss)).numbers == [2]
    assert "right only if the update adds it" in str(judged(net("np.tanh(Y - self.p) / Y.size", loss=loss)))


def test_the_division_by_n_may_stand_in_the_update(judged):
    found = judged(net("self.p - Y", "-= lr / len(self.X)"))
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert noted(found, SUM)
    assert found.page() is not None


@pytest.mark.parametrize("step", ["-= lr", "-= lr / len(self.X) ** 2", "-= lr / 11", "+= lr / len(self.X)"])
def test_a_division_that_does_not_make_up_for_it_is_named(judged, step):
    assert 3 in judged(net("self.p - Y", step)).numbers


def test_where_the_rate_is_not_known_a_factor_stays_a_mistake(judged):
    assert judged(net("self.p - Y", "-= 0.05 / len(self.X)", "")).numbers == [3]


@pytest.mark.parametrize("lines", [PLAIN, MOMENTUM, AVERAGE])
def test_an_optimizer_that_adds_the_gradient_is_named(judged, lines):
    found = judged(optimized(lines, "+="))
    assert ([rule.key for rule in found.mistakes], found.verdict) == (["climbs"], "wrong")
    right = judged(optimized(lines, "-="))
    assert right.verdict == "correct"
    assert not any("adds the gradient" in name for name in right.not_tested)
    assert noted(right, "none of the formulas known here") == (lines is AVERAGE)


def test_an_optimizer_that_adds_minus_the_gradient_is_right(judged):
    found = judged(optimized(MOMENTUM, "+=", "(Y - self.p)"))
    assert found.verdict == "correct"
    assert noted(found, MINUS)
    assert judged(optimized(MOMENTUM, "-=", "(Y - self.p)")).numbers == [2]


def test_gradients_of_other_shapes_than_the_parameters_are_no_known_formula():
    step = {"before": {"W1": np.zeros((5, 4))}, "grads": {"W1": np.ones((5, 5))}, "after": {"W1": np.ones((5, 4))}}
    assert formula_of({"name": "train", "numbers": {"lr": 0.1}, "steps": [step]}) is None


@pytest.mark.parametrize("lines", [PLAIN, MOMENTUM])
def test_an_optimizer_may_divide_the_sum_by_the_rows_it_is_told(judged, lines):
    text = optimized(lines.replace("grads[k]", "grads[k] / self.batch_size"), "-=").replace(" / len(Y)\n", "\n")
    text = text.replace("(self, lr=0.01", "(self, batch_size, lr=0.01")
    text = text.replace("        self.lr", "        self.batch_size = batch_size\n        self.lr", 1)
    found = judged(text)
    assert (found.verdict, found.mistakes) == ("correct", ()), str(found)
    assert noted(found, SUM)
    assert judged(text.replace("grads[k] / self.batch_size", "grads[k]")).numbers == [3]
    assert 11 in judged(text.replace("(1 - self.h ** 2)", "(1 + self.h ** 2)")).numbers
