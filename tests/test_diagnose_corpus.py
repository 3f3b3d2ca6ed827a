"""The whole corpus of hand-written passes: each wrong one is named, and no right one is accused.

The corpus knows nothing of the diagnosis, and the diagnosis nothing of the corpus. Probing happens in this process, a
file after the other; that it happens in a process of its own otherwise is tested elsewhere.
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter

import numpy as np
import pytest

from chainrule.check import diagnose as diagnosing
from chainrule.check.probing.examine import examine
from chainrule.check.reading.source import load_source
from passes.adapters import FOLDER, batch
from passes.catalogue import PASSES
from passes.entry import Pass

pytestmark = pytest.mark.filterwarnings("ignore")  # some passes overflow, and that is their mistake


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    def probe(path, name, mapping, seconds, own=None):
        with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            return examine(load_source(path), name, mapping, own)

    monkeypatch.setattr(diagnosing, "probe", probe)


def diagnosed(entry: Pass) -> diagnosing.Diagnosis:
    """With the data it is meant for, where its mistake is made of them: predictions in a column, targets in a row."""
    target = f"{FOLDER / entry.file}:{entry.name}" if entry.name else FOLDER / entry.file
    own = batch(entry)[:2] if entry.data == "real column" else ()
    return diagnosing.diagnose(target, *own)


def quick(entries: list[Pass]) -> set[str]:
    """The files that are not slow: two for each mistake, and one for each style of right passes."""
    kept, count = set(), Counter()
    for entry in entries:
        kinds = [entry.style] if entry.right else entry.mistakes
        if any(count[kind] < (1 if entry.right else 2) for kind in kinds):
            kept.add(entry.file)
            count.update(kinds)
    return kept


def cases(*, right: bool) -> list[object]:
    entries = [entry for entry in PASSES if entry.right == right]
    slow = {entry.file: [pytest.mark.slow] for entry in entries if entry.file not in quick(entries)}
    return [pytest.param(entry, id=entry.file, marks=slow.get(entry.file, [])) for entry in entries]


@pytest.mark.parametrize("entry", cases(right=True))
def test_a_right_pass_is_called_correct(entry: Pass) -> None:
    found = diagnosed(entry)
    assert found.verdict == "correct", found
    assert not found.mistakes


@pytest.mark.parametrize("entry", cases(right=False))
def test_a_wrong_pass_is_named(entry: Pass) -> None:
    """All its mistakes, and no other; one that agrees with its own loss may be called unwise, one that overflows is."""
    found = diagnosed(entry)
    expected = {"asked": ("wrong", "unwise"), "overflow": ("unwise",)}.get(entry.shows, ("wrong",))
    assert found.verdict in expected, found
    assert sorted(set(found.numbers)) == sorted(entry.mistakes), found


def test_the_corpus_has_two_passes_for_each_mistake_and_forty_that_are_right() -> None:
    count = Counter(number for entry in PASSES if len(entry.mistakes) == 1 for number in entry.mistakes)
    assert min(count[number] for number in range(1, 19)) >= 2
    assert sum(entry.right for entry in PASSES) >= 40
