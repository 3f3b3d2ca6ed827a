"""Keras 3 on JAX: one `fit`, its step compiled, an epoch an execution."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from chainrule.bench import BETA1, BETA2, EPSILON, RATES, Workload
from peers import Peer


class Keras(Peer):
    name = "Keras on JAX"
    packages = ("keras", "jax")

    def dispatch(self, load: Workload) -> int:
        """Epochs of a `fit`, so that its own preparation weighs little."""
        return 1 if load.flops > 1e9 else max(1, 200 // load.steps)

    def _model(self, load: Workload, optimizer: str, dtype: str) -> Any:
        import keras

        units = load.widths[1:]
        hidden = [keras.layers.Dense(width, activation="relu") for width in units[:-1]]
        model = keras.Sequential([keras.Input((load.widths[0],)), *hidden, keras.layers.Dense(units[-1])])
        model.set_weights([array for pair in load.initial(dtype) for array in pair])
        if optimizer == "SGD":
            rule = keras.optimizers.SGD(RATES["SGD"])
        else:
            rule = keras.optimizers.Adam(RATES["Adam"], BETA1, BETA2, EPSILON)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(rule, loss, jit_compile=True, steps_per_execution=load.steps)
        return model

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        os.environ["KERAS_BACKEND"] = "jax"
        import jax
        import keras

        jax.config.update("jax_enable_x64", dtype == "float64")
        keras.config.set_floatx(dtype)
        model, (X, y) = self._model(load, optimizer, dtype), load.data(dtype)
        while True:
            history = model.fit(X, y, batch_size=load.batch, epochs=self.dispatch(load), verbose=0)
            yield from history.history["loss"]


PEERS = (Keras(),)
