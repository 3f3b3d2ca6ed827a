"""The benchmark command runs where no peer is installed, and tells equal work from less."""

import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parent.parent / "benchmarks" / "run.py"


def run(*words):
    return subprocess.run([sys.executable, RUN, *words], capture_output=True, text=True)


def test_ours_and_numpy_do_equal_work_and_cheats_are_caught():
    done = run("--check", "--only", "spiral", "digits", "--dtype", "float64", "--peers", "numpy")
    assert done.returncode == 0, done.stdout + done.stderr
    caught = [line for line in done.stdout.splitlines() if "<-" in line]
    assert len(caught) == 8  # two cheats, two workloads, two optimizers
    assert all("cheat" in line for line in caught)


def test_steps_are_a_table_of_ratios():
    words = ["steps", "--only", "spiral", "--optimizer", "SGD", "--dtype", "float32", "--rounds", "1", "--markdown"]
    done = run(*words, "--peers", "numpy")
    assert done.returncode == 0, done.stderr
    cells = [line.strip("| ").split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    numbers = {name.strip(): number for name, number in cells if number.strip().replace(".", "").isdigit()}
    assert float(numbers["NumPy, buffers allocated once"]) > 0


@pytest.mark.parametrize("words", [["speed"], ["steps", "--only", "huge"]])
def test_an_unknown_word_is_refused(words):
    done = run(*words)
    assert done.returncode == 2
    assert words[-1] in done.stderr
