"""How passes are called: shorthands for the texts of the catalogue."""

from __future__ import annotations


def layer_tensors(*layers: str, w: str = "weights", b: str = "biases", d: str = "d") -> dict[str, str]:
    """Parameters and gradients kept as attributes of layer objects."""
    return {f"{layer}.{name}": f"{layer}.{d}{name}" for layer in layers for name in (w, b)}


def attributes(*names: str, of: str = "net") -> dict[str, str]:
    """`net.W1` with its gradient `net.dW1`."""
    return {f"{of}.{name}": f"{of}.d{name}" for name in names}


def entries(*names: str, params: str = "params", grads: str = "grads", prefix: str = "") -> dict[str, str]:
    """`params["W1"]` with its gradient `grads["W1"]`, or `grads["dW1"]` with a prefix."""
    return {f"{params}['{name}']": f"{grads}['{prefix}{name}']" for name in names}


def variables(*names: str) -> dict[str, str]:
    """A plain variable `W1` with its gradient `dW1`."""
    return {name: f"d{name}" for name in names}


TWO = ("W1", "b1", "W2", "b2")
PARAMS = (
    "rng = np.random.default_rng(0); "
    "params = {'W1': rng.normal(size=(I, H)), 'b1': np.zeros(H), 'W2': rng.normal(size=(H, K)), 'b2': np.zeros(K)}"
)
COLUMNS = (
    "X, Y = X.T, Y.T; parameters = {'W1': np.ones((H, I)), 'b1': np.zeros((H, 1)), "
    "'W2': np.ones((K, H)), 'b2': np.zeros((K, 1))}"
)
SAMPLES = "data = [(x.reshape(-1, 1), t.reshape(-1, 1)) for x, t in zip(X, Y)]"

# Layer objects without a model around them: the reader chains them.
CHAIN = "dense1 = Layer_Dense(I, H); activation1 = Activation_ReLU(); dense2 = Layer_Dense(H, K)"
FORWARD = "dense1.forward(X); activation1.forward(dense1.output); dense2.forward(activation1.output)"
BACK = "; dense2.backward(head.dinputs); activation1.backward(dense2.dinputs); dense1.backward(activation1.dinputs)"
SOFTMAX = "Activation_Softmax_Loss_CategoricalCrossentropy()"
SOFTMAX_BACK = "head.forward(dense2.output, Y); head.backward(head.output, Y)" + BACK
UPDATE = "; optimizer.update_params(dense1); optimizer.update_params(dense2)"
TIMED = "; optimizer.pre_update_params()" + UPDATE + "; optimizer.post_update_params()"
