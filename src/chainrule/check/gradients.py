"""Is the gradient the derivative of the loss? Each entry against differences of the loss itself, in float64.

Central differences with h and h/2 are combined so that their h² errors cancel (Richardson). Rounding leaves them off by
about ε·M/h, where M is the largest of loss and outputs, so a relative error of `tolerance` can only be told for entries
above ε·M/(h·tolerance): smaller ones are listed as undecided. Where every function of the network takes complex
numbers, Im L(w + ih)/h cancels nothing: what remains is the gradient's own rounding, and a kink counts only where
something stands exactly on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arrays import Array, dense_rows
from chainrule.backends.reference import Data, Inference, Tape, fill_masks, forward, whole_gradients
from chainrule.errors import InputError, nearest

if TYPE_CHECKING:
    from chainrule.network import Network

TOLERANCE = 1e-7
STEP, STEP_NEAR_KINKS, COMPLEX_STEP = 1e-3, 1e-5, 1e-30
EPS = float(np.finfo(np.float64).eps)
METHODS = ("auto", "central", "complex")


@dataclass(frozen=True)
class TensorCheck:
    """One tensor's worst entry. `kinks` entries could not be differenced: the loss has a corner within the step."""

    label: str
    shape: tuple[int, ...]
    method: str
    checked: int
    undecided: int
    kinks: int
    worst: float
    where: tuple[int, ...]
    analytic: float
    numeric: float


@dataclass(frozen=True)
class Report:
    """`ok` where no entry's error exceeds the tolerance; print it for the table."""

    tensors: tuple[TensorCheck, ...]
    directional: float
    loss: float
    tolerance: float
    rows: int

    @property
    def worst(self) -> float:
        return max(tensor.worst for tensor in self.tensors)

    @property
    def ok(self) -> bool:
        """Every checked entry agrees, and each tensor has at least one that could be checked."""
        return bool(self.worst <= self.tolerance) and all(tensor.checked for tensor in self.tensors)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        head = ("tensor", "shape", "checked", "undecided", "kinks", "worst error", "where", "gradient", "numeric")
        rows = [head] + [
            (
                t.label, "×".join(map(str, t.shape)), f"{t.checked} of {prod(t.shape)}", str(t.undecided),
                str(t.kinks), f"{t.worst:.1e}", str(list(t.where)), f"{t.analytic:.6g}", f"{t.numeric:.6g}",
            )
            for t in self.tensors
        ]  # fmt: skip
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths)) for row in rows]
        verdict = "the gradient is the derivative of the loss" if self.ok else "the gradient is WRONG"
        if self.worst <= self.tolerance and not self.ok:
            verdict = "not decided: some tensor has no entry that could be checked"
        method = "complex step" if self.tensors[0].method == "complex" else "central differences"
        lines.append(f"{verdict}: worst relative error {self.worst:.1e}, tolerance {self.tolerance:.0e} ({method})")
        lines.append(f"loss {self.loss:.6g} over {self.rows} rows; along a random direction {self.directional:.1e}")
        return "\n".join(lines)


def check_gradients(
    net: Network,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    method: str = "auto",
    tolerance: float = TOLERANCE,
    max_entries: int | None = 256,
) -> Report:
    """Compare every gradient of the network, and its inputs', with differences of the loss, in float64.

    Parameters
    ----------
    X, y, sample_weight
        As for training; a few rows are enough. Dropout's masks stay fixed.
    method : "central", "complex", or "auto"
        Complex steps where every layer and the loss take complex numbers (see `Layer.analytic`).
    tolerance : float
        The relative error, over max(|analytic|, |numeric|, floor), that an entry may have.
    max_entries : int, optional
        Entries per tensor, drawn at random with a fixed seed where there are more; None checks all.
    """
    if method not in METHODS:
        raise InputError(f"method: no method {method!r}; {nearest(method, METHODS)}")
    probe = Probe(net, net.data(X, y, sample_weight))
    if method == "auto":
        method = "complex" if probe.analytic else "central"
    elif method == "complex" and not probe.analytic:
        raise InputError("method: a layer or the loss does not take complex numbers; use 'central'")
    difference = probe.complex_step if method == "complex" else probe.central
    tensors = [
        _check(label, shape, method, start, probe.gradient, difference, tolerance, max_entries)
        for label, shape, start in probe.tensors
    ]
    return Report(tuple(tensors), probe.directional(), probe.loss, tolerance, len(probe.data))


@dataclass(frozen=True)
class Difference:
    """A numeric derivative, its rounding error, and whether the loss has a kink within the step."""

    value: float
    noise: float
    kink: bool


class Probe:
    """The objective as a function of one flat float64 array: parameters, then inputs. Dropout's masks are fixed."""

    def __init__(self, net: Network, data: Data) -> None:
        X = dense_rows(data.X, slice(None)).astype(np.float64)
        t = data.t.astype(np.float64) if data.t.dtype.kind == "f" else data.t
        self.data = Data(X, t, None if data.w is None else data.w.astype(np.float64))
        self.plan, self.objective, self.seed, self.step = net.plan, net.objective, net.seed, net.state.step
        params, dX = net.state.params.astype(np.float64), np.empty_like(X)
        loss, grads = whole_gradients(self.plan, params, self.objective, self.data, self.seed, self.step, dX)
        self.loss = float(loss)
        self.flat = np.concatenate([params, X.ravel()])
        self.gradient = np.concatenate([grads, dX.ravel()])
        slots = sorted(net.plan.slots, key=lambda slot: slot.layer)
        self.tensors = [(slot.label, slot.shape, slot.start) for slot in slots] + [("X", X.shape, len(params))]
        self.analytic = all(layer.analytic for layer in self.plan.layers) and self.objective.loss.analytic
        z = Inference(self.plan, params).outputs(X)
        # a small loss may be a difference of large outputs, a small gradient one of probabilities
        self.magnitude = max(abs(self.loss), float(abs(z).max()))
        self.rounding = EPS * max(float(abs(self.gradient).max()), self.magnitude / self.data.total)

    def __call__(self, flat: Array) -> tuple[Any, list[Array]]:
        """The objective, in the dtype of `flat`, and how far from its kinks everything is."""
        plan, data, objective = self.plan, self.data, self.objective
        params, X = flat[: plan.size], flat[plan.size :].reshape(data.X.shape)
        tape = Tape.allocate(plan, len(data), flat.dtype)
        np.copyto(tape.a[0], X)
        fill_masks(plan, tape, self.seed, self.step)
        z = forward(plan, plan.views(params), tape)
        value = objective.loss(z, data.t, np.empty_like(z), data.total, data.w)
        distances = [a - layer.kink for a, layer in zip(tape.a, plan.layers) if layer.kink is not None]
        distances += [distance for distance in [objective.loss.kinks(z, data.t)] if distance is not None]
        distances += [params[: plan.n_decay]] if objective.l1 else []
        return value + objective.penalty(params[: plan.n_decay], data.total), distances

    def central(self, direction: Array | int) -> Difference:
        """The derivative along one entry or one direction; close to a kink with a smaller step."""
        wide = self._symmetric(direction, STEP)
        if not wide.kink:
            half = self._symmetric(direction, STEP / 2)
            return Difference((4 * half.value - wide.value) / 3, (4 * half.noise + wide.noise) / 3, False)
        return self._symmetric(direction, STEP_NEAR_KINKS)

    def _symmetric(self, direction: Array | int, h: float) -> Difference:
        above, distances_above = self(self._moved(direction, h))
        below, distances_below = self(self._moved(direction, -h))
        kink = any(((a > 0) != (b > 0)).any() for a, b in zip(distances_above, distances_below))
        return Difference((above - below) / (2 * h), EPS * self.magnitude / h, kink)

    def complex_step(self, direction: Array | int) -> Difference:
        """Im L(w + ih)/h: no difference is taken, so nothing cancels (Squire and Trapp 1998)."""
        value, distances = self(self._moved(direction, COMPLEX_STEP * 1j))
        kink = any(((distance.real == 0) & (distance.imag != 0)).any() for distance in distances)
        return Difference(value.imag / COMPLEX_STEP, self.rounding, kink)

    def _moved(self, direction: Array | int, h: complex) -> Array:
        flat = self.flat.astype(type(h))
        if isinstance(direction, int):
            flat[direction] += h
        else:
            flat += h * direction
        return flat

    def directional(self) -> float:
        """Relative error along one random direction through all entries at once; NaN where it crosses a kink."""
        direction = np.random.default_rng(0).normal(size=len(self.flat))
        direction /= np.linalg.norm(direction)
        numeric, analytic = self.central(direction), float(direction @ self.gradient)
        return float("nan") if numeric.kink else _relative(analytic, numeric.value, numeric.noise)


def _relative(analytic: float, numeric: float, floor: float) -> float:
    largest = max(abs(analytic), abs(numeric), floor)
    return float(abs(analytic - numeric) / largest) if largest else 0.0


def _check(
    label: str,
    shape: tuple[int, ...],
    method: str,
    start: int,
    gradient: Array,
    difference: Callable[[int], Difference],
    tolerance: float,
    max_entries: int | None,
) -> TensorCheck:
    entries = np.arange(prod(shape))
    if max_entries is not None and len(entries) > max_entries:
        entries = np.sort(np.random.default_rng(0).choice(entries, max_entries, replace=False))
    worst, counts = (-1.0, 0, 0.0, 0.0), Counter[str]()
    for entry in entries.tolist():
        analytic, numeric = float(gradient[start + entry]), difference(start + entry)
        if numeric.kink:
            counts["kinks"] += 1
            continue
        floor = numeric.noise / tolerance
        error = _relative(analytic, numeric.value, floor)
        decided = max(abs(analytic), abs(numeric.value)) >= floor
        counts["checked" if decided or error > tolerance else "undecided"] += 1
        worst = max(worst, (error if isfinite(error) else inf, entry, analytic, numeric.value))
    error, entry, analytic, value = worst
    where = tuple(int(i) for i in np.unravel_index(entry, shape))
    return TensorCheck(
        label, shape, method, counts["checked"], counts["undecided"], counts["kinks"],
        max(error, 0.0), where, analytic, value,
    )  # fmt: skip
