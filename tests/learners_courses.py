"""Networks in the manner of books and courses, each with one habit of theirs that has to be read by general means."""

LISTS_TURNED = """
import numpy

class ThreeNodes:
    def __init__(self, inputnodes, hiddennodes, outputnodes, learningrate):
        self.lr = learningrate
        self.wih = numpy.random.normal(0.0, inputnodes ** -0.5, (hiddennodes, inputnodes))
        self.who = numpy.random.normal(0.0, hiddennodes ** -0.5, (outputnodes, hiddennodes))
        self.squash = lambda x: 1 / (1 + numpy.exp(-x))

    def train(self, inputs_list, targets_list):
        inputs = numpy.array(inputs_list, ndmin=2).T
        targets = numpy.array(targets_list, ndmin=2).T
        hidden = self.squash(numpy.dot(self.wih, inputs))
        final = self.squash(numpy.dot(self.who, hidden))
        output_errors = (targets - final) * final * (1 - final)
        hidden_errors = numpy.dot(self.who.T, output_errors)
        self.who += self.lr * numpy.dot(output_errors, hidden.T)
        self.wih += self.lr * numpy.dot(hidden_errors * hidden * (1 - hidden), inputs.T)

    def query(self, inputs_list):
        inputs = numpy.array(inputs_list, ndmin=2).T
        return self.squash(numpy.dot(self.who, self.squash(numpy.dot(self.wih, inputs))))
"""

LONG_DERIVATIVES = """
import numpy as np

class TwoLayers:
    def __init__(self, num_features, num_hidden, num_classes):
        rng = np.random.RandomState(1)
        self.num_classes = num_classes
        self.weight_h = rng.normal(size=(num_hidden, num_features)) * 0.1
        self.bias_h = np.zeros(num_hidden)
        self.weight_out = rng.normal(size=(num_classes, num_hidden)) * 0.1
        self.bias_out = np.zeros(num_classes)

    def forward(self, x):
        a_h = 1 / (1 + np.exp(-(x @ self.weight_h.T + self.bias_h)))
        a_out = 1 / (1 + np.exp(-(a_h @ self.weight_out.T + self.bias_out)))
        return a_h, a_out

    def backward(self, x, a_h, a_out, y):
        onehot = np.eye(self.num_classes)[y]
        d_loss__d_a_out = 2 * (a_out - onehot) / y.shape[0]
        delta_out = d_loss__d_a_out * a_out * (1 - a_out)
        d_loss__dw_out = delta_out.T @ a_h
        d_loss__db_out = delta_out.sum(axis=0)
        d_loss__a_h = delta_out @ self.weight_out
        delta_h = d_loss__a_h * a_h * (1 - a_h)
        d_loss__d_w_h = delta_h.T @ x
        d_loss__d_b_h = delta_h.sum(axis=0)
        return d_loss__dw_out, d_loss__db_out, d_loss__d_w_h, d_loss__d_b_h
"""

ROW_BY_ROW_SUMS = """
import numpy as np

class Bikes:
    def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
        self.lr = learning_rate
        self.weights_input_to_hidden = np.random.normal(0, 0.3, (input_nodes, hidden_nodes))
        self.weights_hidden_to_output = np.random.normal(0, 0.3, (hidden_nodes, output_nodes))

    def train(self, features, targets):
        i_h = np.zeros(self.weights_input_to_hidden.shape)
        h_o = np.zeros(self.weights_hidden_to_output.shape)
        for X, y in zip(features, targets):
            final_outputs, hidden_outputs = self.forward_one(X)
            i_h, h_o = self.backpropagation(final_outputs, hidden_outputs, X, y, i_h, h_o)
        self.weights_hidden_to_output += self.lr * h_o / features.shape[0]
        self.weights_input_to_hidden += self.lr * i_h / features.shape[0]

    def forward_one(self, X):
        hidden = 1 / (1 + np.exp(-np.dot(X, self.weights_input_to_hidden)))
        return np.dot(hidden, self.weights_hidden_to_output), hidden

    def backpropagation(self, final_outputs, hidden_outputs, X, y, so_far_i_h, so_far_h_o):
        error = y - final_outputs
        back = np.dot(self.weights_hidden_to_output, error)
        so_far_i_h += X[:, None] * (back * hidden_outputs * (1 - hidden_outputs))
        so_far_h_o += hidden_outputs[:, None] * error
        return so_far_i_h, so_far_h_o
"""

LARGEST_LABEL = """
import numpy as np

def init_params():
    return (np.random.rand(10, 30) - 0.5, np.random.rand(10, 1) - 0.5,
            np.random.rand(10, 10) - 0.5, np.random.rand(10, 1) - 0.5)

def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    e = np.exp(Z2 - Z2.max(axis=0))
    return Z1, A1, Z2, e / e.sum(axis=0)

def one_hot(Y):
    rows = np.zeros((Y.size, Y.max() + 1))
    rows[np.arange(Y.size), Y] = 1
    return rows.T

def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    m = Y.size
    dZ2 = A2 - one_hot(Y)
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = W2.T @ dZ2 * (Z1 > 0)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    return dW1, db1, dW2, db2
"""

LIST_OF_HIDDEN_SIZES = """
import numpy as np

class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T

class Relu:
    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout

class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(t * np.log(self.y)) / len(t)

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)

class Deep:
    def __init__(self, input_size, hidden_size_list, output_size, weight_decay_lambda=0.1):
        self.weight_decay_lambda = weight_decay_lambda
        sizes = [input_size] + hidden_size_list + [output_size]
        self.params, self.layers = {}, []
        for i in range(1, len(sizes)):
            self.params[f"W{i}"] = np.random.randn(sizes[i - 1], sizes[i]) * 0.3
            self.params[f"b{i}"] = np.zeros(sizes[i])
            self.layers += [Affine(self.params[f"W{i}"], self.params[f"b{i}"]), Relu()]
        self.layers.pop()
        self.last_layer = SoftmaxWithLoss()

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def loss(self, x, t):
        decay = sum(np.sum(W ** 2) for name, W in self.params.items() if name[0] == "W")
        return self.last_layer.forward(self.predict(x), t) + 0.5 * self.weight_decay_lambda * decay

    def gradient(self, x, t):
        self.loss(x, t)
        dout = self.last_layer.backward()
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        grads = {}
        for i, layer in enumerate(self.layers[::2], start=1):
            grads[f"W{i}"] = layer.dW + self.weight_decay_lambda * layer.W
            grads[f"b{i}"] = layer.db
        return grads
"""

LAYERS_THAT_STEP = """
import numpy as np

class Dense:
    def __init__(self, input_size, output_size):
        self.weights = np.random.randn(output_size, input_size)
        self.bias = np.random.randn(output_size, 1)

    def forward(self, input):
        self.input = input
        return self.weights @ input + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = output_gradient @ self.input.T
        input_gradient = self.weights.T @ output_gradient
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient
        return input_gradient

class Tanh:
    def forward(self, input):
        self.input = input
        return np.tanh(input)

    def backward(self, output_gradient, learning_rate):
        return output_gradient * (1 - np.tanh(self.input) ** 2)

def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)

def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size
"""

ADAM_OF_A_DICT = """
import numpy as np

class MLP:
    def __init__(self, d_in, d_hidden, d_out):
        rng = np.random.default_rng(0)
        self.params = {"W1": rng.normal(size=(d_in, d_hidden)), "b1": np.zeros(d_hidden),
                       "W2": rng.normal(size=(d_hidden, d_out)), "b2": np.zeros(d_out)}

    def forward(self, X):
        p = self.params
        h = np.tanh(X @ p["W1"] + p["b1"])
        self.cache = X, h, h @ p["W2"] + p["b2"]
        return self.cache[2]

    def loss(self, out, y):
        return ((out - y) ** 2).mean()

    def backward(self, y):
        X, h, out = self.cache
        d = 2 * (out - y) / y.size
        dh = d @ self.params["W2"].T * (1 - h ** 2)
        return {"W1": X.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ d, "b2": d.sum(axis=0)}

class Adam:
    def __init__(self, params, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps, self.t = lr, beta1, beta2, eps, 0
        self.m = {k: np.zeros_like(v) for k, v in params.items()}
        self.v = {k: np.zeros_like(v) for k, v in params.items()}

    def step(self, params, grads):
        self.t += 1
        for k in params:
            self.m[k] = self.beta1 * self.m[k] + (1 - self.beta1) * grads[k]
            self.v[k] = self.beta2 * self.v[k] + (1 - self.beta2) * grads[k] ** 2
            mhat = self.m[k] / (1 - self.beta1 ** self.t)
            vhat = self.v[k] / (1 - self.beta2 ** self.t)
            params[k] -= self.lr * mhat / (np.sqrt(vhat) + self.eps)
"""

ONE_PRIME_FOR_ALL = """
import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.W1 = np.random.randn(n_in, n_hidden)
        self.W2 = np.random.randn(n_hidden, n_out)

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def sigmoidPrime(self, z):
        return np.exp(-z) / (1 + np.exp(-z)) ** 2

    def forward(self, X):
        self.z2 = X @ self.W1
        self.a2 = self.sigmoid(self.z2)
        self.z3 = self.a2 @ self.W2
        return self.sigmoid(self.z3)

    def costFunction(self, X, y):
        return 0.5 * np.sum((y - self.forward(X)) ** 2) / len(X)

    def costFunctionPrime(self, X, y):
        delta3 = (self.forward(X) - y) * self.sigmoidPrime(self.z3) / len(X)
        delta2 = delta3 @ self.W2.T * self.sigmoidPrime(self.z2)
        return X.T @ delta2, self.a2.T @ delta3
"""

TRAINED_IN_A_FUNCTION = """
import numpy as np

def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 6))
    return X, (X.sum(axis=1) > 0).astype(float)

def sigmoid(z):
    return 1 / (1 + np.exp(-z))

def fit(X, y, n_hidden=10, n_iter=200, eta=0.5):
    y = y[:, None]
    m, n = X.shape
    rng = np.random.default_rng(1)
    w1, b1 = rng.normal(0, 0.1, (n, n_hidden)), np.zeros((1, n_hidden))
    w2, b2 = rng.normal(0, 0.1, (n_hidden, 1)), np.zeros((1, 1))
    for i in range(n_iter):
        a1 = sigmoid(X @ w1 + b1)
        a2 = sigmoid(a1 @ w2 + b2)
        cost = -(y * np.log(a2) + (1 - y) * np.log(1 - a2)).mean()
        dz2 = a2 - y
        dw2 = a1.T @ dz2 / m
        db2 = dz2.mean(axis=0, keepdims=True)
        dz1 = (dz2 @ w2.T) * a1 * (1 - a1)
        dw1 = X.T @ dz1 / m
        db1 = dz1.mean(axis=0, keepdims=True)
        w1, b1 = w1 - eta * dw1, b1 - eta * db1
        w2, b2 = w2 - eta * dw2, b2 - eta * db2
        if i % 50 == 0:
            print(i, cost)
    return w1, b1, w2, b2

def main():
    X, y = data()
    weights = fit(X, y, n_hidden=7)
    print(len(weights))

if __name__ == "__main__":
    main()
"""

DECAY_WITHOUT_A_LOSS = """
import numpy as np

def forward(W1, b1, W2, b2, X):
    a1 = np.tanh(X @ W1 + b1)
    s = a1 @ W2 + b2
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return a1, e / e.sum(axis=1, keepdims=True)

def backward(W1, b1, W2, b2, X, y):
    a1, probs = forward(W1, b1, W2, b2, X)
    delta = probs - y
    dW2 = a1.T @ delta + 0.01 * W2
    db2 = delta.sum(axis=0)
    delta = delta @ W2.T * (1 - a1 ** 2)
    dW1 = X.T @ delta + 0.01 * W1
    db1 = delta.sum(axis=0)
    return dW1, db1, dW2, db2
"""

LEAKY_AND_BCE = """
import numpy as np

class Net:
    def __init__(self, input_dim, hidden_dim, output_dim, alpha=0.01, lr=0.05):
        self.W_in, self.b_in = np.random.randn(input_dim, hidden_dim) * 0.3, np.zeros((1, hidden_dim))
        self.W_out, self.b_out = np.random.randn(hidden_dim, output_dim) * 0.3, np.zeros((1, output_dim))
        self.alpha, self.lr = alpha, lr

    def lrelu(self, z):
        return np.where(z > 0, z, self.alpha * z)

    def lrelu_grad(self, z):
        return np.where(z > 0, 1, self.alpha)

    def forward(self, X):
        self.z = X @ self.W_in + self.b_in
        self.h = self.lrelu(self.z)
        self.y_hat = 1 / (1 + np.exp(-(self.h @ self.W_out + self.b_out)))
        return self.y_hat

    def bce(self, y):
        return -np.mean(y * np.log(self.y_hat) + (1 - y) * np.log(1 - self.y_hat))

    def train_step(self, X, y):
        self.forward(X)
        d_out = (self.y_hat - y) / y.size
        d_z = d_out @ self.W_out.T * self.lrelu_grad(self.z)
        self.W_out -= self.lr * (self.h.T @ d_out)
        self.b_out -= self.lr * d_out.sum(axis=0, keepdims=True)
        self.W_in -= self.lr * (X.T @ d_z)
        self.b_in -= self.lr * d_z.sum(axis=0, keepdims=True)
        return self.bce(y)
"""

VELOCITIES = """
import numpy as np

def initialize_velocity(parameters):
    return {"d" + name: np.zeros(value.shape) for name, value in parameters.items()}

def initialize_parameters(n_x, n_h, n_y):
    return {"W1": np.random.randn(n_h, n_x), "b1": np.zeros((n_h, 1)),
            "W2": np.random.randn(n_y, n_h), "b2": np.zeros((n_y, 1))}

def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return A2, {"A1": A1, "A2": A2}

def compute_cost(A2, Y):
    return -np.sum(np.log(A2) * Y + (1 - Y) * np.log(1 - A2)) / Y.shape[1]

def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    A1 = cache["A1"]
    dZ2 = cache["A2"] - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - np.power(A1, 2))
    return {"dW1": dZ1 @ X.T / m, "db1": dZ1.sum(axis=1, keepdims=True) / m,
            "dW2": dZ2 @ A1.T / m, "db2": dZ2.sum(axis=1, keepdims=True) / m}

def update_parameters_with_momentum(parameters, grads, v, beta, learning_rate):
    for name in parameters:
        v["d" + name] = beta * v["d" + name] + (1 - beta) * grads["d" + name]
        parameters[name] = parameters[name] - learning_rate * v["d" + name]
    return parameters, v
"""

CALLED_WITH_TARGETS = """
import numpy as np

class Model:
    def __init__(self, n_in, nh, n_out):
        self.w1, self.b1 = np.random.randn(n_in, nh), np.zeros(nh)
        self.w2, self.b2 = np.random.randn(nh, n_out), np.zeros(n_out)

    def __call__(self, x, targ):
        self.x, self.targ = x, targ
        self.l1 = x @ self.w1 + self.b1
        self.a1 = self.l1.clip(0)
        self.out = self.a1 @ self.w2 + self.b2
        return ((self.out - targ) ** 2).mean()

    def backward(self):
        out_g = 2 * (self.out - self.targ) / self.targ.size
        l1_g = (self.l1 > 0) * (out_g @ self.w2.T)
        self.w2_g, self.b2_g = self.a1.T @ out_g, out_g.sum(0)
        self.w1_g, self.b1_g = self.x.T @ l1_g, l1_g.sum(0)
"""

MADE_IN_THE_FILE = """
import numpy as np

class Dense:
    def __init__(self, n_inputs, units, activation=None):
        self.kernel = np.random.uniform(-0.5, 0.5, size=(n_inputs, units))
        self.bias = np.zeros(units)
        self.activation = activation

    def __call__(self, X):
        self.X = X
        Z = X @ self.kernel + self.bias
        self.A = np.maximum(Z, 0) if self.activation == "relu" else Z
        return self.A

    def backward(self, dA):
        dZ = dA * (self.A > 0) if self.activation == "relu" else dA
        self.dkernel = self.X.T @ dZ
        self.dbias = dZ.sum(axis=0)
        return dZ @ self.kernel.T

class Sequential:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, X):
        for layer in self.layers:
            X = layer(X)
        return X

    def mse(self, X, y):
        return np.mean((self(X) - y) ** 2)

    def gradients(self, X, y):
        d = 2 * (self(X) - y) / y.size
        for layer in reversed(self.layers):
            d = layer.backward(d)

model = Sequential([Dense(8, 6, activation="relu"), Dense(6, 1)])
"""

AUTOENCODER = """
import numpy as np

class Autoencoder:
    def __init__(self, n_visible, n_hidden):
        self.W_enc, self.b_enc = np.random.randn(n_visible, n_hidden) * 0.1, np.zeros(n_hidden)
        self.W_dec, self.b_dec = np.random.randn(n_hidden, n_visible) * 0.1, np.zeros(n_visible)

    def forward(self, X):
        self.code = 1 / (1 + np.exp(-(X @ self.W_enc + self.b_enc)))
        self.recon = self.code @ self.W_dec + self.b_dec
        return self.recon

    def loss(self, X):
        return np.mean(np.sum((self.forward(X) - X) ** 2, axis=1))

    def backward(self, X):
        d = 2 * (self.recon - X) / len(X)
        dW_dec, db_dec = self.code.T @ d, d.sum(axis=0)
        dc = d @ self.W_dec.T * self.code * (1 - self.code)
        dW_enc, db_enc = X.T @ dc, dc.sum(axis=0)
        return dW_enc, db_enc, dW_dec, db_dec
"""
