"""One competitor in a process of its own, so that nobody's threads, allocator or settings touch another's.

The command's words say what to measure. A line on stdin asks for one turn; the answer is a line of JSON on stdout.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from chainrule.bench import WORKLOADS
from chainrule.bench import peak as measured_peak
from latency import PREDICTORS, rows_of
from peers import all_peers, cores

TURN = 0.1  # seconds that a turn takes at least
Turn = Callable[[], dict[str, Any]]


def training(name: str, workload: str, optimizer: str, dtype: str) -> Turn:
    """Seconds per step, over whole dispatches of epochs; the first dispatch of a turn fills the caches, untimed."""
    peer, load = all_peers()[name], WORKLOADS[workload]
    epochs, dispatch = peer.epochs(load, optimizer, dtype), peer.dispatch(load)

    def seconds(n_epochs: int) -> float:
        began = time.perf_counter()
        for _ in range(n_epochs):
            next(epochs)
        return time.perf_counter() - began

    seconds(dispatch)  # compiles
    n_epochs = dispatch * math.ceil(TURN / min(seconds(dispatch) for _ in range(3)))

    def turn() -> dict[str, Any]:
        seconds(dispatch)
        return {"seconds": seconds(n_epochs) / (n_epochs * load.steps)}

    return turn


def losses(name: str, workload: str, optimizer: str, dtype: str, n_epochs: str) -> Turn:
    """The first epochs' losses."""
    epochs = all_peers()[name].epochs(WORKLOADS[workload], optimizer, dtype)
    return lambda: {"losses": [next(epochs) for _ in range(int(n_epochs))]}


def prediction(name: str, workload: str) -> Turn:
    """Seconds per row, one row a call; and the labels that it finds."""
    load = WORKLOADS[workload]
    predict, rows = PREDICTORS[name].prepare(load), rows_of(load)
    answers = [int(predict(row)) for row in rows]

    def turn() -> dict[str, Any]:
        for row in rows:
            predict(row)
        calls, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < TURN / 4:
            for row in rows:
                predict(row)
            calls += len(rows)
        return {"seconds": passed / calls, "answers": answers}

    return turn


def peak(dtype: str) -> Turn:
    """Seconds per floating-point operation, of all cores at once with fused multiplications and additions alone."""
    return lambda: {"seconds": 1 / measured_peak(dtype, TURN, cores())}


KINDS: dict[str, Callable[..., Turn]] = {
    "training": training, "losses": losses, "prediction": prediction, "peak": peak,
}  # fmt: skip


def serve(answers: TextIO, kind: str, *words: str) -> None:
    turn = KINDS[kind](*words)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for _ in sys.stdin:
        print(json.dumps(turn()), file=answers, flush=True)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints is no answer
    serve(answers, *sys.argv[1:])
