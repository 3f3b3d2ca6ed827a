"""Parameters that functions take in a container of their own: made from the names in it, or asked for."""

import re

import pytest

import chainrule as cr
from chainrule import InputError

PASS = """
def forward(params, X):
    h = np.tanh(X @ params.W1 + params.b1)
    return h @ params.W2 + params.b2, h

def loss(p, y):
    return np.sum((p - y) ** 2) / (2 * len(y))

def backward(params, X, y):
    p, h = forward(params, X)
    dp = (p - y) / len(y)
    dz = (dp @ params.W2.T) * (1 - h ** 2)
    return GRADIENTS

def update(params, grads, lr):
    UPDATE
"""
DATACLASS = """
@dataclass
class Params:
    W1: np.ndarray
    b1: np.ndarray
    W2: np.ndarray
    b2: np.ndarray
"""
BY_NAME = '{"W1": X.T @ dz, "b1": dz.sum(axis=0), "W2": h.T @ dp, "b2": dp.sum(axis=0)}'
STEP = "for name in grads: setattr(params, name, getattr(params, name) - lr * grads[name])"
STYLES = {
    "a class without arguments": ("class Params:\n    pass\n", BY_NAME, STEP),
    "a dataclass": (DATACLASS, "Params(X.T @ dz, dz.sum(axis=0), h.T @ dp, dp.sum(axis=0))",
                    "return Params(*(getattr(params, k) - lr * getattr(grads, k) for k in vars(params)))"),
    "a dictionary": ("", BY_NAME, "for name in grads: params[name] -= lr * grads[name]"),
}  # fmt: skip
WRONG = {"slope": (" * (1 - h ** 2)", "", 8), "rows": ("(p - y) / len(y)", "p - y", 3), "step": ("- lr", "+ lr", 2)}
LAYERS = """
def forward(X, layers):
    a, cache = X, [X]
    for i, layer in enumerate(layers):
        z = a @ layer["W"] + layer["b"]
        a = np.tanh(z) if i < len(layers) - 1 else z
        cache.append(a)
    return a, cache

def loss(p, y):
    return np.sum((p - y) ** 2) / (2 * len(y))

def backward(X, y, layers):
    p, cache = forward(X, layers)
    d = (p - y) / len(y)
    grads = []
    for i in reversed(range(len(layers))):
        grads.insert(0, {"W": cache[i].T @ d, "b": d.sum(axis=0)})
        if i:
            d = (d @ layers[i]["W"].T) * (1 - cache[i] ** 2)
    return grads
"""
INIT = """
def init(n_in, n_hidden, n_out):
    sizes = [(n_in, n_hidden), (n_hidden, n_out)]
    return [{"W": np.random.randn(i, o), "b": np.zeros(o)} for i, o in sizes]
"""


@pytest.fixture
def write(tmp_path):
    def write(code):
        (tmp_path / "net.py").write_text(f"import numpy as np\nfrom dataclasses import dataclass\n{code}")
        return str(tmp_path / "net.py")

    return write


def text(style):
    head, gradients, update = STYLES[style]
    code = head + PASS.replace("GRADIENTS", gradients).replace("UPDATE", update)
    return re.sub(r"params\.(\w\d)", r"params['\1']", code) if style == "a dictionary" else code


@pytest.mark.parametrize("style", STYLES)
def test_arrays_of_a_container_are_made_by_their_names(write, style):
    found = cr.diagnose(write(text(style)))
    assert (found.verdict, found.consistent) == ("correct", True), found
    assert "one step" in found.probes


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("right", "wrong", "number"), WRONG.values(), ids=WRONG)
def test_a_mistake_beside_a_container_is_named(write, style, right, wrong, number):
    code = text(style).replace("-= lr", "+= lr") if number == 2 else text(style)
    found = cr.diagnose(write(code.replace(right, wrong)))
    assert (found.verdict, found.numbers) == ("wrong", [number]), found


def test_what_cannot_be_made_is_asked_for_and_then_read(write):
    with pytest.raises(InputError, match=r"no parameters were found: make them .* init\(n_in, n_hidden, n_out\)"):
        cr.diagnose(write(LAYERS))
    assert cr.diagnose(write(INIT + LAYERS)).verdict == "correct"
    assert cr.diagnose(write(INIT + LAYERS.replace(" * (1 - cache[i] ** 2)", ""))).numbers == [8]


STEPPED = """
def init(n_in, n_hidden, n_out):
    r = np.random.default_rng(0)
    W1, W2 = r.normal(size=(n_in, n_hidden)), r.normal(size=(n_hidden, n_out))
    return [W1, np.zeros(n_hidden), W2, np.zeros(n_out)]

def step(ws, X, Y, lr):
    W1, b1, W2, b2 = ws
    H = 1 / (1 + np.exp(-(X @ W1 + b1)))
    P = H @ W2 + b2
    dP = (P - Y) / len(X)
    dH = dP @ W2.T * H * (1 - H)
    new = [W1 - lr * X.T @ dH, b1 - lr * dH.sum(0), W2 - lr * H.T @ dP, b2 - lr * dP.sum(0)]
    return new, np.sum((P - Y) ** 2) / (2 * len(X))
"""
MADE_AS = {
    "a list": STEPPED,
    "a list of any name": STEPPED.replace("ws", "kiste"),
    "a tuple": re.sub(r"return \[(.*)\]", r"return (\1 + 0)", STEPPED),
    "a tuple of a known name": re.sub(r"return \[(.*)\]", r"return (\1 + 0)", STEPPED).replace("ws", "params"),
}


@pytest.mark.parametrize("code", MADE_AS.values(), ids=MADE_AS)
def test_what_init_makes_goes_into_the_one_argument_that_no_name_explains(write, code):
    found = cr.diagnose(write(code))
    assert (found.verdict, found.consistent) == ("correct", True), found
    assert cr.diagnose(write(code.replace(" * H * (1 - H)", " * H"))).numbers == [11]
    assert cr.diagnose(write(code.replace("b1 - lr * dH.sum(0)", "b1"))).numbers == [7]


def test_what_gave_nothing_is_compared_with_nothing(write):
    said = str(cr.diagnose(write(STEPPED.replace("step(ws,", "step(ws, zz,"))))
    assert "no value known for its argument 'ws'" in said
    assert "compared with nothing" in said
    assert "predictions show" not in said
    assert "makes no step" not in said
