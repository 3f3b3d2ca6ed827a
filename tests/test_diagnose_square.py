"""The 2-2-2 example with its own numbers, one vector at a time: square layers hide how their weights are stored."""

import pytest

HEAD = """
import numpy as np

def sigmoid(a):
    return 1 / (1 + np.exp(-a))
"""
CLASS = """
class Net:
    def __init__(self):
        self.W1 = np.array([[0.15, 0.20], [0.25, 0.30]])
        self.W2 = np.array([[0.40, 0.45], [0.50, 0.55]])
        self.b1 = np.array([0.35, 0.35])
        self.b2 = np.array([0.60, 0.60])

    def forward(self, x):
        self.h = sigmoid(self.W1 @ x + self.b1)
        self.o = sigmoid(self.W2 @ self.h + self.b2)
        return self.o

    def loss(self, x, t):
        return 0.5 * np.sum((t - self.forward(x)) ** 2)

    def train(self, x, t, eta=0.5):
        o = self.forward(x)
        do = (o - t) * o * (1 - o)
        {first}
        {second}
        self.W1 = self.W1 - eta * np.outer(dh, x)
        self.b2 = self.b2 - eta * do
        self.b1 = self.b1 - eta * dh
"""
FUNCTIONS = """
W1 = np.array([[0.15, 0.20], [0.25, 0.30]])
W2 = np.array([[0.40, 0.45], [0.50, 0.55]])
b1 = 0.35
b2 = 0.60

def forward(x):
    h = sigmoid(W1 @ x + b1)
    return h, sigmoid(W2 @ h + b2)

def loss(x, t):
    return 0.5 * np.sum((t - forward(x)[1]) ** 2)

def train_step(x, t, eta=0.5):
    global W1, W2, b1, b2
    h, o = forward(x)
    do = (o - t) * o * (1 - o)
    {first}
    {second}
    W1 = W1 - eta * np.outer(dh, x)
"""
SCRIPT = """
W1 = np.array([[0.15, 0.20], [0.25, 0.30]])
W2 = np.array([[0.40, 0.45], [0.50, 0.55]])
b1, b2 = 0.35, 0.60
x, t, eta = np.array([0.05, 0.10]), np.array([0.01, 0.99]), 0.5
for i in range(10000):
    h = sigmoid(W1 @ x + b1)
    o = sigmoid(W2 @ h + b2)
    loss = 0.5 * np.sum((t - o) ** 2)
    do = (o - t) * o * (1 - o)
    {first}
    {second}
    W1 = W1 - eta * np.outer(dh, x)
"""
STYLES = {
    "class": (CLASS, "self.W2 = self.W2 - eta * np.outer(do, self.h)", "dh = (self.W2.T @ do) * self.h * (1 - self.h)"),
    "functions": (FUNCTIONS, "W2 = W2 - eta * np.outer(do, h)", "dh = (W2.T @ do) * h * (1 - h)"),
    "script": (SCRIPT, "W2 = W2 - eta * np.outer(do, h)", "dh = (W2.T @ do) * h * (1 - h)"),
}


@pytest.mark.parametrize("style", STYLES)
def test_weights_that_are_updated_before_the_delta_are_seen(style, diagnosed):
    text, update, delta = STYLES[style]
    found = diagnosed(HEAD + text.format(first=update, second=delta))
    assert (found.verdict, found.mistakes[0].mistake) == ("wrong", 1)
    assert "η = 0.5" in str(found)


def test_the_delta_first_is_right(diagnosed):
    text, update, delta = STYLES["class"]
    found = diagnosed(HEAD + text.format(first=delta, second=update))
    assert found.verdict == "correct"
    assert "2 dense layers, hidden Sigmoid, output sigmoid" in str(found)


def test_weights_the_right_way_round_are_left_so(diagnosed):
    text, update, delta = STYLES["class"]
    rows = text.format(first=delta, second=update).replace("self.W1 @ x", "x @ self.W1")
    rows = rows.replace("self.W2 @ self.h", "self.h @ self.W2").replace("self.W2.T @ do", "self.W2 @ do")
    rows = rows.replace("np.outer(do, self.h)", "np.outer(self.h, do)").replace("np.outer(dh, x)", "np.outer(x, dh)")
    assert diagnosed(HEAD + rows).verdict == "correct"


CHAIN = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)

    def forward(self, X):
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.p = self.h @ self.W2.T + self.b2
        return self.p

    def loss(self, X, y):
        return ((self.forward(X) - y) ** 2).sum() / len(X)

    def backward(self, X, y):
        d = 2 * (self.p - y) / len(X)
        e = d @ self.W2.T * (1 - self.h**2)
        return {"W1": X.T @ e, "b1": e.sum(0), "W2": self.h.T @ d, "b2": d.sum(0)}
"""


def test_what_runs_with_square_layers_alone_is_told_so(diagnosed):
    found = diagnosed(CHAIN)
    assert found.verdict != "correct"
    assert "it runs only where all layers are as wide; is a weight transposed?" in str(found)
    right = diagnosed(CHAIN.replace("self.W2.T + self.b2", "self.W2 + self.b2"))
    assert right.verdict == "correct"
    assert "as wide" not in str(right)
