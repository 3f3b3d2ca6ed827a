"""Running code that is not ours in a process of its own: what it may use, and one line where it does not come back.

The parent's half. The child (child.py) imports the file and probes it; arrays and JSON come back through a folder. What
their code prints goes nowhere, and every process that it started ends with it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.errors import InputError, require_number

GRACE = 30.0  # seconds that the parent waits beyond the limit that the child sets itself
MARK = "CHAINRULE_PROBE"  # in the environment of everything that the child starts
IMPORT = 'does it train when imported? Put that under `if __name__ == "__main__":`'


def pack(value: Any, numbers: bytearray) -> Any:
    """JSON of nested dicts and lists, the numbers of its arrays set aside: there are hundreds, and all are small."""
    if isinstance(value, np.ndarray):
        place = [value.dtype.str, value.shape, len(numbers)]
        numbers += value.tobytes()
        return {"$array": place}
    if isinstance(value, dict):
        return {str(k): pack(v, numbers) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v, numbers) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def unpack(value: Any, numbers: bytes) -> Any:
    """What was packed."""
    if isinstance(value, dict):
        if "$array" in value:
            dtype, shape, start = value["$array"]
            return np.frombuffer(numbers, dtype, math.prod(shape), start).reshape(shape).copy()  # refuses objects
        return {k: unpack(v, numbers) for k, v in value.items()}
    return [unpack(v, numbers) for v in value] if isinstance(value, list) else value


def probe(
    path: Path, name: str | None, mapping: Mapping[str, str], seconds: float, own: tuple[Array, Array] | None = None
) -> dict[str, Any]:
    """What the probes find in a file. InputError: its one line, or how its process ended."""
    require_number("seconds", seconds, open_low=True)
    with tempfile.TemporaryDirectory() as folder:
        ask = {"path": str(path), "name": name, "mapping": dict(mapping), "seconds": float(seconds)}
        Path(folder, "ask.json").write_text(json.dumps(ask), encoding="utf-8")
        if own is not None:
            np.savez(Path(folder, "own.npz"), X=own[0], t=own[1])
        _run(Path(folder), path, seconds)
        answer = json.loads(Path(folder, "answer.json").read_text(encoding="utf-8"))
        if "error" in answer:
            raise InputError(answer["error"])
        found: dict[str, Any] = unpack(answer, Path(folder, "answer.numbers").read_bytes())
        return found


def _run(folder: Path, path: Path, seconds: float) -> None:
    """Wait for the child. InputError where it leaves no answer."""
    (folder / "tmp").mkdir()
    mark = f"{MARK}={folder}"
    environment = os.environ | {
        MARK: str(folder),
        "TMPDIR": str(folder / "tmp"),
        "MPLBACKEND": "Agg",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    # -P: a random.py or numpy.py in the current folder is not ours to import
    command = [sys.executable, "-P", "-m", "chainrule.check.probing.child", str(folder)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(
        command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )
    try:
        process.wait(timeout=seconds + GRACE)
    except subprocess.TimeoutExpired:
        raise InputError(_too_long(folder, path, seconds)) from None
    finally:  # interrupted, too: nothing of theirs goes on
        _end(process, mark.encode())
    if not (folder / "answer.json").exists():
        raise InputError(_died(folder, path, seconds, process.returncode))


def _end(process: subprocess.Popen[bytes], mark: bytes) -> None:
    """The child and everything it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    for left in Path("/proc").glob("[0-9]*/environ"):  # what has left the group still has our mark, on Linux
        with contextlib.suppress(OSError):
            if mark in left.read_bytes().split(b"\0"):
                os.kill(int(left.parent.name), signal.SIGKILL)


def _died(folder: Path, path: Path, seconds: float, code: int) -> str:
    said = _dump(folder)
    if said.startswith("Timeout"):
        return _too_long(folder, path, seconds)
    when = "while it ran" if _imported(folder) else "when imported"
    at = _line(said, path)
    if code == -signal.SIGKILL:
        return f"{path}: killed {when}{at}: did it need more memory than there is?"
    if code < 0:
        return f"{path}: crashed {when}{at}: {signal.Signals(-code).name}, outside Python"
    return f"{path}: ended its process {when}, with exit code {code}; leave out os._exit"


def _too_long(folder: Path, path: Path, seconds: float) -> str:
    at, more = _line(_dump(folder), path), "or allow more with --seconds"
    if _imported(folder):
        return f"{path}: not finished after {seconds:g} seconds{at}; does a call train? Take fewer steps, {more}"
    return f"{path}: not imported after {seconds:g} seconds{at}; {IMPORT}, {more}"


def _imported(folder: Path) -> bool:
    return (folder / "imported").exists()


def _dump(folder: Path) -> str:
    """What faulthandler wrote."""
    file = folder / "stack.txt"
    return file.read_text(encoding="ascii", errors="replace") if file.exists() else ""


def _line(dump: str, path: Path) -> str:
    """Where in their file it was, innermost first; empty where no frame is theirs."""
    shown = str(path).encode("ascii", "backslashreplace").decode()
    found = re.search(rf'File "{re.escape(shown)}(, cell \d+)?", line (\d+)', dump)
    return "" if found is None else f" ({(found[1] or '').removeprefix(', ')}{', ' if found[1] else ''}line {found[2]})"
