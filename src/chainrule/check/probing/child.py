"""The child's half of `process`: limits, their file, the probes, the answer, and an end at once."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.check.probing.examine import examine
from chainrule.check.probing.process import pack
from chainrule.check.reading.source import describe, load_source
from chainrule.errors import InputError

MEMORY = 4 << 30  # bytes of data
DISK = 1 << 30  # bytes of any file it writes


def limit() -> None:
    """Ask for too much, and it is their MemoryError or OSError, not the machine's end."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in ((resource.RLIMIT_DATA, MEMORY), (resource.RLIMIT_FSIZE, DISK), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def answer(folder: Path, ask: dict[str, Any]) -> None:
    """Probe, and write what was found, or its one line."""
    own = None
    if (folder / "own.npz").exists():
        with np.load(folder / "own.npz") as given:
            own = (given["X"], given["t"])
    numbers = bytearray()
    sys.argv = [ask["path"]]  # what a script of theirs would see
    try:
        module = load_source(Path(ask["path"]))
        (folder / "imported").touch()
        found = pack(examine(module, ask["name"], ask["mapping"], own), numbers)
        (folder / "answer.numbers").write_bytes(numbers)
    except InputError as error:
        said = str(error)
        found = {"error": said if said.startswith(ask["path"]) else f"{ask['path']}: {said}"}
    except MemoryError:
        found = {"error": f"{ask['path']}: needs more than the {MEMORY >> 30} GiB of memory that it is given"}
    except BaseException as error:  # SystemExit from a property of theirs, and the like
        found = {"error": f"{ask['path']}: cannot be examined: {describe(error, ask['path'])}"}
    written = folder / "answer.part"
    written.write_text(json.dumps(found, default=str), encoding="utf-8")
    written.rename(folder / "answer.json")


def main() -> None:
    """End without their atexit handlers, threads or children holding us up."""
    folder = Path(sys.argv[1])
    ask = json.loads((folder / "ask.json").read_text(encoding="utf-8"))
    stack = (folder / "stack.txt").open("w", encoding="ascii")
    faulthandler.enable(stack)
    faulthandler.dump_traceback_later(ask["seconds"], exit=True, file=stack)
    limit()
    warnings.simplefilter("ignore")  # theirs are not ours to show
    with np.errstate(all="ignore"):
        answer(folder, ask)
    os._exit(0)


if __name__ == "__main__":
    main()
