"""Training steps: ours in microseconds, everyone else's time by ours, the share of what the processor can do."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chainrule.bench import Workload
from peers import OURS, Peer
from rounds import measure, ratio, seconds_of

PEAK = ("", "peak")  # beside (optimizer, name of a peer)


@dataclass
class Cell:
    """One workload with one optimizer."""

    ours: float  # seconds a step
    spread: tuple[float, float]  # its quartiles
    share: float | None  # of the peak of all cores
    ratios: dict[str, float]


def contest(
    load: Workload, optimizers: Sequence[str], dtype: str, peers: Mapping[str, Peer], rounds: int, lock: Path | None
) -> tuple[dict[str, Cell], dict[tuple[str, str], str]]:
    """A cell for each optimizer, all from the same rounds; and why someone failed."""
    contests: dict[tuple[str, str], tuple[str, ...]] = {
        (rule, name): ("training", name, load.name, rule, dtype) for rule in optimizers for name in peers
    }
    turns, failures = measure(contests | {PEAK: ("peak", dtype)}, rounds, lock)
    seconds = seconds_of(turns)
    return {rule: _cell(load, rule, seconds) for rule in optimizers}, failures


def _cell(load: Workload, optimizer: str, seconds: Mapping[tuple[str, str], list[float]]) -> Cell:
    mine = {name: values for (rule, name), values in seconds.items() if rule == optimizer}
    ours = mine.pop(OURS)
    low, middle, high = statistics.quantiles(ours, n=4) if len(ours) > 1 else ours * 3
    share = ratio(seconds[PEAK], ours) * load.flops if PEAK in seconds else None
    return Cell(middle, (low, high), share, {name: ratio(values, ours) for name, values in mine.items()})


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
        row("share of all cores' FMA peak, %", {at: _percent(cell.share) for at, cell in cells.items()}),
        *others(trained),
        *([row("the best of these", best)] if trained else []),
        *others(floors),
    ]  # fmt: skip


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if value < 9.95 else f"{value:.0f}"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"


def _digits(seconds: float) -> int:
    return 1 if seconds < 1e-4 else 0
