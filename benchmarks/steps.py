"""Training steps: ours in microseconds, everyone else's time by ours, the share of what the processor can do."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chainrule.bench import Workload, peak
from peers import OURS, Peer, cores
from rounds import alone, measure, ratio


@dataclass
class Cell:
    """One workload with one optimizer."""

    ours: float  # seconds a step
    share: float  # of the peak
    ratios: dict[str, float]
    spread: tuple[float, float]  # quartiles of our seconds
    failures: dict[str, str] = field(default_factory=dict)


def contest(
    load: Workload, optimizer: str, dtype: str, peers: Mapping[str, Peer], rounds: int, lock: Path | None
) -> Cell:
    contests = {name: ("training", name, load.name, optimizer, dtype) for name in peers}
    seconds, failures = measure(contests, rounds, lock)
    with alone(lock):
        share = load.flops / statistics.median(seconds[OURS]) / (cores() * peak(dtype))
    ratios = {name: ratio(values, seconds[OURS]) for name, values in seconds.items() if name != OURS}
    low, middle, high = statistics.quantiles(seconds[OURS], n=4) if rounds > 1 else seconds[OURS] * 3
    return Cell(middle, share, ratios, (low, high), failures)


def rows(
    cells: Mapping[tuple[str, str], Cell],
    loads: Sequence[Workload],
    optimizers: Sequence[str],
    peers: Mapping[str, Peer],
) -> list[list[str]]:
    """Header and rows of the table; a cell has one number for each optimizer."""

    def row(title: str, number: dict[tuple[str, str], str]) -> list[str]:
        return [title, *(" / ".join(number[load.name, rule] for rule in optimizers) for load in loads)]

    def others(names: Sequence[str]) -> list[list[str]]:
        return [row(name, {at: _ratio(cell.ratios.get(name)) for at, cell in cells.items()}) for name in names]

    trained = [name for name in peers if name != OURS and not peers[name].floor]
    floors = [name for name in peers if peers[name].floor]
    best = {
        at: _ratio(min((cell.ratios[name] for name in trained if name in cell.ratios), default=None))
        for at, cell in cells.items()
    }
    return [
        [" / ".join(optimizers), *(load.name for load in loads)],
        row("chainrule, µs a step", {at: f"{1e6 * cell.ours:,.{_digits(cell.ours)}f}" for at, cell in cells.items()}),
        row("  share of the FMA peak, %", {at: f"{100 * cell.share:.0f}" for at, cell in cells.items()}),
        *others(trained),
        row("the best of these", best),
        *others(floors),
    ]  # fmt: skip


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def _digits(seconds: float) -> int:
    return 1 if seconds < 1e-4 else 0
