"""A constructor whose arguments all have a default: what is handed over is of the default's kind."""

import pytest

import chainrule as cr
from two_layers import HALF_SQUARES, NUMPY

BACKWARD = """
    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def backward(self, p, y):
        dp = (p - y) / len(y)
        dz = (dp @ self.W2.T) * (1 - self.h**2)
        return {"W1": self.X.T @ dz, "b1": dz.sum(axis=0), "W2": self.h.T @ dp, "b2": dp.sum(axis=0)}
"""


def network(arguments, widths):
    made = f"""
class Net:
    def __init__(self, {arguments}):
        i, h, o = {widths}
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(i, h)), np.zeros(h)
        self.W2, self.b2 = rng.normal(size=(h, o)), np.zeros(o)
"""
    return NUMPY + made + HALF_SQUARES + BACKWARD


NETWORKS = {
    "a tuple of widths": network("hidden=(4,)", "(5, *hidden, 3)"),
    "among numbers": network("input_dim=6, hidden=(4,), num_classes=3", "(input_dim, *hidden, num_classes)"),
    "the name of rows": network("eingabe=5, versteckt=4, ausgabe=3", "(eingabe, versteckt, ausgabe)"),
    "no other value": network("n_in=6, n_hidden=7, n_out=4", "{(6, 7, 4): (6, 7, 4)}[n_in, n_hidden, n_out]"),
}


@pytest.mark.parametrize("text", NETWORKS.values(), ids=NETWORKS)
def test_a_default_gets_a_value_of_its_own_kind_or_stays(code, text):
    assert cr.diagnose(code(text)).verdict == "correct"
    wrong = cr.diagnose(code(text.replace("(p - y) / len(y)", "p - y")))
    assert [rule.key for rule in wrong.mistakes] == ["n-missing"]
