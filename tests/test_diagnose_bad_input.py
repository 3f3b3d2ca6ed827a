"""Bad code for `diagnose`: one clear line for each, never a traceback of ours."""

import pytest

import chainrule as cr
from bad_code import GRADIENT, HIDDEN, NET, forward_with, found, slow
from chainrule.cli import main
from chainrule.errors import InputError


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
    "arguments of its own": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('file')\np.parse_args()\n" + NET,
        r"before it ends itself: SystemExit: 2 \(line 4\); put it under",
    ),
    "a data file that is not here": ("x = open('rows.csv').read()\n", r"'rows.csv' \(line 1\); run the command where"),
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
