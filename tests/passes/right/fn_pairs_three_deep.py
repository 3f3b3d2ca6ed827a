"""A deep network as a list of (W, b) pairs, after the functional style of autograd tutorials, but by hand."""

import numpy as np


def init_random_params(scale, layer_sizes, rs=None):
    rs = rs or np.random.RandomState(0)
    return [(scale * rs.randn(m, n), scale * rs.randn(n)) for m, n in zip(layer_sizes[:-1], layer_sizes[1:])]


def neural_net_predict(params, inputs):
    for W, b in params[:-1]:
        inputs = np.tanh(np.dot(inputs, W) + b)
    W, b = params[-1]
    outputs = np.dot(inputs, W) + b
    m = outputs.max(axis=1, keepdims=True)
    return outputs - m - np.log(np.exp(outputs - m).sum(axis=1, keepdims=True))  # log probabilities


def objective(params, inputs, targets, l2):
    penalty = 0.5 * l2 * sum(np.sum(W * W) for W, b in params)
    return -np.mean(np.sum(neural_net_predict(params, inputs) * targets, axis=1)) + penalty


def objective_grad(params, inputs, targets, l2):
    acts = [inputs]
    for W, b in params[:-1]:
        acts.append(np.tanh(acts[-1] @ W + b))
    g = (np.exp(neural_net_predict(params, inputs)) - targets) / len(inputs)
    grads = []
    for (W, b), a in zip(params[::-1], acts[::-1]):
        grads.insert(0, (a.T @ g + l2 * W, g.sum(axis=0)))
        g = (g @ W.T) * (1 - a * a)
    return grads
