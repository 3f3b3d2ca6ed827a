"""Classes and functions that make the weights that they train: linear models, a network, one row at a time."""

PLAIN = """
import numpy as np

class LogisticRegression:
    def __init__(self, lr=0.001, n_iters=1000):
        self.lr = lr
        self.n_iters = n_iters
        self.weights = None
        self.bias = None

    def fit(self, X, y):
        n_samples, n_features = X.shape
        self.weights = np.zeros(n_features)
        self.bias = 0
        for _ in range(self.n_iters):
            p = 1 / (1 + np.exp(-(np.dot(X, self.weights) + self.bias)))
            self.weights -= self.lr * np.dot(X.T, p - y) / n_samples
            self.bias -= self.lr * np.sum(p - y) / n_samples

    def predict(self, X):
        p = 1 / (1 + np.exp(-(np.dot(X, self.weights) + self.bias)))
        return [1 if value > 0.5 else 0 for value in p]
"""

BY_METHODS = """
import numpy as np

class LinearRegression:
    def __init__(self, learning_rate, iterations):
        self.learning_rate, self.iterations = learning_rate, iterations

    def fit(self, X, y):
        self.m, self.n = X.shape
        self.X, self.y = X, y
        self.start()
        self.history = []
        for i in range(self.iterations):
            self.history.append(self.loss())
            self.update_weights()
        return self

    def start(self):
        self.W = np.zeros(self.n)
        self.b = 0

    def loss(self):
        return np.mean((self.predict(self.X) - self.y) ** 2)

    def update_weights(self):
        e = self.y - self.predict(self.X)
        self.W = self.W - self.learning_rate * -2 * self.X.T.dot(e) / self.m
        self.b = self.b - self.learning_rate * -2 * np.sum(e) / self.m

    def predict(self, X):
        return X.dot(self.W) + self.b
"""

LOCAL = """
import numpy as np

class LogReg:
    def fit(self, X, y, lr=0.1, epochs=100):
        w, b = np.zeros(X.shape[1]), 0
        for _ in range(epochs):
            p = 1 / (1 + np.exp(-(X @ w + b)))
            w -= lr * X.T @ (p - y) / len(y)
            b -= lr * np.mean(p - y)
        self.w, self.b = w, b
        return self

    def predict_proba(self, X):
        return 1 / (1 + np.exp(-(X @ self.w + self.b)))
"""

ONES = """
import numpy as np

class Ridge:
    def __init__(self, eta=0.01, n_iter=100):
        self.eta, self.n_iter = eta, n_iter

    def fit(self, X, y):
        X = np.c_[np.ones(len(X)), X]
        self.theta = np.zeros(X.shape[1])
        self.costs = []
        for _ in range(self.n_iter):
            e = X @ self.theta - y
            self.theta -= self.eta * X.T @ e / len(y)
            self.costs.append((e ** 2).sum() / (2 * len(y)))
        return self

    def predict(self, X):
        return np.c_[np.ones(len(X)), X] @ self.theta
"""

NETWORK = """
import numpy as np

class MLP:
    def __init__(self, n_hidden=16, lr=0.1, n_epochs=50, seed=1):
        self.n_hidden, self.lr, self.n_epochs = n_hidden, lr, n_epochs
        self.rng = np.random.default_rng(seed)

    def fit(self, X, y):
        n, d = X.shape
        k = len(np.unique(y))
        Y = np.eye(k)[y]
        self.W1 = self.rng.normal(0, 0.1, (d, self.n_hidden))
        self.b1 = np.zeros(self.n_hidden)
        self.W2 = self.rng.normal(0, 0.1, (self.n_hidden, k))
        self.b2 = np.zeros(k)
        for _ in range(self.n_epochs):
            h, p = self.forward(X)
            dz2 = (p - Y) / n
            dz1 = dz2 @ self.W2.T * (h > 0)
            self.W2 -= self.lr * h.T @ dz2
            self.b2 -= self.lr * dz2.sum(axis=0)
            self.W1 -= self.lr * X.T @ dz1
            self.b1 -= self.lr * dz1.sum(axis=0)
        return self

    def forward(self, X):
        h = np.maximum(0, X @ self.W1 + self.b1)
        z = h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return h, e / e.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.forward(X)[1].argmax(axis=1)
"""

ROWS = """
import numpy as np

class Online:
    def fit(self, X, y, lr=0.01, epochs=10):
        self.w = np.zeros(X.shape[1])
        self.b = 0.0
        for _ in range(epochs):
            for x, t in zip(X, y):
                e = 1 / (1 + np.exp(-(np.dot(x, self.w) + self.b))) - t
                self.w -= lr * e * x
                self.b -= lr * e

    def predict_proba(self, X):
        return 1 / (1 + np.exp(-(X @ self.w + self.b)))
"""

WARM = """
import numpy as np

class Softmax:
    def __init__(self, lr=0.1, max_iter=200):
        self.lr, self.max_iter = lr, max_iter
        self.W = None

    def fit(self, X, y):
        K = y.max() + 1
        if self.W is None:
            self.W, self.b = np.zeros((X.shape[1], K)), np.zeros(K)
        for it in range(self.max_iter):
            G = (self.predict_proba(X) - np.eye(K)[y]) / len(X)
            self.W -= self.lr * X.T @ G
            self.b -= self.lr * G.sum(axis=0)

    def predict_proba(self, X):
        z = X @ self.W + self.b
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)
"""

INNER = PLAIN.replace("        for _ in range(self.n_iters):", "        self._descend(X, y, n_samples)\n"
    "\n    def _descend(self, X, y, n_samples):\n        for _ in range(self.n_iters):")  # fmt: skip

FUNCTION = """
import numpy as np

def train(X, y, lr=0.1, epochs=1000):
    n, d = X.shape
    w = np.zeros(d)
    b = 0.0
    for epoch in range(epochs):
        p = 1 / (1 + np.exp(-(X @ w + b)))
        w -= lr * X.T @ (p - y) / n
        b -= lr * np.mean(p - y)
    return w, b

def predict(X, w, b):
    return 1 / (1 + np.exp(-(X @ w + b))) >= 0.5
"""

LASSO = """
import numpy as np

class Lasso:
    def __init__(self, rate, iterations, l1_penalty):
        self.rate, self.iterations, self.l1_penalty = rate, iterations, l1_penalty

    def fit(self, X, y):
        self.W, self.b = np.zeros(X.shape[1]), 0
        for i in range(self.iterations):
            e = self.predict(X) - y
            self.W = self.W - self.rate * (2 * X.T @ e + self.l1_penalty * np.sign(self.W)) / len(y)
            self.b = self.b - self.rate * 2 * e.mean()

    def predict(self, X):
        return X.dot(self.W) + self.b
"""

MADE_IN_ONE_LINE = PLAIN.replace("        self.weights = np.zeros(n_features)\n        self.bias = 0\n",
    "        self.weights, self.bias, self.losses = np.zeros(n_features), 0, []\n")  # fmt: skip

MADE_IN_TWO_STEPS = PLAIN.replace("        self.weights = np.zeros(n_features)\n",
    "        self.weights = np.random.default_rng(0).normal(size=n_features)\n"
    "        self.weights *= 0.01\n")  # fmt: skip

MADE_BY_CHOICE = PLAIN.replace("        self.weights = np.zeros(n_features)\n",
    "        if self.lr:\n            self.weights = np.zeros(n_features)\n"
    "        else:\n            self.weights = np.ones(n_features)\n")  # fmt: skip

SET_UP_WITH_THE_ROWS = BY_METHODS.replace("        self.X, self.y = X, y\n        self.start()\n",
    "        self.start(X, y)\n").replace(
    "    def start(self):\n", "    def start(self, X, y):\n        self.X, self.y = X, y\n")  # fmt: skip

COUNTED = PLAIN.replace("        self.bias = 0\n", "        self.bias = 0\n        self.t = 0\n").replace(
    "            p = 1", "            self.t += 1\n            p = 1", 1)  # fmt: skip

STATIC_HELPER = PLAIN.replace("    def fit(self, X, y):\n",
    "    @staticmethod\n    def banner():\n        print('fit')\n"
    "\n    def fit(self, X, y):\n        self.banner()\n")  # fmt: skip

TRAINED_AT_THE_TOP = (
    PLAIN
    + """
model = LogisticRegression(n_iters=3)
model.fit(np.arange(6.0).reshape(3, 2), np.array([0, 1, 1]))
print(model.weights)
"""
)

HANDED = """
import numpy as np

def cost(X, y, theta):
    return np.sum((X @ theta - y) ** 2) / (2 * len(y))

def gradient_descent(X, y, theta, alpha, iters):
    theta = theta.copy()
    for _ in range(iters):
        theta = theta - alpha / len(y) * X.T @ (X @ theta - y)
    return theta
"""

ACCUMULATED = """
import numpy as np

def predict(X, W, b):
    return X @ W + b

def loss(X, y, W, b):
    return np.sum((predict(X, W, b) - y) ** 2) / (2 * len(X))

def train_step(X, y, W, b, lr):
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for i in range(len(X)):
        e = X[i] @ W + b - y[i]
        dW += np.outer(X[i], e) / len(X)
        db += np.dot(e, np.eye(len(e))) / len(X)
    return W - lr * dW, b - lr * db
"""
