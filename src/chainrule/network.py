"""The façade: layers, a loss and their numbers under one name, with every input checked at the door."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arrays import Array, as_matrix
from chainrule.backends import choose
from chainrule.backends.reference import Data, Objective
from chainrule.errors import Diverged, InputError, nearest, require_count, require_number
from chainrule.layers import Layer
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer
from chainrule.plan import Plan
from chainrule.sample_weights import weighted
from chainrule.state import State
from chainrule.targets import Labels, Target, target_for

if TYPE_CHECKING:
    from pathlib import Path

    from chainrule.data.encoder import Encoder
    from chainrule.history import History


class Network:
    """A dense network: `layers` from input to output, `loss` on the last layer's outputs.

    Parameters
    ----------
    layers : sequence of Layer
    loss : Loss
        It applies its own link (softmax, sigmoid, ...): no such layer may stand before it.
    n_in : int
        Columns of X.
    seed : int
        Of initial weights, row order and dropout: the same seed gives the same bits.
    dtype : float32 or float64
        Of everything but the loss, which is summed in float64.
    l2, l1 : float
        Penalties l2/2·ΣW² and l1·Σ|W| over the matrices, part of the loss.
    penalty_by_batch : bool
        Divide the penalty of a batch by its rows, as its loss is: scikit-learn's scale.

    ``net["W1"]`` is the first weight matrix (I, O), ``net["b1"]`` its bias; assign through the view, ``[...] =``.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        loss: Loss,
        n_in: int,
        seed: int = 0,
        dtype: Any = np.float32,
        l2: float = 0.0,
        l1: float = 0.0,
        penalty_by_batch: bool = False,
    ) -> None:
        if not isinstance(loss, Loss):
            raise InputError(f"loss: expected a chainrule Loss such as SoftmaxCrossEntropy(), got {loss!r}")
        _require_float(dtype)
        require_count("seed", seed, least=0)
        if seed >= 2**64:
            raise InputError(f"seed: expected a whole number below 2**64, got {seed}")
        require_number("l2", l2)
        require_number("l1", l1)
        plan = Plan.build(layers, n_in)
        if loss.applies is not None and isinstance(plan.layers[-1], loss.applies):
            twice, name = loss.applies.__name__, type(loss).__name__
            where = f"layer {len(plan.layers)}"
            raise InputError(f"layers: {name} applies {twice} itself; leave out the {twice} at {where}")
        self.plan = plan
        self.seed = int(seed)
        self.dtype = np.dtype(dtype)
        self.objective = Objective(loss, float(l2), float(l1), bool(penalty_by_batch))
        self.state = State(plan, dtype)
        self.plan.initialise(self.state.params, self.seed)
        self.target: Target | None = None  # what y means, learned at the first training
        self.encoder: Encoder | None = None  # with one, X is rows of a table as they were read
        self.history: History | None = None  # of the last training
        self._inference_of: tuple[Array | None, Any] = (None, None)
        self.info: dict[str, Any] = {}  # plain JSON that is saved along: where the model comes from

    @property
    def layers(self) -> tuple[Layer, ...]:
        return self.plan.layers

    @property
    def loss(self) -> Loss:
        return self.objective.loss

    @property
    def n_in(self) -> int:
        return self.plan.widths[0]

    @property
    def n_out(self) -> int:
        return self.plan.widths[-1]

    @property
    def backend(self) -> str:
        """ "compiled", or "reference"; `backend_reason` says why."""
        return str(choose(self.plan, self.loss)[0].NAME)

    @property
    def backend_reason(self) -> str | None:
        """Why the network runs on the reference; None where it does not."""
        return choose(self.plan, self.loss)[1]

    @property
    def classes(self) -> Array | None:
        """The labels in the order of the outputs; None before training, or where the network predicts values."""
        return getattr(self.target, "classes", None)

    def __getitem__(self, label: str) -> Array:
        try:
            return self.state.named[label]
        except KeyError:
            raise KeyError(f"no parameter {label!r}; {nearest(label, self.state.named)}") from None

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"Network([{layers}], loss={self.loss!r}, n_in={self.n_in}, {self.plan.size:,} parameters)"

    def inputs(self, X: Any) -> Any:
        """X as the first layer takes it, (N, n_in): checked, encoded where the network has an encoder."""
        if self.encoder is not None:
            X = self.encoder.transform(X)
        return as_matrix(X, self.n_in, self.dtype)

    def data(self, X: Any, y: Any, sample_weight: Any = None, target: Target | None = None) -> Data:
        """X, y and weights as the loss takes them, aligned; rows of weight 0 are left out."""
        X = self.inputs(X)
        target = target or self.target or target_for(self.loss, self.n_out).fit(y)
        data = Data(X, target.encode(y, self.dtype))
        if len(data.t) != len(data):
            raise InputError(f"X and y: expected as many rows in both, got {len(data)} and {len(data.t)}")
        return data if sample_weight is None else weighted(data, sample_weight, self.dtype)

    def forward(self, X: Any) -> Array:
        """Outputs (N, K) of the last layer, before the loss's link, as at prediction time (no dropout)."""
        z = self.quick_outputs(X)
        return self.outputs(self.inputs(X)) if z is None else z

    def quick_outputs(self, X: Any) -> Array | None:
        """As `forward`, in microseconds, where X is a few plain rows; None where it has to be looked at first."""
        return few.few_outputs(X) if (few := self._for_few(X)) else None

    def _for_few(self, X: Any) -> Any:
        params, inference = self._inference_of
        if params is not self.state.params:
            inference = self._inference()
        plain = type(X) is np.ndarray and self.encoder is None and X.ndim == 2
        return inference if plain and 0 < len(X) <= inference.rows else None

    def _inference(self) -> Any:
        """The backend's way from rows to outputs, made once for the parameters where they are."""
        if self._inference_of[0] is not self.state.params:
            backend, _ = choose(self.plan, self.loss)
            self._inference_of = self.state.params, backend.Inference(self.plan, self.state.params, self.dtype)
        return self._inference_of[1]

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_inference_of": (None, None)}

    def outputs(self, X: Any) -> Array:
        """As `forward`, of rows that `inputs` has made."""
        return np.asarray(self._inference().outputs(X))

    def predict(self, X: Any) -> Array:
        """Labels as they were given in training, flags (N, K), or values in the target's units."""
        target = self.target or target_for(self.loss, self.n_out)
        if isinstance(target, Labels) and (few := self._for_few(X)) and (index := few.few_labels(X)) is not None:
            return target.classes[index]
        return target.decode(target.read(self.forward(X), self.loss))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (N, K), columns in the order of `classes`. InputError where the network predicts values."""
        target = self.target or target_for(self.loss, self.n_out)
        return target.probabilities(self.loss.link(self.forward(X)))

    def evaluate(self, X: Any, y: Any, sample_weight: Any = None) -> tuple[float, float]:
        """Loss with penalties, and score: accuracy (of all flags of a row), or R² for values."""
        return self.evaluate_data(self.data(X, y, sample_weight))

    def evaluate_data(self, data: Data) -> tuple[float, float]:
        target = self.target or target_for(self.loss, self.n_out)
        backend, _ = choose(self.plan, self.loss)
        matrices = self.state.params[: self.plan.n_decay]
        value, score = backend.evaluate(self.objective, target, data, self.outputs(data.X), matrices)
        return value, score

    def contributions(self, z: Array, data: Data) -> Array:
        """What each row adds to the score (N,), from outputs z."""
        target = self.target or target_for(self.loss, self.n_out)
        return target.contributions(target.read(z, self.loss), data.t, target.spread(data.t, data.w))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy (of all flags of a row), or R² for values."""
        return self.evaluate(X, y, sample_weight)[1]

    def gradients(self, X: Any, y: Any, sample_weight: Any = None) -> dict[str, Array]:
        """Gradient of the training loss over all rows, penalties included, by parameter name."""
        return self.plan.named(self._gradients(self.data(X, y, sample_weight)))

    def input_gradients(self, X: Any, y: Any, sample_weight: Any = None) -> Array:
        """∂loss/∂X (N, n_in), 0 in rows of weight 0."""
        data = self.data(X, y, sample_weight)
        dX = np.empty((len(data), self.n_in), self.dtype)
        self._gradients(data, dX)
        if sample_weight is None:
            return dX
        kept = np.asarray(sample_weight).astype(self.dtype) > 0  # the others were left out of data
        gradients = np.zeros((len(kept), self.n_in), self.dtype)
        gradients[kept] = dX
        return gradients

    def _gradients(self, data: Data, dX: Array | None = None) -> Array:
        backend, _ = choose(self.plan, self.loss)
        state = self.state
        return backend.whole_gradients(self.plan, state.params, self.objective, data, self.seed, state.step, dX)[1]

    def step(self, X: Any, y: Any, optimizer: Optimizer, sample_weight: Any = None) -> float:
        """One training step on all rows as one batch; the loss before it. Raises Diverged and leaves the weights as
        they were, with the moments at 0 where it was the update that left the finite numbers."""
        data = self.data(X, y, sample_weight)
        self.target = self.target or target_for(self.loss, self.n_out).fit(y)
        backend, _ = choose(self.plan, self.loss, optimizer)
        steps = backend.Steps(self.plan, self.objective, self.target, self.seed, len(data), self.dtype)
        with self.state.alone:
            self.state.prepare(optimizer)
            before = self.state.params.copy()
            try:
                return float(steps.run(self.state, optimizer, data, np.arange(len(data))[None], 1.0)[0, 0])
            except Diverged:
                if not np.isfinite(self.state.params).all():
                    self.state.params[...] = before
                    self.state.moments[...] = 0
                raise

    def fit(
        self,
        X: Any,
        y: Any,
        optimizer: Optimizer,
        *,
        patience: int | None = None,
        restore_best: bool = True,
        **settings: Any,
    ) -> History:
        """Train, and return the History. `settings` are those of `train`, with `epochs_per_call` None by default.

        patience : epochs without a better validation loss after which training stops (needs ``valid=``).
        restore_best : with ``valid=``, end with the weights of the best epoch instead of the last.
        """
        from chainrule.training import train

        if patience is not None:
            require_count("patience", patience)
            if settings.get("valid") is None:
                raise InputError("patience: expected validation data, valid=(X, y), got none")
        settings.setdefault("epochs_per_call", None)  # nobody looks at the network between them
        training = train(self, (X, y), optimizer, **settings)
        for epoch in training:
            if patience is not None and epoch.since_best >= patience:
                break
        if restore_best and settings.get("valid") is not None:
            training.history.restore_best(self)
        return training.history

    def copy(self) -> Network:
        """An independent network with the same numbers."""
        return copy.deepcopy(self)

    def save(self, path: str | Path, *, resume: bool = False) -> None:
        """Write a safetensors file, beside the name first and then renamed; `resume` keeps the optimizer's moments."""
        from chainrule.files import save

        save(self, path, resume=resume)

    def summary(self) -> str:
        """Layers, shapes and parameters as a table."""
        rows = [("", "layer", "output", "parameters", "")]
        for i, layer in enumerate(self.layers):
            slots = [slot for slot in self.plan.slots if slot.layer == i]
            count = sum(slot.stop - slot.start for slot in slots)
            shapes = "  ".join(f"{slot.label} {'×'.join(map(str, slot.shape))}" for slot in slots)
            rows.append((str(i + 1), repr(layer), str(self.plan.widths[i + 1]), f"{count:,}" if count else "", shapes))
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        lines = [
            f"{n:>{widths[0]}}  {layer:<{widths[1]}}  {out:>{widths[2]}}  {count:>{widths[3]}}  {shapes}".rstrip()
            for n, layer, out, count, shapes in rows
        ]
        chosen = {"l2": self.objective.l2, "l1": self.objective.l1}
        penalties = "".join(f", {name} {value:g}" for name, value in chosen.items() if value)
        lines.append(f"{self.n_in} inputs, {self.plan.size:,} parameters, {self.dtype}; {self.loss!r}{penalties}")
        return "\n".join(lines)


def _require_float(dtype: Any) -> None:
    try:
        got = str(np.dtype(dtype))
    except TypeError:
        got = repr(dtype)
    if got not in ("float32", "float64"):
        raise InputError(f"dtype: expected float32 or float64, got {got}")
