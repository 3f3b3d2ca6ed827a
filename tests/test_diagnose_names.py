"""Names and rows that are handed to `diagnose` and are none."""

import numpy as np
import pytest

import chainrule as cr
from bad_code import NET, found
from chainrule.check.reading.names import argument_roles
from chainrule.check.rules.catalogue import RULES
from chainrule.errors import InputError


@pytest.mark.parametrize(
    ("name", "mapping", "said"),
    [
        ("Nett", {}, "Nett: not defined there; did you mean 'Net'"),
        (None, {"forward": "forwrd"}, r"--map forward=forwrd: no function or method 'forwrd'; did you mean 'forward'"),
        (None, {"forwards": "forward"}, "'forwards' cannot be named; these can: init, forward, loss, backward"),
        (None, {"X": "pixels"}, "no argument 'pixels'; known: .*X"),
        (None, {"W1": "V1"}, r"--map W1=V1: no one array is called 'V1'; known: W1, b1, W2, b2"),
        (None, {"W2": "W2"}, "--map: W1 missing; name every weight matrix, or none"),
        (None, {"W1": "W1", "W2": "b1"}, "these do not chain"),
        (None, {"dW1": "g1"}, "--map dW1=g1: no one array is called 'g1'"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(code, name, mapping, said):
    with pytest.raises(InputError, match=said):
        found(code(NET), name, mapping)


@pytest.mark.parametrize("mapping", [{"forward": 3}, {"": "x"}, "forward=think", [1]])
def test_a_mapping_maps_names_to_names(code, mapping):
    with pytest.raises(InputError, match="mapping: expected our names to theirs"):
        cr.diagnose(code(NET), mapping=mapping)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.ones((3, 2)), None, "both or neither"),
        (np.ones(3), np.ones(3), "expected \\(N, I\\)"),
        (np.ones((3, 2)), np.ones(4), "expected \\(N, I\\)"),
        ([["a", "b"]] * 3, [1, 2, 3], "X: expected numbers"),
        (np.full((3, 2), np.nan), [1, 2, 3], "X: expected finite numbers"),
    ],
)
def test_rows_that_are_none_are_refused(code, X, y, said):
    with pytest.raises(InputError, match=said):
        cr.diagnose(code(NET), X, y)


PENALISED = """
import numpy as np

def init(n_x, n_h, n_y):
    return {"W1": np.random.randn(n_h, n_x), "b1": np.zeros((n_h, 1)),
            "W2": np.random.randn(n_y, n_h), "b2": np.zeros((n_y, 1))}

def forward(X, params):
    A1 = np.tanh(params["W1"] @ X + params["b1"])
    return params["W2"] @ A1 + params["b2"], A1

def cost(A2, Y, params, LAMBDA):
    squares = np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)
    return np.sum((A2 - Y) ** 2) / (2 * Y.shape[1]) + LAMBDA / 2 * squares

def backward(X, Y, A1, A2, params, LAMBDA):
    dZ2 = (A2 - Y) / Y.shape[1]
    dZ1 = params["W2"].T @ dZ2 * (1 - A1**2)
    return {"dW1": dZ1 @ X.T + LAMBDA * params["W1"], "db1": dZ1.sum(axis=1, keepdims=True),
            "dW2": dZ2 @ A1.T + LAMBDA * params["W2"], "db2": dZ2.sum(axis=1, keepdims=True)}
"""


@pytest.mark.parametrize("name", ["lambda_", "lambda_reg", "_lambda"])
def test_a_penalty_may_be_called_lambda_with_an_underscore(code, name):
    text = PENALISED.replace("LAMBDA", name)
    assert cr.diagnose(code(text), seconds=200).verdict == "correct"
    wrong = cr.diagnose(code(text.replace(f"+ {name} * params", f"+ 2 * {name} * params")), seconds=200)
    assert [rule.key for rule in wrong.mistakes] == ["l2-double"]
    wrong = cr.diagnose(code(text.replace(f" + {name} * params", " + 0 * params")), seconds=200)
    assert [rule.key for rule in wrong.mistakes] == ["l2-missing"]


@pytest.mark.parametrize(("name", "role"), [("in_", "n_in"), ("out_", "n_out"), ("inp_", "n_in"), ("lambda_", "reg")])
def test_a_word_that_python_keeps_for_itself_is_known_with_its_underscore(name, role):
    assert role in argument_roles(name)


OWN_WORDS = """import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.W2 = np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)

    def think(self, pixels):
        self.h = np.tanh(pixels @ self.W1)
        return self.h @ self.W2

    def cost(self, pixels, goal):
        return ((self.think(pixels) - goal) ** 2).sum()

    def learn(self, pixels, goal):
        d = 2 * (self.think(pixels) - goal)
        self.dW2 = self.h.T @ d
        self.dW1 = pixels.T @ (d @ self.W2.T * (1 - self.h**2))
"""
MOVES = OWN_WORDS + "        self.W1 -= 0.1 * self.dW1\n        self.W2 -= 0.1 * self.dW2\n"
ROLES = {"forward": "think", "loss": "cost"}


def test_the_argument_of_a_forward_is_asked_for_as_the_rows(code):
    with pytest.raises(InputError, match=r"think: no value known for its argument 'pixels'; --map X=pixels$"):
        cr.diagnose(code(OWN_WORDS))
    with pytest.raises(InputError, match=r"--map X=pixels$"):
        cr.diagnose(code(OWN_WORDS), mapping={"y": "goal"})


def test_what_moves_no_parameter_is_no_step_and_its_rules_are_not_tested(code):
    mapping = ROLES | {"backward": "learn", "X": "pixels", "y": "goal"}
    found = cr.diagnose(code(OWN_WORDS), mapping=mapping)
    assert (found.verdict, found.numbers) == ("correct", [])
    assert not {"one step", "steps of an optimizer"} & set(found.probes)
    untested = {rule.mistake for rule in RULES if rule.name in found.not_tested}
    assert {1} <= untested
    assert "sign: the update adds the gradient" in found.not_tested
    assert "note: one step: not run: learn changes no parameter and returns none" in str(found)


def test_the_same_with_an_update_is_a_step(code):
    found = cr.diagnose(code(MOVES), mapping={"X": "pixels", "y": "goal"} | ROLES)
    assert found.verdict == "correct", str(found)
    assert "one step" in found.probes


def test_gradients_that_are_all_zero_are_not_right(code):
    zero = OWN_WORDS.replace("d = 2 *", "d = 0 *")
    mapping = ROLES | {"backward": "learn", "X": "pixels", "y": "goal"}
    assert cr.diagnose(code(zero), mapping=mapping).verdict in ("wrong", "not consistent")


FIRST_UNFOUND = """import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden) * 0.1, np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out) * 0.1, np.zeros(n_out)

    def forward(self, X):
        self.X, self.h = X, np.tanh(X @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def loss(self, X, y):
        return ((self.forward(X) - y) ** 2).mean()

    def backward(self, y):
        out = self.h @ self.W2 + self.b2
        d = 2 * (out - y) / out.size
        self.dW2, self.db2 = self.h.T @ d, d.sum(axis=0)
        dz = d @ self.W2.T * (1 - self.h**2)
        self.first, self.db1 = self.X.T @ dz, dz.sum(axis=0)
"""


@pytest.mark.parametrize("unknown", [False, True])
def test_weights_without_a_gradient_are_not_called_right(unknown, diagnosed, code, refused, run):
    text = FIRST_UNFOUND
    if unknown:  # no network known here gives its predictions
        text = text.replace("np.tanh(X @ self.W1 + self.b1)", "np.sin(X @ self.W1 + self.b1)")
        text = text.replace("(1 - self.h**2)", "np.cos(self.X @ self.W1 + self.b1)")
    found = diagnosed(text)
    assert not found.ok
    assert "What was found of the gradient is right; none was found for W1." in str(found)
    assert "no gradient of W1 was found" in refused("check", code(text))
    named = run("check", code(text), "--map", "dW1=first")
    assert "The gradient is" in named
    assert "none was found" not in named
    assert diagnosed(text.replace("self.first", "self.dW1")).ok
