"""Files once misread: a training of its own, a gradient of 0, a factor on all of it, targets of another name."""

import pytest

import chainrule as cr
from chainrule.cli import main
from chainrule.errors import InputError

FUNCTIONS = """
import numpy as np

def {train}(X, Y, n_h={n_h}, learning_rate=0.1, num_iterations=10):
    params = init(X.shape[0], n_h, Y.shape[0])
    for i in range(num_iterations):
        A2, A1 = forward(X, params)
        grads = backward(X, Y, A1, A2, params)
        for k in params:
            params[k] = params[k] - learning_rate * grads["d" + k]
    return params

def init(n_x, n_h, n_y):
    return {{"W1": np.random.randn(n_h, n_x), "W2": np.random.randn(n_y, n_h)}}

def forward(X, params):
    A1 = np.tanh(params["W1"] @ X)
    return params["W2"] @ A1, A1

def cost(A2, Y):
    return np.sum((A2 - Y) ** 2) / (2 * Y.shape[1])

def backward(X, Y, A1, A2, params):
    dZ2 = {delta} / Y.shape[1]
    dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
    return {{"dW1": dZ1 @ X.T, "dW2": dZ2 @ A1.T}}
"""

NET = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.b1 = {b1}
        self.W2 = np.random.randn(n_hidden, n_out)
        self.b2 = {b2}

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1 + self.b1)
        z = self.h @ self.W2 + self.b2
        {out}
        return self.p

    def loss(self, p, {Y}):
        return {loss}

    def backward(self, {Y}):
        d2 = {delta}
        self.dW2 = self.h.T @ d2
        self.db2 = {db2}
        d1 = d2 @ self.W2.T * (1 - self.h**2)
        self.dW1 = self.X.T @ d1
        self.db1 = d1.sum({axis})

    def update(self, lr):
        self.W1 -= lr * self.dW1
        self.b1 -= lr * self.db1
        self.W2 -= lr * self.dW2
        self.b2 -= lr * self.db2
"""
PLAIN = {"b1": "np.zeros(n_hidden)", "b2": "np.zeros(n_out)", "db2": "d2.sum(axis=0)", "axis": "axis=0", "Y": "Y"}
VALUES = PLAIN | {"out": "self.p = z"}
SOFTMAX = "e = np.exp(z - z.max(axis=1, keepdims=True)); self.p = e / e.sum(axis=1, keepdims=True)"
SHARED = PLAIN | {"b1": "0.0", "b2": "0.0", "axis": "", "out": SOFTMAX, "db2": "d2.sum()"}
ENTROPY = {"loss": "-np.sum(Y * np.log(p)) / len(Y)", "delta": "(self.p - Y) / len(Y)"}
SMOOTH = {"loss": "-np.sum((0.9 * Y + 0.1 / Y.shape[1]) * np.log(p)) / len(Y)"}
SMOOTH |= {"delta": "(self.p - (0.9 * Y + 0.1 / Y.shape[1])) / len(Y)"}
HUBER = "np.mean(np.where(abs(p - Y) < 0.7, (p - Y) ** 2 / 2, 0.7 * abs(p - Y) - 0.245))"  # a δ that is not known


@pytest.fixture
def write(tmp_path):
    def write(text, **parts):
        (tmp_path / "theirs.py").write_text(text.format(**parts))
        return str(tmp_path / "theirs.py")

    return write


@pytest.mark.parametrize("n_h", [4, 5])  # as many hidden units as ours, or others
@pytest.mark.parametrize("train", ["train", "model", "nn"])
def test_a_training_that_makes_its_own_parameters_is_no_step(write, train, n_h):
    right = cr.diagnose(write(FUNCTIONS, train=train, n_h=n_h, delta="(A2 - Y)"), seconds=200)
    assert (right.verdict, right.mistakes) == ("correct", ())
    if train == "train":
        assert any("parameters of its own" in note for note in right.notes)
    wrong = cr.diagnose(write(FUNCTIONS, train=train, n_h=n_h, delta="(Y - A2)"), seconds=200)
    assert (wrong.verdict, wrong.numbers) == ("wrong", [2])


GROWING = """
import numpy as np

def train(params, X, Y, learning_rate=0.1):
    for k, g in backward(params, X, Y).items():
        params[k] = np.vstack([params[k] - learning_rate * g, g])[:, :3]
    return params

def init(n_in, n_hidden, n_out):
    return {{"W1": np.random.randn(n_in, n_out)}}

def forward(params, X):
    return X @ params["W1"]

def loss(params, X, Y):
    return np.sum((forward(params, X) - Y) ** 2) / (2 * len(X))

def backward(params, X, Y):
    n = X.shape[1]
    dW1 = X.T @ (X @ params["W1"][:n] - Y) / len(X)
    return {{"W1": np.vstack([dW1, params["W1"][n:]])}}
"""


def test_steps_that_change_a_shape_are_a_note(write, capsys):
    path = write(GROWING)
    found = cr.diagnose(path, seconds=200)
    assert found.verdict == "correct"
    told = "in train W1 has shape (5, 3), and (10, 3) after it; an update has to leave a parameter the shape"
    assert any(told in note for note in found.notes), found.notes
    main(["diagnose", path])
    assert "Traceback" not in "".join(capsys.readouterr())


SHAPES = {
    "np.zeros(3)": "b1 has shape (3,), and its gradient (1, 3); make b1 as (1, 3) from the start",
    "np.zeros((1, 3))": None,
}
LOOP = """
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
W1 = rng.normal(size=(4, 3))
b1 = {made}
for epoch in range(10):
    p = X @ W1 + b1
    loss = np.sum((p - y) ** 2) / (2 * len(X))
    dp = (p - y) / len(X)
    dW1 = X.T @ dp
    db1 = dp.sum(axis=0, keepdims=True)
    W1 = W1 - 0.1 * dW1
    b1 = b1 - 0.1 * db1
"""


@pytest.mark.parametrize(("made", "told"), SHAPES.items())
def test_a_bias_that_grows_in_a_turn_is_told_with_its_line(write, made, told):
    found = cr.diagnose(write(LOOP, made=made))
    notes = [note for note in found.notes if "not judged" in note]
    assert [f"in a turn of the loop (line 7) {told}" in note for note in notes] == ([True] if told else []), found.notes


@pytest.mark.parametrize("loss", [ENTROPY, SMOOTH], ids=["known", "unknown"])
def test_a_sum_that_is_0_is_not_wrong_by_rounding(write, loss):
    right = cr.diagnose(write(NET, **SHARED, **loss), seconds=200)
    assert right.verdict in ("correct", "unwise")
    for wrong in ("d2[:, 0].sum()", "1e-6 * self.dW2.max()", "0 * d2.sum() + np.nan"):
        found = cr.diagnose(write(NET, **SHARED | {"db2": wrong}, **loss), seconds=200)
        assert not found.ok, wrong
        assert found.consistent is False


@pytest.mark.parametrize(
    ("loss", "delta", "said"),
    [
        (
            "np.mean((p - Y) ** 2)",
            "self.p - Y",
            "N·K/2 times the derivative of your loss: 16.5 with 11 rows, 12 with 8",
        ),
        (HUBER, "np.clip(self.p - Y, -0.7, 0.7) / len(Y)", "K times the derivative of your loss: 3, whatever the rows"),
        (HUBER, "np.clip(self.p - Y, -0.7, 0.7) / Y.shape[1]", "N times"),
        (
            HUBER,
            "0.37 * np.clip(self.p - Y, -0.7, 0.7) / Y.size",
            "a constant times the derivative of your loss: 0.37, wh",
        ),
    ],
)
def test_a_factor_on_all_of_it_is_named(write, loss, delta, said):
    found = cr.diagnose(write(NET, **VALUES, loss=loss, delta=delta), seconds=200)
    assert (found.verdict, found.numbers) == ("wrong", [3])
    assert said in found.seen["factor"]


def test_a_factor_on_one_tensor_or_of_the_data_is_not_named(write):
    right = "np.clip(self.p - Y, -0.7, 0.7) / Y.size"
    one = VALUES | {"db2": "3 * d2.sum(axis=0)"}
    root = {"loss": "np.sqrt(np.mean((p - Y) ** 2))", "delta": "2 * (self.p - Y) / Y.size"}
    for parts in (one | {"loss": HUBER, "delta": right}, VALUES | root):
        found = cr.diagnose(write(NET, **parts), seconds=200)
        assert (found.verdict, found.mistakes) == ("not consistent", ())
    assert cr.diagnose(write(NET, **VALUES, loss=HUBER, delta=right), seconds=200).verdict == "correct"


def test_a_more_specific_rule_says_it_where_one_fits(write):
    loss = "np.sum((p - Y) ** 2) / (2 * len(Y))"
    found = cr.diagnose(write(NET, **VALUES, loss=loss, delta="self.p - Y"), seconds=200)
    assert [rule.key for rule in found.mistakes] == ["n-missing"]


def test_targets_of_another_name_are_asked_for_and_can_be_named(write):
    parts = VALUES | {"Y": "doel", "loss": "np.sum((p - doel) ** 2) / (2 * len(doel))"}
    path = write(NET, **parts, delta="(self.p - doel) / len(doel)")
    with pytest.raises(InputError, match=r"no value known for its argument 'doel'; --map y=doel$"):
        cr.diagnose(path, seconds=200)
    assert cr.diagnose(path, mapping={"y": "doel"}, seconds=200).verdict == "correct"
    path = write(NET, **parts, delta="(doel - self.p) / len(doel)")
    assert cr.diagnose(path, mapping={"y": "doel"}, seconds=200).numbers == [2]


def test_methods_and_targets_of_other_names(write):
    parts = VALUES | {"Y": "doel", "loss": "np.sum((p - doel) ** 2) / (2 * len(doel))"}
    names = {"forward": "vooruit", "loss": "verlies", "backward": "terug"}
    text = NET
    for ours, theirs in names.items():
        text = text.replace(f"def {ours}(", f"def {theirs}(")
    path = write(text, **parts, delta="(self.p - doel) / len(doel)")
    with pytest.raises(InputError, match=r"--map y=doel$"):
        cr.diagnose(path, mapping=names, seconds=200)
    assert cr.diagnose(path, mapping=names | {"y": "doel"}, seconds=200).verdict == "correct"
