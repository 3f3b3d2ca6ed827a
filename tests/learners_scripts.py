"""Right scripts as learners write them: short ones, numbers of rows in digits, a loop until the loss is small."""

XOR_13 = """
import numpy as np
X = np.array([[0,0],[0,1],[1,0],[1,1]])
Y = np.array([[0],[1],[1],[0]])
sig = lambda z: 1/(1+np.exp(-z))
W1, b1 = np.random.randn(2,4), np.zeros((1,4))
W2, b2 = np.random.randn(4,1), np.zeros((1,1))
for i in range(10000):
    A1 = sig(X@W1+b1)
    A2 = sig(A1@W2+b2)
    dZ2 = (A2-Y)/4
    dZ1 = dZ2@W2.T*A1*(1-A1)
    W2 -= 1.0*A1.T@dZ2; b2 -= 1.0*dZ2.sum(0,keepdims=True)
    W1 -= 1.0*X.T@dZ1;  b1 -= 1.0*dZ1.sum(0,keepdims=True)
print(A2)
"""

ONE_HOT = """
import numpy as np
np.random.seed(42)
# three classes of flowers
X = np.random.randn(150, 4)
labels = np.repeat([0, 1, 2], 50)
X = (X - X.mean(axis=0)) / X.std(axis=0)
y_onehot = np.zeros((150, 3))
y_onehot[np.arange(150), labels] = 1

n_input = X.shape[1]
n_hidden = 10
n_output = 3
W1 = np.random.randn(n_input, n_hidden) * 0.1
b1 = np.zeros((1, n_hidden))
W2 = np.random.randn(n_hidden, n_output) * 0.1
b2 = np.zeros((1, n_output))
learning_rate = 0.1
loss_history = []
for epoch in range(1000):
    # forward
    z1 = np.dot(X, W1) + b1
    a1 = np.tanh(z1)
    z2 = np.dot(a1, W2) + b2
    exp_z = np.exp(z2 - np.max(z2, axis=1, keepdims=True))
    y_pred = exp_z / np.sum(exp_z, axis=1, keepdims=True)
    loss = -np.sum(y_onehot * np.log(y_pred + 1e-8)) / X.shape[0]
    loss_history.append(loss)
    # backward
    delta2 = (y_pred - y_onehot) / X.shape[0]
    dW2 = np.dot(a1.T, delta2)
    db2 = np.sum(delta2, axis=0, keepdims=True)
    delta1 = np.dot(delta2, W2.T) * (1 - np.power(a1, 2))
    dW1 = np.dot(X.T, delta1)
    db1 = np.sum(delta1, axis=0, keepdims=True)
    W1 -= learning_rate * dW1
    b1 -= learning_rate * db1
    W2 -= learning_rate * dW2
    b2 -= learning_rate * db2
    if epoch % 100 == 0:
        acc = np.mean(np.argmax(y_pred, axis=1) == labels)
        print(f"Epoch {epoch}, Loss: {loss:.4f}, Acc: {acc:.2f}")
"""

HALF_E = """
import numpy as np
X = np.array([[0.,0.],[0.,1.],[1.,0.],[1.,1.]])
d = np.array([[0.],[1.],[1.],[0.]])
np.random.seed(0)
V = np.random.uniform(-1, 1, (2, 3))
bv = np.random.uniform(-1, 1, (1, 3))
W = np.random.uniform(-1, 1, (3, 1))
bw = np.random.uniform(-1, 1, (1, 1))
eta = 0.5
E = 1.0
tol = 1e-3
epoch = 0
while E > tol and epoch < 20000:
    h = 1 / (1 + np.exp(-(X @ V + bv)))
    o = 1 / (1 + np.exp(-(h @ W + bw)))
    E = 0.5 * np.sum((d - o) ** 2)
    delta_o = (d - o) * o * (1 - o)
    delta_h = (delta_o @ W.T) * h * (1 - h)
    W = W + eta * h.T @ delta_o
    bw = bw + eta * delta_o.sum(axis=0)
    V = V + eta * X.T @ delta_h
    bv = bv + eta * delta_h.sum(axis=0)
    epoch += 1
"""

LITERAL = """
import numpy as np
X = np.array([[0,0],[0,1],[1,0],[1,1]])
y = np.array([[0],[1],[1],[0]])
np.random.seed(0)
W1 = np.random.randn(2, 4); b1 = np.zeros((1, 4))
W2 = np.random.randn(4, 1); b2 = np.zeros((1, 1))
lr = 0.5
for epoch in range(5000):
    z1 = X.dot(W1) + b1
    a1 = np.tanh(z1)
    z2 = a1.dot(W2) + b2
    a2 = 1/(1+np.exp(-z2))
    loss = -np.sum(y*np.log(a2) + (1-y)*np.log(1-a2)) / 4
    dz2 = (a2 - y) / 4
    dW2 = a1.T.dot(dz2)
    db2 = np.sum(dz2, axis=0, keepdims=True)
    dz1 = dz2.dot(W2.T) * (1 - a1**2)
    dW1 = X.T.dot(dz1)
    db1 = np.sum(dz1, axis=0, keepdims=True)
    W1 -= lr*dW1; b1 -= lr*db1; W2 -= lr*dW2; b2 -= lr*db2
"""

NUMBERED_ROWS = """
import numpy as np
X = np.array([[0,0],[0,1],[1,0],[1,1]], dtype=float)
y = np.array([0,1,1,0], dtype=float)
w1 = np.random.randn(3, 2); b1 = np.random.randn(3)
w2 = np.random.randn(3); b2 = np.random.randn()
def sigmoid(x): return 1/(1+np.exp(-x))
lr = 0.1
for epoch in range(1000):
    total = 0
    for i in range(4):
        x = X[i]
        h = sigmoid(w1 @ x + b1)
        o = sigmoid(w2 @ h + b2)
        err = o - y[i]
        total += err**2
        do = err * o * (1-o)
        dh = do * w2 * h * (1-h)
        w2 -= lr * do * h
        b2 -= lr * do
        w1 -= lr * np.outer(dh, x)
        b1 -= lr * dh
"""

UNTIL = """
import numpy as np
relu = lambda x: np.maximum(0, x)
drelu = lambda x: np.where(x > 0, 1, 0)
X = np.linspace(0, 1, 50).reshape(-1, 1)
Y = X ** 2
np.random.seed(1)
W1, B1 = np.random.randn(1, 10), np.zeros((1, 10))
W2, B2 = np.random.randn(10, 1), np.zeros((1, 1))
step, loss = 0, float("inf")
while loss > 1e-4:
    Z1 = X @ W1 + B1
    H = relu(Z1)
    Yp = H @ W2 + B2
    loss = ((Yp - Y) ** 2).sum() / 50
    dY = 2 * (Yp - Y) / 50
    dW2, dB2 = H.T @ dY, dY.sum(axis=0, keepdims=True)
    dZ1 = (dY @ W2.T) * drelu(Z1)
    dW1, dB1 = X.T @ dZ1, dZ1.sum(axis=0, keepdims=True)
    W1, B1, W2, B2 = W1 - 0.1 * dW1, B1 - 0.1 * dB1, W2 - 0.1 * dW2, B2 - 0.1 * dB2
    step += 1
    if step > 10000:
        break
"""
