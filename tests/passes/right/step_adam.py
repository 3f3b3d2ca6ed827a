"""One training step with Adam; the state is a dictionary that the caller keeps."""

import numpy as np


def init_state(n_in, n_hidden, n_out):
    rng = np.random.default_rng(11)
    params = {
        "W1": rng.normal(size=(n_in, n_hidden)) / np.sqrt(n_in),
        "b1": np.zeros(n_hidden),
        "W2": rng.normal(size=(n_hidden, n_out)) / np.sqrt(n_hidden),
        "b2": np.zeros(n_out),
    }
    zeros = {k: np.zeros_like(v) for k, v in params.items()}
    return {"params": params, "m": zeros, "v": {k: v.copy() for k, v in zeros.items()}, "t": 0}


def loss(params, X, Y):
    H = np.tanh(X @ params["W1"] + params["b1"])
    return np.mean(np.sum((H @ params["W2"] + params["b2"] - Y) ** 2, axis=1))


def gradients(params, X, Y):
    H = np.tanh(X @ params["W1"] + params["b1"])
    dP = 2 * (H @ params["W2"] + params["b2"] - Y) / len(X)
    dH = dP @ params["W2"].T * (1 - H**2)
    return {"W1": X.T @ dH, "b1": dH.sum(0), "W2": H.T @ dP, "b2": dP.sum(0)}


def train_step(state, X, Y, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8):
    grads = gradients(state["params"], X, Y)
    state["t"] += 1
    for k, g in grads.items():
        state["m"][k] = beta1 * state["m"][k] + (1 - beta1) * g
        state["v"][k] = beta2 * state["v"][k] + (1 - beta2) * g * g
        m_hat = state["m"][k] / (1 - beta1 ** state["t"])
        v_hat = state["v"][k] / (1 - beta2 ** state["t"])
        state["params"][k] = state["params"][k] - lr * m_hat / (np.sqrt(v_hat) + eps)
    return state
