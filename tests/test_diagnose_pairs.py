"""Scripts that keep rows and targets as a list of pairs, and shuffle it."""

import re

import pytest

import chainrule as cr

HEAD = """
import random
import numpy as np

rng = np.random.default_rng(0)
X, y = rng.normal(size=(60, 4)), rng.normal(size=(60, 3))
W1, b1, W2, b2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3)), np.zeros(3)
lr = 0.1
batch_size = 10
data = MADE
for epoch in range(100):
    SHUFFLED
"""
ROWS = """
    for x, t in data:
        h = np.tanh(x @ W1 + b1)
        p = h @ W2 + b2
        loss = np.sum((p - t) ** 2) / 2
        dp = p - t
        dz = (W2 @ dp) * (1 - h**2)
        W2 -= lr * np.outer(h, dp)
        b2 -= lr * dp
        W1 -= lr * np.outer(x, dz)
        b1 -= lr * dz
"""
BATCHES = """
    for i in range(0, len(data), batch_size):
        batch = data[i : i + batch_size]
        x = np.array([row for row, goal in batch])
        t = np.array([goal for row, goal in batch])
        h = np.tanh(x @ W1 + b1)
        p = h @ W2 + b2
        loss = np.sum((p - t) ** 2) / (2 * len(x))
        dp = (p - t) / len(x)
        dz = (dp @ W2.T) * (1 - h**2)
        W2 -= lr * h.T @ dp
        b2 -= lr * dp.sum(axis=0)
        W1 -= lr * x.T @ dz
        b1 -= lr * dz.sum(axis=0)
"""
WAYS = {
    "random.shuffle": ("list(zip(X, y))", "random.shuffle(data)"),
    "np.random.shuffle": ("[(a, b) for a, b in zip(X, y)]", "np.random.shuffle(data)"),
    "a generator's": ("list(zip(X, y))", "rng.shuffle(data)"),
    "not shuffled": ("list(zip(X, y))", "pass"),
}
WRONG = {"sign": ("dp = (?=.*p - t)", "dp = -1.0 * ", 2), "slope": (re.escape(" * (1 - h**2)"), "", 8)}


@pytest.fixture
def judged(tmp_path):
    def judge(loop, way):
        made, shuffled = WAYS[way]
        (tmp_path / "net.py").write_text(HEAD.replace("MADE", made).replace("SHUFFLED", shuffled) + loop)
        return cr.diagnose(str(tmp_path / "net.py"))

    return judge


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("loop", [ROWS, BATCHES], ids=["rows", "batches"])
def test_shuffled_pairs_are_read(judged, loop, way):
    found = judged(loop, way)
    assert (found.verdict, found.mistakes) == ("correct", ()), found


@pytest.mark.parametrize("loop", [ROWS, BATCHES], ids=["rows", "batches"])
@pytest.mark.parametrize(("right", "wrong", "number"), WRONG.values(), ids=WRONG)
def test_a_mistake_in_them_is_named(judged, loop, right, wrong, number):
    assert re.search(right, loop)
    found = judged(re.sub(right, wrong, loop), "random.shuffle")
    assert (found.verdict, [rule.mistake for rule in found.mistakes]) == ("wrong", [number]), found
