"""Minimal training script, parameters are global."""

import numpy as np

np.random.seed(42)
n_inputs, n_hidden, n_outputs = 4, 5, 3

W1 = np.random.randn(n_inputs, n_hidden) * 0.5
b1 = np.zeros((1, n_hidden))
W2 = np.random.randn(n_hidden, n_outputs) * 0.5
b2 = np.zeros((1, n_outputs))


def predict(X):
    hidden = np.maximum(0, np.dot(X, W1) + b1)
    scores = np.dot(hidden, W2) + b2
    exp_scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return hidden, exp_scores / np.sum(exp_scores, axis=1, keepdims=True)


def loss(X, y):
    _, probs = predict(X)
    return np.sum(-np.log(probs[range(len(X)), y])) / len(X)


def train_step(X, y, lr):
    global W1, b1, W2, b2
    num_examples = X.shape[0]
    hidden, probs = predict(X)
    value = np.sum(-np.log(probs[range(num_examples), y])) / num_examples

    dscores = probs
    dscores[range(num_examples), y] -= 1
    dscores /= num_examples

    dW2 = np.dot(hidden.T, dscores)
    db2 = dscores
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden <= 0] = 0
    dW1 = np.dot(X.T, dhidden)
    db1 = np.sum(dhidden, axis=0, keepdims=True)

    W1 = W1 - lr * dW1
    b1 = b1 - lr * db1
    W2 = W2 - lr * dW2
    b2 = b2 - lr * db2
    return value


if __name__ == "__main__":
    X = np.random.randn(30, n_inputs)
    y = np.random.randint(0, n_outputs, 30)
    for i in range(200):
        value = train_step(X, y, 1e-1)
        if i % 50 == 0:
            print("iteration %d: loss %f" % (i, value))
