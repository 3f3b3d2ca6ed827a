"""How many threads: what the user says, or what the work is worth and the process may use."""

from __future__ import annotations

import os
import sys
from functools import cache
from math import prod
from pathlib import Path

from chainrule.plan import Plan

WORTH = 150_000  # multiplications of a step that are worth another thread: a few µs, and two meetings at a barrier


def wish(asked: int | None, plan: Plan, rows: int, passes: int = 3) -> tuple[int, int, bool]:
    """Threads for steps of so many rows, what the process may use, and whether the number is the user's: then it is
    obeyed, else concurrent calls share."""
    most = limit()
    if asked is not None:
        return asked, most, True
    work = passes * rows * sum(prod(slot.shape) for slot in plan.slots)
    return max(1, min(most, work // WORTH)), most, False


def limit() -> int:
    """The least of the cores we may run on, the control group's share, OMP_NUM_THREADS and threadpoolctl's limit."""
    _known_to_threadpoolctl()
    wishes = [_cores(), _from_environment(), _Pool.limit]
    return max(1, min(wish for wish in wishes if wish is not None))


@cache
def _cores() -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return cores if quota == "max" else min(cores, -(-int(quota) // int(period)))
    except (OSError, ValueError):
        return cores


def _from_environment() -> int | None:
    value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(value) if value.isdigit() and int(value) > 0 else None


class _Pool:
    limit: int | None = None  # as set through threadpoolctl
    known = False


def _known_to_threadpoolctl() -> None:
    """Where the program uses threadpoolctl, its limits are ours too."""
    threadpoolctl = sys.modules.get("threadpoolctl")
    if threadpoolctl is None or _Pool.known or not hasattr(threadpoolctl, "register"):
        return
    _Pool.known = True

    class Controller(threadpoolctl.LibController):  # type: ignore[misc, name-defined]
        user_api = "chainrule"
        internal_api = "chainrule"
        filename_prefixes = ("_kernels",)

        def get_num_threads(self) -> int:
            return limit()

        def set_num_threads(self, num_threads: int) -> None:
            _Pool.limit = num_threads

        def get_version(self) -> str | None:
            return None

        def set_additional_attributes(self) -> None:
            pass

    threadpoolctl.register(Controller)
