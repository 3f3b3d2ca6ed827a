"""Bad code for `diagnose`: one clear line for each, never a traceback of ours, and nothing of theirs goes on."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.given import split
from chainrule.check.process import probe
from chainrule.check.source import without_magic
from chainrule.cli import main
from chainrule.errors import InputError

NET = """import numpy as np

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden))
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out))
        self.b2 = np.zeros(n_out)

    def forward(self, X):
        self.h = np.tanh(X @ self.W1 + self.b1)
        self.o = self.h @ self.W2 + self.b2
        return self.o

    def loss(self, X, y):
        return ((self.forward(X) - y) ** 2).sum() / len(X)

    def backward(self, X, y):
        dz2 = 2 * (self.o - y) / len(X)
        dz1 = dz2 @ self.W2.T * (1 - self.h ** 2)
        return {"W1": X.T @ dz1, "b1": dz1.sum(0), "W2": self.h.T @ dz2, "b2": dz2.sum(0)}
"""
FIRST = "        self.h = np.tanh"  # line 12
HIDDEN = "np.tanh(X @ self.W1 + self.b1)"
GRADIENT = "X.T @ dz1"
LIMIT = 5  # seconds for code that does not come back


def forward_with(line):
    """The network with a line at the beginning of its forward pass: line 12."""
    return NET.replace(FIRST, f"        {line}\n{FIRST}", 1)


def slow(cases, *names):
    """Parameters for cases by name, of which some take long to show what another shows too."""
    assert set(names) < set(cases)
    return [pytest.param(*case, id=n, marks=[pytest.mark.slow] if n in names else []) for n, case in cases.items()]


@pytest.fixture
def code(tmp_path):
    def write(text, name="theirs.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def found(path, name=None, mapping=None, seconds=60.0):
    """What the probes give, without the judging."""
    return probe(*split(path if name is None else f"{path}:{name}"), mapping or {}, seconds)


def test_the_network_that_the_bad_ones_are_made_of_is_good(code):
    assert cr.diagnose(code(NET)).verdict == "correct"


# Files that cannot be read or do not run

FILES = {
    "syntax": ("import numpy\ndef f(:\n    pass\n", r"SyntaxError: .*\(line 2\)$"),
    "missing package": (
        "import numpy\nimport nowhere_at_all\n",
        r"No module named 'nowhere_at_all' \(line 2\); install",
    ),
    "its own error": (NET + "\nraise ValueError('no\\ndata')\n", r"does not run: ValueError: no data \(line 24\)$"),
    "a long error": ("raise ValueError('x' * 5000)\n", r"^.{0,400}x\.\.\. \(line 1\)$"),
    "input": ("n = input('how many? ')\n", r"EOFError.*\(line 1\).*input\(\).*__main__"),
    "exit": ("import sys\nsys.exit(3)\n", "defines no class and no function"),
    "empty": ("", "is empty"),
    "a comment": ("# soon\n", "defines no class and no function"),
    "imports alone": ("import numpy as np\nfrom math import exp\n", "defines no class and no function"),
    "not UTF-8": (b"x = 1\n# \xe9\n" + NET.encode(), r"is not UTF-8 \(line 2\); save it as UTF-8, or declare"),
    "no such encoding": ("# -*- coding: klingon -*-\n", "unknown encoding: klingon"),
    "UTF-16": (NET.encode("utf-16"), "binary data or UTF-16"),
    "binary": (bytes(range(256)) * 8, "binary data"),
    "nothing recognisable": (
        "def add(a, b):\n    return a + b\n\nclass Dog: pass\n",
        "found Dog, add.*FILE:NAME, or --map",
    ),
}


@pytest.mark.parametrize(("text", "said"), FILES.values(), ids=FILES.keys())
def test_a_file_that_does_not_run_says_why_and_where(code, text, said):
    with pytest.raises(InputError, match=said) as error:
        found(code(text))
    assert "\n" not in str(error.value)
    assert str(error.value).count("theirs.py") == 1


@pytest.mark.parametrize(
    ("target", "said"),
    [("nowhere.py", "no such file"), ("", "is a folder; name a"), ("notes.txt", "expected a .py file")],
)
def test_what_is_no_code_is_refused(tmp_path, target, said):
    (tmp_path / "notes.txt").write_text("notes")
    with pytest.raises(InputError, match=said):
        cr.diagnose(tmp_path / target)


ODD = {
    "latin-1": (b"# -*- coding: latin-1 -*-\n# \xe9\n" + NET.encode(),),
    "byte order mark": (b"\xef\xbb\xbf" + NET.encode(),),
    "exits at its end": (NET + "\nimport sys\nsys.exit()\n",),
    "no stdout": (NET + "\nimport sys\nsys.stdout = sys.stderr = None\n",),
    "goes elsewhere": (NET + "\nimport os\nos.chdir('/')\n",),
    "a thread": (NET + "\nimport threading, time\nthreading.Thread(target=lambda: time.sleep(900)).start()\n",),
    "main": (NET + "\nif __name__ == '__main__':\n    raise RuntimeError\n",),
}


@pytest.mark.parametrize("text", slow(ODD, "byte order mark", "no stdout", "main"))
def test_odd_files_that_define_a_network_are_no_obstacle(code, text):
    assert found(code(text))["readings"][0]["name"] == "Net"


def test_the_command_ends_with_one_line_and_exit_code_2(code, capsys):
    for command in ("diagnose", "check"):
        with pytest.raises(SystemExit) as end:
            main([command, code(FILES["its own error"][0])])
        out, err = capsys.readouterr()
        assert (end.value.code, out, err.count("\n")) == (2, "", 1)
        assert err.startswith("chainrule: ")
        assert "Traceback" not in err


# Passes that give something else than gradients

PASSES = {
    "shapes that do not chain": (
        NET.replace("size=(n_hidden, n_out)", "size=(n_hidden + 1, n_out)"),
        r"mismatch.*\(line 13\); its arrays: W1 \(5, 4\), b1 \(4,\), W2 \(5, 3\)",
    ),
    "NaN": (NET.replace("        return self.o\n", "        return self.o * np.nan\n"), "its prediction is NaN"),
    "inf": (NET.replace("        return self.o\n", "        return self.o / 0.0\n"), "its prediction is infinite"),
    "a loss of NaN": (NET.replace("/ len(X)\n\n", "/ len(X) * np.nan\n\n"), "its loss is nan"),
    "no return": (NET.replace("        return self.o\n", ""), r"TypeError.*NoneType.*\(line 16\)"),
    "complex predictions": (NET.replace("        return self.o\n", "        return self.o * 1j\n"), "complex128"),
    "complex gradients": (NET.replace(GRADIENT, f"{GRADIENT} * (1 + 1j)"), "its gradients hold complex128"),
    "objects": (NET.replace(GRADIENT, f"({GRADIENT}).astype(object)"), "its gradients hold object"),
    "random": (
        NET.replace(HIDDEN, f"{HIDDEN} * (np.random.default_rng().random((len(X), self.W1.shape[1])) > 0.3)"),
        r"it is random: the same call twice gives two results \(\S+, then \S+\); draw from np.random",
    ),
    "recursion": (forward_with("return self.forward(X)"), r"RecursionError.*\(line 1[12]\)"),
    "an exit": (forward_with("raise SystemExit('bye')"), r"SystemExit: bye \(line 12\)"),
    "an interrupt": (forward_with("raise KeyboardInterrupt"), r"KeyboardInterrupt \(line 12\)"),
}


MORE = ("inf", "a loss of NaN", "complex predictions", "objects", "an exit", "an interrupt")


@pytest.mark.parametrize(("text", "said"), slow(PASSES, *MORE))
def test_a_pass_that_gives_no_numbers_says_what_it_gives(code, text, said):
    with pytest.raises(InputError, match=said) as error:
        found(code(text))
    assert "\n" not in str(error.value)


def test_random_numbers_that_can_be_seeded_are_no_obstacle(code):
    mask = "self.rng.random((len(X), self.W1.shape[1])) > 0.3"
    seeded = NET.replace("        rng =", "        self.rng = rng =").replace(HIDDEN, f"{HIDDEN} * ({mask})")
    assert found(code(seeded))["readings"]
    assert found(code(seeded.replace("self.rng.random(", "np.random.random_sample("), "b.py"))["readings"]


NO_GRADIENTS = {
    "NaN": (f"{GRADIENT} * np.nan", "yours nan"),
    "another shape": (f"({GRADIENT})[:2]", "W1: yours has shape (2, 4), that of the parameter is (5, 4)"),
    "integers": (f"({GRADIENT}).astype(int)", "W1["),
}


@pytest.mark.parametrize(("gradient", "said"), slow(NO_GRADIENTS, "integers"))
def test_gradients_that_are_no_gradients_are_wrong_in_words(code, gradient, said):
    found = cr.diagnose(code(NET.replace(GRADIENT, gradient)))
    assert not found.ok
    assert said in str(found)


@pytest.mark.parametrize(("given", "said"), [("pass", "gave None"), ("return 'done'", "gave str")])
def test_a_backward_without_gradients_is_undecided_and_says_what_it_gave(code, given, said):
    found = cr.diagnose(code(NET[: NET.index("        return {")] + f"        {given}\n"))
    assert found.verdict == "no reference"
    assert said in str(found)
    assert "--map dW1=NAME" in str(found)


def test_a_pass_that_changes_its_inputs_is_caught(code):
    found = cr.diagnose(code(forward_with("X *= 0.5")))
    assert (found.verdict, found.numbers) == ("wrong", [13])
    assert "X" in str(found)


def test_what_they_print_is_not_shown_and_fills_no_pipe(code, capfd):
    loud = forward_with("print('x' * 20_000); import os; os.write(2, b'y' * 20_000)")
    assert found(code(loud, "loud.py"))["readings"]
    assert capfd.readouterr() == ("", "")


# Processes that do not come back

ENDLESS = {
    "a loop": (forward_with("while True: pass"), r"not finished after 5 seconds \(line 12\)"),
    "a loop in C": (forward_with("list(iter(int, 1))"), r"not finished after 5 seconds \(line 12\)"),
    "C that keeps the lock": (forward_with("import re; re.match('(a+)+b', 'a' * 60)"), r"\(line 12\)"),
    "training when imported": (
        "def train():\n    while True: pass\n\ntrain()\n",
        r"not imported after 5 seconds \(line 2\).*if __name__ == \"__main__\"",
    ),
}


@pytest.mark.parametrize(("text", "said"), slow(ENDLESS, "a loop in C", "C that keeps the lock"))
def test_code_that_takes_too_long_is_ended_with_its_line(code, text, said):
    with pytest.raises(InputError, match=said):
        found(code(text), seconds=LIMIT)


CRASHES = {
    "exit": (forward_with("import os; os._exit(3)"), "ended its process while it ran, with exit code 3"),
    "exit when imported": ("import os\nos._exit(0)\n", "ended its process when imported"),
    "segmentation fault": (
        forward_with("import ctypes; ctypes.string_at(0)"),
        r"crashed while it ran \(line 12\): SIGSEGV",
    ),
    "killed": (forward_with("import os; os.kill(os.getpid(), 9)"), "killed while it ran.*memory"),
    "memory": (forward_with("self.big = np.ones((60_000, 60_000))"), "needs more than the 4 GiB"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="signals and limits of Linux")
@pytest.mark.parametrize(("text", "said"), CRASHES.values(), ids=CRASHES.keys())
def test_a_crash_is_one_line(code, text, said):
    with pytest.raises(InputError, match=said):
        found(code(text))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_file_that_fills_the_disk_is_stopped(code, tmp_path):
    write = f"with open({str(tmp_path / 'big')!r}, 'wb') as f: f.truncate(2 << 30)"
    with pytest.raises(InputError, match=r"OSError: .*File too large"):
        found(code(forward_with(write)))


def gone(pid):
    """Whether the process is gone, or will be in a moment."""
    for _ in range(100):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as stat:
            if stat.read().split()[2] not in "ZX":
                time.sleep(0.1)
                continue
        return True
    return False


STARTS = """import os, subprocess, sys
inner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open("PIDS.part", "w") as f:
    f.write(f"{os.getpid()} {inner.pid}")
os.rename("PIDS.part", "PIDS")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("end", ["while True: pass\n", NET, "os._exit(1)\n"], ids=["too long", "good", "crash"])
def test_no_process_of_theirs_goes_on(code, tmp_path, end):
    with contextlib.suppress(InputError):
        found(code(STARTS.replace("PIDS", str(tmp_path / "pids")) + end), seconds=60 if end == NET else LIMIT)
    pids = (tmp_path / "pids").read_text().split()
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ctrl_c_leaves_no_process_behind(code, tmp_path):
    path = code(STARTS.replace("PIDS", str(tmp_path / "pids")) + "while True: pass\n")
    # a shell's background job hands down a SIGINT that is ignored
    run = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); import chainrule.cli as c; "
    command = subprocess.Popen(
        [sys.executable, "-c", f"{run}c.main(['diagnose', sys.argv[1]])", path], stderr=subprocess.PIPE, text=True
    )
    for _ in range(1800):
        if (tmp_path / "pids").exists():
            break
        time.sleep(0.1)
    pids = (tmp_path / "pids").read_text().split()
    os.kill(command.pid, signal.SIGINT)
    _, err = command.communicate(timeout=300)
    assert (command.returncode, err.count("\n")) == (130, 1)
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "soon"])
def test_a_limit_that_is_none_is_refused(code, seconds):
    with pytest.raises(InputError, match="seconds: expected"):
        cr.diagnose(code(NET), seconds=seconds)


# Notebooks


def notebook(*cells, kind="code"):
    return json.dumps({"cells": [{"cell_type": kind, "source": cell.splitlines(keepends=True)} for cell in cells]})


IMPORT, CLASS = NET.split("\n\n", 1)
MAGIC = "%matplotlib inline\n!pip install torch\nfiles = !ls\nnp?\n%timeit 1 + 1\n"


def test_a_notebook_is_read_as_a_file_is(code):
    text = notebook(MAGIC + IMPORT, "%%bash\nrm -rf nothing", CLASS, "net = Net(2, 3, 4)\nwhile True: pass")
    assert cr.diagnose(code(text, "a.ipynb")).verdict == cr.diagnose(code(NET)).verdict == "correct"
    wrong = CLASS.replace(GRADIENT, f"-{GRADIENT}")
    assert not cr.diagnose(code(notebook(IMPORT, wrong), "b.ipynb")).ok


NOTEBOOKS = {
    "broken JSON": ('{"cells": [\n', r"broken JSON at line \d"),
    "another JSON": ("[1, 2]", "expected a notebook with cells"),
    "no code": (notebook("# text", kind="markdown"), "has no code cells"),
    "empty cells": (notebook("", "  \n"), "has no code cells"),
    "nothing defined": (notebook("print(1)", "import numpy as np"), "defines no class and no function"),
    "syntax": (notebook(IMPORT, "x = 1\ndef f(:\n    pass"), r"SyntaxError: .*\(cell 2, line 2\)$"),
    "an import": (notebook(IMPORT, "%magic\nimport nowhere_at_all"), r"'nowhere_at_all' \(cell 2, line 2\)"),
    "its own error": (
        notebook(IMPORT, forward_with("raise ValueError('no')").split("\n\n", 1)[1]),
        r"ValueError: no \(cell 2, line 10\)",
    ),
}


@pytest.mark.parametrize(("text", "said"), NOTEBOOKS.values(), ids=NOTEBOOKS.keys())
def test_a_notebook_says_which_cell_and_line(code, text, said):
    with pytest.raises(InputError, match=said):
        found(code(text, "theirs.ipynb"))


def test_a_loop_in_a_notebook_is_ended_with_its_cell(code):
    endless = forward_with("while True: pass").split("\n\n", 1)[1]
    with pytest.raises(InputError, match=r"not finished after 5 seconds \(cell 2, line 10\)"):
        found(code(notebook(IMPORT, endless), "theirs.ipynb"), seconds=LIMIT)


def test_constants_of_a_notebook_count_and_what_computes_or_trains_does_not(code):
    text = notebook(IMPORT, "W = np.ones((2, 3))\nH = 5\nhistory = W.fit()\nx = open('no').read()", CLASS)
    assert found(code(text, "theirs.ipynb"))["readings"]


@pytest.mark.parametrize(
    ("cell", "python"),
    [
        ("%time x", "pass"),
        ("  !ls", "  pass"),
        ("a = !ls", "pass"),
        ("a = %time 1", "pass"),
        ("np.sum?", "pass"),
        ("%%time\nx = 1", "\nx = 1"),
        ("%%html\n<b>", ""),
        ("x != y", "x != y"),
        ("x = (a\n     % b)", "x = (a\n     % b)"),
        ('"""\n%d\n"""', '"""\n%d\n"""'),
        ("y = x % 2", "y = x % 2"),
    ],
)
def test_magic_lines_become_nothing_and_python_stays(cell, python):
    assert without_magic(cell) == python


# Names


@pytest.mark.parametrize(
    ("name", "mapping", "said"),
    [
        ("Nett", {}, "Nett: not defined there; did you mean 'Net'"),
        (None, {"forward": "forwrd"}, r"--map forward=forwrd: no function or method 'forwrd'; did you mean 'forward'"),
        (None, {"forwards": "forward"}, "'forwards' cannot be named; these can: init, forward, loss, backward"),
        (None, {"X": "pixels"}, "no argument 'pixels'; known: .*X"),
        (None, {"W1": "V1"}, r"--map W1=V1: no one array is called 'V1'; known: W1, b1, W2, b2"),
        (None, {"W2": "W2"}, "--map: W1 missing; name every weight matrix, or none"),
        (None, {"W1": "W1", "W2": "b1"}, "these do not chain"),
        (None, {"dW1": "g1"}, "--map dW1=g1: no one array is called 'g1'"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_the_nearest(code, name, mapping, said):
    with pytest.raises(InputError, match=said):
        found(code(NET), name, mapping)


@pytest.mark.parametrize("mapping", [{"forward": 3}, {"": "x"}, "forward=think", [1]])
def test_a_mapping_maps_names_to_names(code, mapping):
    with pytest.raises(InputError, match="mapping: expected our names to theirs"):
        cr.diagnose(code(NET), mapping=mapping)


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.ones((3, 2)), None, "both or neither"),
        (np.ones(3), np.ones(3), "expected \\(N, I\\)"),
        (np.ones((3, 2)), np.ones(4), "expected \\(N, I\\)"),
        ([["a", "b"]] * 3, [1, 2, 3], "X: expected numbers"),
        (np.full((3, 2), np.nan), [1, 2, 3], "X: expected finite numbers"),
    ],
)
def test_rows_that_are_none_are_refused(code, X, y, said):
    with pytest.raises(InputError, match=said):
        cr.diagnose(code(NET), X, y)
