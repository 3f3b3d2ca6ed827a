"""More right scripts that train a network without a function for a pass."""

TUPLES = """
import numpy as np
np.random.seed(42)
x = np.random.rand(100, 1) * 2 * np.pi
y = np.sin(x)
w1 = np.random.randn(1, 16)
b1 = np.zeros(16)
w2 = np.random.randn(16, 1)
b2 = np.zeros(1)
learning_rate = 0.01
losses = []
for i in range(10001):
    z1 = x @ w1 + b1
    a1 = np.tanh(z1)
    y_hat = a1 @ w2 + b2
    loss = ((y_hat - y) ** 2).mean()
    losses.append(loss)
    dy = 2 * (y_hat - y) / len(x)
    dw2 = a1.T @ dy
    db2 = dy.sum(axis=0)
    da1 = dy @ w2.T
    dz1 = da1 * (1 - a1 ** 2)
    dw1 = x.T @ dz1
    db1 = dz1.sum(axis=0)
    for p, g in ((w1, dw1), (b1, db1), (w2, dw2), (b2, db2)):
        p -= learning_rate * g
    if i % 1000 == 0:
        print(i, loss)
"""
MAIN = """
import numpy as np
def sigmoid(x, derivative=False):
    if derivative:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))
def main():
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    Y = np.array([[0], [1], [1], [0]])
    W1 = np.random.rand(2, 4)
    W2 = np.random.rand(4, 1)
    for epoch in range(10000):
        hidden = sigmoid(X.dot(W1))
        output = sigmoid(hidden.dot(W2))
        error = Y - output
        delta2 = error * sigmoid(output, True)
        delta1 = delta2.dot(W2.T) * sigmoid(hidden, True)
        W2 += 0.5 * hidden.T.dot(delta2)
        W1 += 0.5 * X.T.dot(delta1)
        if epoch % 1000 == 0:
            print("MSE:", np.mean(error ** 2))
if __name__ == "__main__":
    main()
"""
NUMBERED_BATCHES = """
import numpy as np
np.random.seed(1)
x_train = np.random.randn(128, 6)
y_train = np.random.randint(0, 4, 128)
W1 = 0.1 * np.random.randn(6, 10); b1 = np.zeros(10)
W2 = 0.1 * np.random.randn(10, 8); b2 = np.zeros(8)
W3 = 0.1 * np.random.randn(8, 4); b3 = np.zeros(4)
batch_size = 16
num_batches = len(x_train) // batch_size
lr = 0.1
for epoch in range(10):
    epoch_loss = 0
    for k in range(num_batches):
        xb = x_train[k * batch_size:(k + 1) * batch_size]
        yb = y_train[k * batch_size:(k + 1) * batch_size]
        h1 = np.maximum(xb @ W1 + b1, 0)
        h2 = np.maximum(h1 @ W2 + b2, 0)
        s = h2 @ W3 + b3
        s = s - s.max(axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(len(yb)), yb]).mean()
        epoch_loss += loss
        ds = p.copy()
        ds[np.arange(len(yb)), yb] -= 1
        ds /= len(yb)
        dW3 = h2.T @ ds; db3 = ds.sum(0)
        dh2 = ds @ W3.T; dh2[h2 <= 0] = 0
        dW2 = h1.T @ dh2; db2 = dh2.sum(0)
        dh1 = dh2 @ W2.T; dh1[h1 <= 0] = 0
        dW1 = xb.T @ dh1; db1 = dh1.sum(0)
        W1 -= lr * dW1; b1 -= lr * db1
        W2 -= lr * dW2; b2 -= lr * db2
        W3 -= lr * dW3; b3 -= lr * db3
    print("epoch", epoch, "loss", epoch_loss / num_batches)
"""
ROWS_WITH_NAMES = """
import numpy as np
X = np.random.rand(50, 4)
T = np.random.rand(50, 2)
N = len(X)
W1 = np.random.randn(4, 6) * 0.1
b1 = np.zeros(6)
W2 = np.random.randn(6, 2) * 0.1
b2 = np.zeros(2)
eta = 0.05
for epoch in range(100):
    total_loss = 0
    for i in range(N):
        x, t = X[i], T[i]
        h = np.tanh(x @ W1 + b1)
        o = h @ W2 + b2
        e = o - t
        total_loss += 0.5 * np.sum(e ** 2)
        dh = (W2 @ e) * (1 - h ** 2)
        dW2 = np.outer(h, e)
        dW1 = np.outer(x, dh)
        W2 -= eta * dW2
        b2 -= eta * e
        W1 -= eta * dW1
        b1 -= eta * dh
    print("epoch", epoch, "loss", total_loss / N)
"""
