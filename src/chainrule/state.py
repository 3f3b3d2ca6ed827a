"""The numbers that training changes: a few flat arrays."""

from __future__ import annotations

import threading
from typing import Any

from chainrule.arrays import aligned, zeros
from chainrule.errors import warn
from chainrule.optimizers import Optimizer
from chainrule.plan import Plan


class State:
    """params (P,), moments (k, P), the steps and epochs done. `views` and `named` share memory with params, always:
    nothing rebinds them, and copies and pickles carry the flat arrays alone."""

    def __init__(self, plan: Plan, dtype: Any) -> None:
        self.plan = plan
        self.params = zeros((plan.size,), dtype)
        self.moments = zeros((0, plan.size), dtype)
        self.optimizer: str | None = None  # the class whose moments these are
        self.step = 0
        self.epoch = 0
        self._view()

    def __repr__(self) -> str:
        done = f"optimizer={self.optimizer}, step={self.step}, epoch={self.epoch}"
        return f"State({self.plan.size:,} parameters, {self.params.dtype}, {done})"

    def _view(self) -> None:
        self.views = self.plan.views(self.params)
        self.named = self.plan.named(self.params)
        self._lock = threading.Lock()

    @property
    def alone(self) -> threading.Lock:
        """`with` it the numbers are changed; RuntimeError where another thread is doing so. It is the lock itself, so
        that no interrupt can leave it taken; of two threads that ask in the same moment one waits."""
        if self._lock.locked():
            raise RuntimeError("another thread is training this network; train a net.copy() there, or wait for it")
        return self._lock

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("views", "named", "_lock")}

    def __setstate__(self, kept: dict[str, Any]) -> None:
        vars(self).update(kept)
        self.params, self.moments = aligned(self.params), aligned(self.moments)
        self._view()

    def prepare(self, optimizer: Optimizer) -> None:
        """Give the optimizer its moments; another class's are dropped, with a warning, and its step count with them."""
        kind = type(optimizer).__name__
        if self.optimizer not in (None, kind):
            warn(f"{self.optimizer}'s moments are dropped: training goes on with {kind}")
            self.moments = self.moments[:0]
            self.step = 0
        if len(self.moments) != optimizer.n_moments:
            self.moments = zeros((optimizer.n_moments, self.plan.size), self.params.dtype)
        self.optimizer = kind
