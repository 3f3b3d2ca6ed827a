"""Functions that share a list of dicts, one for each layer."""

LAYERS_AS_DICTS = """
import numpy as np

def relu(z):
    return np.maximum(0, z)

def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)

def init_layers(sizes, seed=0):
    rng = np.random.default_rng(seed)
    layers = []
    for i in range(len(sizes) - 1):
        last = i == len(sizes) - 2
        layers.append({
            "W": rng.normal(size=(sizes[i], sizes[i + 1])) * np.sqrt(2 / sizes[i]),
            "b": np.zeros((1, sizes[i + 1])),
            "activation": "softmax" if last else "relu",
        })
    return layers

def forward(layers, x):
    a = x
    for layer in layers:
        layer["a_in"] = a
        layer["z"] = a @ layer["W"] + layer["b"]
        a = relu(layer["z"]) if layer["activation"] == "relu" else softmax(layer["z"])
        layer["a"] = a
    return a

def loss(layers, x, y):
    p = forward(layers, x)
    return -np.sum(y * np.log(p)) / len(x)

def backward(layers, x, y):
    delta = None
    for layer in reversed(layers):
        if layer["activation"] == "softmax":
            delta = (layer["a"] - y) / len(x)
        else:
            delta = delta * (layer["z"] > 0)
        layer["dW"] = layer["a_in"].T @ delta
        layer["db"] = delta.sum(axis=0, keepdims=True)
        delta = delta @ layer["W"].T

def update(layers, lr):
    for layer in layers:
        layer["W"] -= lr * layer["dW"]
        layer["b"] -= lr * layer["db"]
"""

A_LIST_OF_GRADIENTS = """
import numpy as np

def make_network(n_in, n_hidden, n_out):
    return [
        {"W": np.random.randn(n_in, n_hidden) * 0.4, "b": np.zeros(n_hidden), "activation": "tanh"},
        {"W": np.random.randn(n_hidden, n_out) * 0.4, "b": np.zeros(n_out), "activation": "linear"},
    ]

def activate(name, z):
    return np.tanh(z) if name == "tanh" else z

def slope(name, a):
    return 1 - a ** 2 if name == "tanh" else np.ones_like(a)

def forward(layers, x):
    acts = [x]
    for layer in layers:
        acts.append(activate(layer["activation"], acts[-1] @ layer["W"] + layer["b"]))
    return acts

def mse(layers, x, y):
    return np.mean((forward(layers, x)[-1] - y) ** 2)

def backward(layers, x, y):
    acts = forward(layers, x)
    grads = [None] * len(layers)
    d = 2 * (acts[-1] - y) / y.size
    for i in reversed(range(len(layers))):
        d = d * slope(layers[i]["activation"], acts[i + 1])
        grads[i] = {"dW": acts[i].T @ d, "db": d.sum(axis=0)}
        d = d @ layers[i]["W"].T
    return grads

def train_step(layers, x, y, lr):
    grads = backward(layers, x, y)
    for layer, grad in zip(layers, grads):
        layer["W"] -= lr * grad["dW"]
        layer["b"] -= lr * grad["db"]
    return mse(layers, x, y)
"""

LAYERS_MADE_IN_THE_FILE = """
import numpy as np

rng = np.random.default_rng(0)
net = [
    {"W": rng.normal(size=(4, 6)), "b": np.zeros(6), "activation": "sigmoid"},
    {"W": rng.normal(size=(6, 5)), "b": np.zeros(5), "activation": "relu"},
    {"W": rng.normal(size=(5, 2)), "b": np.zeros(2), "activation": "linear"},
]

def act(name, z):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    if name == "relu":
        return np.maximum(z, 0)
    return z

def act_prime(name, z):
    if name == "sigmoid":
        s = 1 / (1 + np.exp(-z))
        return s * (1 - s)
    if name == "relu":
        return (z > 0).astype(float)
    return np.ones_like(z)

def forward(layers, x):
    for layer in layers:
        layer["x"] = x
        layer["z"] = x @ layer["W"] + layer["b"]
        x = act(layer["activation"], layer["z"])
    return x

def compute_loss(pred, y):
    return 0.5 * np.sum((pred - y) ** 2) / len(y)

def backward(layers, x, y):
    pred = forward(layers, x)
    grad = (pred - y) / len(y)
    for layer in layers[::-1]:
        grad = grad * act_prime(layer["activation"], layer["z"])
        layer["dW"] = layer["x"].T @ grad
        layer["db"] = grad.sum(axis=0)
        grad = grad @ layer["W"].T
    return layers
"""
