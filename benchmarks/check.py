"""Whether everyone does the same work: from the same weights, on the same rows, the loss has to fall alike.

Only the order of the rows and the rounding differ. Competitors that cheat have to be caught.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from chainrule.bench import Workload
from peers import Peer
from peers.numpy_ import Buffers, NumPy, forward, loss_of
from rounds import Competitor, Failed, alone

STEPS = 30  # at least; more, and the slow catch up
TOLERANCE = 0.1  # of the fall of the loss since the first weights


class Idle(NumPy):
    """A cheat: trains with a learning rate of 0."""

    name = "cheat: learning rate 0"

    def update(self, net: Buffers, optimizer: str, step: int) -> None:
        pass


class Lazy(NumPy):
    """A cheat: leaves every other step out."""

    name = "cheat: every other step"

    def update(self, net: Buffers, optimizer: str, step: int) -> None:
        if step % 2:
            super().update(net, optimizer, (step + 1) // 2)


CHEATS = (Idle(), Lazy())


def first_loss(load: Workload, dtype: str) -> float:
    """Of the first weights, on all rows."""
    X, y = load.data(dtype)
    net, total = Buffers(load, dtype), 0.0
    for start in range(0, load.rows, load.batch):
        net.x[0][...], net.t[...] = X[start : start + load.batch], y[start : start + load.batch]
        forward(net)
        total += loss_of(net)
    return total / load.steps


def falls(
    load: Workload, optimizer: str, dtype: str, peers: Mapping[str, Peer], lock: Path | None
) -> tuple[dict[str, float], dict[str, str]]:
    """How far each one's loss came down, on average over the first epochs; the cheats last. And why someone failed."""
    n_epochs, failures = math.ceil(STEPS / load.steps) + 1, {}
    curves: dict[str, list[float]] = {}
    with alone(lock, shared=True):
        for name in peers:
            try:
                with Competitor("losses", name, load.name, optimizer, dtype, str(n_epochs)) as competitor:
                    curves[name] = competitor.turn()["losses"]
            except Failed as error:
                failures[name] = str(error)
        for cheat in CHEATS:
            curves[cheat.name] = list(islice(cheat.epochs(load, optimizer, dtype), n_epochs))
    first = first_loss(load, dtype)
    return {name: first - statistics.fmean(losses) for name, losses in curves.items()}, failures


def deviants(falls: Mapping[str, float]) -> set[str]:
    """Those whose loss falls less or more than the others'."""
    honest = [fall for name, fall in falls.items() if not name.startswith("cheat")]
    usual = statistics.median(honest)
    return {name for name, fall in falls.items() if not abs(fall - usual) <= TOLERANCE * usual}
