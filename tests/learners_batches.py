"""Right scripts as learners write them: losses summed over batches, lists of layers, rows for testing."""

EPOCH_SUM = """
import numpy as np
rng = np.random.default_rng(7)
X_train = rng.standard_normal((500, 10))
true_w = rng.standard_normal((10, 1))
y_train = np.tanh(X_train @ true_w) + 0.05 * rng.standard_normal((500, 1))
batch_size = 50
epochs = 10
lr = 1e-2
W1 = rng.standard_normal((10, 20)) * 0.1
b1 = np.zeros((1, 20))
W2 = rng.standard_normal((20, 1)) * 0.1
b2 = np.zeros((1, 1))
for epoch in range(epochs):
    idx = rng.permutation(len(X_train))
    epoch_loss = 0.0
    for start in range(0, len(X_train), batch_size):
        batch = idx[start:start + batch_size]
        Xb, yb = X_train[batch], y_train[batch]
        z1 = Xb @ W1 + b1
        a1 = 1 / (1 + np.exp(-z1))
        pred = a1 @ W2 + b2
        loss = np.mean((pred - yb) ** 2)
        epoch_loss += loss * len(batch)
        dpred = 2 * (pred - yb) / len(batch)
        dW2 = a1.T @ dpred
        db2 = np.sum(dpred, axis=0, keepdims=True)
        da1 = dpred @ W2.T
        dz1 = da1 * a1 * (1 - a1)
        dW1 = Xb.T @ dz1
        db1 = np.sum(dz1, axis=0, keepdims=True)
        W1 -= lr * dW1; b1 -= lr * db1
        W2 -= lr * dW2; b2 -= lr * db2
    print(f"epoch {epoch + 1}: {epoch_loss / len(X_train):.5f}")
"""

DEEP_LISTS = """
import numpy as np
np.random.seed(0)
layers = [4, 8, 6, 3]
X = np.random.randn(4, 90)
Y = np.eye(3)[np.random.randint(0, 3, 90)].T
m = X.shape[1]
W = []
b = []
for l in range(1, len(layers)):
    W.append(np.random.randn(layers[l], layers[l-1]) * np.sqrt(2.0 / layers[l-1]))
    b.append(np.zeros((layers[l], 1)))
L = len(W)
alpha = 0.1
costs = []
for i in range(1500):
    A = [X]
    Z = []
    for l in range(L - 1):
        z = W[l] @ A[l] + b[l]
        Z.append(z)
        A.append(np.maximum(0, z))
    z = W[L-1] @ A[L-1] + b[L-1]
    Z.append(z)
    t = np.exp(z - np.max(z, axis=0))
    A.append(t / np.sum(t, axis=0))
    cost = -np.sum(Y * np.log(A[-1])) / m
    costs.append(cost)
    dZ = A[-1] - Y
    dW = [None] * L
    db = [None] * L
    for l in range(L - 1, -1, -1):
        dW[l] = dZ @ A[l].T / m
        db[l] = np.sum(dZ, axis=1, keepdims=True) / m
        if l > 0:
            dZ = (W[l].T @ dZ) * (Z[l-1] > 0)
    for l in range(L):
        W[l] -= alpha * dW[l]
        b[l] -= alpha * db[l]
"""

SUM_OF_SQUARES = """
import numpy as np
np.random.seed(0)
X = np.random.rand(256, 3); Y = np.sin(X.sum(axis=1, keepdims=True))
W1 = np.random.randn(3, 12) * .5; b1 = np.zeros((1, 12))
W2 = np.random.randn(12, 1) * .5; b2 = np.zeros((1, 1))
lr, bs = 0.05, 32
for epoch in range(50):
    total_loss = 0
    for i in range(0, X.shape[0], bs):
        xb, yb = X[i:i+bs], Y[i:i+bs]
        h = np.tanh(xb @ W1 + b1)
        out = h @ W2 + b2
        diff = out - yb
        total_loss += np.sum(diff ** 2)
        d = 2 * diff / xb.shape[0]
        dW2 = h.T @ d
        db2 = d.sum(axis=0, keepdims=True)
        dh = d @ W2.T * (1 - h ** 2)
        dW1 = xb.T @ dh
        db1 = dh.sum(axis=0, keepdims=True)
        W1 -= lr * dW1; b1 -= lr * db1
        W2 -= lr * dW2; b2 -= lr * db2
    print(f"Epoch {epoch}: {total_loss / X.shape[0]:.4f}")
"""

ROWS_ADDED_UP = """
import numpy as np
np.random.seed(0)
X = np.random.randn(30, 5)
Y = np.eye(3)[np.random.randint(0, 3, 30)]
N = X.shape[0]
W1 = np.random.randn(8, 5) * 0.3
b1 = np.zeros(8)
W2 = np.random.randn(3, 8) * 0.3
b2 = np.zeros(3)
for epoch in range(100):
    dW1 = np.zeros_like(W1); db1 = np.zeros_like(b1)
    dW2 = np.zeros_like(W2); db2 = np.zeros_like(b2)
    loss = 0.0
    for x, t in zip(X, Y):
        z1 = W1 @ x + b1
        a1 = np.maximum(0, z1)
        z2 = W2 @ a1 + b2
        e = np.exp(z2 - z2.max())
        p = e / e.sum()
        loss += -np.sum(t * np.log(p))
        d2 = p - t
        dW2 += np.outer(d2, a1)
        db2 += d2
        d1 = (W2.T @ d2) * (z1 > 0)
        dW1 += np.outer(d1, x)
        db1 += d1
    loss /= N
    W1 -= 0.1 * dW1 / N
    b1 -= 0.1 * db1 / N
    W2 -= 0.1 * dW2 / N
    b2 -= 0.1 * db2 / N
"""

SPLIT = """
import numpy as np
np.random.seed(0)
data = np.random.randn(150, 4)
target = np.random.randint(0, 3, 150)
idx = np.arange(150)
np.random.shuffle(idx)
X_train, X_test = data[idx[:120]], data[idx[120:]]
y_train, y_test = target[idx[:120]], target[idx[120:]]
mean, std = X_train.mean(0), X_train.std(0)
X_train = (X_train - mean) / std
X_test = (X_test - mean) / std
Y_train = np.eye(3)[y_train]
W1 = np.random.randn(4, 10) * 0.1
b1 = np.zeros((1, 10))
W2 = np.random.randn(10, 3) * 0.1
b2 = np.zeros((1, 3))
lr = 0.1
train_losses, test_accs = [], []
for epoch in range(500):
    A1 = np.tanh(X_train @ W1 + b1)
    Z2 = A1 @ W2 + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    train_losses.append(-np.mean(np.log(P[range(len(y_train)), y_train])))
    dZ2 = (P - Y_train) / len(X_train)
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0, keepdims=True)
    dA1 = dZ2 @ W2.T
    dZ1 = dA1 * (1 - A1 ** 2)
    dW1 = X_train.T @ dZ1
    db1 = dZ1.sum(axis=0, keepdims=True)
    W1 -= lr * dW1; b1 -= lr * db1; W2 -= lr * dW2; b2 -= lr * db2
    test_P = np.tanh(X_test @ W1 + b1) @ W2 + b2
    test_accs.append(np.mean(test_P.argmax(axis=1) == y_test))
"""
