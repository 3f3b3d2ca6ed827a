"""What a library costs before it computes: seconds of import on top of NumPy's, megabytes on disk, our wheel's size."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from itertools import accumulate
from pathlib import Path

from rounds import FOLDER, alone, environment

IMPORTS = {  # what a user imports to train a dense network, and the distribution it comes from
    "chainrule": "chainrule",
    "chainrule.backends._kernels": "chainrule",  # with the kernels, which the first training loads
    "torch": "torch",
    "jax": "jax",
    "keras": "keras",
    "sklearn.neural_network": "scikit-learn",
    "onnxruntime": "onnxruntime",
}
TIMED = "import time, numpy; began = time.perf_counter(); import {}; print(time.perf_counter() - began)"


def installed() -> dict[str, str]:
    def found(name: str) -> bool:
        return all(find_spec(part) is not None for part in accumulate(name.split("."), "{}.{}".format))

    return {name: package for name, package in IMPORTS.items() if found(name)}


def import_seconds(rounds: int, lock: Path | None) -> dict[str, float]:
    """Medians; the first round fills the disk's cache and does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in installed()}
    with alone(lock):
        for _ in range(rounds + 1):
            for name in seconds:
                command = [sys.executable, "-W", "ignore", "-c", TIMED.format(name)]
                env = environment() | {"KERAS_BACKEND": "jax"}
                done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
                seconds[name].append(float(done.stdout))
    return {name: statistics.median(values[1:]) for name, values in seconds.items()}


def requirements(package: str) -> set[str]:
    """The distribution and all it needs without extras, but NumPy."""
    found, open_ends = set(), [package]
    while open_ends:
        name = re.sub(r"[-_.]+", "-", open_ends.pop()).lower()
        if name in found or name == "numpy":
            continue
        try:
            requires = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # for another platform
        found.add(name)
        plain = [line for line in requires if "extra ==" not in line]
        open_ends += [re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0] for line in plain]
    return found


def megabytes(packages: set[str]) -> float:
    """Of the files as installed, without compiled bytecode."""
    files = [file for name in packages for file in distribution(name).files or ()]
    paths = {Path(str(file.locate())) for file in files if file.suffix != ".pyc"}
    return sum(path.stat().st_size for path in paths if path.is_file()) / 1e6


def wheel_megabytes() -> tuple[float, float]:
    """Of a wheel built here: the file, and what it unpacks to."""
    with tempfile.TemporaryDirectory() as folder:
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, str(FOLDER.parent)]
        subprocess.run([*build, "-C", f"build-dir={folder}/build"], check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        return wheel.stat().st_size / 1e6, unpacked / 1e6


def sizes(ours_unpacked: float) -> dict[str, float]:
    """Megabytes by import with dependencies, without NumPy; ours from its wheel: an editable install has no files."""
    found = {}
    for name, package in installed().items():
        needs = requirements(package)
        found[name] = megabytes(needs - {"chainrule"}) + (ours_unpacked if package == "chainrule" else 0.0)
    return found
