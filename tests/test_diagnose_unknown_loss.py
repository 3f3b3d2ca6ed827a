"""Where no loss known here is theirs, its differences decide alone; and gradients of odd names are found."""

import textwrap

import pytest

import chainrule as cr
from chainrule.check.report.words import verdict
from two_layers import MADE, NUMPY

NET = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden)) * 0.5
        self.{b1} = rng.normal(size=n_hidden) * 0.1
        self.W2 = rng.normal(size=(n_hidden, n_out)) * 0.5
        self.{b2} = rng.normal(size=n_out) * 0.1

    def forward(self, X):
        self.X = X
        self.h = np.tanh(X @ self.W1 + self.{b1})
        self.out = self.h @ self.W2 + self.{b2}
        return self.out

    def loss(self, y):
        e = self.out - y
        return {loss}

    def backward(self, y):
        e = self.out - y
        d = {delta}
        self.dW2 = self.h.T @ d
        self.d{b2} = d.sum(axis=0)
        dz = (d @ self.W2.T) * (1 - self.h ** 2)
        self.dW1 = self.X.T @ dz
        self.d{b1} = {db1}
"""
LOSSES = {
    "Huber": ("np.mean(np.where(abs(e) < 0.7, e ** 2 / 2, 0.7 * abs(e) - 0.245))", "np.clip(e, -0.7, 0.7) / e.size"),
    "log cosh": ("np.mean(np.log(np.cosh(e)))", "np.tanh(e) / e.size"),
    "root mean square": ("np.sqrt(np.mean(e ** 2))", "e / e.size / np.sqrt(np.mean(e ** 2))"),
    "fourth power": ("np.mean(e ** 4)", "4 * e ** 3 / e.size"),
}


@pytest.fixture
def judged(tmp_path):
    def judge(loss, delta, b1="b1", b2="b2", db1="dz.sum(axis=0)"):
        path = tmp_path / "net.py"
        path.write_text(NET.format(loss=loss, delta=delta, b1=b1, b2=b2, db1=db1))
        return cr.diagnose(str(path), seconds=200)

    return judge


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_pass_of_an_unknown_loss_is_not_accused(judged, name):
    found = judged(*LOSSES[name])
    assert (found.verdict, found.reference, found.consistent) == ("correct", "none", True)


@pytest.mark.parametrize("name", LOSSES)
def test_the_squared_errors_delta_is_refused_there(judged, name):
    found = judged(LOSSES[name][0], "2 * e / e.size")
    assert (found.verdict, found.consistent) == ("not consistent", False)


@pytest.mark.parametrize("db1", ["dz", "dz.sum(axis=0) * np.nan", "dz.sum(axis=0) + 1e-3"])
def test_without_a_reference_no_shape_or_nan_passes(judged, db1):
    assert judged(*LOSSES["Huber"], db1=db1).verdict in ("not consistent", "wrong")


def test_a_gradient_that_is_not_there_is_said_to_be_not_compared(judged):
    assert any("not compared" in note and "b1" in note for note in judged(*LOSSES["Huber"], db1="None").notes)


def test_biases_of_another_name(judged):
    mean = "np.mean(e ** 2)", "2 * e / e.size"
    assert judged(*mean, b1="c0", b2="c1").verdict == "correct"
    assert judged(*mean, b1="c0", b2="c1", db1="7 * dz.sum(axis=0)").verdict != "correct"


@pytest.mark.parametrize("factor", ["", " * 7"])
def test_gradients_returned_partly_by_name(tmp_path, factor):
    path = tmp_path / "pass.py"
    path.write_text(
        textwrap.dedent(
            f"""
            import numpy as np

            def forward(x, W1, b1, W2, b2):
                h = np.maximum(0, x @ W1 + b1)
                z = h @ W2 + b2
                e = np.exp(z - z.max(axis=1, keepdims=True))
                return h, e / e.sum(axis=1, keepdims=True)

            def loss(p, y):
                return -np.mean(np.log((p * y).sum(axis=1)))

            def backward(x, y, h, p, W2):
                dz2 = (p - y) / len(x)
                dW2 = h.T @ dz2
                db2 = dz2.sum(axis=0)
                dz1 = (dz2 @ W2.T) * (h > 0)
                return x.T.dot(dz1), dz1.sum(axis=0){factor}, dW2, db2
            """
        )
    )
    assert (cr.diagnose(str(path), seconds=200).verdict == "correct") == (factor == "")


def test_an_argument_may_be_called_as_predictions_are(tmp_path):
    path = tmp_path / "step.py"
    path.write_text(
        textwrap.dedent(
            """
            import numpy as np

            def init(n_x, n_h, n_y):
                r = np.random.RandomState(2)
                return {"W1": r.randn(n_h, n_x) * 0.3, "b1": np.zeros((n_h, 1)),
                        "W2": r.randn(n_y, n_h) * 0.3, "b2": np.zeros((n_y, 1))}

            def sigmoid(z):
                return 1 / (1 + np.exp(-z))

            def forward(X, p):
                A1 = sigmoid(p["W1"] @ X + p["b1"])
                return sigmoid(p["W2"] @ A1 + p["b2"]), A1

            def compute_cost(A2, Y):
                return -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / Y.shape[1]

            def train_step(X, Y, p, lr=0.5):
                A2, A1 = forward(X, p)
                dZ2 = (A2 - Y) / X.shape[1]
                dZ1 = p["W2"].T @ dZ2 * A1 * (1 - A1)
                p["W2"] -= lr * dZ2 @ A1.T
                p["b2"] -= lr * dZ2.sum(1, keepdims=True)
                p["W1"] -= lr * dZ1 @ X.T
                p["b1"] -= lr * dZ1.sum(1, keepdims=True)
                return p
            """
        )
    )
    found = cr.diagnose(str(path), seconds=200)
    assert (found.verdict, found.notes) == ("correct", ())
    assert all(row.numeric == pytest.approx(row.right, rel=1e-6) for row in found.tables)


def test_a_bias_without_a_gradient_is_not_called_still(judged):
    mean = "np.mean(e ** 2)", "2 * e / e.size"
    found = judged(*mean, db1="None")
    assert "b1: no gradient was found; if there is one, name it: --map db1=NAME" in found.seen.values()


UNKNOWN = f"""{NUMPY}{MADE}
    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.W1 + self.b1)
        self.p = self.h @ self.W2 + self.b2
        return self.p

    def loss(self, p, Y):
        return np.mean(np.log(np.cosh(p - Y)))
"""
GRADIENTS = """
        d2 = np.tanh(self.p - Y) / Y.size
        d1 = d2 @ self.W2.T * (1 - self.h**2)
        self.dW1, self.db1, self.dW2, self.db2 = self.X.T @ d1, d1.sum(axis=0), self.h.T @ d2, d2.sum(axis=0)
"""
UPDATE = """
        for p, g in [(net.W1, net.dW1), (net.b1, net.db1), (net.W2, net.dW2), (net.b2, net.db2)]:
            p {step}
"""
BACKWARD = f"""
    def backward(self, Y):{GRADIENTS}"""
RATE = """
    def __init__(self, lr=0.1):
        self.lr = lr
"""
WAYS = {
    "update": BACKWARD + "\n    def update(self, lr=0.1):\n        net = self" + UPDATE,
    "step": "\n    def train_step(self, X, Y, lr=0.1):\n        net = self; self.forward(X)" + GRADIENTS + UPDATE,
    "optimizer": f"{BACKWARD}\nclass SGD:{RATE}\n    def step(self, net):\n        lr = self.lr{UPDATE}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("decay", ["", " - 0.001 * p"])
def test_an_update_that_climbs_a_loss_that_is_not_known_is_wrong(tmp_path, way, decay):
    def judged(step, fault=("", "")):
        (tmp_path / "net.py").write_text((UNKNOWN + WAYS[way].format(step=step)).replace(*fault))
        return cr.diagnose(str(tmp_path / "net.py"), seconds=200)

    climbing = judged(f"+= lr * g{decay}")
    if decay and way == "optimizer":
        return  # of an optimizer with a decay in no formula nothing is said
    assert ([rule.key for rule in climbing.mistakes], climbing.verdict) == (["climbs"], "wrong")
    right = judged(f"-= lr * g{decay.replace('-', '+')}")
    assert (right.verdict, right.mistakes) == ("no reference" if decay and way == "step" else "correct", ())
    if right.verdict == "no reference":
        assert "the step was compared with the differences of your loss" in verdict(right)
    assert not judged(f"-= lr * g{decay}", ("(1 - self.h**2)", "(1 + self.h**2)")).ok
