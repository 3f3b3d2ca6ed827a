"""chainrule bench: how fast training is here."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from cyclopts import Parameter

from chainrule.bench import RATES, WORKLOADS, information, measure
from chainrule.errors import require_count
from chainrule.options import OptionalWhole
from chainrule.screen import Screen

Flag = Annotated[bool, Parameter(negative="")]


def bench_command(
    *,
    info: Flag = False,
    only: Annotated[list[Literal["spiral", "digits", "tab", "fashion", "wide"]] | None, Parameter(negative="")] = None,
    dtype: Literal["float32", "float64"] = "float32",
    threads: OptionalWhole = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Time training steps on this machine, from a tiny network to a wide one.

    Parameters
    ----------
    info
        What decides the speed instead: backend and why, instruction set, threads, the peak.
    only
        Some of the workloads.
    dtype
        Of the network and its rows.
    threads
        Exactly so many; by default what a step is worth, and the process may use.
    as_json
        Print one JSON object instead.
    """
    if threads is not None:
        require_count("--threads", threads)
    screen = Screen()
    if info:
        found = information()
        if as_json:
            print(json.dumps(found))
        for name, value in [] if as_json else found.items():
            screen.text(f"{name:<38}{', '.join(value) if isinstance(value, list) else value}")
        return
    results = {}
    if not as_json:
        screen.text(f"{'microseconds a step':<34}{'SGD':>10}{'Adam':>10}{'threads':>9}{'of the peak':>13}")
    for name in only or WORKLOADS:
        load = WORKLOADS[name]
        speeds = {rule: measure(load, rule, dtype, threads=threads) for rule in RATES}
        results[name] = {rule: vars(speed) for rule, speed in speeds.items()}
        if as_json:
            continue
        micro = "".join(f"{1e6 * speed.seconds:>10,.1f}" for speed in speeds.values())
        sgd = speeds["SGD"]
        share = f"{sgd.peak:.0%}" if sgd.peak is not None else "–"
        screen.text(f"{name:<9}{load!s:<25}{micro}{sgd.threads or '–':>9}{share:>13}")
    if as_json:
        print(json.dumps(results))
    else:
        screen.text(f"{dtype}; medians of 9 rounds; the share is SGD's of what its threads could multiply and add.")
