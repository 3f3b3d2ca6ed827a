"""Parameters that are bare numbers: one vector that functions cut up, or a name for each weight."""

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "passes"
FLAT = (FOLDER / "right/fn_flat_theta.py").read_text()
SCALARS = (FOLDER / "wrong/mistake_01_scalars.py").read_text()
UPDATE = SCALARS[SCALARS.index("    # output neuron") : SCALARS.index("    # hidden neurons")]
RIGHT = SCALARS.replace(UPDATE, "") + UPDATE


SPLIT = """import numpy as np

def unpack(theta, n_in, n_hidden, n_out):
    cuts = np.cumsum([n_in * n_hidden, n_hidden, n_hidden * n_out])
    W1, b1, W2, b2 = np.split(theta, cuts)
    return W1.reshape(n_in, n_hidden), b1, W2.reshape(n_hidden, n_out), b2

def cost(theta, X, y, n_in, n_hidden, n_out):
    W1, b1, W2, b2 = unpack(theta, n_in, n_hidden, n_out)
    return 0.5 * ((np.tanh(X @ W1 + b1) @ W2 + b2 - y) ** 2).sum() / len(X)

def gradient(theta, X, y, n_in, n_hidden, n_out):
    W1, b1, W2, b2 = unpack(theta, n_in, n_hidden, n_out)
    h = np.tanh(X @ W1 + b1)
    dz2 = (h @ W2 + b2 - y) / len(X)
    dz1 = dz2 @ W2.T * (1 - h**2)
    return np.concatenate([(X.T @ dz1).ravel(), dz1.sum(0), (h.T @ dz2).ravel(), dz2.sum(0)])
"""
LAST = (
    FLAT.replace("[np.ones((m, 1)), X]", "[X, np.ones((m, 1))]")
    .replace("[np.ones((m, 1)), sigmoid(z2)]", "[sigmoid(z2), np.ones((m, 1))]")
    .replace("[:, 1:]", "[:, :-1]")
)
FIXED = SPLIT.replace(", n_in, n_hidden, n_out)", ")").replace(
    "import numpy as np\n", "import numpy as np\nn_in, n_hidden, n_out = 6, 5, 4\n"
)


@pytest.mark.parametrize("text", [FLAT, LAST, SPLIT, FIXED], ids=["bias first", "bias last", "split", "its own sizes"])
def test_a_right_gradient_of_one_vector(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert len(found.tables) == 4


@pytest.mark.parametrize(
    ("right", "wrong", "numbers"),
    [
        ("delta3.T @ a2 / m", "delta3.T @ a2", []),
        (" * sigmoid(z2) * (1 - sigmoid(z2))", "", [8]),
        ("Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]", "pass", [14]),
        ("delta3 = a3 - Y", "delta3 = Y - a3", []),
    ],
)
def test_a_wrong_gradient_of_one_vector(probed, right, wrong, numbers):
    assert right in FLAT
    found = probed(FLAT.replace(right, wrong))
    assert not found.ok
    assert found.numbers == numbers or not numbers, found


def test_a_vector_that_is_cut_nowhere_is_refused(probed):
    call = "reshape_params(nn_params, input_layer_size, hidden_layer_size, num_labels)"
    with pytest.raises(ValueError, match="no network that runs"):
        probed(FLAT.replace(f"= {call}\n", "= np.ones((4, 6)), np.ones((3, 5))\n"))


TWO = """import math

def sig(v):
    return 1 / (1 + math.exp(-v))

def run(p, x1, x2, x3):
    h1 = sig(p["w11"] * x1 + p["w12"] * x2 + p["w13"] * x3 + p["b1"])
    h2 = sig(p["w21"] * x1 + p["w22"] * x2 + p["w23"] * x3 + p["b2"])
    return h1, h2, sig(p["v11"] * h1 + p["v12"] * h2 + p["c1"]), sig(p["v21"] * h1 + p["v22"] * h2 + p["c2"])

def error(p, x1, x2, x3, t1, t2):
    _, _, o1, o2 = run(p, x1, x2, x3)
    return 0.5 * ((o1 - t1) ** 2 + (o2 - t2) ** 2)

def train(p, x1, x2, x3, t1, t2, lr):
    h1, h2, o1, o2 = run(p, x1, x2, x3)
    e1, e2 = (o1 - t1) * o1 * (1 - o1), (o2 - t2) * o2 * (1 - o2)
    d1 = (e1 * p["v11"] + e2 * p["v21"]) * h1 * (1 - h1)
    d2 = (e1 * p["v12"] + e2 * p["v22"]) * h2 * (1 - h2)
    for key, slope in (
        ("w11", d1 * x1), ("w12", d1 * x2), ("w13", d1 * x3), ("b1", d1),
        ("w21", d2 * x1), ("w22", d2 * x2), ("w23", d2 * x3), ("b2", d2),
        ("v11", e1 * h1), ("v12", e1 * h2), ("c1", e1), ("v21", e2 * h1), ("v22", e2 * h2), ("c2", e2),
    ):
        p[key] -= lr * slope
"""
ARGUMENTS = """import math

def sig(v):
    return 1 / (1 + math.exp(-v))

def forward(w1, w2, w3, w4, w5, w6, b1, b2, b3, x1, x2):
    h1 = sig(w1 * x1 + w3 * x2 + b1)
    h2 = sig(w2 * x1 + w4 * x2 + b2)
    return h1, h2, w5 * h1 + w6 * h2 + b3

def loss(w1, w2, w3, w4, w5, w6, b1, b2, b3, x1, x2, y):
    return (forward(w1, w2, w3, w4, w5, w6, b1, b2, b3, x1, x2)[2] - y) ** 2

def gradients(w1, w2, w3, w4, w5, w6, b1, b2, b3, x1, x2, y):
    h1, h2, o = forward(w1, w2, w3, w4, w5, w6, b1, b2, b3, x1, x2)
    do = 2 * (o - y)
    dw5, dw6, db3 = do * h1, do * h2, do
    db1, db2 = do * w5 * h1 * (1 - h1), do * w6 * h2 * (1 - h2)
    dw1, dw3, dw2, dw4 = db1 * x1, db1 * x2, db2 * x1, db2 * x2
    return dw1, dw2, dw3, dw4, dw5, dw6, db1, db2, db3
"""
OBJECT = """import math

class Neuron:
    def __init__(self):
        self.w1, self.w2, self.b = 0.3, -0.2, 0.1

    def forward(self, x1, x2):
        return 1 / (1 + math.exp(-(self.w1 * x1 + self.w2 * x2 + self.b)))

    def loss(self, x1, x2, y):
        return 0.5 * (self.forward(x1, x2) - y) ** 2

    def train(self, x1, x2, y, lr):
        p = self.forward(x1, x2)
        d = (p - y) * p * (1 - p)
        self.w1 -= lr * d * x1
        self.w2 -= lr * d * x2
        self.b -= lr * d
"""


@pytest.mark.parametrize(
    "text", [RIGHT, TWO, ARGUMENTS, OBJECT], ids=["a dict", "two outputs", "arguments", "an object"]
)
def test_a_right_pass_with_a_name_for_each_weight(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found


def test_the_weights_stand_where_they_meet_their_inputs(probed):
    found = probed(RIGHT)
    assert {row.label: row.shape for row in found.tables} == {"W1": (2, 2), "b1": (2,), "W2": (2, 1), "b2": (1,)}
    assert next(row.called for row in found.tables if row.label == "W1") == "w1 w3 / w2 w4"


@pytest.mark.parametrize(
    ("text", "right", "wrong", "numbers"),
    [
        (RIGHT, "do = (o - t) * o * (1 - o)", "do = (t - o) * o * (1 - o)", [2]),
        (RIGHT, "d1 = do * p[\"w5\"] * h1 * (1 - h1)", "d1 = do * p[\"w5\"]", []),
        (TWO, "e1 * p[\"v11\"] + e2 * p[\"v21\"]", "e1 * p[\"v11\"]", []),
        (ARGUMENTS, "db2 = do * w5 * h1 * (1 - h1), do * w6", "db2 = do * w5 * h1 * (1 - h1), do * w5", []),
        (ARGUMENTS, "do = 2 * (o - y)", "do = o - y", []),
        (OBJECT, "d = (p - y) * p * (1 - p)", "d = (p - y) * (1 - p)", []),
    ],
)  # fmt: skip
def test_a_wrong_pass_with_a_name_for_each_weight(probed, text, right, wrong, numbers):
    assert right in text
    found = probed(text.replace(right, wrong))
    assert not found.ok
    assert found.verdict in ("wrong", "not consistent")
    assert found.numbers == numbers or not numbers, found


def test_what_is_no_such_network_is_refused(probed):
    skipping = TWO.replace('p["v11"] * h1 + p["v12"] * h2', 'p["v11"] * h1 * h2 + p["v12"] * h2')
    with pytest.raises(ValueError, match="no network that runs"):
        probed(skipping)
