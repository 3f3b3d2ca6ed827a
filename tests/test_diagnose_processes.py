"""Code that does not come back from `diagnose`: it is ended in time, and nothing of it goes on."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import chainrule as cr
from bad_code import LIMIT, NET, ended, forward_with, found, slow
from chainrule.errors import InputError

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
    assert re.search(said, ended(code(text)))


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
    for _ in range(1200):
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
    for seconds in (60,) if end == NET else (LIMIT, 60):
        with contextlib.suppress(InputError):
            found(code(STARTS.replace("PIDS", str(tmp_path / "pids")) + end), seconds=seconds)
        if (tmp_path / "pids").exists():
            break
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


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_that_leaves_the_group_ends_too_and_temporary_files_go(code, tmp_path):
    leaves = "import os, tempfile, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(600)\n"
    says = f"open({str(tmp_path / 'said')!r}, 'w').write(tempfile.mkdtemp())\n"
    start = leaves.replace("    time", f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time")
    wait = f"while not os.path.exists({str(tmp_path / 'pid')!r}): pass\n"
    assert found(code(start + says + wait + NET))["readings"]
    assert gone((tmp_path / "pid").read_text() or 0)
    assert not Path((tmp_path / "said").read_text()).exists()
