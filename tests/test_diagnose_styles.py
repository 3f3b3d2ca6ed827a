"""Styles that are read by general means: sizes in one list, other languages, parameters under dotted names. Each right
pass has a wrong counterpart that is named; of what is read in part nothing is called right."""

import pytest

from chainrule.check.report.words import verdict

SIZES_IN_A_LIST = """
import numpy as np

class MLP:
    def __init__(self, sizes, lr=0.1):
        n_in, n_hidden, n_out = sizes
        self.lr = lr
        self.W1 = np.random.randn(n_in, n_hidden) * np.sqrt(2 / n_in)
        self.b1 = np.zeros((1, n_hidden))
        self.W2 = np.random.randn(n_hidden, n_out) * np.sqrt(2 / n_hidden)
        self.b2 = np.zeros((1, n_out))

    def forward(self, X):
        self.X = X
        self.z1 = X.dot(self.W1) + self.b1
        self.a1 = np.maximum(0, self.z1)
        self.z2 = self.a1.dot(self.W2) + self.b2
        e = np.exp(self.z2 - np.max(self.z2, axis=1, keepdims=True))
        self.probs = e / np.sum(e, axis=1, keepdims=True)
        return self.probs

    def compute_loss(self, y):
        n = y.shape[0]
        return -np.sum(np.log(self.probs[range(n), y])) / n

    def backward(self, y):
        n = y.shape[0]
        d = self.probs.copy()
        d[range(n), y] -= 1
        d /= n
        dW2 = self.a1.T.dot(d)
        db2 = d.sum(axis=0, keepdims=True)
        da1 = d.dot(self.W2.T)
        da1[self.z1 <= 0] = 0
        dW1 = self.X.T.dot(da1)
        db1 = da1.sum(axis=0, keepdims=True)
        return dW1, db1, dW2, db2
"""

LIST_OF_SIZES_IN_COLUMNS = """
import numpy as np

class Network:
    def __init__(self, layer_dims, learning_rate=0.01):
        self.n_x, self.n_h, self.n_y = layer_dims
        self.learning_rate = learning_rate
        self.parameters = self.initialize_parameters_deep(layer_dims)

    def initialize_parameters_deep(self, layer_dims):
        np.random.seed(1)
        parameters = {}
        for l in range(1, len(layer_dims)):
            parameters[f"W{l}"] = np.random.randn(layer_dims[l], layer_dims[l - 1]) / np.sqrt(layer_dims[l - 1])
            parameters[f"b{l}"] = np.zeros((layer_dims[l], 1))
        return parameters

    def forward(self, X):
        p = self.parameters
        self.Z1 = p["W1"] @ X + p["b1"]
        self.A1 = np.maximum(self.Z1, 0)
        self.Z2 = p["W2"] @ self.A1 + p["b2"]
        self.A2 = 1 / (1 + np.exp(-self.Z2))
        return self.A2

    def cost(self, A2, Y):
        return -np.mean(np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2), axis=0))

    def backward(self, X, Y):
        m = X.shape[1]
        dZ2 = self.A2 - Y
        grads = {"dW2": dZ2 @ self.A1.T / m, "db2": np.sum(dZ2, axis=1, keepdims=True) / m}
        dZ1 = (self.parameters["W2"].T @ dZ2) * (self.Z1 > 0)
        grads["dW1"] = dZ1 @ X.T / m
        grads["db1"] = np.sum(dZ1, axis=1, keepdims=True) / m
        return grads

    def update(self, grads):
        for k in self.parameters:
            self.parameters[k] -= self.learning_rate * grads["d" + k]
"""

GERMAN = """
import numpy as np

class Netz:
    def __init__(self, anzahl_eingaben, anzahl_versteckt, anzahl_ausgaben, lernrate=0.1):
        self.lernrate = lernrate
        self.gewichte1 = np.random.randn(anzahl_eingaben, anzahl_versteckt) * 0.1
        self.schwellen1 = np.zeros(anzahl_versteckt)
        self.gewichte2 = np.random.randn(anzahl_versteckt, anzahl_ausgaben) * 0.1
        self.schwellen2 = np.zeros(anzahl_ausgaben)

    def vorwaerts(self, eingabe):
        self.eingabe = eingabe
        self.versteckt = np.tanh(eingabe @ self.gewichte1 + self.schwellen1)
        self.ausgabe = self.versteckt @ self.gewichte2 + self.schwellen2
        return self.ausgabe

    def fehler(self, eingabe, ziel):
        return ((self.vorwaerts(eingabe) - ziel) ** 2).mean()

    def rueckwaerts(self, ziel):
        delta = 2 * (self.ausgabe - ziel) / ziel.size
        self.grad_gewichte2 = self.versteckt.T @ delta
        self.grad_schwellen2 = delta.sum(axis=0)
        delta = delta @ self.gewichte2.T * (1 - self.versteckt ** 2)
        self.grad_gewichte1 = self.eingabe.T @ delta
        self.grad_schwellen1 = delta.sum(axis=0)
"""

FRENCH = """
import numpy as np

class Reseau:
    def __init__(self, taille_entree, taille_cachee, taille_sortie):
        self.poids1 = np.random.randn(taille_entree, taille_cachee) * 0.1
        self.biais1 = np.zeros((1, taille_cachee))
        self.poids2 = np.random.randn(taille_cachee, taille_sortie) * 0.1
        self.biais2 = np.zeros((1, taille_sortie))

    def propagation(self, entree):
        self.entree = entree
        self.z1 = entree @ self.poids1 + self.biais1
        self.a1 = np.maximum(0, self.z1)
        z2 = self.a1 @ self.poids2 + self.biais2
        e = np.exp(z2 - z2.max(axis=1, keepdims=True))
        self.sortie = e / e.sum(axis=1, keepdims=True)
        return self.sortie

    def cout(self, entree, cible):
        s = self.propagation(entree)
        return -np.sum(cible * np.log(s)) / len(entree)

    def retropropagation(self, cible):
        n = len(cible)
        d2 = (self.sortie - cible) / n
        self.d_poids2 = self.a1.T @ d2
        self.d_biais2 = d2.sum(axis=0, keepdims=True)
        d1 = (d2 @ self.poids2.T) * (self.z1 > 0)
        self.d_poids1 = self.entree.T @ d1
        self.d_biais1 = d1.sum(axis=0, keepdims=True)
"""

SPANISH = """
import numpy as np

class Red:
    def __init__(self, n_entradas, n_ocultas, n_salidas, tasa=0.1):
        self.pesos1, self.sesgos1 = np.random.randn(n_entradas, n_ocultas), np.zeros(n_ocultas)
        self.pesos2, self.sesgos2 = np.random.randn(n_ocultas, n_salidas), np.zeros(n_salidas)
        self.tasa = tasa

    def adelante(self, entradas):
        self.oculta = np.tanh(entradas @ self.pesos1 + self.sesgos1)
        return self.oculta @ self.pesos2 + self.sesgos2

    def perdida(self, salida, objetivos):
        return 0.5 * np.sum((salida - objetivos) ** 2)

    def entrenar(self, entradas, objetivos):
        delta = self.adelante(entradas) - objetivos
        anterior = delta @ self.pesos2.T * (1 - self.oculta ** 2)
        self.pesos2 -= self.tasa * self.oculta.T @ delta
        self.sesgos2 -= self.tasa * delta.sum(axis=0)
        self.pesos1 -= self.tasa * entradas.T @ anterior
        self.sesgos1 -= self.tasa * anterior.sum(axis=0)
"""

DOTTED = """
import numpy as np

def init_weights(in_dim, hid_dim, out_dim):
    w = {}
    w["fc1.weight"] = np.random.randn(in_dim, hid_dim) * 0.1
    w["fc1.bias"] = np.zeros(hid_dim)
    w["fc2.weight"] = np.random.randn(hid_dim, out_dim) * 0.1
    w["fc2.bias"] = np.zeros(out_dim)
    return w

def forward(w, x):
    cache = {"x": x}
    cache["z"] = x @ w["fc1.weight"] + w["fc1.bias"]
    cache["h"] = np.maximum(cache["z"], 0)
    cache["out"] = cache["h"] @ w["fc2.weight"] + w["fc2.bias"]
    return cache["out"], cache

def mse_loss(out, y):
    return ((out - y) ** 2).mean()

def backward(w, cache, y):
    out = cache["out"]
    d = 2 * (out - y) / y.size
    g = {}
    g["fc2.weight"] = cache["h"].T @ d
    g["fc2.bias"] = d.sum(axis=0)
    d = d @ w["fc2.weight"].T
    d[cache["z"] < 0] = 0
    g["fc1.weight"] = cache["x"].T @ d
    g["fc1.bias"] = d.sum(axis=0)
    return g
"""

ONES_COLUMN = """
import numpy as np

def add_ones(a):
    return np.hstack([np.ones((a.shape[0], 1)), a])

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

class NN:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.RandomState(0)
        self.Theta1 = rng.uniform(-0.5, 0.5, (n_hidden, n_in + 1))
        self.Theta2 = rng.uniform(-0.5, 0.5, (n_out, n_hidden + 1))

    def forward(self, X):
        self.a1 = add_ones(X)
        self.z2 = self.a1 @ self.Theta1.T
        self.a2 = add_ones(sigmoid(self.z2))
        self.a3 = sigmoid(self.a2 @ self.Theta2.T)
        return self.a3

    def cost(self, X, y):
        h = self.forward(X)
        return -(y * np.log(h) + (1 - y) * np.log(1 - h)).sum() / len(X)

    def backward(self, X, y):
        m = len(X)
        self.forward(X)
        d3 = self.a3 - y
        d2 = (d3 @ self.Theta2)[:, 1:] * sigmoid(self.z2) * (1 - sigmoid(self.z2))
        self.Theta1_grad = d2.T @ self.a1 / m
        self.Theta2_grad = d3.T @ self.a2 / m
        return self.Theta1_grad, self.Theta2_grad
"""

CASES = [
    (SIZES_IN_A_LIST, "d /= n", "pass", 3),
    (LIST_OF_SIZES_IN_COLUMNS, "dZ2 = self.A2 - Y", "dZ2 = (self.A2 - Y) * self.A2 * (1 - self.A2)", 8),
    (GERMAN, "(1 - self.versteckt ** 2)", "(1 - self.versteckt)", 11),
    (FRENCH, "d2 = (self.sortie - cible) / n", "d2 = (self.sortie - cible)", 3),
    (SPANISH, "(1 - self.oculta ** 2)", "(1 - self.oculta)", 11),
    (DOTTED, "2 * (out - y) / y.size", "(out - y) / y.size", 3),
]


@pytest.mark.parametrize(("text", "right", "wrong", "mistake"), CASES)
def test_a_style_is_read_and_its_mistake_named(diagnosed, text, right, wrong, mistake):
    assert diagnosed(text).verdict == "correct"
    assert text.count(right) == 1
    found = diagnosed(text.replace(right, wrong))
    assert found.verdict == "wrong"
    assert mistake in found.numbers


def test_a_matrix_that_fits_into_no_network_is_compared_with_the_differences_of_the_loss(diagnosed):
    squares = ONES_COLUMN.replace("add_ones(X)", "np.hstack([X, X**2])").replace("n_in + 1", "2 * n_in")
    right, wrong = diagnosed(squares), diagnosed(squares.replace("self.a1 / m", "self.a1"))
    assert (right.verdict, wrong.verdict) == ("correct", "not consistent")
    assert all("Theta1" in [row.label for row in found.tables] for found in (right, wrong))
    assert "Theta1_grad[" in str(wrong)


BATCH_NORM = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden) * 0.5, np.zeros(n_hidden)
        self.gamma, self.beta = np.ones(n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out) * 0.5, np.zeros(n_out)

    def forward(self, X):
        self.X, z = X, X @ self.W1 + self.b1
        self.s = np.sqrt(z.var(axis=0) + 1e-5)
        self.xhat = (z - z.mean(axis=0)) / self.s
        self.h = np.tanh(self.gamma * self.xhat + self.beta)
        return self.h @ self.W2 + self.b2

    def loss(self, p, y):
        return ((p - y) ** 2).mean()

    def backward(self, p, y):
        d = 2 * (p - y) / y.size
        self.dW2, self.db2 = self.h.T @ d, d.sum(axis=0)
        d = d @ self.W2.T * (1 - self.h ** 2)
        self.dgamma, self.dbeta = (d * self.xhat).sum(axis=0), d.sum(axis=0)
        d = d * self.gamma
        d = (d - d.mean(axis=0) - self.xhat * (d * self.xhat).mean(axis=0)) / self.s
        self.dW1, self.db1 = self.X.T @ d, d.sum(axis=0)
"""


@pytest.mark.parametrize(
    ("right", "wrong", "cell"),
    [("(d * self.xhat).sum(axis=0)", "(d * self.xhat).mean(axis=0)", "dgamma["),
     ("- self.xhat * (d", "+ self.xhat * (d", "dW1[")],
)  # fmt: skip
def test_layers_that_are_not_known_here_are_compared_with_the_differences_of_the_loss(diagnosed, right, wrong, cell):
    found = diagnosed(BATCH_NORM)
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert {"gamma", "beta"} <= {row.label for row in found.tables}
    assert BATCH_NORM.count(right) == 1
    found = diagnosed(BATCH_NORM.replace(right, wrong))
    assert (found.verdict, found.mistakes) == ("not consistent", ())
    assert cell in str(found).splitlines()[3]


DATA_IN_THE_CONSTRUCTOR = """
import numpy as np

class NeuralNetwork:
    def __init__(self, x, y, hidden=4):
        self.x, self.y = x, y
        self.w1 = np.random.randn(x.shape[1], hidden)
        self.w2 = np.random.randn(hidden, y.shape[1])

    def feedforward(self):
        self.h = np.tanh(self.x @ self.w1)
        self.out = 1 / (1 + np.exp(-(self.h @ self.w2)))
        return self.out

    def loss(self):
        return np.mean((self.y - self.out) ** 2)

    def backprop(self):
        d_out = 2 * (self.out - self.y) / self.y.size * self.out * (1 - self.out)
        self.dw2 = self.h.T @ d_out
        self.dw1 = self.x.T @ (d_out @ self.w2.T * (1 - self.h**2))
"""


def test_an_object_that_was_made_with_rows_gets_others_in_their_place(diagnosed):
    assert diagnosed(DATA_IN_THE_CONSTRUCTOR).verdict == "correct"
    again = DATA_IN_THE_CONSTRUCTOR.replace("self.dw1 = ", "self.dw1 = getattr(self, 'dw1', 0) + ")
    assert diagnosed(again.replace("self.dw2 = ", "self.dw2 = getattr(self, 'dw2', 0) + ")).numbers == [12]
    assert diagnosed(DATA_IN_THE_CONSTRUCTOR.replace("1 - self.h**2", "1 - self.h")).numbers == [11]


def test_where_no_gradient_has_its_parameters_shape_it_was_misread(diagnosed):
    text = DATA_IN_THE_CONSTRUCTOR.replace(
        "self.out = 1 / (1 + np.exp(-(self.h @ self.w2)))", "self.out = (self.h @ self.w2) ** 3"
    )
    assert diagnosed(text.replace("* self.out * (1 - self.out)", "* 3 * (self.h @ self.w2) ** 2")).verdict == "correct"
    lifted = text.replace("self.dw2 = self.h.T @ d_out", "self.dw2 = (self.h.T @ d_out)[None] + np.zeros((2, 1, 1))")
    lifted = lifted.replace(
        "self.dw1 = self.x.T @ (d_out @ self.w2.T * (1 - self.h**2))",
        "self.dw1 = (self.x.T @ (d_out @ self.w2.T * (1 - self.h**2)))[None] + np.zeros((2, 1, 1))",
    )
    found = diagnosed(lifted)
    assert found.verdict == "no reference"
    assert "with the differences of your loss, and none has its parameter's shape" in verdict(found)
