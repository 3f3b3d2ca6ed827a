"""A training step that changes the parameters and returns the loss: its gradient belongs to that loss."""

import textwrap

import pytest

import chainrule as cr
from two_layers import INIT, MADE

STEP = """
h = np.tanh(X @ W1 + b1)
p = h @ W2 + b2
loss = np.mean((p - y) ** 2)
dp = 2 * (p - y) / DIVISOR
dz = dp @ W2.T * (1 - h**2)
W2 -= lr * h.T @ dp
b2 -= lr * dp.sum(axis=0)
W1 -= lr * X.T @ dz
b1 -= lr * dz.sum(axis=0)
return loss
"""
CLASS = f"""{MADE}        self.lr = 0.1
"""
PREDICT = """
    def forward(self, X):
        return np.tanh(X @ self.W1 + self.b1) @ self.W2 + self.b2
"""
RETURNS = {
    "loss": "loss",
    "an expression": "float(np.mean((p - y) ** 2))",
    "parameters too": "params, loss",
    "accuracy before it": "(p.argmax(axis=1) == y.argmax(axis=1)).mean(), loss",
    "by name": "{'acc': 0.5, 'loss': loss}",
}
DIVISORS = {"p.size": None, "len(X)": "3: 1/K missing", "y.shape[1]": "3: 1/N missing"}


def named(template, holder):
    for name in ("W1", "b1", "W2", "b2"):
        template = template.replace(f"{name}", holder.replace("NAME", name))
    return template


def function(divisor, returned="loss", step=STEP, init=INIT):
    body = named(step, 'params["NAME"]').replace("DIVISOR", divisor).replace("return loss", f"return {returned}")
    return f"{init}\ndef train_step(params, X, y, lr):{textwrap.indent(body, '    ')}"


def method(divisor, *, predict=True, rate="self.lr"):
    body = named(STEP, "self.NAME").replace("DIVISOR", divisor).replace("lr", rate)
    return CLASS + (PREDICT if predict else "") + "    def train_step(self, X, y):" + textwrap.indent(body, "        ")


@pytest.fixture
def judged(tmp_path):
    def judge(code):
        (tmp_path / "net.py").write_text(f"import numpy as np\n{code}")
        return cr.diagnose(str(tmp_path / "net.py"))

    return judge


def says(found, expected):
    """Right and consistent with the loss, or wrong by the mistake of this number and these words."""
    number, _, words = (expected or "").partition(": ")
    verdict = ("wrong", False) if expected else ("correct", True)
    assert (found.verdict, found.consistent) == verdict, found
    assert [str(rule.mistake) for rule in found.mistakes] == ([number] if expected else []), found
    assert words in str(found)


@pytest.mark.parametrize("returned", RETURNS)
@pytest.mark.parametrize("divisor", DIVISORS)
def test_the_returned_loss_decides_by_what_the_gradient_is_divided(judged, divisor, returned):
    found = judged(function(divisor, RETURNS[returned]))
    says(found, DIVISORS[divisor])
    assert "loss" in found.probes
    assert found.tables[0].numeric is not None


@pytest.mark.parametrize("predict", [True, False], ids=["with a forward", "alone"])
@pytest.mark.parametrize("rate", ["self.lr", "0.1"])
@pytest.mark.parametrize("divisor", DIVISORS)
def test_of_a_method_too_whatever_holds_the_rate(judged, divisor, rate, predict):
    says(judged(method(divisor, predict=predict, rate=rate)), DIVISORS[divisor])


@pytest.mark.parametrize("divisor", DIVISORS)
def test_each_batch_of_a_call_has_its_loss(judged, divisor):
    """A call that makes several updates is read from as many rows as one takes, its loss too."""
    loop = "\nfor i in range(0, len(rows), 2):\n    X, y = rows[i : i + 2], goals[i : i + 2]"
    inside = STEP.replace("return loss\n", "")
    step = loop + textwrap.indent(inside, "    ") + "return loss\n"
    code = function(divisor, step="\nrows, goals = X, y" + step)
    says(judged(code), DIVISORS[divisor])


UNKNOWN = "np.log(np.cosh(p - y)).sum()"
DELTAS = {"np.tanh(p - y)": "correct", "p - y": "no reference"}


@pytest.mark.parametrize(("delta", "verdict"), DELTAS.items())
def test_a_loss_that_is_not_known_decides_by_its_differences(judged, delta, verdict):
    step = STEP.replace("np.mean((p - y) ** 2)", UNKNOWN).replace("2 * (p - y) / DIVISOR", delta)
    found = judged(function("", step=step))
    assert found.verdict == verdict, found


SHOWN = {"mse": "np.mean((p - y) ** 2)", "error": "np.mean(np.abs(p - y))"}


@pytest.mark.parametrize(("name", "value"), SHOWN.items())
def test_what_is_shown_of_a_step_is_not_its_loss_where_predictions_are_known(judged, name, value):
    code = method("1").replace("loss = np.mean((p - y) ** 2)", f"{name} = {value}")
    found = judged(code.replace("return loss", f"return {name}"))
    assert (found.verdict, found.consistent) == ("correct", None), found


def test_without_predictions_and_loss_a_step_that_fits_no_known_loss_is_undecided(judged):
    step = STEP.replace("2 * (p - y) / DIVISOR", "np.tanh(p - y)").replace("return loss\n", "")
    found = judged(function("", step=step))
    assert found.verdict == "no reference"
    assert "neither predictions nor a loss" in str(found)
