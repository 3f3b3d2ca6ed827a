"""Ctrl-C wherever Python looks for it: what was trained, counted, recorded and kept as best stays one and the same."""

import dis
import signal
import sys
import threading
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from conftest import needs_kernels

PACKAGE = str(Path(cr.__file__).parent)


@cache
def signals_are_seen_at(code):
    """Offsets behind a call or a jump back: there and where a function begins the interpreter runs signal handlers."""
    seen, before = set(), ""
    for instruction in dis.get_instructions(code):
        if before.startswith("CALL") or before == "JUMP_BACKWARD":
            seen.add(instruction.offset)
        before = instruction.opname
    return seen


class Interrupt:
    """Within `with`, KeyboardInterrupt at the n-th such place in this package; `came`: there were as many."""

    def __init__(self, n):
        self.left, self.came, self.before = n, False, sys.gettrace()

    def __enter__(self):
        sys.settrace(self.enter)

    def __exit__(self, *error):
        sys.settrace(self.before)

    def pass_by(self):
        self.left -= 1
        if self.left == 0:
            self.came = True
            sys.settrace(None)
            raise KeyboardInterrupt

    def enter(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        self.pass_by()
        return self.go_on

    def go_on(self, frame, event, argument):
        if event == "opcode" and frame.f_lasti in signals_are_seen_at(frame.f_code):
            self.pass_by()
        return self.go_on


def training(per_call, epochs, **looks):
    rng = np.random.default_rng(3)
    net = cr.Network([cr.Dense(5), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    X, y = rng.normal(size=(50, 4)), np.arange(50) % 3
    if "valid" in looks:
        looks = {"valid": (X, y)}
    climbing = cr.Adam(cr.StepDecay(0.02, every=epochs // 2, factor=50.0))  # the loss falls, then climbs
    return cr.train(net, (X, y), climbing, batch_size=50, epochs=epochs, epochs_per_call=per_call, **looks)


def records(history):
    return [epoch._replace(seconds=0.0) for epoch in history]


def truth(epochs, **looks):
    """After each number of epochs: the weights, and the best ones; and all records."""
    one = training(1, epochs, **looks)
    weights, best = [one.net.state.params.copy()], [one.net.state.params.copy()]
    for _ in one:
        weights.append(one.net.state.params.copy())
        best.append(one.history.best.copy())
    assert one.history.best_epoch < epochs
    return weights, best, records(one.history)


def interrupted(n, *settings, **looks):
    """The training that was interrupted at the n-th place, or None where it ended before."""
    one, interrupt = training(*settings, **looks), Interrupt(n)
    epochs = iter(one)
    try:
        with interrupt:
            list(epochs)
    except KeyboardInterrupt:
        pass
    return one if interrupt.came else None


def each_place(*settings, **looks):
    n = 0
    while (one := interrupted(n := n + 1, *settings, **looks)) is not None:
        yield one
    assert n > 300


def require_one_story(one, best, told):
    """Counts, records, best weights and the lock agree with each other; the number of epochs they tell of."""
    state, history = one.net.state, one.history
    k = len(history)
    assert state.epoch == k
    assert records(history) == told[:k]
    assert history.best is None or history.best.tobytes() == best[k].tobytes()
    with state.alone:
        pass
    return k


@needs_kernels
def test_of_epochs_in_one_call_of_the_kernels_none_is_lost_or_doubled():
    weights, best, told = truth(8)
    for one in each_place(4, 8):
        k = require_one_story(one, best, told)
        assert one.net.state.step == k
        assert one.net.state.params.tobytes() == weights[k].tobytes()


@needs_kernels
@pytest.mark.parametrize("looks", [{"valid": ()}, {"metrics": "accuracy"}], ids=["valid", "metrics"])
def test_an_epoch_that_was_not_looked_at_to_its_end_has_not_ended(looks):
    weights, best, told = truth(3, **looks)
    for one in each_place(1, 3, **looks):
        k, step = require_one_story(one, best, told), one.net.state.step
        assert step in (k, k + 1)  # of the one under way
        assert one.net.state.params.tobytes() == weights[step].tobytes()


def test_the_reference_tells_one_story_too(monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    _, best, told = truth(4)
    for one in each_place(2, 4):
        k = require_one_story(one, best, told)
        assert one.net.state.step in (k, k + 1)


@needs_kernels
def test_a_count_before_its_records_would_be_noticed(monkeypatch):
    outcome = cr.Training._outcome

    def counted(self, begun):
        self.net.state.epoch = begun.epoch + len(self._steps.results)
        return outcome(self, begun)

    monkeypatch.setattr(cr.Training, "_outcome", counted)
    _, best, told = truth(4, metrics="accuracy")
    stories = (require_one_story(one, best, told) for one in each_place(1, 4, metrics="accuracy"))
    with pytest.raises(AssertionError, match=r"\.epoch"):
        list(stories)


@needs_kernels
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs another signal than Ctrl-C's")
@pytest.mark.parametrize("threads", [None, 1])
def test_what_another_signal_raises_arrives_as_it_is(rng, threads):
    class OutOfTime(RuntimeError):
        pass

    def ring(number, frame):
        raise OutOfTime("of its own kind")

    X = rng.normal(size=(2000, 64))
    net = cr.Network([cr.Dense(128), cr.ReLU(), cr.Dense(4)], cr.SoftmaxCrossEntropy(), n_in=64)

    def alarm():
        while net.state.step == 0:  # until a call has come back
            time.sleep(0.001)
        signal.raise_signal(signal.SIGALRM)

    def run():
        threading.Thread(target=alarm, daemon=True).start()
        net.fit(X, np.arange(2000) % 4, cr.SGD(), epochs=1_000_000, threads=threads)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(OutOfTime, match="of its own kind"):
            run()
    finally:
        signal.signal(signal.SIGALRM, before)
