"""Right scripts that train a network at the top of the file, without a function for a pass."""

XOR = """
import numpy as np
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
def sigmoid_derivative(x):
    return x * (1 - x)
# XOR
inputs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
expected_output = np.array([[0], [1], [1], [0]])
epochs = 10000
lr = 0.1
hidden_weights = np.random.uniform(size=(2, 3))
hidden_bias = np.random.uniform(size=(1, 3))
output_weights = np.random.uniform(size=(3, 1))
output_bias = np.random.uniform(size=(1, 1))
losses = []
for epoch in range(epochs):
    hidden_layer_output = sigmoid(np.dot(inputs, hidden_weights) + hidden_bias)
    predicted_output = sigmoid(np.dot(hidden_layer_output, output_weights) + output_bias)
    error = expected_output - predicted_output
    d_predicted_output = error * sigmoid_derivative(predicted_output)
    error_hidden_layer = d_predicted_output.dot(output_weights.T)
    d_hidden_layer = error_hidden_layer * sigmoid_derivative(hidden_layer_output)
    output_weights += hidden_layer_output.T.dot(d_predicted_output) * lr
    output_bias += np.sum(d_predicted_output, axis=0, keepdims=True) * lr
    hidden_weights += inputs.T.dot(d_hidden_layer) * lr
    hidden_bias += np.sum(d_hidden_layer, axis=0, keepdims=True) * lr
    losses.append(0.5 * np.sum(error ** 2))
    if (epoch + 1) % 1000 == 0:
        print(f"epoch {epoch}: loss {0.5 * np.sum(error ** 2):.4f}")
print(predicted_output)
"""
SOFTMAX = """
import numpy as np
import matplotlib.pyplot as plt
N = 100
D = 2
K = 3
X = np.zeros((N*K,D))
y = np.zeros(N*K, dtype='uint8')
for j in range(K):
  ix = range(N*j,N*(j+1))
  r = np.linspace(0.0,1,N)
  t = np.linspace(j*4,(j+1)*4,N) + np.random.randn(N)*0.2
  X[ix] = np.c_[r*np.sin(t), r*np.cos(t)]
  y[ix] = j
plt.scatter(X[:, 0], X[:, 1], c=y, s=40, cmap=plt.cm.Spectral)
plt.show()
h = 100
W = 0.01 * np.random.randn(D,h)
b = np.zeros((1,h))
W2 = 0.01 * np.random.randn(h,K)
b2 = np.zeros((1,K))
step_size = 1e-0
reg = 1e-3
num_examples = X.shape[0]
for i in range(10000):
  hidden_layer = np.maximum(0, np.dot(X, W) + b)
  scores = np.dot(hidden_layer, W2) + b2
  exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
  probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
  correct_logprobs = -np.log(probs[range(num_examples),y])
  data_loss = np.sum(correct_logprobs)/num_examples
  reg_loss = 0.5*reg*np.sum(W*W) + 0.5*reg*np.sum(W2*W2)
  loss = data_loss + reg_loss
  if i % 1000 == 0:
    print("iteration %d: loss %f" % (i, loss))
  dscores = probs
  dscores[range(num_examples),y] -= 1
  dscores /= num_examples
  dW2 = np.dot(hidden_layer.T, dscores)
  db2 = np.sum(dscores, axis=0, keepdims=True)
  dhidden = np.dot(dscores, W2.T)
  dhidden[hidden_layer <= 0] = 0
  dW = np.dot(X.T, dhidden)
  db = np.sum(dhidden, axis=0, keepdims=True)
  dW2 += reg * W2
  dW += reg * W
  W += -step_size * dW
  b += -step_size * db
  W2 += -step_size * dW2
  b2 += -step_size * db2
hidden_layer = np.maximum(0, np.dot(X, W) + b)
scores = np.dot(hidden_layer, W2) + b2
predicted_class = np.argmax(scores, axis=1)
print('training accuracy: %.2f' % (np.mean(predicted_class == y)))
"""
COLUMNS = """
import numpy as np
rng = np.random.default_rng(3)
m = 200
X = rng.normal(size=(2, m))
Y = (X[0:1] * X[1:2] > 0).astype(float)
n_x, n_h, n_y = X.shape[0], 5, Y.shape[0]
params = {
    "W1": rng.normal(size=(n_h, n_x)) * 0.5, "b1": np.zeros((n_h, 1)),
    "W2": rng.normal(size=(n_y, n_h)) * 0.5, "b2": np.zeros((n_y, 1)),
}
if __name__ == "__main__":
    epoch = 0
    costs = []
    while epoch < 5000:
        W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
        A1 = np.tanh(W1 @ X + b1)
        A2 = 1 / (1 + np.exp(-(W2 @ A1 + b2)))
        cost = -np.sum(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)) / m
        dZ2 = A2 - Y
        grads = {"W2": dZ2 @ A1.T / m, "b2": dZ2.sum(axis=1, keepdims=True) / m}
        dZ1 = W2.T @ dZ2 * (1 - A1 ** 2)
        grads["W1"] = dZ1 @ X.T / m
        grads["b1"] = dZ1.sum(axis=1, keepdims=True) / m
        for key in params:
            params[key] -= 0.5 * grads[key]
        costs.append(cost)
        epoch += 1
"""
ROW_BY_ROW = """
import numpy as np
X = np.random.rand(50, 4)
T = np.random.rand(50, 2)
W1 = np.random.randn(4, 6) * 0.1
b1 = np.zeros(6)
W2 = np.random.randn(6, 2) * 0.1
b2 = np.zeros(2)
eta = 0.05
for epoch in range(100):
    total_loss = 0
    for x, t in zip(X, T):
        h = np.tanh(x @ W1 + b1)
        o = h @ W2 + b2
        e = o - t
        total_loss += 0.5 * np.sum(e ** 2)
        dh = (W2 @ e) * (1 - h ** 2)
        W2 -= eta * np.outer(h, e)
        b2 -= eta * e
        W1 -= eta * np.outer(x, dh)
        b1 -= eta * dh
    print("epoch", epoch, "loss", total_loss)
"""
BATCHES = """
import numpy as np
np.random.seed(0)
X_train = np.random.randn(300, 5)
labels = np.random.randint(0, 3, 300)
y_train = np.eye(3)[labels]
mu = X_train.mean(axis=0)
X_train = (X_train - mu) / X_train.std(axis=0)
W1 = np.random.randn(5, 8) * 0.3
b1 = np.zeros(8)
W2 = np.random.randn(8, 3) * 0.3
b2 = np.zeros(3)
learning_rate = 0.1
batch_size = 32
n = X_train.shape[0]
for epoch in range(20):
    order = np.random.permutation(n)
    X_shuffled, y_shuffled = X_train[order], y_train[order]
    for i in range(0, n, batch_size):
        xb = X_shuffled[i:i + batch_size]
        yb = y_shuffled[i:i + batch_size]
        m = len(xb)
        z1 = xb @ W1 + b1
        a1 = np.maximum(0, z1)
        z2 = a1 @ W2 + b2
        e = np.exp(z2 - z2.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.mean(np.sum(yb * np.log(p), axis=1))
        dz2 = (p - yb) / m
        dW2 = a1.T @ dz2
        db2 = dz2.sum(axis=0)
        dz1 = dz2 @ W2.T * (z1 > 0)
        dW1 = xb.T @ dz1
        db1 = dz1.sum(axis=0)
        W1 = W1 - learning_rate * dW1
        b1 = b1 - learning_rate * db1
        W2 = W2 - learning_rate * dW2
        b2 = b2 - learning_rate * db2
    print(f"epoch {epoch}, loss {loss:.3f}")
"""
LISTS = """
import numpy as np
rng = np.random.default_rng(1)
x = np.linspace(-3, 3, 60)
x = x[:, None]
y = np.sin(x) + 0.1 * rng.normal(size=x.shape)
sizes = [1, 10, 7, 1]
weights = [rng.normal(size=(a, b)) / np.sqrt(a) for a, b in zip(sizes[:-1], sizes[1:])]
biases = [np.zeros(b) for b in sizes[1:]]
lr = 0.01
num_layers = len(weights)
for epoch in range(5000):
    activations = [x]
    for l in range(num_layers):
        z = activations[-1] @ weights[l] + biases[l]
        activations.append(np.tanh(z) if l < num_layers - 1 else z)
    pred = activations[-1]
    mse = ((pred - y) ** 2).mean()
    delta = 2 * (pred - y) / len(x)
    for l in reversed(range(num_layers)):
        gw = activations[l].T @ delta
        gb = delta.sum(axis=0)
        if l > 0:
            delta = (delta @ weights[l].T) * (1 - activations[l] ** 2)
        weights[l] -= lr * gw
        biases[l] -= lr * gb
    if epoch % 500 == 0:
        print(f"{epoch:5d} {mse:.4f}")
"""
WITHOUT_LOSS = """
import numpy as np
def nonlin(x,deriv=False):
    if(deriv==True):
        return x*(1-x)
    return 1/(1+np.exp(-x))
X = np.array([[0,0,1],
            [0,1,1],
            [1,0,1],
            [1,1,1]])
y = np.array([[0],
            [1],
            [1],
            [0]])
np.random.seed(1)
syn0 = 2*np.random.random((3,4)) - 1
syn1 = 2*np.random.random((4,1)) - 1
for j in range(60000):
    l0 = X
    l1 = nonlin(np.dot(l0,syn0))
    l2 = nonlin(np.dot(l1,syn1))
    l2_error = y - l2
    if (j% 10000) == 0:
        print("Error:" + str(np.mean(np.abs(l2_error))))
    l2_delta = l2_error*nonlin(l2,deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1,deriv=True)
    syn1 += l1.T.dot(l2_delta)
    syn0 += l0.T.dot(l1_delta)
"""
RATES = """
import numpy as np
X = np.random.randn(100, 3)
y = (X.sum(axis=1, keepdims=True) > 0) * 1.0
w1 = np.random.randn(3, 4); b1 = np.zeros(4)
w2 = np.random.randn(4, 1); b2 = np.zeros(1)
def sigmoid(z): return 1 / (1 + np.exp(-z))
def predict(X):
    h = sigmoid(X @ w1 + b1)
    return h, sigmoid(h @ w2 + b2)
def mse(p, t): return np.mean((p - t) ** 2)
alphas = [0.1, 1.0]
for alpha in alphas:
    w1 = np.random.randn(3, 4); b1 = np.zeros(4)
    w2 = np.random.randn(4, 1); b2 = np.zeros(1)
    for step in range(1000):
        h, p = predict(X)
        if step % 100 == 0:
            print("alpha", alpha, "loss", mse(p, y))
        d2 = 2 * (p - y) / y.size * p * (1 - p)
        d1 = (d2 @ w2.T) * h * (1 - h)
        w2 -= alpha * (h.T @ d2); b2 -= alpha * d2.sum(0)
        w1 -= alpha * (X.T @ d1); b1 -= alpha * d1.sum(0)
"""
