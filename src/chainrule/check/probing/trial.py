"""Running their network on data made for it: one reading in one setting, as plain arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import NO_PARAMETERS
from chainrule.check.calling.chain import Chained, left_out
from chainrule.check.calling.making import as_theirs
from chainrule.check.calling.walk import places
from chainrule.check.calling.watch import watching
from chainrule.check.networks.result import DoesNotRun, NotOffered
from chainrule.check.probing.batch import Batch, Drawing, Setting
from chainrule.check.probing.holding import has_numpy, held_in, numbers_in
from chainrule.check.probing.probes import BACKWARD
from chainrule.check.probing.randomness import Randomness
from chainrule.check.probing.samples import as_given, as_rows, given_targets, inputs, targets
from chainrule.check.probing.sensible import differing

ALIKE = 1e-12  # of two losses: the same formula in another order


class Trial:
    """One reading of their code in one setting. Raises DoesNotRun where it makes no sense."""

    out_turned: bool | None = (
        None  # whether it takes rows and hands back columns; at the first batch no sizes are alike
    )

    def __init__(self, reading: Any, setting: Setting, own: tuple[Array, Array] | None = None) -> None:
        self.reading, self.setting, self.own = reading, setting, own
        self.randomness = Randomness(reading)
        self._settle_sizes()
        self.batches = [self.drawing().batch(i) for i in range(len(setting.sizes.rows))]

    def _settle_sizes(self) -> None:
        """The sizes are ours to choose, or their code has them: then the data follows."""
        sizes = self.setting.sizes
        for _ in range(2):
            rng = np.random.default_rng(0)
            n = sizes.rows[0]
            X, t = inputs(rng, n, sizes.n_in), targets(rng, self.setting.kind, n, sizes.n_out)
            self.reading.start(sizes, *self._given(X, t), n, sizes.n_out)
            chained = self.reading.chained(sizes)
            if chained is None:
                shapes = ", ".join(f"{path} {shape}" for path, shape in self._shapes().items())
                raise DoesNotRun(f"its arrays do not chain: {shapes}" if shapes else NO_PARAMETERS)
            if len(set(chained.widths)) > 1:
                self.reading.transposed = chained.transposed
            elif hasattr(self.reading, "transposed"):  # square layers do not show it
                chained = replace(chained, transposed=self.reading.transposed)
            hidden = chained.widths[1:-1] or (4,)
            wanted = replace(sizes, n_in=chained.widths[0], hidden=hidden, n_out=chained.widths[-1])
            self.chained: Chained = chained
            if (wanted.n_in, wanted.n_out) == (sizes.n_in, sizes.n_out):
                break
            sizes = wanted
        self.setting = replace(self.setting, sizes=replace(sizes, hidden=hidden))
        self.names = list(chained.named.values())
        self._made = self._shapes()

    def left_out(self) -> list[str]:
        """What was made as a parameter and is not compared; asked after a backward pass, which shows the gradients."""
        root = getattr(self.reading, "owners", None) or self.reading.object
        later = {place.path: np.shape(place.raw) for place in places(root)} if root is not None else {}
        return left_out(self._made, self.chained, later)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {path: place.value.shape for path, place in self.reading.places.items()}

    def drawing(self) -> Drawing:
        """Draws of data for it."""
        shapes = {name: self.reading.places[name].value.shape for name in self.names}
        return Drawing(self.setting, self.chained, shapes, self.own, self.reading.own_targets)

    def _given(self, X: Array, t: Array) -> tuple[Any, Any]:
        """As arrays, or as lists where their code has no NumPy."""
        rows = as_given(X, self.setting.layout), given_targets(t, self.setting.kind, self.setting.layout)
        given = as_theirs(self.reading.module, rows[0]), as_theirs(self.reading.module, rows[1])
        return given if has_numpy(self.reading.module) else (given[0].tolist(), given[1].tolist())

    def start(self, batch: Batch) -> None:
        """Build afresh, with these parameters, and hand over these data."""
        X, y = self._given(batch.X, batch.t)
        self.randomness.reset()
        self.reading.start(self.setting.sizes, X, y, len(batch.X), batch.t.shape[1])
        self.put(batch)

    def put(self, batch: Batch) -> Batch:
        """Other parameters and data for what is set up."""
        self.reading.n, self.reading.k = len(batch.X), batch.t.shape[1]
        X, y = self._given(batch.X, batch.t)
        for name, value in batch.params.items():
            self.reading.places[name].set(value)
        self.reading.chained_paths = tuple(self.names)
        self.reading.feed(X, y)
        return batch

    # calls of what is set up

    def evaluate(self, batch: Batch) -> dict[str, Any]:
        """One evaluation, with what it changed."""
        self.randomness.reset()
        begun = self.randomness.now()
        X, y = self.reading.env.roles["X"], self.reading.env.roles["y"]
        kept = (np.copy(X), np.copy(y))
        with watching(self.reading.module.__file__) as local:
            result = self.reading.evaluate()
        self.reading.draws = not begun.idle()
        after = {name: self.reading.places[name].value.copy() for name in self.names}
        return batch.record | {
            "out": self._rows(result.out, batch), "loss": result.loss, "step loss": result.step_loss,
            "grads": {name: np.array(g, dtype=np.float64) for name, g in result.grads.items()}, "called": result.called,
            "single": any(np.asarray(g).dtype == np.float32 for g in result.grads.values())
            or (result.out is not None and result.out.dtype == np.float32),
            "disturbed": list(getattr(self.reading, "disturbed", [])), "after": after, "unread": result.unread,
            "held": held_in(self.reading, len(batch.X), local), "numbers": numbers_in(self.reading, local),
            "changed": _changed(kept, (X, y)),
        }  # fmt: skip

    def moves(self, fresh: dict[str, Any]) -> bool:
        """Whether an evaluation has moved a parameter."""
        return any((fresh["after"][name] != fresh["params"][name]).any() for name in self.names)

    def _rows(self, out: Array | None, batch: Batch) -> Array | None:
        if out is None:
            return None
        array = np.asarray(out, dtype=np.float64)
        if self.out_turned is None:
            self.out_turned = self.setting.layout == "rows" and array.shape == batch.t.shape[::-1] != batch.t.shape
        return as_rows(array.T if self.out_turned else array, self.setting.layout, *batch.t.shape)

    def step(self, batch: Batch, changed: set[str]) -> tuple[dict[str, Array], float | None]:
        """The parameters after one more step, and its rate; `changed` gets the data that it changed."""
        self.randomness.reset()
        X, y = self._given(batch.X, batch.t)
        kept = (np.copy(X), np.copy(y))
        self.reading.feed(X, y)
        if "step" not in self.reading.roles:  # an update needs gradients that are computed apart
            self.reading.evaluate()
        after, rate = self.reading.step()
        changed |= set(_changed(kept, (X, y)))
        for name in self.names:
            if name in after and after[name].shape == self.reading.places[name].value.shape:
                self.reading.places[name].set(after[name].copy())
        return after, rate

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Of one more evaluation, at the parameters as they are."""
        self.randomness.reset()
        self.reading.feed(*self._given(batch.X, batch.t))
        grads = self.reading.evaluate().grads
        return {name: np.array(grads[name], dtype=np.float64) for name in self.names}

    # probes from a fresh start

    def shifted(self, batch: Batch) -> bool:
        """Whether all stays finite when the outputs of a row all grow alike, which a softmax ignores."""
        last = self.chained.weights[-1]
        self.start(Batch(batch.X, batch.t, batch.params | {last: batch.params[last] + 1000.0}))
        out = self.reading.forward()
        value = self.reading.loss()
        return bool((out is None or np.isfinite(np.asarray(out)).all()) and (value is None or np.isfinite(value)))

    def again(self, batch: Batch) -> dict[str, Array]:
        """The gradients of a second backward behind one forward, where backward is a call of its own."""
        self.start(batch)
        self.reading.evaluate()
        return {n: np.array(g, dtype=np.float64) for n, g in self.reading.backward_again().items()}

    def redrawn(self, batch: Batch) -> str:
        """What random numbers change in the gradient alone: behind the same forward, else at the same loss."""
        try:
            apart = differing(*(self._backward_from(batch, seed) for seed in (1, 2)))
            return f"behind the same forward, other random numbers give another gradient: {apart}" if apart else ""
        except NotOffered:
            one, other = (self._whole_from(batch, seed) for seed in (1, 2))
        if one["loss"] is None or other["loss"] is None:
            raise NotOffered(BACKWARD)
        alike = abs(one["loss"] - other["loss"]) <= ALIKE * abs(one["loss"])
        apart = differing(one, other) if alike else ""
        return f"at the same loss, other random numbers give another gradient: {apart}" if apart else ""

    def _backward_from(self, batch: Batch, seed: int) -> dict[str, Any]:
        """A second backward behind one forward, random numbers going on from another place between."""
        self.start(batch)
        self.randomness.reset()
        called = self.reading.evaluate().called
        self.randomness.elsewhere(seed)
        return {"grads": self.reading.backward_again(), "called": called}

    def _whole_from(self, batch: Batch, seed: int) -> dict[str, Any]:
        """Loss and gradients, random numbers beginning at another place."""
        self.start(batch)
        self.randomness.elsewhere(seed)
        result = self.reading.evaluate()
        grads = {name: np.array(g, dtype=np.float64) for name, g in result.grads.items()}
        return {"loss": result.loss, "grads": grads, "called": result.called, "after": {}}

    def steps(self, batch: Batch, count: int) -> dict[str, Any]:
        """Parameters after each of a few steps on the same batch."""
        self.start(batch)
        sequence: list[dict[str, Array]] = []
        changed: set[str] = set()
        for _ in range(count):
            try:
                after, rate = self.step(batch, changed)
            except Exception:
                if not sequence:
                    raise
                break  # the first step may leave parameters that the second cannot use
            sequence.append(after)
        return batch.record | {"after": sequence, "rate": rate, "changed": sorted(changed)}

    def steps_on(self, batches: list[Batch]) -> list[dict[str, Any]]:
        """One step of the same object on each batch, its parameters set back in between."""
        self.start(batches[0])
        found = []
        for batch in batches:
            self.put(batch)
            after, rate = self.step(batch, set())
            found.append(batch.record | {"after": [after], "rate": rate})
        return found


def _changed(before: tuple[Any, Any], after: tuple[Any, Any]) -> list[str]:
    """Which of the rows and the targets are not what they were."""
    return [name for name, a, b in zip(("X", "y"), before, after) if not np.array_equal(a, b)]
