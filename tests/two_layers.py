"""Networks with one hidden layer: what many tests begin with, and a classifier that is right, wrong, or unknown."""

NUMPY = "import numpy as np\n"
INIT = """
def init(n_in, n_hidden, n_out):
    W1, W2 = np.random.randn(n_in, n_hidden), np.random.randn(n_hidden, n_out)
    return {"W1": W1, "b1": np.zeros(n_hidden), "W2": W2, "b2": np.zeros(n_out)}
"""
MADE = """
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
"""
SEEDED = """
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out))
        self.b2 = np.zeros(n_out)
"""
SOFTMAX = """\
        z = self.h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p
"""
HALF_SQUARES = """
    def loss(self, p, y):
        return np.sum((p - y) ** 2) / (2 * len(y))
"""
NET = f"""{NUMPY}{SEEDED}
    def forward(self, X):
        self.h = np.maximum(X @ self.W1 + self.b1, 0)
{SOFTMAX}
    def loss(self, X, y):
        return -(y * np.log(self.forward(X))).sum() / len(X)

    def backward(self, X, y):
        dz2 = (self.p - y) / len(X)
        dz1 = dz2 @ self.W2.T * (self.h > 0)
        return {{"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": self.h.T @ dz2, "b2": dz2.sum(0)}}
"""
UNDIVIDED = NET.replace("(self.p - y) / len(X)", "self.p - y")
UNKNOWN = NET.replace("np.maximum(X @ self.W1 + self.b1, 0)", "np.sin(X @ self.W1 + self.b1)").replace(
    "(self.h > 0)", "np.cos(X @ self.W1 + self.b1)"
)
