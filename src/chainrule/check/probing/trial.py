"""Running their network on data made for it: every probe of one reading, as plain arrays."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import NO_PARAMETERS
from chainrule.check.calling.chain import Chained, left_out
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.watch import watching
from chainrule.check.networks.result import DoesNotRun
from chainrule.check.probing.holding import has_numpy, held_in, numbers_in
from chainrule.check.probing.optimizing import drive_classes, drive_step
from chainrule.check.probing.randomness import Randomness
from chainrule.check.probing.samples import as_given, as_rows, given_targets, inputs, parameters, targets
from chainrule.check.probing.sensible import differing

STEP = 1e-3  # of the central differences of their loss; near a corner a hundredth of it
MANY = 400  # entries to difference in all


@dataclass(frozen=True)
class Setting:
    """How data is handed over."""

    layout: str
    kind: str
    sizes: Sizes


@dataclass
class Batch:
    X: Array  # (N, I)
    t: Array  # (N, K)
    params: dict[str, Array]

    def rounded(self, rows: bool) -> Batch:
        """The same to one decimal, which a reader can follow; the rows too where they are ours."""
        X, t = (self.X.round(1), self.t.round(1)) if rows else (self.X, self.t)
        return Batch(X, t, {name: np.asarray(value.round(1)) for name, value in self.params.items()})


class Trial:
    """One reading of their code in one setting. Raises DoesNotRun where it makes no sense."""

    turned: bool | None = None  # whether it takes rows and hands back columns; at the first batch no sizes are alike

    def __init__(self, reading: Any, setting: Setting, own: tuple[Array, Array] | None = None) -> None:
        self.reading, self.setting, self.own = reading, setting, own
        self.randomness = Randomness(reading)
        self._settle_sizes()
        self.batches = [self.batch(i) for i in range(len(setting.sizes.rows))]

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
                shapes = self._shapes()
                raise DoesNotRun(f"its arrays do not chain: {shapes}" if shapes else NO_PARAMETERS)
            if len(set(chained.widths)) > 1:
                self.reading.transposed = chained.transposed
            elif hasattr(self.reading, "transposed"):  # square layers do not show it
                chained = replace(chained, transposed=self.reading.transposed)
            wanted = replace(
                sizes, n_in=chained.widths[0], hidden=chained.widths[1:-1] or (4,), n_out=chained.widths[-1]
            )
            self.chained: Chained = chained
            if (wanted.n_in, wanted.n_out) == (sizes.n_in, sizes.n_out):
                break
            sizes = wanted
        self.setting = replace(self.setting, sizes=replace(sizes, hidden=chained.widths[1:-1] or (4,)))
        self.names = list(chained.named.values())
        self.left_out = left_out({path: place.value.shape for path, place in self.reading.places.items()}, chained)

    def _shapes(self) -> str:
        return ", ".join(f"{path} {place.value.shape}" for path, place in self.reading.places.items())

    def batch(self, i: int) -> Batch:
        batch = self._draw(100 + i, self.setting.sizes.rows[i])
        self._kill_a_unit(batch.X, batch.params)
        return batch

    def readable(self) -> Batch:
        """A draw of short numbers, none 0, no two alike in a row, that opens about half of the first units."""
        drawn = [self._draw(seed, self.setting.sizes.rows[0]).rounded(self.own is None) for seed in range(200)]
        return max(drawn, key=self._lively)

    def _lively(self, batch: Batch) -> float:
        W, bias = batch.params[self.chained.weights[0]], self.chained.biases[0]
        z = batch.X @ (W.T if self.chained.transposed else W)
        z = z + (batch.params[bias].reshape(-1) if bias is not None else 0.0)
        alike = sum(len(row) - len(set(row)) for w in self.chained.weights for row in batch.params[w].tolist())
        zeros = sum(int((value == 0).sum()) for value in (*batch.params.values(), batch.X))
        open_ = z > 0
        stuck = (open_.mean(axis=0) % 1 == 0).sum() + (open_.mean(axis=1) % 1 == 0).sum()
        return -float(abs(open_.mean() - 0.5) + stuck + zeros + 0.5 * alike + (abs(z) < 0.05).sum())

    def _draw(self, seed: int, rows: int) -> Batch:
        rng, sizes = np.random.default_rng(seed), self.setting.sizes
        n = 1 if self.setting.layout in ("vector", "column") else rows
        X, t = inputs(rng, n, sizes.n_in), targets(rng, self.setting.kind, n, sizes.n_out)
        if self.own is not None:
            X, t = (self.own[0][:1], self.own[1][:1]) if n == 1 else self.own
        if getattr(self.reading, "own_targets", False) and sizes.n_in == sizes.n_out:
            t = X.copy()
        params = parameters(rng, {name: self.reading.places[name].value.shape for name in self.names})
        return Batch(X, t, params)

    def draw_rows(self, rows: int) -> Batch:
        """Other rows, an even number of them."""
        batch = self._draw(100, rows)
        even = len(batch.X) // 2 * 2
        return Batch(batch.X[:even], batch.t[:even], batch.params)

    def loss_in_batches(self) -> float | None:
        """The loss that a step over batches shows, of the last of them or of all."""
        with contextlib.suppress(Exception):
            result: float | None = self.reading.shown_loss()
            return result
        return None

    def _kill_a_unit(self, X: Array, params: dict[str, Array]) -> None:
        """The first hidden unit stays below 0 on every row."""
        bias = self.chained.biases[0]
        if len(self.chained.weights) < 2 or bias is None or params[bias].size < 3:
            return
        W = params[self.chained.weights[0]]
        z = X @ (W.T if self.chained.transposed else W)
        params[bias].reshape(-1)[0] = -abs(z[:, 0]).max() - 0.1

    def _given(self, X: Array, t: Array) -> tuple[Any, Any]:
        """As arrays, or as lists where their code has no NumPy."""
        given = as_given(X, self.setting.layout), given_targets(t, self.setting.kind, self.setting.layout)
        return given if has_numpy(self.reading.module) else (given[0].tolist(), given[1].tolist())

    def start(self, batch: Batch) -> None:
        """Build afresh, with these parameters, and hand over these data."""
        X, y = self._given(batch.X, batch.t)
        self.randomness.reset()
        self.reading.start(self.setting.sizes, X, y, len(batch.X), batch.t.shape[1])
        self.put(batch)

    def put(self, batch: Batch) -> Batch:
        """Other parameters and data for what is set up."""
        X, y = self._given(batch.X, batch.t)
        self.reading.n, self.reading.k = len(batch.X), batch.t.shape[1]
        for name, value in batch.params.items():
            self.reading.places[name].set(value)
        self.reading.chained_paths = tuple(self.names)
        self.reading.feed(X, y)
        return batch

    def evaluate(self, batch: Batch) -> dict[str, Any]:
        """One evaluation of what is set up, with what it changed."""
        self.randomness.reset()
        X, y = self.reading.env.roles["X"], self.reading.env.roles["y"]
        kept = (np.copy(X), np.copy(y))
        with watching(self.reading.module.__file__) as local:
            result = self.reading.evaluate()
        after = {name: self.reading.places[name].value.copy() for name in self.names}
        return {
            "X": batch.X, "t": batch.t, "params": batch.params, "n": len(batch.X), "called": result.called,
            "out": self._rows(result.out, batch), "loss": result.loss, "step loss": result.step_loss,
            "grads": {name: np.array(g, dtype=np.float64) for name, g in result.grads.items()},
            "single": any(np.asarray(g).dtype == np.float32 for g in result.grads.values())
            or (result.out is not None and result.out.dtype == np.float32),
            "disturbed": list(getattr(self.reading, "disturbed", [])), "after": after, "unread": result.unread,
            "held": held_in(self.reading, len(batch.X), local), "numbers": numbers_in(self.reading, local),
            "changed": [name for name, a, b in (("X", kept[0], X), ("y", kept[1], y)) if not np.array_equal(a, b)],
        }  # fmt: skip

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
        """Where two backward calls behind the same forward differ, random numbers going on from two places between."""
        found = []
        for seed in (1, 2):
            self.start(batch)
            self.randomness.reset()
            called = self.reading.evaluate().called
            self.randomness.elsewhere(seed)
            found.append({"grads": self.reading.backward_again(), "called": called})
        return differing(*found)

    def _rows(self, out: Array | None, batch: Batch) -> Array | None:
        if out is None:
            return None
        array = np.asarray(out, dtype=np.float64)
        if self.turned is None:
            self.turned = self.setting.layout == "rows" and array.shape == batch.t.shape[::-1] != batch.t.shape
        return as_rows(array.T if self.turned else array, self.setting.layout, *batch.t.shape)

    def losses(self, batch: Batch, names: Sequence[str] = ()) -> dict[str, Array]:
        """Central differences of their own loss, with h and h/2 combined; NaN beside a corner. Of all or some names."""
        self.start(batch)
        wanted = {name: value for name, value in batch.params.items() if name in names or not names}
        if sum(value.size for value in wanted.values()) > MANY:
            return {}
        numeric: dict[str, Array] = {}
        for name, value in wanted.items():
            numeric[name] = np.empty(value.shape)
            for index in np.ndindex(value.shape):
                numeric[name][index] = self._difference(batch, name, index)
        return numeric

    def _difference(self, batch: Batch, name: str, index: tuple[int, ...]) -> float:
        def at(h: float) -> float:
            moved = batch.params[name].copy()
            moved[index] += h
            self.put(Batch(batch.X, batch.t, batch.params | {name: moved}))
            self.randomness.reset()
            value = self.reading.loss()
            return float("nan") if value is None else value

        def central(h: float) -> float:
            return (at(h) - at(-h)) / (2 * h)

        wide, half = central(STEP), central(STEP / 2)
        value = (4 * half - wide) / 3
        if abs(wide - half) <= 1e-5 * max(abs(wide), abs(half), 1e-3):
            return value
        near, nearer = central(STEP / 100), central(STEP / 200)  # a corner lies within the step
        return nearer if abs(near - nearer) <= 1e-5 * max(abs(near), abs(nearer), 1e-3) else float("nan")

    def steps(self, batch: Batch, count: int) -> dict[str, Any]:
        """Parameters after each of a few steps on the same batch, from a fresh start."""
        self.start(batch)
        sequence: list[dict[str, Array]] = []
        changed: set[str] = set()
        for _ in range(count):
            try:
                after, rate = self._step(batch, changed)
            except Exception:
                if not sequence:
                    raise
                break  # the first step may leave parameters that the second cannot use
            sequence.append(after)
        kept = {"X": batch.X, "t": batch.t, "params": batch.params}
        return kept | {"after": sequence, "rate": rate, "changed": sorted(changed)}

    def _step(self, batch: Batch, changed: set[str]) -> tuple[dict[str, Array], float | None]:
        self.randomness.reset()
        X, y = self._given(batch.X, batch.t)
        kept = (np.copy(X), np.copy(y))
        self.reading.feed(X, y)
        if "step" not in self.reading.roles:  # an update needs gradients that are computed apart
            self.reading.evaluate()
        after, rate = self.reading.step()
        changed |= {name for name, a, b in (("X", kept[0], X), ("y", kept[1], y)) if not np.array_equal(a, b)}
        for name in self.names:
            if name in after and after[name].shape == self.reading.places[name].value.shape:
                self.reading.places[name].set(after[name].copy())
        return after, rate

    def several_updates(self, batch: Batch, *, moves: bool, single: bool = False) -> bool | None:
        """Whether one call changes the last layer's weights out of proportion to the rate, as several updates do.

        Those of the layers before depend on it in one update too, where the delta comes from updated weights.
        None where there is no rate that could be another.
        """
        whole = self._change(batch, 1.0, moves=moves, held=False)
        halves = [self._change(batch, 0.5, moves=moves, held=held) for held in (False, True)]
        half = next((half for half in halves if (half != whole).any()), None)
        if half is None or half.shape != whole.shape:
            return None
        weight = abs(batch.params[self.chained.weights[-1]]).max()
        near, eps = (1e-5, np.finfo(np.float32).eps) if single else (1e-9, np.finfo(np.float64).eps)
        return not (abs(2 * half - whole) <= near * abs(whole).max() + 16 * eps * weight).all()

    def _change(self, batch: Batch, share: float, *, moves: bool, held: bool) -> Array:
        """What one call does to the last layer's weights at a share of its rate."""
        last = self.chained.weights[-1]
        self.start(batch)
        with self.reading.slowed(share, held=held):
            after = self.evaluate(batch)["after"] if moves else self._step(batch, set())[0]
        return np.asarray(after[last] - batch.params[last], dtype=np.float64)

    def optimizers(self, batch: Batch) -> list[dict[str, Any]]:
        """Some steps of every optimizer that they define, each with the gradients that it was given."""

        def evaluate() -> dict[str, Array]:
            self.randomness.reset()
            self.reading.feed(*self._given(batch.X, batch.t))
            grads = self.reading.evaluate().grads
            return {name: np.array(grads[name], dtype=np.float64) for name in self.names}

        found = []
        self.start(batch)
        in_parts = getattr(self.reading, "in_parts", False)  # an optimizer of their own is handed whole arrays
        for driven in () if in_parts else drive_classes(self.reading.module, self.reading, lambda: evaluate()):
            found.append(driven)
            self.start(batch)
        with contextlib.suppress(Exception):
            if (stepped := drive_step(self.reading, evaluate)) is not None:
                found.append(stepped)
        return found

    def steps_on(self, batches: list[Batch]) -> list[dict[str, Any]]:
        """One step of the same object on each batch, its parameters set back in between."""
        self.start(batches[0])
        found = []
        for batch in batches:
            self.put(batch)
            after, rate = self._step(batch, set())
            found.append({"X": batch.X, "t": batch.t, "params": batch.params, "after": [after], "rate": rate})
        return found
