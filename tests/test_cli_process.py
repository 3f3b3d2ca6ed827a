"""The command line as a process: Ctrl-C, a full disk, a pipe that closes, the time of the import."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from rich.progress import Progress

import chainrule as cr

pytestmark = pytest.mark.usefixtures("folder")
QUICK = ("--epochs", "3", "--hidden", "8")


def test_a_picture_that_cannot_be_written_leaves_nothing(refused, folder, monkeypatch):
    def full(figure, file, **_):
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", full)
    assert "curves.png: cannot save the plot (No space left on device)" in refused(
        "train", *QUICK, "--plot", "curves.png"
    )
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]


def test_a_full_disk_is_named(run):
    run("train", *QUICK)
    for words in (["predict", "model.safetensors", "digits"], ["summary", "model.safetensors"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([sys.executable, "-m", "chainrule", *words], stdout=full, stderr=subprocess.PIPE)
        assert done.stderr == b"chainrule: standard output: cannot write (No space left on device)\n"
        assert done.returncode == 2


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "ascii"])
def test_a_terminal_without_an_arrow_is_no_reason_not_to_train(folder, encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding}

    def run(*words):
        return subprocess.run([sys.executable, "-m", "chainrule", *words], capture_output=True, env=environment)

    done = run("train", "moons", *QUICK)
    arrow = "→" if encoding == "utf-8" else "?"
    assert f"2 {arrow} Dense 8 {arrow} ReLU" in done.stdout.decode(encoding)
    assert done.returncode == 0
    (folder / "rows.csv").write_text("x,y\n" + "1,é\n2,北\n" * 9, encoding="utf-8")
    assert run("train", "rows.csv", "--target", "y", *QUICK).returncode == 0
    done = run("predict", "model.safetensors", "rows.csv", "--proba")  # data is written as it is or not at all
    whole = "prediction,p(é),p(北)".encode() in done.stdout
    said = (
        b"chainrule: standard output: cannot write '" in done.stderr and b"; -o writes a file of UTF-8" in done.stderr
    )
    assert (whole, said, done.returncode) == ((True, False, 0) if encoding == "utf-8" else (False, True, 2))


def test_what_goes_to_a_closed_output_goes_nowhere(folder):
    command = f"{sys.executable} -m chainrule train moons {' '.join(QUICK)} >&-"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for environment in ({}, ascii_only):
        done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE, env=os.environ | environment)
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert cr.load("model.safetensors").history is not None
    command = f"{sys.executable} -m chainrule summary nothing >&-"
    done = subprocess.run(["bash", "-c", command], stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (2, b"chainrule: nothing: no such file\n")


@pytest.mark.parametrize(("missing", "line"), [("rich", True), ("chainrule.job", False)])
def test_without_the_extra_the_command_says_what_to_install(missing, line):
    """But no other missing module is taken for the extra."""
    text = f"import sys; sys.modules[{missing!r}] = None; from chainrule_command import main; main()"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    said = "chainrule: the command line needs rich; pip install cyclopts rich narwhals\n"
    assert (done.stderr == said, done.returncode == 2) == (line, line), done.stderr


STARTED = """
import sys
from chainrule import cli_train
from chainrule_command import main

after, every = int(sys.argv.pop(1)), cli_train.epochs_until

def epochs_until(training, patience):
    if after == 0:
        print("under way", flush=True)
    for epoch in every(training, None):
        if epoch.number == after:
            print("under way", flush=True)
        yield epoch

cli_train.epochs_until = epochs_until
main()
"""


@pytest.fixture
def start():
    """The command as a process, once so many of its epochs have ended."""
    started = []

    def start(after, *words):
        command = [sys.executable, "-c", STARTED, str(after), *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert "under way\n" in process.stdout
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_ctrl_c_keeps_and_saves_the_best_weights_and_says_so(folder, start):
    process = start(3, "train", "digits", "--epochs", "100000")
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Interrupted: the best weights so far are kept" in output
    assert cr.load("model.safetensors").history.best_epoch >= 1
    assert "Traceback" not in errors


@pytest.fixture
def interrupted_bar(monkeypatch):
    """Ctrl-C while the given bar of progress closes: 1 is the network's, 2 the linear model's."""

    def at(number):
        close, closed = Progress.__exit__, []

        def interrupted(bar, *error):
            close(bar, *error)
            closed.append(bar)
            if len(closed) == number:
                signal.raise_signal(signal.SIGINT)

        monkeypatch.setattr(Progress, "__exit__", interrupted)

    return at


def test_ctrl_c_after_the_last_epoch_loses_nothing(run, interrupted_bar):
    interrupted_bar(1)
    result = json.loads(run("train", "xor", *QUICK, "--json"))
    assert (result["interrupted"], result["epochs"]) == (True, 3)
    assert len(cr.load("model.safetensors").history) == 3


def test_a_linear_model_that_was_interrupted_is_no_yardstick(run, interrupted_bar):
    interrupted_bar(2)
    result = json.loads(run("train", "xor", *QUICK, "--json"))
    assert [stick["name"] for stick in result["yardsticks"]] == ["commonest class", "this network"]
    assert result["interrupted"] is False


@pytest.mark.parametrize("milliseconds", [0, 1, 3, 10, 30])
def test_more_ctrl_cs_lose_nothing(folder, start, milliseconds):
    process = start(3, "train", "digits", "--epochs", "100000", "--plot", "curves.png")
    until = time.monotonic() + 0.5  # one that meets the interpreter's end would be another matter
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        time.sleep(milliseconds / 1000)
        if time.monotonic() > until:
            break
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Interrupted: the best weights so far are kept" in output
    assert "Saved to model.safetensors" in output
    assert cr.load("model.safetensors").history.best_epoch >= 1
    assert (folder / "curves.png").exists()
    assert "Traceback" not in errors


def test_ctrl_c_before_the_first_epoch_ends_saves_nothing(folder, start, rng):
    np.savez("large.npz", X=rng.integers(0, 255, (20000, 900)).astype(np.uint8), y=rng.integers(0, 9, 20000))
    process = start(0, "train", "large.npz", "--hidden", "2000,2000", "--batch-size", "10")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "chainrule: interrupted; nothing is saved" in errors
    assert "Traceback" not in errors
    assert not list(folder.glob("*.safetensors"))


def test_ctrl_c_during_the_imports_is_no_traceback():
    code = """
import sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupted())
from chainrule_command import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_has_seen_enough_is_no_error(run):
    run("train", "moons", *QUICK)
    command = f"{sys.executable} -m chainrule predict model.safetensors moons | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == "prediction\n"


def test_import_is_quick(folder):
    """`import chainrule` adds under 20 ms to NumPy's import; where that takes over 80 ms, on a slow machine, under a
    quarter of it. The best of up to 40."""
    code = "from time import perf_counter as t; a = t(); import numpy; b = t(); import chainrule; print(b - a, t() - b)"
    compiled = os.environ | {"PYTHONPYCACHEPREFIX": str(folder), "PYTHONDONTWRITEBYTECODE": ""}

    def seconds():
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=compiled)
        return map(float, done.stdout.split())

    assert any(added < max(0.020, numpy / 4) for numpy, added in (seconds() for _ in range(40)))
