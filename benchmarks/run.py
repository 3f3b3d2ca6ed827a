"""Ours beside every installed peer, in one run: python benchmarks/run.py

Ratios are a peer's time by ours: above 1, ours is faster. Everyone is a process of its own with all cores, trains from
the same weights on the same rows in random order, gathers them batch by batch (JAX: an epoch's at once, where that is
its best) and reports the loss once an epoch. Compiling is not timed. Rounds go through everyone in turn; medians count.
Peers: pip install -e ".[peers]"; who is not installed is left out and named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from chainrule.bench import DTYPES, RATES, WORKLOADS
from check import deviants, falls
from footprint import import_seconds, sizes, wheel_megabytes
from latency import PREDICTORS, SPECIFICATION, mistaken
from peers import OURS, Peer, all_peers
from process import measure_processes, medians
from rounds import measure, ratio, seconds_of
from steps import contest, rows
from tables import machine, table

LATENCY_OF = ("digits", "fashion")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("parts", nargs="*", default=list(PARTS), help=f"of {', '.join(PARTS)}; all by default")
    add("--only", nargs="+", choices=WORKLOADS, default=list(WORKLOADS), help="workloads of the steps")
    add("--optimizer", nargs="+", choices=RATES, default=list(RATES))
    add("--dtype", nargs="+", choices=DTYPES, default=list(DTYPES))
    add("--peers", nargs="+", default=[], help="only those whose names contain one of these words")
    add("--rounds", type=int, default=9, help="of turns; a third of it for whole processes")
    add("--markdown", action="store_true", help="tables for a page")
    add(
        "--check",
        action="store_true",
        help="instead of timing, whether everyone's loss falls alike, and cheats are caught",
    )
    add("--lock", type=Path, help="a file to hold (flock) while measuring, where others respect it")
    options = parser.parse_args()
    if wrong := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no part {wrong[0]!r}; there are {', '.join(PARTS)}")
    return options


def chosen(options: argparse.Namespace) -> dict[str, Peer]:
    """Who is installed, and asked for."""
    words = [word.lower() for word in options.peers]
    return {
        name: peer
        for name, peer in all_peers().items()
        if peer.available() and (name == OURS or not words or any(word in name.lower() for word in words))
    }


def suited(peers: Mapping[str, Peer], workload: str) -> dict[str, Peer]:
    return {name: peer for name, peer in peers.items() if peer.suits(WORKLOADS[workload])}


def note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def steps(options: argparse.Namespace) -> None:
    for dtype in options.dtype:
        steps_in(dtype, options)


def steps_in(dtype: str, options: argparse.Namespace) -> None:
    peers, loads, cells = chosen(options), [WORKLOADS[name] for name in options.only], {}
    for load in loads:
        note(f"{dtype} {load.name} …")
        suits = suited(peers, load.name)
        found, failures = contest(load, options.optimizer, dtype, suits, options.rounds, options.lock)
        for optimizer, cell in found.items():
            cells[load.name, optimizer] = cell
            low, high = (1e6 * quartile for quartile in cell.spread)
            note(f"  chainrule {optimizer} {1e6 * cell.ours:.1f} µs, quartiles {low:.1f} and {high:.1f}")
        for who, reason in failures.items():
            print(f"{load.name}: {' '.join(who)} failed: {reason}")
    print(f"\nTraining steps in {dtype}; a peer's time by ours, medians of {options.rounds} rounds")
    print("; ".join(f"{load.name} {load}" for load in loads) + "\n")
    print(table(rows(cells, loads, options.optimizer, peers), markdown=options.markdown), flush=True)


def latency(options: argparse.Namespace) -> None:
    found = {}
    for workload in LATENCY_OF:
        note(f"latency {workload} …")
        contests = {name: ("prediction", name, workload) for name, it in PREDICTORS.items() if it.available()}
        turns, failures = measure(contests, options.rounds, options.lock)
        if wrong := mistaken({name: each[-1]["answers"] for name, each in turns.items()}):
            sys.exit(f"latency {workload}: not the labels that {SPECIFICATION} finds: {', '.join(sorted(wrong))}")
        found[workload] = seconds_of(turns)
        for name, reason in failures.items():
            print(f"{name} failed on {workload}: {reason}")
    header = ["one row, microseconds"]
    for workload in LATENCY_OF:
        header += ["-".join(map(str, WORKLOADS[workload].widths)), "by ours"]
    lines = [header]
    for name in PREDICTORS:
        line = [name]
        for seconds in found.values():
            times = seconds.get(name)
            line += (
                [f"{1e6 * sorted(times)[len(times) // 2]:.2f}", f"{ratio(times, seconds[OURS]):.1f}"]
                if times
                else ["–"] * 2
            )
        lines.append(line)
    print(f"\nA NumPy row in, its label out, on one thread\n\n{table(lines, markdown=options.markdown)}", flush=True)


def footprint(options: argparse.Namespace) -> None:
    note("footprint: building our wheel …")
    wheel, unpacked = wheel_megabytes()
    seconds, size = import_seconds(options.rounds, options.lock), sizes(unpacked)
    lines = [["import", "milliseconds on top of NumPy's", "MB installed, without NumPy"]]
    lines += [[name, f"{1e3 * seconds[name]:.0f}", f"{size[name]:.1f}"] for name in seconds]
    print(f"\n{table(lines, markdown=options.markdown)}\nThe wheel of chainrule's core: {wheel:.2f} MB", flush=True)


def process(options: argparse.Namespace) -> None:
    note("whole processes …")
    saved, ended, printed = measure_processes(max(1, options.rounds // 3), options.lock)
    ours = next(iter(saved))
    lines = [["Fashion-MNIST, 10 epochs", "seconds to the model", "by ours", "to the end", "by ours", "it printed"]]
    for name in saved:
        line = [name]
        for seconds in (saved, ended):
            line += [f"{medians(seconds)[name]:.2f}", f"{ratio(seconds[name], seconds[ours]):.2f}"]
        lines.append([*line, printed[name]])
    print(f"\n{table(lines, markdown=options.markdown)}", flush=True)


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "steps": steps, "latency": latency, "footprint": footprint, "process": process,
}  # fmt: skip


def check(options: argparse.Namespace) -> bool:
    """Whether all honest losses fall alike, and no cheat's does."""
    fine = True
    peers = {name: peer for name, peer in chosen(options).items() if peer.trains}
    for dtype in options.dtype:
        for workload in options.only:
            for optimizer in options.optimizer:
                fallen, failures = falls(WORKLOADS[workload], optimizer, dtype, suited(peers, workload), options.lock)
                print(f"{dtype} {workload} {optimizer}: the loss fell by", flush=True)
                wrong = deviants(fallen)
                for name, fall in fallen.items():
                    print(f"  {fall:8.4f}  {name}{'  <- not like the others' if name in wrong else ''}")
                for name, reason in failures.items():
                    print(f"    failed  {name}: {reason}")
                fine &= wrong == {name for name in fallen if name.startswith("cheat")} and not failures
    print("everyone does the same work, and every cheat is caught" if fine else "NOT as it has to be")
    return fine


def main() -> int:
    options = arguments()
    print(machine(all_peers()), flush=True)
    if options.check:
        return 0 if check(options) else 1
    for part in options.parts:
        PARTS[part](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
