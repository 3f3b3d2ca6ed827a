"""Mistakes in the first line of the backward pass: another p, another loss, a term or a clip that is missing. Each is
told in two styles, and the right pass of each style is called right."""

import pytest

import chainrule as cr

ROWS = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out))
        self.b2 = np.zeros(n_out)

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.z = self.h @ self.W2 + self.b2
        self.p = {p}
        return self.p

    def loss(self, y):
        p = self.p
        return {loss}

    def backward(self, y):
        n, z, p = len(y), self.z, self.p
        d = {d}
        self.dW2 = self.h.T @ d
        self.db2 = d.sum(axis=0)
        d = (d @ self.W2.T) * (1 - self.h ** 2)
        self.dW1 = self.X.T @ d
        self.db1 = d.sum(axis=0)
"""
ROWS_SOFTMAX = (
    "np.exp({0} - {0}.max(axis={1}, keepdims=True))"
    " / np.exp({0} - {0}.max(axis={1}, keepdims=True)).sum(axis={1}, keepdims=True)"
)

COLUMNS = """
import numpy as np

def softmax(z, axis=0):
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def init_params(n_x, n_h, n_y):
    r = np.random.RandomState(2)
    return {{"W1": r.randn(n_h, n_x) * 0.4, "b1": np.zeros((n_h, 1)),
            "W2": r.randn(n_y, n_h) * 0.4, "b2": np.zeros((n_y, 1))}}

def forward(X, params):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.maximum(0, Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = {p}
    return A2, {{"Z1": Z1, "A1": A1, "Z2": Z2, "A2": A2}}

def compute_cost(A2, Y):
    m = Y.shape[1]
    return {loss}

def backward(params, cache, X, Y):
    m = X.shape[1]
    A2, Z2 = cache["A2"], cache["Z2"]
    dZ2 = {d}
    dZ1 = (params["W2"].T @ dZ2) * (cache["Z1"] > 0)
    return {{"dW2": dZ2 @ cache["A1"].T, "db2": dZ2.sum(axis=1, keepdims=True),
            "dW1": dZ1 @ X.T, "db1": dZ1.sum(axis=1, keepdims=True)}}
"""
# style -> text, what the prediction is, the loss, the right dz
ENDS = {
    "rows, softmax": (ROWS, ROWS_SOFTMAX.format("self.z", 1), "-np.sum(y * np.log(p)) / len(y)", "(p - y) / n"),
    "columns, softmax": (COLUMNS, "softmax(Z2)", "-np.mean(np.sum(Y * np.log(A2), axis=0))", "(A2 - Y) / m"),
    "rows, sigmoid": (
        ROWS, "1 / (1 + np.exp(-self.z))", "-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))", "(p - y) / y.size",
    ),
    "columns, sigmoid": (
        COLUMNS, "sigmoid(Z2)", "-np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m",
        "(-Y / A2 + (1 - Y) / (1 - A2)) * A2 * (1 - A2) / m",
    ),
    "rows, absolute": (ROWS, "self.z", "np.mean(abs(p - y))", "np.sign(p - y) / y.size"),
    "columns, absolute": (COLUMNS, "Z2", "np.sum(np.abs(Y - A2)) / m", "np.where(A2 > Y, 1.0, -1.0) / m"),
    "rows, squared": (ROWS, "self.z", "np.mean((p - y) ** 2)", "2 * (p - y) / y.size"),
    "columns, squared": (COLUMNS, "np.tanh(Z2)", "np.sum((Y - A2) ** 2) / (2 * m)", "(A2 - Y) * (1 - A2 ** 2) / m"),
    "rows, Huber": (
        ROWS, "self.z", "np.mean(np.where(abs(p - y) < 1, 0.5 * (p - y) ** 2, abs(p - y) - 0.5))",
        "np.clip(p - y, -1, 1) / y.size",
    ),
    "columns, Huber": (
        COLUMNS, "Z2",
        "np.sum(np.where(abs(A2 - Y) <= 0.5, 0.5 * (A2 - Y) ** 2, 0.5 * (abs(A2 - Y) - 0.25))) / m",
        "np.where(abs(A2 - Y) <= 0.5, A2 - Y, 0.5 * np.sign(A2 - Y)) / m",
    ),
}  # fmt: skip
SAME_P = ROWS_SOFTMAX.format("p", 1)
WRONG = [  # the rule, the style, dz
    ("softmax-batch-back", "rows, softmax", f"({ROWS_SOFTMAX.format('z', 0)} - y) / n"),
    ("softmax-batch-back", "columns, softmax", "(softmax(Z2, axis=1) - Y) / m"),
    ("softmax-all-back", "rows, softmax", "(np.exp(z) / np.exp(z).sum() - y) / n"),
    ("softmax-all-back", "columns, softmax", "(softmax(Z2, axis=None) - Y) / m"),
    ("softmax-again-back", "rows, softmax", f"({SAME_P} - y) / n"),
    ("softmax-again-back", "columns, softmax", "(softmax(A2) - Y) / m"),
    ("sigmoid-again-back", "rows, sigmoid", "(1 / (1 + np.exp(-p)) - y) / y.size"),
    ("sigmoid-again-back", "columns, sigmoid", "(sigmoid(A2) - Y) / m"),
    ("logits-for-p", "rows, softmax", "(z - y) / n"),
    ("logits-for-p", "columns, sigmoid", "(Z2 - Y) / m"),
    ("n-less-one", "rows, softmax", "(p - y) / (n - 1)"),
    ("n-less-one", "columns, squared", "(A2 - Y) * (1 - A2 ** 2) / (m - 1)"),
    ("bce-first-term", "rows, sigmoid", "-y * (1 - p) / y.size"),
    ("bce-first-term", "columns, sigmoid", "-Y / A2 * A2 * (1 - A2) / m"),
    ("bce-second-term", "rows, sigmoid", "p * (1 - y) / y.size"),
    ("bce-second-term", "columns, sigmoid", "(1 - Y) / (1 - A2) * A2 * (1 - A2) / m"),
    ("squared-for-absolute-half", "rows, absolute", "(p - y) / y.size"),
    ("squared-for-absolute", "columns, absolute", "2 * (A2 - Y) / m"),
    ("absolute-for-squared", "rows, squared", "np.sign(p - y) / y.size"),
    ("absolute-for-squared-double", "columns, squared", "np.sign(A2 - Y) * (1 - A2 ** 2) / m"),
    ("huber-not-clipped", "rows, Huber", "(p - y) / y.size"),
    ("huber-not-clipped", "columns, Huber", "(A2 - Y) / m"),
    ("huber-sign", "columns, Huber", "0.5 * np.sign(A2 - Y) / m"),
    ("huber-sign-double", "rows, Huber", "np.sign(p - y) / y.size"),
]
NUMBERS = {"softmax": 9, "sigmoid": 9, "logits": 11, "n": 3}  # by the first word of a key; the others are 8


@pytest.fixture
def judged(tmp_path):
    def judge(style, d=None):
        text, p, loss, right = ENDS[style]
        (tmp_path / "theirs.py").write_text(text.format(p=p, loss=loss, d=right if d is None else d))
        return cr.diagnose(str(tmp_path / "theirs.py"), seconds=200)

    return judge


@pytest.mark.parametrize("style", ENDS)
def test_the_right_pass_of_each_end_is_right(judged, style):
    found = judged(style)
    assert (found.verdict, found.consistent) == ("correct", True)


@pytest.mark.parametrize(("key", "style", "d"), WRONG, ids=[f"{key}: {style}" for key, style, _ in WRONG])
def test_a_wrong_first_line_is_named(judged, key, style, d):
    found = judged(style, d)
    assert (found.verdict, found.consistent) == ("wrong", False)
    assert (found.mistakes[0].key, found.numbers[0]) == (key, NUMBERS.get(key.split("-")[0], 8))


def test_a_loss_that_divides_by_n_less_one_has_that_gradient(tmp_path):
    text = ROWS.format(p="self.z", loss="np.sum((p - y) ** 2) / (len(y) - 1)", d="2 * (p - y) / (n - 1)")
    (tmp_path / "theirs.py").write_text(text)
    assert cr.diagnose(str(tmp_path / "theirs.py"), seconds=200).verdict == "correct"


@pytest.mark.parametrize("d", ["np.sign(p - y) * (1 - p ** 2) / y.size", "np.sign(p - y) / y.size"])
def test_without_a_loss_no_other_loss_is_held_against_a_pass(tmp_path, d):
    text = ROWS.format(p="np.tanh(self.z)" if "p **" in d else "self.z", loss="0", d=d)
    text = text[: text.index("    def loss")] + text[text.index("    def backward") :]
    (tmp_path / "theirs.py").write_text(text)
    found = cr.diagnose(str(tmp_path / "theirs.py"), seconds=200)
    assert not any("for-squared" in rule.key for rule in found.mistakes)


def test_a_network_of_huber_s_error_can_be_asked_for_and_shown(judged):
    found = judged("rows, Huber")
    assert "Huber" in found.page().html
