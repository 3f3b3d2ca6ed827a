"""Arguments whose meaning the others tell: y beside a target is the output, n before other widths that of inputs."""

import pytest

import chainrule as cr
from chainrule.cli import main

CLASS = """
import numpy as np

class Net:
    def __init__(self, {widths}):
        rng = np.random.default_rng(3)
        self.W1 = rng.normal(size=({n}, {h}))
        self.b1 = np.zeros({h})
        self.W2 = rng.normal(size=({h}, {k}))
        self.b2 = np.zeros({k})

    def forward(self, x):
        self.x = x
        self.a = np.maximum(0, x @ self.W1 + self.b1)
        return self.a @ self.W2 + self.b2

    def loss(self, {out}, {target}):
        return 0.5 * np.sum(({out} - {target}) ** 2) / len({target})

    def backward(self, {out}, {target}):
        d = ({out} - {target}) / len({target})
        self.dW2, self.db2 = self.a.T @ d, d.sum(axis=0)
        d = d @ self.W2.T{mask}
        self.dW1, self.db1 = self.x.T @ d, d.sum(axis=0)
"""

FUNCTIONS = """
import numpy as np

def init(n, h, o):
    rng = np.random.default_rng(4)
    return {{"W1": rng.normal(size=(n, h)), "b1": np.zeros(h), "W2": rng.normal(size=(h, o)), "b2": np.zeros(o)}}

def forward(params, x):
    h = np.tanh(x @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"], h

def squared_error_loss(Y, T):
    return 0.5 * np.sum((Y - T) ** 2)

def backward(params, x, h, Y, T):
    d = Y - T
    grads = {{"W2": h.T @ d, "b2": d.sum(axis=0)}}
    d = d @ params["W2"].T * (1 - h{power})
    return grads | {{"W1": x.T @ d, "b1": d.sum(axis=0)}}
"""

FLAT = """
import numpy as np

class Net:
    def __init__(self, n_in, n_out):
        self.W, self.b = np.ones((n_in, n_out)), np.zeros(n_out)

    def forward(self, X):
        self.X, self.p = X, X @ self.W + self.b
        return self.p

    def loss(self, y):
        return np.mean(({p} - y) ** 2)

    def backward(self, y):
        d = 2 * ({p} - y) / y.size
        self.dW, self.db = self.X.T @ d, d.sum(axis=0)
"""


def written(tmp_path, source):
    path = tmp_path / "program.py"
    path.write_text(source)
    return str(path)


def net(out, target, widths="n_in, n_hidden, n_out", mask=" * (self.a > 0)"):
    n, h, k = widths.split(", ")
    return CLASS.format(out=out, target=target, widths=widths, n=n, h=h, k=k, mask=mask)


@pytest.mark.parametrize(("out", "target"), [("y", "t"), ("Y", "T"), ("y", "target"), ("y", "labels"), ("y_hat", "y")])
def test_y_beside_a_target_is_the_output(tmp_path, out, target):
    right = cr.diagnose(written(tmp_path, net(out, target)))
    assert (right.verdict, right.mistakes) == ("correct", ())
    wrong = cr.diagnose(written(tmp_path, net(out, target, mask="")))
    assert wrong.verdict == "wrong"
    assert {rule.mistake for rule in wrong.mistakes} <= {8, 10}


@pytest.mark.parametrize(("power", "verdict"), [(" ** 2", "correct"), ("", "wrong")])
def test_so_it_is_in_functions_and_n_is_the_width_of_the_inputs(tmp_path, power, verdict):
    found = cr.diagnose(written(tmp_path, FUNCTIONS.format(power=power)))
    assert found.verdict == verdict
    assert {row.label: row.shape for row in found.tables}["W1"] == (5, 4)


@pytest.mark.parametrize("widths", ["n, h, k", "n, h, o", "m, hidden, n_out"])
def test_a_number_before_other_widths_is_the_width_of_the_inputs(tmp_path, widths):
    assert cr.diagnose(written(tmp_path, net("y", "t", widths))).verdict == "correct"
    assert cr.diagnose(written(tmp_path, net("y", "t", widths, mask=""))).verdict == "wrong"


def test_a_loss_that_no_parameter_moves_decides_nothing(tmp_path, capsys):
    path = written(tmp_path, FLAT.format(p="y"))
    found = cr.diagnose(path)
    assert (found.verdict, found.mistakes) == ("no reference", ())
    assert "does not change with any parameter" in str(found)
    assert "--map out=NAME" in str(found)
    with pytest.raises(SystemExit) as ended:
        main(["check", path])
    assert ended.value.code == 2
    capsys.readouterr()
    assert cr.diagnose(written(tmp_path, FLAT.format(p="self.p"))).verdict == "correct"


UNPACKED = """
import numpy as np

def loss_and_grad(theta, X, Y):
    {names} = theta
    e = X @ W + b - Y
    return np.sum(e**2) / len(X), (2 * X.T @ e / {n}, 2 * e.sum(axis=0) / {n})
"""


@pytest.mark.parametrize("names", ["W, b", "(W, b)", "[W, b]"])
def test_what_a_function_unpacks_is_no_weight_itself(tmp_path, names):
    assert cr.diagnose(written(tmp_path, UNPACKED.format(names=names, n="len(X)"))).verdict == "correct"
    wrong = cr.diagnose(written(tmp_path, UNPACKED.format(names=names, n="len(X)**2")))
    assert (wrong.verdict, wrong.numbers) == ("wrong", [3])


def test_a_beside_a_target_is_the_output_where_there_are_no_rows(tmp_path):
    assert cr.diagnose(written(tmp_path, net("a", "t"))).verdict == "correct"
    assert cr.diagnose(written(tmp_path, net("a", "t", mask=""))).verdict == "wrong"
