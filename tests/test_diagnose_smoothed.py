"""Targets smoothed on the way back: right without a loss or with that loss, and told where the loss leaves it out."""

import pytest

import chainrule as cr
from two_layers import MADE, NUMPY, SOFTMAX

NET = f"""{NUMPY}{MADE}
    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.W1 + self.b1)
{SOFTMAX}
    def backward(self, Y):
        T = {{smooth}}
        d2 = (self.p - T) / len(Y)
        d1 = d2 @ self.W2.T * (1 - self.h**2)
        self.dW1, self.db1, self.dW2, self.db2 = self.X.T @ d1, d1.sum(axis=0), self.h.T @ d2, d2.sum(axis=0)
"""
LOSS = """
    def loss(self, p, Y):
        T = {smooth}
        return -np.sum(T * np.log(p)) / len(Y)
"""
SMOOTH, OTHERS, PLAIN = "0.9 * Y + 0.1 / Y.shape[1]", "np.where(Y == 1, 0.9, 0.1 / (Y.shape[1] - 1))", "Y"


@pytest.fixture
def judged(tmp_path):
    def judge(smooth, loss=None, fault=("", "")):
        text = NET.format(smooth=smooth) + ("" if loss is None else LOSS.format(smooth=loss))
        (tmp_path / "net.py").write_text(text.replace(*fault))
        return cr.diagnose(str(tmp_path / "net.py"), seconds=200)

    return judge


@pytest.mark.parametrize(("smooth", "epsilon"), [(SMOOTH, "ε = 0.1"), (OTHERS, "ε = 0.15")])
def test_without_a_loss_smoothed_targets_are_right_and_told(judged, smooth, epsilon):
    found = judged(smooth)
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert any(note.endswith(epsilon) for note in found.notes)
    assert not judged(smooth, fault=("(1 - self.h**2)", "(1 + self.h**2)")).ok
    assert not judged(smooth, fault=("self.p - T", "T - self.p")).ok


def test_a_loss_of_the_same_targets_is_right_and_of_others_is_not(judged):
    assert judged(SMOOTH, SMOOTH).verdict == "correct"
    found = judged(SMOOTH, PLAIN)
    assert (found.verdict, found.mistakes) == ("not consistent", ())
    assert any("your loss is that of the targets as they are" in note for note in found.notes)
