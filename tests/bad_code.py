"""A network that is right, for the tests to spoil, and the probes that run it."""

import pytest

from chainrule.check.given import split
from chainrule.check.probing.process import probe
from chainrule.errors import InputError
from two_layers import NUMPY, SEEDED

NET = f"""{NUMPY}{SEEDED}
    def forward(self, X):
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.o = self.h @ self.W2 + self.b2
        return self.o

    def loss(self, X, y):
        return ((self.forward(X) - y) ** 2).sum() / len(X)

    def backward(self, X, y):
        dz2 = 2 * (self.o - y) / len(X)
        dz1 = dz2 @ self.W2.T * (1 - self.h ** 2)
        return {{"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": self.h.T @ dz2, "b2": dz2.sum(0)}}
"""
FIRST = "        self.h = np.tanh"  # line 12
HIDDEN = "np.tanh(X @ self.W1 + self.b1)"
GRADIENT = "X.T @ dz1"
LIMIT = 5  # seconds for code that does not come back


def forward_with(line):
    """The network with a line at the beginning of its forward pass: line 12."""
    return NET.replace(FIRST, f"        {line}\n{FIRST}", 1)


def slow(cases, *names):
    """Parameters for cases by name, of which some take long to show what another shows too."""
    assert set(names) < set(cases)
    return [pytest.param(*case, id=n, marks=[pytest.mark.slow] if n in names else []) for n, case in cases.items()]


def found(path, name=None, mapping=None, seconds=600.0):
    """What the probes give, without the judging."""
    return probe(*split(path if name is None else f"{path}:{name}"), mapping or {}, seconds)


def ended(path):
    """What is said of code that does not come back; with more time where a busy machine had not come to its line."""
    for seconds in (LIMIT, 30, 120):
        with pytest.raises(InputError) as refused:
            found(path, seconds=seconds)
        if "line " in str(refused.value):
            break
    return str(refused.value).replace(f"after {seconds} seconds", f"after {LIMIT} seconds")
