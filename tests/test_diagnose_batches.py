"""A step over batches divides by the rows of the batch; one that divides by all rows of the set is named."""

import textwrap
from types import SimpleNamespace
from typing import Any

import pytest

import chainrule as cr
from chainrule.check.calling.binding import Env
from chainrule.check.probing.batches import batches_of
from chainrule.check.reading.rows import PARTS
from two_layers import HALF_SQUARES, MADE

BATCHES = """
for i in range(0, m, batch_size):
    xb, yb = X[i : i + batch_size], y[i : i + batch_size]
    h = np.tanh(xb @ W1 + b1)
    p = h @ W2 + b2
    loss = np.sum((p - yb) ** 2) / (2 * SHOWN)
    dp = (p - yb) / DIVISOR
    dz = dp @ W2.T * (1 - h**2)
    W2 -= lr * h.T @ dp
    b2 -= lr * dp.sum(axis=0)
    W1 -= lr * xb.T @ dz
    b1 -= lr * dz.sum(axis=0)
"""
ORDERS = {"in order": "", "shuffled": "\norder = np.random.permutation(m)\nX, y = X[order], y[order]"}
SCRIPT = """
rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 3))
W1, b1, W2, b2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3)), np.zeros(3)
lr, batch_size = 0.1, 10
m = len(X)
for epoch in range(100):
"""
CLASS = f"""{MADE}        self.batch_size = 16

    def forward(self, X):
        return np.tanh(X @ self.W1 + self.b1) @ self.W2 + self.b2
{HALF_SQUARES}"""


def script(order):
    return SCRIPT + textwrap.indent(order + BATCHES, "    ")


def method(order, attribute=False):
    body = "\nm = len(X)" + order + BATCHES
    for name in ("W1", "b1", "W2", "b2"):
        body = body.replace(name, f"self.{name}")
    body = body.replace("batch_size", "self.batch_size") if attribute else body
    head = "    def fit(self, X, y, lr=0.1):" if attribute else "    def fit(self, X, y, lr=0.1, batch_size=32):"
    return CLASS + head + textwrap.indent(body, "        ")


STYLES = {"script": script, "method": method, "attribute": lambda order: method(order, attribute=True)}


@pytest.fixture
def judged(tmp_path):
    def judge(code, divisor, shown):
        file = tmp_path / "net.py"
        file.write_text("import numpy as np\n" + code.replace("DIVISOR", divisor).replace("SHOWN", shown))
        return cr.diagnose(str(file))

    return judge


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("style", STYLES)
def test_all_rows_of_the_set_in_place_of_the_batchs_are_named(judged, style, order):
    code = STYLES[style](ORDERS[order])
    found = judged(code, "m", "len(xb)")
    assert found.verdict == "wrong"
    assert [rule.key for rule in found.mistakes] == ["n-of-the-set"], found
    assert "divides by 8, all the rows, and not by the batch's 4" in str(found)
    assert judged(code, "len(xb)", "len(xb)").verdict == "correct"


def test_a_loss_that_is_divided_by_all_rows_too_belongs_to_it(judged):
    """The batch's share of the loss of an epoch, and its gradient."""
    assert judged(script(""), "m", "m").verdict == "correct"


def test_what_a_step_over_batches_sets_is_as_before_when_it_is_over():
    for held, within in ({"batch_size": 32}, {"batch_size": 4}), ({"bs": 32, PARTS: 3}, {"bs": 4, PARTS: 2}):
        module = SimpleNamespace(**held)
        reading: Any = SimpleNamespace(object=None, module=module, fn=lambda role: None, env=Env(), n=8)
        with batches_of(reading, 4):
            assert vars(module) == within
        assert vars(module) == held
