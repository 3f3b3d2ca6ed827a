"""Notebooks for `diagnose`: which cells run, and the cell and line of what is wrong."""

import json

import pytest

import chainrule as cr
from bad_code import GRADIENT, NET, ended, forward_with, found
from chainrule.check.reading.source import without_magic
from chainrule.errors import InputError


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
    "deep JSON": ("[" * 100_000, "expected a notebook with cells"),
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
    assert "not finished after 5 seconds (cell 2, line 10)" in ended(code(notebook(IMPORT, endless), "theirs.ipynb"))


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
