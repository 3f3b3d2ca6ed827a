"""scikit-learn's own backward pass for several outputs, for `chainrule diagnose` to read (scikit-learn issue 8349).

The loss it reports is averaged over rows and outputs, its gradient over the rows alone. Nothing is copied here: loss
and gradients are what MLPRegressor._backprop returns.
"""

from inspect import signature

import numpy as np
from sklearn.neural_network import MLPRegressor


class Regressor:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(n_in, n_hidden)), np.zeros(n_hidden)
        self.W2, self.b2 = rng.normal(size=(n_hidden, n_out)), np.zeros(n_out)

    def _mlp(self):
        mlp = MLPRegressor(hidden_layer_sizes=len(self.b1), activation="tanh")
        mlp.coefs_, mlp.intercepts_ = [self.W1, self.W2], [self.b1, self.b2]
        mlp.n_layers_, mlp.out_activation_ = 3, "identity"
        return mlp

    def forward(self, X):
        return self._mlp()._forward_pass([X, None, None])[-1]

    def loss_and_grads(self, X, y):
        weights = [None] if "sample_weight" in signature(MLPRegressor._backprop).parameters else []  # 1.7 has them
        loss, dW, db = self._mlp()._backprop(X, y, *weights, [X, None, None], [None] * 2, [None] * 2, [None] * 2)
        return loss, {"W1": dW[0], "b1": db[0], "W2": dW[1], "b2": db[1]}
