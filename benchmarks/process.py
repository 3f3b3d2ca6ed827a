"""The whole of Fashion-MNIST as a user waits for it: from the start of a process to a saved model, and to its end."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from rounds import FOLDER, alone, environment

DATA = Path("/usr/share/datasets/fashion-mnist")
SCRIPTS = {"chainrule, as a script": "chainrule", "PyTorch": "torch", "scikit-learn": "sklearn"}
COMMAND = (
    "train fashion-mnist --hidden 128,128 --dropout 0 --optimizer adam --lr 0.001 --schedule constant"
    " --weight-decay 0 --batch-size 128 --epochs 10 --validation 0 --out"
)


def commands() -> dict[str, list[str]]:
    """By name, each to be completed with the model's file."""
    scripts = {
        name: [sys.executable, str(FOLDER / "scripts" / f"fashion_{module}.py"), str(DATA)]
        for name, module in SCRIPTS.items()
        if find_spec(module) is not None
    }
    program = shutil.which("chainrule", path=str(Path(sys.executable).parent))
    return ({"chainrule train": [program, *COMMAND.split()]} if program else {}) | scripts


def measure_processes(
    rounds: int, lock: Path | None
) -> tuple[dict[str, list[float]], dict[str, list[float]], dict[str, str]]:
    """By name, of runs in turn: seconds to the saved model, seconds to the end, and the last line about test rows."""
    saved: dict[str, list[float]] = {name: [] for name in commands()}
    ended: dict[str, list[float]] = {name: [] for name in commands()}
    printed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        for _ in range(rounds):
            with alone(lock):
                for name, command in commands().items():
                    began = time.time_ns()  # the clock of the files' times
                    done = subprocess.run(
                        [*command, str(model)], env=environment(), capture_output=True, text=True, check=True
                    )
                    ended[name].append((time.time_ns() - began) / 1e9)
                    saved[name].append((model.stat().st_mtime_ns - began) / 1e9)
                    printed[name] = next(line for line in reversed(done.stdout.splitlines()) if "0." in line)
                    model.unlink()
    return saved, ended, printed


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    return {name: statistics.median(values) for name, values in seconds.items()}
