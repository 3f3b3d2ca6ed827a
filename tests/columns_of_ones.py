"""Right networks whose bias is a column of ones, in several styles."""

CLASS = """
import numpy as np
class Net:
    def __init__(self, n_in, n_hidden, n_out, lr=0.1):
        rng = np.random.default_rng(0)
        self.lr = lr
        self.W1 = rng.normal(size=(n_in + 1, n_hidden)) * 0.5
        self.W2 = rng.normal(size=(n_hidden + 1, n_out)) * 0.5
    def forward(self, X):
        self.X1 = np.hstack([np.ones((X.shape[0], 1)), X])
        self.h = np.tanh(self.X1 @ self.W1)
        self.h1 = np.hstack([np.ones((X.shape[0], 1)), self.h])
        z = self.h1 @ self.W2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p
    def loss(self, y):
        return -np.mean(np.sum(y * np.log(self.p), axis=1))
    def backward(self, y):
        dz2 = (self.p - y) / len(y)
        self.dW2 = self.h1.T @ dz2
        dh = (dz2 @ self.W2.T)[:, 1:]
        dz1 = dh * (1 - self.h ** 2)
        self.dW1 = self.X1.T @ dz1
    def step(self):
        self.W1 -= self.lr * self.dW1
        self.W2 -= self.lr * self.dW2
"""
COURSE = """
import numpy as np
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
def cost_function(Theta1, Theta2, X, y, lambda_):
    m = X.shape[0]
    a1 = np.c_[np.ones(m), X]
    a2 = np.c_[np.ones(m), sigmoid(a1 @ Theta1.T)]
    a3 = sigmoid(a2 @ Theta2.T)
    J = -np.sum(y * np.log(a3) + (1 - y) * np.log(1 - a3)) / m
    J += lambda_ / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))
    d3 = a3 - y
    d2 = (d3 @ Theta2)[:, 1:] * a2[:, 1:] * (1 - a2[:, 1:])
    Theta1_grad = d2.T @ a1 / m
    Theta2_grad = d3.T @ a2 / m
    Theta1_grad[:, 1:] += lambda_ / m * Theta1[:, 1:]
    Theta2_grad[:, 1:] += lambda_ / m * Theta2[:, 1:]
    return J, Theta1_grad, Theta2_grad
"""
LAST = """
import numpy as np
def relu(z):
    return np.maximum(z, 0)
def init(n_in, n_hidden, n_out):
    rng = np.random.default_rng(1)
    return {"W1": rng.normal(size=(n_in + 1, n_hidden)), "W2": rng.normal(size=(n_hidden + 1, n_out))}
def with_ones(A):
    return np.concatenate([A, np.ones((A.shape[0], 1))], axis=1)
def forward(params, X):
    A0 = with_ones(X)
    Z1 = A0 @ params["W1"]
    A1 = with_ones(relu(Z1))
    out = A1 @ params["W2"]
    return out, (A0, Z1, A1)
def loss(out, y):
    return 0.5 * np.sum((out - y) ** 2) / len(y)
def backward(params, cache, out, y):
    A0, Z1, A1 = cache
    d = (out - y) / len(y)
    grads = {"W2": A1.T @ d}
    dZ1 = (d @ params["W2"][:-1].T) * (Z1 > 0)
    grads["W1"] = A0.T @ dZ1
    return grads
def update(params, grads, lr):
    for key in params:
        params[key] -= lr * grads[key]
"""
INSERTED = """
import numpy as np
class NeuralNetwork:
    def __init__(self, n_inputs, n_hidden, n_outputs):
        self.weights1 = np.random.randn(n_hidden, n_inputs + 1)
        self.weights2 = np.random.randn(n_outputs, n_hidden + 1)
    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))
    def predict(self, X):
        X = np.insert(X, 0, 1, axis=1)
        hidden = np.insert(self.sigmoid(X @ self.weights1.T), 0, 1, axis=1)
        return self.sigmoid(hidden @ self.weights2.T)
    def loss(self, X, y):
        return np.mean((self.predict(X) - y) ** 2)
    def train(self, X, y, lr=0.5):
        X = np.insert(X, 0, 1, axis=1)
        h = self.sigmoid(X @ self.weights1.T)
        hidden = np.insert(h, 0, 1, axis=1)
        out = self.sigmoid(hidden @ self.weights2.T)
        delta2 = 2 * (out - y) / y.size * out * (1 - out)
        delta1 = (delta2 @ self.weights2[:, 1:]) * h * (1 - h)
        self.weights2 = self.weights2 - lr * delta2.T @ hidden
        self.weights1 = self.weights1 - lr * delta1.T @ X
"""
COLUMNS = """
import numpy as np
class MLP:
    def __init__(self, sizes):
        self.W = [np.random.randn(b, a + 1) / np.sqrt(a) for a, b in zip(sizes[:-1], sizes[1:])]
    def forward(self, X):
        self.inputs = []
        a = X
        for i, W in enumerate(self.W):
            a = np.vstack([a, np.ones((1, a.shape[1]))])
            self.inputs.append(a)
            z = W @ a
            a = np.tanh(z) if i < len(self.W) - 1 else z
        return a
    def loss(self, X, y):
        return np.sum((self.forward(X) - y) ** 2) / X.shape[1]
    def gradients(self, X, y):
        delta = 2 * (self.forward(X) - y) / X.shape[1]
        grads = [None] * len(self.W)
        for i in range(len(self.W) - 1, -1, -1):
            grads[i] = delta @ self.inputs[i].T
            if i > 0:
                delta = (self.W[i][:, :-1].T @ delta) * (1 - self.inputs[i][:-1] ** 2)
        return grads
"""
FIRST_LAYER = """
import numpy as np
class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in + 1, n_hidden) * 0.3
        self.W2 = np.random.randn(n_hidden, n_out) * 0.3
    def forward(self, X):
        self.Xb = np.column_stack([np.ones(len(X)), X])
        self.h = np.tanh(self.Xb @ self.W1)
        return self.h @ self.W2
    def loss_and_gradients(self, X, y):
        out = self.forward(X)
        d = (out - y) / len(X)
        loss = 0.5 * np.sum((out - y) ** 2) / len(X)
        dW2 = self.h.T @ d
        dW1 = self.Xb.T @ ((d @ self.W2.T) * (1 - self.h ** 2))
        return loss, dW1, dW2
"""
SCRIPT = """
import numpy as np
def sigmoid(z):
    return 1 / (1 + np.exp(-z))
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
X = np.c_[X, np.ones(len(X))]
np.random.seed(2)
V = np.random.uniform(-1, 1, size=(3, 4))
W = np.random.uniform(-1, 1, size=(5, 1))
for i in range(20000):
    hidden = np.c_[sigmoid(X @ V), np.ones(len(X))]
    out = sigmoid(hidden @ W)
    loss = 0.5 * np.sum((y - out) ** 2)
    delta_out = (out - y) * out * (1 - out)
    delta_hidden = (delta_out @ W[:-1].T) * hidden[:, :-1] * (1 - hidden[:, :-1])
    W -= 0.7 * hidden.T @ delta_out
    V -= 0.7 * X.T @ delta_hidden
"""
LOOP = """
import numpy as np
X = np.random.randn(80, 3)
y = np.random.randn(80, 2)
Theta1 = np.random.randn(4, 6) * 0.3
Theta2 = np.random.randn(7, 2) * 0.3
m = X.shape[0]
alpha = 0.05
for epoch in range(200):
    a1 = np.hstack((np.ones((m, 1)), X))
    a2 = np.hstack((np.ones((m, 1)), np.tanh(a1.dot(Theta1))))
    h = a2.dot(Theta2)
    J = np.sum((h - y) ** 2) / (2 * m)
    d2 = (h - y) / m
    d1 = d2.dot(Theta2[1:].T) * (1 - a2[:, 1:] ** 2)
    grad1 = a1.T.dot(d1)
    grad2 = a2.T.dot(d2)
    Theta1 = Theta1 - alpha * grad1
    Theta2 = Theta2 - alpha * grad2
    print(epoch, J)
"""
