"""Two weight matrices, ReLU between them, sum of squared errors: a training step as the tutorials write it."""

import numpy as np


def loss_of(x, y, w1, w2):
    y_pred = np.maximum(x.dot(w1), 0).dot(w2)
    return np.square(y_pred - y).sum()


def step(x, y, w1, w2, learning_rate=1e-6):
    # Forward pass: compute predicted y
    h = x.dot(w1)
    h_relu = np.maximum(h, 0)
    y_pred = h_relu.dot(w2)

    # Compute loss
    loss = np.square(y_pred - y).sum()

    # Backprop to compute gradients of w1 and w2 with respect to loss
    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.T.dot(grad_y_pred)
    grad_h_relu = grad_y_pred.dot(w2.T)
    grad_h = grad_h_relu.copy()
    grad_h[h < 0] = 0
    grad_w1 = x.T.dot(grad_h)

    # Update weights
    w1 -= learning_rate * grad_w1
    w2 -= learning_rate * grad_w2
    return loss
