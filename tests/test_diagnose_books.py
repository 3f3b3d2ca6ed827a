"""Networks in the manner of books: each is read without being named, called right, and its wrong counterparts named."""

import pytest

import learners_attributes as attributes
import learners_layer_dicts as dicts
from learners_attributes import GRADIENTS_OF_ARRAYS
from learners_layer_dicts import A_LIST_OF_GRADIENTS, LAYERS_AS_DICTS, LAYERS_MADE_IN_THE_FILE

TEXTS = vars(dicts) | vars(attributes)
RIGHT = {name.lower().replace("_", " "): text for name, text in TEXTS.items() if name.isupper()}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_network_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert found.reference != "none"


WRONG = {
    "no 1/N in dicts": (LAYERS_AS_DICTS, '(layer["a"] - y) / len(x)', 'layer["a"] - y', [3]),
    "no slope in dicts": (LAYERS_AS_DICTS, 'delta * (layer["z"] > 0)', "delta", [8]),
    "the array that leaves a dict": (LAYERS_AS_DICTS, 'layer["a_in"].T @', 'layer["a"].T @', [4]),
    "a bias that climbs": (LAYERS_AS_DICTS, '-= lr * layer["db"]', '+= lr * layer["db"]', [2]),
    "no square in a list": (A_LIST_OF_GRADIENTS, "1 - a ** 2 if", "1 - a if", [11]),
    "no mean in a list": (A_LIST_OF_GRADIENTS, "/ y.size", "", [3]),
    "no slope in a file": (LAYERS_MADE_IN_THE_FILE, 'act_prime(layer["activation"], layer["z"])', "1", [8]),
    "a mean of biases of the file": (LAYERS_MADE_IN_THE_FILE, "grad.sum(axis=0)", "grad.mean(axis=0)", [6]),
    "the mask of a gradient": (GRADIENTS_OF_ARRAYS, "(self.inp > 0) *", "(self.out.g > 0) *", [10]),
    "N for all numbers of an array": (GRADIENTS_OF_ARRAYS, "self.targ.size", "len(self.targ)", [3]),
    "no sum in a call": (GRADIENTS_OF_ARRAYS, "self.out.g.sum(0)", "self.out.g", [6]),
    "no mean in a module": (attributes.MODULES_THAT_KEEP_THEIR_ARGUMENTS, "d / len(targ)", "d", [3]),
    "biases that stay in a module": (attributes.MODULES_THAT_KEEP_THEIR_ARGUMENTS, "-= lr * l.b.g", "-= 0", [7]),
    "no slope in an object": (attributes.PARAMETERS_AS_OBJECTS, "self.out.g * (self.inp.data > 0)", "self.out.g", [8]),
    "no 2 in a function": (attributes.FORWARD_AND_BACKWARD, "2.0 * diff", "diff", [3]),
    "no square beside an optimizer": (attributes.AN_OPTIMIZER_OF_ARRAYS, "1 - self.out ** 2", "1 - self.out", [11]),
    "an optimizer that climbs": (attributes.AN_OPTIMIZER_OF_ARRAYS, "p -= self.lr", "p += self.lr", [2]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_network_is_named(probed, text, right, wrong, numbers):
    assert text.count(right) == 1
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found


def test_gradients_that_add_up_in_the_dicts_of_their_layers(probed):
    kept = 'layer["a_in"].T @ delta', "delta.sum(axis=0, keepdims=True)"
    text = LAYERS_AS_DICTS.replace(kept[0], f'layer.get("dW", 0) + {kept[0]}')
    assert probed(text.replace(kept[1], f'layer.get("db", 0) + {kept[1]}')).numbers == [12]


def test_gradients_that_add_up_at_their_arrays(probed):
    text = GRADIENTS_OF_ARRAYS
    for name, kept in (("w", "self.inp.T @ self.out.g"), ("b", "self.out.g.sum(0)")):
        text = text.replace(kept, f"getattr(self.{name}, 'g', 0) + {kept}")
    assert probed(text).numbers == [12]


def test_layers_that_an_update_hands_back_are_each_its_own(probed):
    """Alike in shape, so that the first could be taken for all."""
    update = """
def update(layers, lr):
    for layer in layers:
        layer["W"] = layer["W"] - lr * layer["dW"]
        layer["b"] = layer["b"] - lr * layer["db"]
    return layers
"""
    square = LAYERS_MADE_IN_THE_FILE.replace("size=(4, 6)", "size=(6, 6)").replace("size=(6, 5)", "size=(6, 6)")
    square = square.replace("np.zeros(5)", "np.zeros(6)").replace("size=(5, 2)", "size=(6, 6)")
    square = square.replace("np.zeros(2)", "np.zeros(6)") + update
    assert probed(square).verdict == "correct"
    found = probed(square.replace("- lr *", "+ lr *", 1))
    assert (found.verdict, found.numbers) == ("wrong", [2])


def test_gradients_of_a_list_may_have_the_names_of_the_weights(probed):
    text = A_LIST_OF_GRADIENTS
    for name in ("W", "b"):
        text = text.replace(f'"d{name}"', f'"{name}"')
    assert probed(text).verdict == "correct"
    assert probed(text.replace("1 - a ** 2 if", "1 - a if")).numbers == [11]


GRADIENTS_SET_UP_BEFORE = """
import numpy as np

class Parameter:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = Parameter(np.random.randn(n_in, n_hidden) * 0.3)
        self.B1 = Parameter(np.zeros((1, n_hidden)))
        self.W2 = Parameter(np.random.randn(n_hidden, n_out) * 0.3)
        self.B2 = Parameter(np.zeros((1, n_out)))

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W1.value + self.B1.value)
        self.out = self.h @ self.W2.value + self.B2.value
        return self.out

    def loss(self, y):
        return np.mean((self.out - y) ** 2)

    def backward(self, y):
        d = 2 * (self.out - y) / y.size
        self.W2.grad[...] = self.h.T @ d
        self.B2.grad[...] = d.sum(axis=0, keepdims=True)
        d = d @ self.W2.value.T * (1 - self.h ** 2)
        self.W1.grad[...] = self.x.T @ d
        self.B1.grad[...] = d.sum(axis=0, keepdims=True)

    def step(self, lr):
        for p in (self.W1, self.B1, self.W2, self.B2):
            p.value -= lr * p.grad
"""


def test_a_gradient_that_is_there_from_the_start_is_no_parameter(probed):
    found = probed(GRADIENTS_SET_UP_BEFORE)
    assert (found.verdict, found.numbers, found.notes) == ("correct", [], ())
    assert probed(GRADIENTS_SET_UP_BEFORE.replace("(1 - self.h ** 2)", "(1 - self.h)")).numbers == [11]
    assert probed(GRADIENTS_SET_UP_BEFORE.replace("p.value -= lr", "p.value += lr")).numbers == [2]
    assert probed(GRADIENTS_SET_UP_BEFORE.replace(".grad[...] =", ".grad[...] +=")).numbers == [12]


TWO_LISTS_IN_EACH_LAYER = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.params = [np.random.randn(n_in, n_out) * 0.3, np.zeros((1, n_out))]
        self.grads = [None, None]

    def forward(self, x):
        self.x = x
        return x @ self.params[0] + self.params[1]

    def backward(self, d):
        self.grads = [self.x.T @ d, d.sum(axis=0, keepdims=True)]
        return d @ self.params[0].T

class MLP:
    def __init__(self, n_in, n_hidden, n_out):
        self.l1, self.l2 = Dense(n_in, n_hidden), Dense(n_hidden, n_out)

    def forward(self, x):
        self.h = np.tanh(self.l1.forward(x))
        self.out = self.l2.forward(self.h)
        return self.out

    def loss(self, x, y):
        return np.mean((self.forward(x) - y) ** 2)

    def backward(self, y):
        d = self.l2.backward(2 * (self.out - y) / y.size)
        self.l1.backward(d * (1 - self.h ** 2))

    def step(self):
        for layer in (self.l1, self.l2):
            for p, g in zip(layer.params, layer.grads):
                p -= 0.1 * g
"""


def test_a_layer_may_keep_its_parameters_and_their_gradients_in_two_lists(probed):
    assert probed(TWO_LISTS_IN_EACH_LAYER).verdict == "correct"
    assert probed(TWO_LISTS_IN_EACH_LAYER.replace("d.sum(axis=0", "d.mean(axis=0")).numbers == [6]
    assert probed(TWO_LISTS_IN_EACH_LAYER.replace("p -= 0.1", "p += 0.1")).numbers == [2]
