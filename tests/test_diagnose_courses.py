"""Networks in the manner of books and courses: each is read and called right, and its wrong counterparts are named."""

import json

import pytest

import learners_courses as courses
from chainrule.errors import InputError
from learners_courses import (
    ADAM_OF_A_DICT,
    LAYERS_THAT_STEP,
    LISTS_TURNED,
    LONG_DERIVATIVES,
    ONE_PRIME_FOR_ALL,
    ROW_BY_ROW_SUMS,
)

RIGHT = {name.lower().replace("_", " "): text for name, text in vars(courses).items() if name.isupper()}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_network_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert found.reference != "none"


WRONG = {
    "no slope in what goes back": (LISTS_TURNED, "self.who.T, output_errors", "self.who.T, targets - final", [8]),
    "an error of the other sign": (LISTS_TURNED, "(targets - final)", "(final - targets)", [2]),
    "a plus in long derivatives": (LONG_DERIVATIVES, "a_h * (1 - a_h)", "a_h * (1 + a_h)", [11]),
    "the rows' mean of a bias": (LONG_DERIVATIVES, "delta_h.sum(axis=0)", "delta_h.mean(axis=0)", [6]),
    "no slope row by row": (ROW_BY_ROW_SUMS, "back * hidden_outputs * (1 - hidden_outputs)", "back", [8]),
    "one sum not divided": (ROW_BY_ROW_SUMS, "self.lr * i_h / features.shape[0]", "self.lr * i_h", [3]),
    "one number for a layer's biases": (courses.LARGEST_LABEL, "dZ1.sum(axis=1, keepdims=True)", "dZ1.sum()", [6]),
    "the mask of another layer": (courses.LARGEST_LABEL, "(Z1 > 0)", "(Z2 > 0)", [10]),
    "twice the decay": (courses.LIST_OF_HIDDEN_SIZES, "layer.dW + self", "layer.dW + 2 * self", [14]),
    "weights that stay": (LAYERS_THAT_STEP, "        self.weights -= learning_rate * weights_gradient\n", "", [7]),
    "biases that stay": (LAYERS_THAT_STEP, "        self.bias -= learning_rate * output_gradient\n", "", [7]),
    "an epsilon inside the root": (ADAM_OF_A_DICT, "(np.sqrt(vhat) + self.eps)", "np.sqrt(vhat + self.eps)", [17]),
    "half a slope in all layers": (ONE_PRIME_FOR_ALL, "/ (1 + np.exp(-z)) ** 2", "/ (1 + np.exp(-z))", [11]),
    "half a slope at the output": (ONE_PRIME_FOR_ALL, "self.sigmoidPrime(self.z3)", "self.sigmoid(self.z3)", [11]),
    "half a slope in a function that trains": (courses.TRAINED_IN_A_FUNCTION, "* a1 * (1 - a1)", "* a1", [11]),
    "no 1/N in a function that trains": (courses.TRAINED_IN_A_FUNCTION, "X.T @ dz1 / m", "X.T @ dz1", [3]),
    "no square beside a decay": (courses.DECAY_WITHOUT_A_LOSS, "(1 - a1 ** 2)", "(1 - a1)", [11]),
    "a leaky slope left out": (courses.LEAKY_AND_BCE, "np.where(z > 0, 1, self.alpha)", "np.where(z > 0, 1, 0)", [10]),
    "targets minus predictions": (courses.LEAKY_AND_BCE, "(self.y_hat - y)", "(y - self.y_hat)", [2]),
    "1/N once more beside velocities": (courses.VELOCITIES, "np.power(A1, 2))", "np.power(A1, 2)) / m", [3]),
    "N for all numbers": (courses.CALLED_WITH_TARGETS, "self.targ.size", "len(self.targ)", [3]),
    "no slope in a bias": (courses.MADE_IN_THE_FILE, "self.dbias = dZ.sum", "self.dbias = dA.sum", [8]),
    "half a slope of a code": (courses.AUTOENCODER, "self.code * (1 - self.code)", "(1 - self.code)", [11]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_network_is_named(probed, text, right, wrong, numbers):
    assert text.count(right) == 1
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found


def test_a_function_that_trains_is_read_in_a_notebook_too(probed):
    start, _, rest = courses.TRAINED_IN_A_FUNCTION.partition("def fit")
    fit, _, _ = rest.partition("def main")
    call = "X, y = data()\nweights = fit(X, y, n_hidden=7)"
    for wrong, numbers in (("* a1 * (1 - a1)", []), ("* a1", [11])):
        sources = [start, "def fit" + fit.replace("* a1 * (1 - a1)", wrong), call]
        cells = [{"cell_type": "code", "source": source} for source in sources]
        assert probed(json.dumps({"cells": cells}), "theirs.ipynb").numbers == numbers


def test_a_decay_that_no_loss_tells_of_is_shown_and_no_mistake(probed):
    said = "the gradient of the weights also holds λ·W, λ = 0.01: that of ½λ·ΣW², of which no loss here tells"
    assert said in probed(courses.DECAY_WITHOUT_A_LOSS).notes
    loss = "def loss(probs, y):\n    return -(y * np.log(probs)).sum()\n\ndef backward"
    assert probed(courses.DECAY_WITHOUT_A_LOSS.replace("def backward", loss)).numbers == [14]


def test_what_makes_parameters_asks_for_a_width_by_its_name(probed):
    text = courses.VELOCITIES.replace("n_x, n_h, n_y", "n_x, zorp, n_y, blib, quux, more").replace("n_h", "zorp")
    with pytest.raises(InputError, match="is it a width\\? --map n_hidden=zorp"):
        probed(text)
