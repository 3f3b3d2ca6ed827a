"""Every hint to --map, run word for word with the names that it asks for, leads to a verdict."""

import ast
import contextlib
import re
from pathlib import Path

import pytest

import chainrule.check
from chainrule.cli import main
from hinted import CLASS, FUNCTIONS, SCRIPT
from two_layers import NUMPY


def changed(text, *pairs):
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


UNKNOWN = [
    ("np.sum((p - y) ** 2) / (2 * len(y))", "np.log(np.cosh(p - y)).sum()"),
    ("(p - y) / len(y)", "np.tanh(p - y)"),
]
OWN = [("self.dW2, self.db2", "self.q3, self.q4"), ("self.dW1, self.db1", "self.q1, self.q2")]
ROWS = [("def forward(params, X)", "def forward(params, qq)"), ("tanh(X", "tanh(qq")]
GOAL = [("loss(p, y)", "loss(p, qq)"), ("(p - y) ** 2) / (2 * len(y))", "(p - qq) ** 2) / (2 * len(qq))")]
CALLS = [("def forward", "def go"), ("def loss", "def badness"), ("def backward", "def return_trip")]
GRADS = {"dW1": "q1", "db1": "q2", "dW2": "q3", "db2": "q4"}
ALPHA = [("self.dW1", "self.q1"), ("self.W1", "self.alpha"), ("self.W2", "self.gamma")]
CASES = {  # the module that gives the hint: a file, what the names of the hint are in it, what was mapped before
    "binding, rows": (changed(FUNCTIONS, *ROWS), {}, {}),
    "binding, targets": (changed(FUNCTIONS, *GOAL), {}, {}),
    "blind": (changed(CLASS, ("self.dW1, self.db1", "self.dW1, self.q2"), *UNKNOWN), GRADS, {}),
    "observed_calls": (changed(CLASS, ("self.dW1, self.db1", "self.dW1, self.q2")), GRADS, {}),
    "script_data": (SCRIPT, {"X": "feats", "y": "score"}, {}),
    "collect, no gradient": (changed(CLASS, *OWN), GRADS, {}),
    "collect, none of a layer": (changed(CLASS, ("self.dW2,", "self.q3,")), GRADS, {}),
    "examine, a forward": (changed(CLASS, CALLS[0]), {"forward": "go"}, {}),
    "examine, no pass": (changed(CLASS, *CALLS), {"forward": "go", "loss": "badness", "backward": "return_trip"}, {}),
    "naming, which": (changed(CLASS, *ALPHA), {"W1": "alpha", "W2": "gamma", "dW2": "dW2"}, {"dW1": "q1"}),
    "naming, the others": (changed(CLASS, *ALPHA), {"W1": "alpha", "dW2": "dW2"}, {"dW1": "q1", "W2": "gamma"}),
}  # fmt: skip


@pytest.fixture
def told(tmp_path, capsys):
    """What is printed of a file, with these names mapped."""

    def tell(text, mapping):
        (tmp_path / "net.py").write_text(NUMPY + text)
        words = [f"{ours}={theirs}" for ours, theirs in mapping.items()]
        with contextlib.suppress(SystemExit):
            main(["diagnose", str(tmp_path / "net.py"), *(["--map", *words] if words else [])])
        return "".join(capsys.readouterr())

    return tell


def hinted(said):
    """The names after the last --map that gives some."""
    found = re.findall(r"--map ((?:\w+=\w+\s*)+)", said)
    return dict(word.split("=") for word in found[-1].split()) if found else {}


@pytest.mark.parametrize(("text", "names", "mapped"), CASES.values(), ids=CASES)
def test_a_hint_run_word_for_word_leads_to_a_verdict(told, text, names, mapped):
    said = told(text, mapped)
    assert hinted(said), said
    for _ in range(3):  # one hint may lead to another
        asked = {ours: names[ours] if theirs == "NAME" else theirs for ours, theirs in hinted(said).items()}
        mapped = mapped | asked
        said = told(text, mapped)
    assert "The gradient is right." in said or "is the derivative of the loss" in said, said
    assert "--map" not in said, said


def test_every_module_that_gives_a_hint_has_a_case():
    folder = Path(chainrule.check.__file__).parent
    found = set()
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            asks = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "asking"
            text = ast.unparse(node) if isinstance(node, ast.JoinedStr) else ""
            if asks or re.search(r"--map (\{calls|\w+=\{unknown)", text):
                found.add(file.stem)
    assert found == {case.partition(",")[0] for case in CASES}
