"""How many threads: what the user says, or what the work is worth and the process may use."""

from __future__ import annotations

import os
import sys
from functools import cache
from math import prod
from pathlib import Path
from typing import Any

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
    return _least(_cores(), _share("/"), _from_environment(), _Pool.limit or _others())


def _least(*wishes: int | None) -> int:
    return max(1, min(wish for wish in wishes if wish is not None))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _share(root: str) -> int | None:
    """The cores that the process's control groups leave it, the least of its own and of those above; None: all.

    `root` is that of the files /proc/self/cgroup and /sys/fs/cgroup.
    """
    try:
        lines = Path(root, "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    shares = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            mount = Path(root, "sys/fs/cgroup")
        elif "cpu" in controllers.split(","):
            mount = Path(root, "sys/fs/cgroup/cpu")
        else:
            continue
        own = mount / path.lstrip("/")  # inside of a container it may not be there, and the mount is its own
        for group in (own, *own.parents):
            shares.append(_quota(group))
            if group == mount:
                break
    return min((share for share in shares if share is not None), default=None)


def _quota(group: Path) -> int | None:
    """Quota over period of one control group, rounded up."""
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()[:2]
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
        return None if quota in ("max", "-1") else -(-int(quota) // int(period))
    except (OSError, ValueError):
        return None


def _from_environment() -> int | None:
    value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    return int(value) if value.isdecimal() and int(value) > 0 else None


class _Pool:
    limit: int | None = None  # as set through threadpoolctl; None: no lower than it would be without
    others: Any = None  # threadpoolctl's controller of the libraries that were there before us


def _others() -> int | None:
    """The limit of NumPy's and other libraries' threads, which may have been set before threadpoolctl knew of us."""
    libraries = _Pool.others.lib_controllers if _Pool.others else ()
    return min((n for library in libraries if (n := library.num_threads)), default=None)


def _known_to_threadpoolctl() -> None:
    """Where the program uses threadpoolctl, its limits are ours too."""
    threadpoolctl = sys.modules.get("threadpoolctl")
    if threadpoolctl is None or _Pool.others or not hasattr(threadpoolctl, "register"):
        return
    _Pool.others = threadpoolctl.ThreadpoolController()

    class Controller(threadpoolctl.LibController):  # type: ignore[misc, name-defined]
        user_api = "chainrule"
        internal_api = "chainrule"
        filename_prefixes = ("_kernels",)

        def get_num_threads(self) -> int:
            return limit()

        def set_num_threads(self, num_threads: int) -> None:
            free = _least(_cores(), _share("/"), _from_environment())
            _Pool.limit = num_threads if num_threads < free else None

        def get_version(self) -> str | None:
            return None

        def set_additional_attributes(self) -> None:
            pass

    threadpoolctl.register(Controller)
