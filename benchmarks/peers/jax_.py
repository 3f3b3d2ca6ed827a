"""JAX: a compiled step, a compiled epoch whose rows are gathered first and scanned, and several epochs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from chainrule.bench import BETA1, BETA2, EPSILON, RATES, Workload
from peers import Peer, together


def loss_of(params: Any, x: Any, t: Any) -> Any:
    """Mean cross-entropy of the network's softmax."""
    import jax
    from jax import numpy as jnp

    *hidden, (W, b) = params
    for V, c in hidden:
        x = jax.nn.relu(x @ V + c)
    z = x @ W + b
    chosen = jnp.where(jnp.arange(z.shape[1]) == t[:, None], z, 0).sum(1)  # quicker than to gather, and to scatter back
    return (jax.nn.logsumexp(z, axis=1) - chosen).mean()


def sgd(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
    import jax

    return jax.tree.map(lambda p, g: p - RATES["SGD"] * g, params, grads), state


def adam(params: Any, state: Any, grads: Any) -> tuple[Any, Any]:
    import jax
    from jax import numpy as jnp

    step, m, v = state
    step = step + 1
    m = jax.tree.map(lambda m, g: BETA1 * m + (1 - BETA1) * g, m, grads)
    v = jax.tree.map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, v, grads)
    rate, root = RATES["Adam"] / (1 - BETA1**step), 1 / jnp.sqrt(1 - BETA2**step)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + EPSILON), params, m, v), (step, m, v)


class Jax(Peer):
    packages = ("jax", "jaxlib")

    def _begin(self, load: Workload, optimizer: str, dtype: str) -> tuple[Any, Any, Any, Callable[..., Any]]:
        """Parameters with the optimizer's state, X and t on the device, and one step."""
        import jax
        from jax import numpy as jnp

        jax.config.update("jax_enable_x64", dtype == "float64")
        params = jax.tree.map(jnp.asarray, load.initial(dtype))
        zeros = partial(jax.tree.map, jnp.zeros_like)
        state = (jnp.zeros((), dtype), zeros(params), zeros(params)) if optimizer == "Adam" else ()
        update = adam if optimizer == "Adam" else sgd
        X, y = load.data(dtype)

        def step(carry: Any, batch: Any) -> tuple[Any, Any]:
            params, state = carry
            loss, grads = jax.value_and_grad(loss_of)(params, *batch)
            return update(params, state, grads), loss

        return (params, state), jnp.asarray(X), jnp.asarray(y.astype(np.int32)), step


class StepAtOnce(Jax):
    name = "JAX, a step a dispatch"

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import jax

        carry, X, t, step = self._begin(load, optimizer, dtype)

        @partial(jax.jit, donate_argnums=(0, 1))
        def dispatch(carry: Any, total: Any, X: Any, t: Any, rows: Any) -> tuple[Any, Any]:
            carry, loss = step(carry, gather(X, t, rows))
            return carry, total + loss

        rng = np.random.default_rng(2)
        while True:
            total = jax.numpy.zeros((), dtype)
            for rows in rng.permutation(load.rows).astype(np.int32).reshape(load.steps, load.batch):
                carry, total = dispatch(carry, total, X, t, rows)
            yield float(total) / load.steps


class EpochsAtOnce(Jax):
    def __init__(self, name: str, epochs: int) -> None:
        self.name = f"JAX, {name} a dispatch"
        self._epochs = epochs

    def dispatch(self, load: Workload) -> int:
        return self._epochs

    def suits(self, load: Workload) -> bool:
        return together(load, self._epochs)

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import jax

        carry, X, t, step = self._begin(load, optimizer, dtype)

        def epoch(carry: Any, rows: Any, X: Any, t: Any) -> tuple[Any, Any]:
            x, labels = gather(X, t, rows)
            batches = x.reshape(load.steps, load.batch, -1), labels.reshape(load.steps, load.batch)
            carry, losses = jax.lax.scan(step, carry, batches)
            return carry, losses.mean()

        @partial(jax.jit, donate_argnums=0)
        def dispatch(carry: Any, orders: Any, X: Any, t: Any) -> tuple[Any, Any]:
            if self._epochs == 1:
                return epoch(carry, orders, X, t)
            return jax.lax.scan(lambda carry, rows: epoch(carry, rows, X, t), carry, orders)

        rng = np.random.default_rng(2)
        every = np.arange(load.rows, dtype=np.int32)
        orders = np.tile(every, (self._epochs, 1))
        while True:
            shuffled = rng.permuted(orders, axis=1) if self._epochs > 1 else rng.permutation(every)
            carry, losses = dispatch(carry, shuffled, X, t)
            yield from np.atleast_1d(losses).tolist()


def gather(X: Any, t: Any, rows: Any) -> tuple[Any, Any]:
    """The rows' inputs and labels; the row numbers are known to be valid."""
    return tuple(array.at[rows].get(mode="promise_in_bounds") for array in (X, t))


PEERS = (StepAtOnce(), EpochsAtOnce("an epoch", 1), EpochsAtOnce("20 epochs", 20))
