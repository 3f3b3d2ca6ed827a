"""Networks in the manner of books and courses: each is read and called right, and its wrong counterparts are named."""

import pytest

import learners_courses as courses
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
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_network_is_named(probed, text, right, wrong, numbers):
    assert text.count(right) == 1
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found
