"""Networks of operations, lazily made layers and a loss object: read whole, called right, and their mistakes named."""

import pytest

from chainrule.errors import InputError
from learners_operations import A_BATCH_IN_ONE_CALL, A_LOOP_IN_A_TRAINER, A_SOFTMAX_IN_THE_LOSS

RIGHT = {
    "a batch in one call": A_BATCH_IN_ONE_CALL,
    "a softmax in the loss": A_SOFTMAX_IN_THE_LOSS,
    "a loop in a trainer": A_LOOP_IN_A_TRAINER,
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_network_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert "hidden Sigmoid, Tanh" in found.reference  # each activation of theirs is somewhere in it


WRONG = {
    "half a slope": (A_BATCH_IN_ONE_CALL, "self.output * (1.0 - self.output)", "(1.0 - self.output)", [11]),
    "no slope": (A_LOOP_IN_A_TRAINER, "output_grad * (1 - self.output ** 2)", "output_grad", [8]),
    "a mean of biases": (A_BATCH_IN_ONE_CALL, "grad.sum(axis=0).reshape", "grad.mean(axis=0).reshape", [6]),
    "targets minus predictions": (A_LOOP_IN_A_TRAINER, "2.0 * (self.prediction - self.target)",
                                  "2.0 * (self.target - self.prediction)", [2]),
    "no 1/N": (A_SOFTMAX_IN_THE_LOSS, "(self.softmax_preds - self.target) / self.prediction.shape[0]",
               "self.softmax_preds - self.target", [3]),
    "an optimizer that climbs": (A_BATCH_IN_ONE_CALL, "param -= self.lr", "param += self.lr", [2]),
    "both sides of a softmax in the loss": (
        A_SOFTMAX_IN_THE_LOSS, "self.target * np.log(self.softmax_preds)",
        "self.target * np.log(self.softmax_preds) + (1 - self.target) * np.log(1 - self.softmax_preds)", [9]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_network_is_named(probed, text, right, wrong, numbers):
    assert text.count(right) == 1
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found


STEPS_OF_ITS_OWN = """
import numpy as np

class Layer:
    def __init__(self, units, activation):
        self.units, self.activation, self.W = units, activation, None

    def forward(self, x):
        if self.W is None:
            self.W = np.random.randn(x.shape[1], self.units) * 0.3
            self.b = np.zeros((1, self.units))
        self.x = x
        return self.activation.forward(x @ self.W + self.b)

    def backward(self, grad):
        grad = self.activation.backward(grad)
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0, keepdims=True)
        return grad @ self.W.T

class ReLU:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, grad):
        return grad * self.mask

class Identity:
    def forward(self, x):
        return x

    def backward(self, grad):
        return grad

class MSE:
    def forward(self, y_pred, y_true):
        self.diff = y_pred - y_true
        return np.mean(self.diff ** 2)

    def backward(self):
        return 2 * self.diff / self.diff.size

class Network:
    def __init__(self, layers, loss_fn, lr=0.1):
        self.layers, self.loss_fn, self.lr = layers, loss_fn, lr

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)

    def train_step(self, x, y):
        loss = self.loss_fn.forward(self.forward(x), y)
        self.backward(self.loss_fn.backward())
        for layer in self.layers:
            layer.W -= self.lr * layer.dW
            layer.b -= self.lr * layer.db
        return loss
"""


def test_what_layers_remember_of_the_first_rows_is_no_weight(probed):
    """Its x is as wide as its weights are high, and no name says that it holds rows."""
    assert probed(STEPS_OF_ITS_OWN).verdict == "correct"
    assert probed(STEPS_OF_ITS_OWN.replace("grad * self.mask", "grad")).numbers == [8]
    assert probed(STEPS_OF_ITS_OWN.replace("layer.b -= self.lr", "layer.b += self.lr")).numbers == [2]


def test_without_a_layer_that_is_told_its_units_it_says_what_it_found(probed):
    text = STEPS_OF_ITS_OWN.replace("units, activation", "shape_of_it, activation").replace(
        "self.units,", "self.shape,"
    )
    with pytest.raises(InputError, match="found Layer, ReLU, Identity, MSE, Network, but no network that runs"):
        probed(text.replace("self.units", "self.shape"))


A_STEP_WITH_A_RATE_IN_IT = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden) * 0.3
        self.W2 = np.random.randn(n_hidden, n_out) * 0.3

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W1)
        return self.h @ self.W2

    def backward(self, grad):
        self.dW2 = self.h.T @ grad
        self.dW1 = self.x.T @ (grad @ self.W2.T * (1 - self.h ** 2))

    def train_batch(self, x, y):
        out = self.forward(x)
        self.backward(2 * (out - y) / y.size)
        self.W1 -= 0.05 * self.dW1
        self.W2 -= 0.05 * self.dW2
        return np.mean((out - y) ** 2)
"""


@pytest.mark.parametrize("moves", [True, False])
def test_a_batch_in_one_call_is_a_step_or_the_pass_alone(probed, moves):
    text, updates = A_STEP_WITH_A_RATE_IN_IT, [f"        self.W{i} -= 0.05 * self.dW{i}\n" for i in (1, 2)]
    for update in updates:
        assert update in text
        text = text if moves else text.replace(update, "")
    assert probed(text).verdict == "correct"
    assert probed(text.replace("(1 - self.h ** 2)", "1")).numbers == [8]
    assert any("step divided by" in note for note in probed(text).notes) == moves


SIGMOID_BEFORE_ITS_LOSS = """
class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad):
        return grad * self.y * (1 - self.y)

class BinaryCrossEntropy:
    def forward(self, y_pred, y_true):
        self.p, self.t = np.clip(y_pred, 1e-12, 1 - 1e-12), y_true
        return -np.mean(y_true * np.log(self.p) + (1 - y_true) * np.log(1 - self.p))

    def backward(self):
        return (self.p - self.t) / (self.p * (1 - self.p)) / self.p.size

class Network"""


def test_a_loss_of_probabilities_has_its_sigmoid_before_it(probed):
    start, rest = STEPS_OF_ITS_OWN.split("class MSE")
    text = start + SIGMOID_BEFORE_ITS_LOSS + rest.split("class Network")[1]
    found = probed(text)
    assert found.verdict == "correct"
    assert "output sigmoid" in found.reference
    assert probed(text.replace("grad * self.y * (1 - self.y)", "grad")).numbers == [8]
