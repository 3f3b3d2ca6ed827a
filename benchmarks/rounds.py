"""Rounds in which everyone has a turn, one after the other: what disturbs the machine disturbs all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

Key = TypeVar("Key", bound=Hashable)
FOLDER = Path(__file__).parent
REST = 0.05  # seconds between turns: idle threads of the last one stop spinning
FORCED = (
    "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "CHAINRULE_BACKEND", "CHAINRULE_ISA",
    "PYTHONDONTWRITEBYTECODE",  # an installed package has its bytecode; one that is edited in place writes it
)  # fmt: skip


class Failed(Exception):
    """A competitor stopped; the message is its last line."""


def environment() -> dict[str, str]:
    """Ours without settings that slow one competitor down or force another's choice."""
    return {name: value for name, value in os.environ.items() if name not in FORCED}


class Competitor:
    """A worker process, ready when made."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, FOLDER / "worker.py", *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )  # fmt: skip
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def turn(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        print(file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, errors = self._process.communicate()
            raise Failed((errors.strip().splitlines() or ["no message"])[-1])
        return dict(json.loads(line))


@contextmanager
def alone(lock: Path | None, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock's file, where there is one: others of this machine that respect it wait."""
    if lock is None:
        yield
        return
    import fcntl

    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield


def measure(
    contests: Mapping[Key, Sequence[str]], rounds: int, lock: Path | None = None
) -> tuple[dict[Key, list[dict[str, Any]]], dict[Key, str]]:
    """Everyone's turns, one a round; and why someone failed. `contests`: the words of each one's worker."""
    failures: dict[Key, str] = {}
    with ExitStack() as stack:
        competitors = {}
        with alone(lock, shared=True):
            for name, words in contests.items():
                try:
                    competitors[name] = stack.enter_context(Competitor(*words))
                except Failed as error:
                    failures[name] = str(error)
        turns: dict[Key, list[dict[str, Any]]] = {name: [] for name in competitors}
        with alone(lock):
            for _ in range(rounds):
                for name, competitor in competitors.items():
                    time.sleep(REST)
                    turns[name].append(competitor.turn())
    return turns, failures


def seconds_of(turns: Mapping[Key, Sequence[Mapping[str, Any]]]) -> dict[Key, list[float]]:
    return {name: [turn["seconds"] for turn in each] for name, each in turns.items()}


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """The median over the rounds of their time by ours."""
    return statistics.median(a / b for a, b in zip(theirs, ours))
