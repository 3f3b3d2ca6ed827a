"""Right scripts with an optimizer, as learners write them: gradients in a list or a dictionary."""

RMSPROP_LIST = """
import numpy as np
np.random.seed(5)
X = np.random.randn(100, 4)
y = (X[:, :1] ** 2 + X[:, 1:2])
W1 = np.random.randn(4, 10) * 0.5
b1 = np.zeros((1, 10))
W2 = np.random.randn(10, 1) * 0.5
b2 = np.zeros((1, 1))
params = [W1, b1, W2, b2]
cache = [np.zeros_like(p) for p in params]
lr, decay = 0.01, 0.9
for it in range(1000):
    h = np.tanh(X @ W1 + b1)
    out = h @ W2 + b2
    loss = np.mean((out - y) ** 2)
    dout = 2 * (out - y) / len(y)
    dW2 = h.T @ dout
    db2 = dout.sum(0, keepdims=True)
    dh = dout @ W2.T * (1 - h * h)
    dW1 = X.T @ dh
    db1 = dh.sum(0, keepdims=True)
    grads = [dW1, db1, dW2, db2]
    for i in range(len(params)):
        cache[i] = decay * cache[i] + (1 - decay) * grads[i] ** 2
        params[i] -= lr * grads[i] / (np.sqrt(cache[i]) + 1e-8)
"""
ADAM_DICT = """
import numpy as np
np.random.seed(3)
N, D, H, C = 64, 5, 8, 3
X = np.random.randn(N, D)
y = np.random.randint(0, C, N)
params = {
    'W1': np.random.randn(D, H) * 0.1, 'b1': np.zeros(H),
    'W2': np.random.randn(H, C) * 0.1, 'b2': np.zeros(C),
}
m = {k: np.zeros_like(v) for k, v in params.items()}
v = {k: np.zeros_like(p) for k, p in params.items()}
beta1, beta2, eps, alpha = 0.9, 0.999, 1e-8, 1e-3
for t in range(1, 1001):
    h = np.tanh(X.dot(params['W1']) + params['b1'])
    scores = h.dot(params['W2']) + params['b2']
    shifted = scores - scores.max(axis=1, keepdims=True)
    probs = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    loss = -np.log(probs[np.arange(N), y]).mean()

    dscores = probs.copy()
    dscores[np.arange(N), y] -= 1
    dscores /= N
    grads = {}
    grads['W2'] = h.T.dot(dscores)
    grads['b2'] = dscores.sum(axis=0)
    dh = dscores.dot(params['W2'].T) * (1 - h ** 2)
    grads['W1'] = X.T.dot(dh)
    grads['b1'] = dh.sum(axis=0)

    for k in params:
        m[k] = beta1 * m[k] + (1 - beta1) * grads[k]
        v[k] = beta2 * v[k] + (1 - beta2) * grads[k] ** 2
        m_hat = m[k] / (1 - beta1 ** t)
        v_hat = v[k] / (1 - beta2 ** t)
        params[k] -= alpha * m_hat / (np.sqrt(v_hat) + eps)
    if t % 100 == 0:
        print(t, loss)
"""
MOMENTUM_DICT = """
import numpy as np
np.random.seed(0)
X = np.random.randn(2, 300)
Y = (np.sum(X ** 2, axis=0, keepdims=True) < 1).astype(int)
n_x, n_h, n_y = 2, 4, 1
m = X.shape[1]
parameters = {"W1": np.random.randn(n_h, n_x) * 0.5, "b1": np.zeros((n_h, 1)),
              "W2": np.random.randn(n_y, n_h) * 0.5, "b2": np.zeros((n_y, 1))}
velocity = {k: np.zeros(v.shape) for k, v in parameters.items()}
beta = 0.9
learning_rate = 0.3
for i in range(2000):
    Z1 = parameters["W1"] @ X + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = parameters["W2"] @ A1 + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    cost = -(1/m) * np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    dZ2 = A2 - Y
    dW2 = (1/m) * dZ2 @ A1.T
    db2 = (1/m) * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = parameters["W2"].T @ dZ2 * (1 - A1 ** 2)
    dW1 = (1/m) * dZ1 @ X.T
    db1 = (1/m) * np.sum(dZ1, axis=1, keepdims=True)
    grads = {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
    for k in parameters:
        velocity[k] = beta * velocity[k] + (1 - beta) * grads[k]
        parameters[k] = parameters[k] - learning_rate * velocity[k]
"""
