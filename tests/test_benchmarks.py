"""The benchmark command runs where no peer is installed, and tells equal work from less."""

import subprocess
import sys
from ast import literal_eval
from pathlib import Path

import pytest

from chainrule import bench
from conftest import needs_kernels

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


OURS = """
import sys
from pathlib import Path
import latency, process, rounds, run
for module in (latency, run):
    module.PREDICTORS = {{name: latency.PREDICTORS[name] for name in ("chainrule", latency.SPECIFICATION)}}
{}
"""


def run_alone(code):
    """Code with the benchmarks' modules at hand, in a process of its own: ours and NumPy are the only competitors."""
    command = [sys.executable, "-c", OURS.format(code)]
    return subprocess.run(command, capture_output=True, text=True, cwd=RUN.parent)


def test_latency_is_a_table_beside_the_specification():
    done = run_alone("sys.argv[1:] = ['latency', '--rounds', '1', '--markdown']; run.main()")
    assert done.returncode == 0, done.stderr
    cells = [line.strip("| ").split("|") for line in done.stdout.splitlines() if line.startswith("| ")]
    (ours,) = [row for row in cells if row[0].strip() == "chainrule"]
    assert float(ours[1]) > 0
    assert float(ours[2]) == 1.0


def test_a_predictor_of_other_labels_is_named():
    code = "print(sorted(latency.mistaken({'a': [1, 2], 'b': [1, 3], latency.SPECIFICATION: [1, 2]})))"
    done = run_alone(code)
    assert done.stdout.strip() == "['b']", done.stderr
    swapped = (
        "run.measure = lambda *_: ({'chainrule': [{'answers': [0]}], latency.SPECIFICATION: [{'answers': [1]}]}, {})"
    )
    done = run_alone(f"sys.argv[1:] = ['latency']; {swapped}; run.main()")
    assert done.returncode == 1
    assert "not the labels that NumPy, buffers allocated once finds: chainrule" in done.stderr


def test_footprint_counts_what_is_installed_once():
    code = """
import footprint, numpy
footprint.IMPORTS = {"chainrule": "chainrule", "no_such_module": "none"}
print(footprint.import_seconds(1, None))
print(sorted(footprint.requirements("chainrule")), footprint.sizes(0.5)["chainrule"] > 0.5)
print(footprint.megabytes({"safetensors"}) > 0.1)
"""
    done = run_alone(code)
    assert done.returncode == 0, done.stderr
    seconds, needs, size = done.stdout.splitlines()
    assert list(literal_eval(seconds)) == ["chainrule"]
    assert literal_eval(seconds)["chainrule"] > 0
    assert needs == "['chainrule', 'safetensors'] True"
    assert size == "True"


def test_processes_are_timed_in_turn_and_what_they_print_is_kept():
    code = """
waits, saves = "time.sleep(0.2)", "open(sys.argv[1], 'w').close(); print('accuracy 0.9'); print(sys.argv[1])"
says = f"import sys, time; {waits}; {saves}; {waits}"
process.commands = lambda: {name: [sys.executable, "-c", says] for name in ("a", "b")}
saved, ended, printed = process.measure_processes(2, None)
print([len(each) for each in saved.values()], printed, min(process.medians(saved).values()) > 0)
print(all(save >= 0.2 and end - save >= 0.2 for name in saved for save, end in zip(saved[name], ended[name])))
"""
    done = run_alone(code)
    assert done.stdout.splitlines() == ["[2, 2] {'a': 'accuracy 0.9', 'b': 'accuracy 0.9'} True", "True"], done.stderr


def test_our_processes_are_those_of_the_command_and_a_script():
    done = run_alone("print({name: Path(command[-1]).name for name, command in process.commands().items()})")
    commands = literal_eval(done.stdout)
    assert commands["chainrule train"] == "--out"
    assert commands["chainrule, as a script"] == "fashion-mnist"


@needs_kernels
def test_each_round_is_a_share_of_the_peak_beside_it(monkeypatch):
    peaks = iter([1e12, 2e12, 4e12])
    monkeypatch.setattr(bench, "peak", lambda dtype, seconds, threads: threads * next(peaks))
    monkeypatch.setattr(bench.time, "perf_counter", iter(range(100)).__next__)  # every round takes as long
    load = bench.WORKLOADS["spiral"]
    speed = bench.measure(load, "SGD", "float32", rounds=3, threads=3)
    assert speed.peak == pytest.approx(load.flops / speed.seconds / 6e12)


@pytest.mark.parametrize("words", [["speed"], ["steps", "--only", "huge"]])
def test_an_unknown_word_is_refused(words):
    done = run(*words)
    assert done.returncode == 2
    assert words[-1] in done.stderr
