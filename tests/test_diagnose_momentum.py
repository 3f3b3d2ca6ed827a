"""Momentum inside a step: at rest it hides no constant factor on the gradient, and none is told of a right one."""

import pytest

import chainrule as cr

NET = """
import numpy as np

class Net:
    def __init__(self, n_in=4, n_hidden=6, n_out=3, lr=0.05):
        rng = np.random.RandomState(0)
        self.params = [rng.randn(n_in, n_hidden), rng.randn(n_hidden), rng.randn(n_hidden, n_out), rng.randn(n_out)]
        self.v = [np.zeros_like(p) for p in self.params]
        self.lr = lr

    def predict(self, X):
        W1, b1, W2, b2 = self.params
        return np.tanh(X @ W1 + b1) @ W2 + b2

    def train_step(self, X, t):
        W1, b1, W2, b2 = self.params
        a = np.tanh(X @ W1 + b1)
        e = a @ W2 + b2 - t
        d2 = 2 * e / {over}
        d1 = d2 @ W2.T * (1 - a**2)
        for i, g in enumerate([X.T @ d1, d1.sum(0), a.T @ d2, d2.sum(0)]):
            before = self.v[i].copy()
            {momentum}
        return np.mean(e**2)
"""
CLASSICAL = "self.v[i] = 0.8 * before - self.lr * g; self.params[i] += self.v[i]"
AVERAGED = "self.v[i] = 0.8 * before + 0.2 * g; self.params[i] -= self.lr * self.v[i]"
AHEAD = "self.v[i] = 0.8 * before - self.lr * g; self.params[i] += 0.8 * self.v[i] - self.lr * g"


def diagnosed(tmp_path, over, momentum):
    path = tmp_path / "net.py"
    path.write_text(NET.format(over=over, momentum=momentum))
    return cr.diagnose(str(path))


@pytest.mark.parametrize("momentum", [CLASSICAL, AVERAGED, AHEAD])
def test_a_right_gradient_behind_momentum_is_right(tmp_path, momentum):
    found = diagnosed(tmp_path, "e.size", momentum)
    assert (found.verdict, found.mistakes) == ("correct", ())


@pytest.mark.parametrize("over", ["len(e)", "(2 * e.size)", "(len(e) * e.size)"])
def test_momentum_hides_no_factor(tmp_path, over):
    found = diagnosed(tmp_path, over, CLASSICAL)
    assert found.verdict == "wrong"
    assert [rule.mistake for rule in found.mistakes] == [3]


@pytest.mark.parametrize(("over", "momentum"), [("len(e)", AVERAGED), ("(0.7 * e.size)", CLASSICAL)])
def test_a_factor_that_no_momentum_gives_is_not_called_right(tmp_path, over, momentum):
    found = diagnosed(tmp_path, over, momentum)
    assert found.verdict == "no reference"
    assert "which momentum alone does not give" in str(found)
