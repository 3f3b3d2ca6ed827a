"""A backward pass that draws its own mask, behind a forward that sets the seed of NumPy's random numbers."""

import pytest

import chainrule as cr
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
