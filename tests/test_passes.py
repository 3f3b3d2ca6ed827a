"""The hand-written passes are what their catalogue says: right ones right, wrong ones wrong where it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from passes.adapters import FOLDER, Run, distance, numeric, start, steps_of
from passes.catalogue import BY_FILE, PASSES
from passes.entry import Pass

WRONG_BY = 1e-3  # a mistake moves some tensor by at least this much of its largest entry
SAME = 1e-9
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # some passes overflow, and that is their mistake


def select(*shows: str) -> list[object]:
    """The wrong passes whose mistake shows there."""
    return [pytest.param(entry, id=entry.file) for entry in PASSES if not entry.right and entry.shows in shows]


RIGHT = [pytest.param(entry, id=entry.file) for entry in PASSES if entry.right and entry.tensors]
RELATED = [
    pytest.param(entry, id=entry.file)
    for entry in PASSES
    if entry.constant.keys() & {"factor", "bias factor", "b1 factor", "share of W", "share of b"}
]
TWINS = [
    pytest.param(entry, id=entry.file)
    for entry in PASSES
    if entry.twin and entry.shows in ("gradients", "step", "again", "changes")
]
STEPPING = [pytest.param(entry, id=entry.file) for entry in PASSES if entry.right and entry.step]


def test_the_catalogue_lists_every_file_once() -> None:
    files = {str(path.relative_to(FOLDER)) for folder in ("right", "wrong") for path in (FOLDER / folder).rglob("*.py")}
    assert files == set(BY_FILE)
    assert len(PASSES) == len(BY_FILE)


def test_the_corpus_is_as_wide_as_promised() -> None:
    right = [entry for entry in PASSES if entry.right and entry.tensors]
    assert len(right) >= 44
    assert len({entry.style for entry in right}) >= 7
    alone = [entry for entry in PASSES if len(entry.mistakes) == 1]
    for number in range(1, 19):
        styles = [entry.style for entry in alone if entry.mistakes == (number,)]
        assert len(styles) >= 2, number
        assert len(set(styles)) >= 2 or number == 18, number
    assert sum(len(entry.mistakes) == 2 for entry in PASSES) == 4


@pytest.mark.parametrize("entry", RIGHT)
def test_right_gradients_are_the_differences_of_their_loss(entry: Pass) -> None:
    values = start(entry)
    assert distance(numeric(entry, values), Run(entry, values).gradients()) <= entry.tolerance


@pytest.mark.parametrize("entry", RIGHT)
def test_right_passes_keep_nothing_and_change_nothing(entry: Pass) -> None:
    values = start(entry)
    run = Run(entry, values)
    run.loss()
    inputs, targets = run.array("X"), run.array("Y")
    first = run.gradients()
    np.testing.assert_array_equal(run.array("X"), inputs)
    np.testing.assert_array_equal(run.array("Y"), targets)
    if entry.backward and "dropout" not in run.space:  # a dropout layer draws anew, as it should
        assert distance(first, run.gradients()) == 0
        assert distance(values, run.parameters()) <= entry.tolerance


@pytest.mark.parametrize("entry", STEPPING)
def test_right_steps_are_what_their_optimizer_claims(entry: Pass) -> None:
    expected, got = steps_of(entry, start(entry))
    assert distance(expected, got) <= SAME


@pytest.mark.parametrize("entry", select("gradients"))
def test_wrong_gradients_are_not_the_differences_of_their_loss(entry: Pass) -> None:
    values = start(entry)
    true, got = numeric(entry, values), Run(entry, values).gradients()
    assert distance(true, got) > WRONG_BY


@pytest.mark.parametrize("entry", RELATED)
def test_wrong_gradients_are_related_to_the_right_ones_as_the_catalogue_says(entry: Pass) -> None:
    values = start(entry)
    true, got = numeric(entry, values), Run(entry, values).gradients()
    known, expected = entry.constant, {}
    for path, value in values.items():
        bias = 1 in (value.ndim, *value.shape)
        factor = known.get("bias factor" if bias else "factor", known.get("factor", 1.0))
        if path.endswith("b1"):
            factor = known.get("b1 factor", factor)
        expected[path] = factor * true[path] + known.get("share of b" if bias else "share of W", 0.0) * value
    assert distance(expected, got) <= 1e-6


@pytest.mark.parametrize("entry", [entry for entry in PASSES if entry.mistakes == (1,)], ids=lambda entry: entry.file)
def test_updated_weights_matter_the_less_the_smaller_the_rate(entry: Pass) -> None:
    """The only mistake there is the use of weights after their update: it goes with the learning rate."""
    assert entry.constant["learning rate"] == entry.rate
    slow, values = replace(entry, rate=1e-6), start(entry)
    assert distance(numeric(slow, values), Run(slow, values).gradients()) <= 1e-4


@pytest.mark.parametrize("entry", TWINS)
def test_the_right_twin_differs_in_nothing_else(entry: Pass) -> None:
    """With the same sizes and data, the right twin passes what the wrong one fails."""
    twin = replace(BY_FILE[entry.twin], sizes=entry.sizes, make=entry.make)
    values = start(twin)
    assert distance(numeric(twin, values), Run(twin, values).gradients()) <= twin.tolerance


@pytest.mark.parametrize("entry", select("step"))
def test_wrong_steps_are_not_what_their_optimizer_claims(entry: Pass) -> None:
    values = start(entry)
    assert distance(numeric(entry, values), Run(entry, values).gradients()) <= entry.tolerance
    if entry.settings.get("eps", 1e-7) == 1e-8:  # where ε stands only shows where gradients are as small
        values = {path: value * 1e-3 for path, value in values.items()}
    expected, got = steps_of(entry, values)
    assert distance(expected, got) > 1e-6


@pytest.mark.parametrize("entry", select("again"))
def test_wrong_at_the_second_batch_only(entry: Pass) -> None:
    values = start(entry)
    run = Run(entry, values)
    assert distance(numeric(entry, values), run.gradients()) <= entry.tolerance
    run.feed(seed=1)
    for path, value in values.items():  # a step has moved them
        run.set(path, value)
    assert distance(numeric(entry, values, seed=1), run.gradients()) > WRONG_BY


@pytest.mark.parametrize("entry", select("changes"))
def test_wrong_passes_change_what_must_stay(entry: Pass) -> None:
    run = Run(entry, start(entry))
    run.loss()
    before = run.array(entry.watch)
    run.gradients()
    assert np.abs(run.array(entry.watch) - before).max() > WRONG_BY


@pytest.mark.parametrize("entry", select("asked"))
def test_unwise_passes_agree_with_their_own_loss_and_no_other(entry: Pass) -> None:
    values = start(entry)
    assert distance(numeric(entry, values), Run(entry, values).gradients()) <= 1e-6
    twin = BY_FILE[entry.twin]
    if set(twin.tensors) == set(entry.tensors):
        assert abs(Run(entry, values).loss() - Run(twin, values).loss()) > WRONG_BY
    else:  # a layer of several units with one bias
        assert all(values[path].ndim == 0 for path in set(entry.tensors) - set(twin.tensors))


@pytest.mark.parametrize("entry", select("overflow"))
def test_unshifted_exponentials_overflow(entry: Pass) -> None:
    values = {path: 1e4 * value for path, value in start(entry).items()}
    assert not np.isfinite(Run(entry, values).loss())
    scores = "net.forward(X)" if "net" in Run(entry).space else "np.array(0)"
    assert np.isfinite(Run(BY_FILE[entry.twin], values).array(scores)).all()


@pytest.mark.parametrize("entry", select("accepts", "rejects"))
def test_wrong_checks_give_the_wrong_verdict_and_the_right_one_does_not(entry: Pass) -> None:
    accepts = entry.shows == "accepts"
    assert bool(Run(entry).value(entry.loss)) == accepts
    assert bool(Run(replace(BY_FILE[entry.twin], make=entry.make)).value("gradient_check(f, x, g)")) == (not accepts)


def test_the_right_check_accepts_and_rejects() -> None:
    run = Run(BY_FILE["right/checker_central.py"])
    assert run.value("gradient_check(f, x, g)")
    assert not run.value("gradient_check(f, x, g * (1 + 1e-5))")


def test_the_worked_example_gives_its_published_numbers() -> None:
    """Right: 0.29102777369 after one step, 3.5102e-05 after 10,000; by updated weights: 0.29102792390, 3.5085e-05."""
    for file, one, many in (
        ("right/step_mazur.py", 0.29102777369359933, 3.510187782978859e-05),
        ("wrong/mistake_01_mazur.py", 0.29102792390544197, 3.5084786296312774e-05),
    ):
        run = Run(BY_FILE[file])
        assert run.loss() == pytest.approx(0.2983711087600027, rel=1e-14)
        run.run(BY_FILE[file].step)
        assert run.loss() == pytest.approx(one, rel=1e-13)
        run.run(f"for _ in range(9999): {BY_FILE[file].step}")
        assert run.loss() == pytest.approx(many, rel=1e-9)
