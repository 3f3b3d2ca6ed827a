"""scikit-learn's MLPClassifier, its stopping rules out of reach and its penalty off."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.bench import BETA1, BETA2, EPSILON, RATES, Workload
from peers import Peer


class ScikitLearn(Peer):
    name = "scikit-learn"
    packages = ("scikit-learn",)
    modules = ("sklearn",)

    def dispatch(self, load: Workload) -> int:
        """Epochs of a `fit`, so that its own preparation weighs little."""
        return 1 if load.flops > 1e9 else max(1, 200 // load.steps)

    def model(self, load: Workload, optimizer: str, dtype: str) -> Any:
        """With the workload's initial weights: `fit` makes the arrays in one epoch, then ours go into them."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPClassifier

        warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is ours to choose
        model = MLPClassifier(
            load.widths[1:-1], solver=optimizer.lower(), learning_rate_init=RATES[optimizer], momentum=0.0,
            nesterovs_momentum=False, beta_1=BETA1, beta_2=BETA2, epsilon=EPSILON, alpha=0.0, batch_size=load.batch,
            max_iter=1, n_iter_no_change=np.inf, warm_start=True, random_state=2,
        ).fit(*load.data(dtype))  # fmt: skip
        for coef, intercept, (W, b) in zip(model.coefs_, model.intercepts_, load.initial(dtype)):
            two = coef.shape[1] < W.shape[1]  # of two classes it learns the second's lead, with one output
            coef[...], intercept[...] = (W[:, 1:] - W[:, :1], b[1:] - b[:1]) if two else (W, b)
        return model.set_params(max_iter=self.dispatch(load))

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        from sklearn import set_config

        set_config(assume_finite=True)
        model, (X, y) = self.model(load, optimizer, dtype), load.data(dtype)
        n = model.max_iter
        yield from model.fit(X, y).loss_curve_[-n:]
        go_on = model.fit if n > 1 else model.partial_fit  # the first begins anew with the optimizer's moments
        while True:
            yield from go_on(X, y).loss_curve_[-n:]


class PartialFit(ScikitLearn):
    """An epoch a call, as someone has it who looks at the model in between."""

    name = "scikit-learn, partial_fit"

    def suits(self, load: Workload) -> bool:
        return super().dispatch(load) > 1

    def dispatch(self, load: Workload) -> int:
        return 1


PEERS = (ScikitLearn(), PartialFit())
