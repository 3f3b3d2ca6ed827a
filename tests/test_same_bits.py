"""The compiled backend gives the same bytes on any number of threads, any instruction set, in chunks of any length."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from conftest import needs_kernels
from test_backends_agree import LOSSES, OPTIMIZED, PARTS, rows

compiled = pytest.importorskip("chainrule.backends.compiled")
pytestmark = needs_kernels

ISAS = compiled.kernels().isas()


def trained(
    monkeypatch, isa, threads, chunk, *, dtype, part=None, loss=None, optimizer=None, n=130, batch=13, by_batch=False,
    copies=1, width=37,
):  # fmt: skip
    """All that a training of 50 steps leaves, as bytes: weights, moments, and the History without its seconds."""
    monkeypatch.setenv("CHAINRULE_ISA", isa)
    monkeypatch.setattr(compiled, "CHUNK", chunk)
    rng = np.random.default_rng(5)
    layers = [cr.Dense(width), part or cr.ReLU(), cr.Dropout(0.2), cr.Dense(3)]
    X, y = rows(rng, loss, n)
    X = np.tile(X, copies)
    loss = loss or cr.SoftmaxCrossEntropy()
    net = cr.Network(layers, loss, n_in=X.shape[1], dtype=dtype, l1=1e-4, penalty_by_batch=by_batch)
    history = net.fit(
        X, y, optimizer or cr.Adam(), epochs=-(-50 * batch // n), batch_size=batch, threads=threads,
        sample_weight=rng.uniform(0.5, 2, n), valid=(X[:40], y[:40]),
    )  # fmt: skip
    assert all(epoch.threads == threads and epoch.backend == "compiled" for epoch in history)
    records = [epoch._replace(seconds=0, threads=0) for epoch in history]
    return net.state.params.tobytes() + net.state.moments.tobytes() + json.dumps(records).encode()


NEEDED = {
    "v3": {"avx2", "fma", "bmi1", "bmi2", "abm", "movbe", "f16c"},
    "v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the names are those of Linux on x86-64")
def test_a_set_is_used_where_the_cpu_has_all_its_instructions():
    line = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    flags = set(line.split(":")[1].split())
    v3 = flags >= NEEDED["v3"]
    expected = ["v4"] * (v3 and flags >= NEEDED["v4"]) + ["v3"] * v3
    assert expected == ISAS


CASES = (
    [{"part": part} for part in PARTS]
    + [{"loss": loss} for loss in LOSSES]
    + [{"optimizer": optimizer} for optimizer in OPTIMIZED]
    + [{"by_batch": True, "n": 100}]
    + [{"n": 1300, "batch": 600}, {"n": 61, "batch": 61}, {"n": 50, "batch": 1}]
    + [
        {"n": 2410, "batch": 2400},
        {"n": 202, "batch": 200},
    ]  # summed in parts, of which the last batch leaves some empty
    + [{"part": cr.LayerNorm(), "optimizer": cr.Adam(0.01, clip_norm=0.1), "batch": 200, "n": 400}]
    + [{"copies": 100, "width": 64, "batch": 80, "n": 240}]  # some threads have the rows that packing pays for
    + [{"copies": 30, "width": 64, "batch": 1100, "n": 2300}]  # two runs of rows, in a batch that is not cut into parts
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(repr, case.values())))
def test_same_bytes(case, dtype, monkeypatch):
    expected = trained(monkeypatch, ISAS[0], 1, 0.1, dtype=dtype, **case)
    for isa in ISAS:
        for threads, chunk in ((1, 0.0), (2, 0.1), (3, 0.0), (4, 0.1)):
            assert trained(monkeypatch, isa, threads, chunk, dtype=dtype, **case) == expected, (isa, threads, chunk)


def test_other_numbers_would_be_noticed(monkeypatch):
    """The control: a slope that is the next number of float32."""
    same = [trained(monkeypatch, ISAS[0], 1, 0.1, dtype=np.float32, part=cr.LeakyReLU(slope)) for slope in (0.2, 0.2)]
    other = trained(
        monkeypatch, ISAS[0], 1, 0.1, dtype=np.float32, part=cr.LeakyReLU(float(np.nextafter(np.float32(0.2), 1)))
    )
    assert same[0] == same[1] != other


ELSEWHERE = """
import hashlib, json
import numpy as np, chainrule as cr
rng = np.random.default_rng(5)
X, y = rng.normal(size=(90, 7)).astype(np.float32), rng.integers(0, 3, 90)
targets = {"labels": y, "flags": np.eye(3)[y], "values": X[:, :3]}
told = []
for loss in {LOSSES}:
    t = targets[loss.target] if loss.target in targets else abs(targets["values"])
    for dtype in ("float32", "float64"):
        layers = [cr.Dense(9), cr.GELU(), cr.Dense(3)]
        net = cr.Network(layers, loss, n_in=7, dtype=dtype, l2=1e-3, l1=1e-4)
        w = rng.uniform(0.5, 2, 40)
        history = net.fit(X[:50], t[:50], cr.Adam(0.01), epochs=6, valid=(X[50:], t[50:], w))
        told.append([net.backend, net.state.params.tobytes().hex(), [[e.loss, e.valid_loss, e.score] for e in history]])
print(json.dumps(told))
print(hashlib.sha256(np.exp(X).tobytes()).hexdigest())
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="NumPy's names of features are those of x86-64")
def test_what_numpy_finds_in_the_processor_changes_nothing():
    """As on another processor: neither weights, nor a loss on validation rows, by which the best epoch is chosen."""
    code, told = ELSEWHERE.replace("{LOSSES}", f"[{', '.join(f'cr.{loss!r}' for loss in LOSSES)}]"), []
    for less in ("", "X86_V3 X86_V4 AVX512_ICL AVX512_SPR"):
        environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": less}
        command = [sys.executable, "-W", "ignore", "-c", code]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        told.append(done.stdout.splitlines())
    (here, exps), (elsewhere, other_exps) = told
    assert here == elsewhere
    assert {each[0] for each in json.loads(here)} == {"compiled"}
    if exps == other_exps:
        pytest.skip("NumPy computes alike with less")


@pytest.mark.parametrize("optimizer", OPTIMIZED, ids=repr)
def test_the_kernels_refuse_a_rule_without_its_moments(optimizer):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    data = net.data(np.ones((2, 4)), [0, 1])
    steps = compiled.Steps(net.plan, net.objective, cr.network.target_for(net.loss, 3), 0, 2, np.float32)

    def run():
        steps.run(net.state, optimizer, data, np.arange(2)[None], 1.0)

    if optimizer.n_moments:
        with pytest.raises(ValueError, match=f"{type(optimizer).__name__} needs more moments than were given"):
            run()
    net.state.prepare(optimizer)
    run()


REBOUND = {
    "another dtype": (lambda params: params.astype(np.float64), "got float64"),
    "every second": (lambda params: np.repeat(params, 2)[::2], "got float32"),
    "read-only": (lambda params: np.frombuffer(params.tobytes(), np.float32), "got read-only float32"),
}


@pytest.mark.parametrize("name", REBOUND)
def test_parameters_that_would_be_copied_are_refused(name, rng):
    change, message = REBOUND[name]
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    net.state.params = change(net.state.params)
    X, y = rng.normal(size=(600, 4)), np.arange(600) % 3
    for call in (lambda: net.fit(X, y, cr.SGD()), lambda: net.forward(X)):
        with pytest.raises(cr.InputError, match=f"state.params: expected contiguous float32 numbers.*{message}"):
            call()


def test_arrays_that_are_written_are_never_copies(rng):
    with pytest.raises(TypeError):
        compiled.kernels().orders(np.empty((1, 5), np.int32), 0, 0, 1)
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    engine = compiled._engine(net.plan, net.loss, np.float32, 256, training=True)
    with pytest.raises(TypeError):
        engine.use_state(net.state.params, np.zeros((2, net.plan.size)))
    with pytest.raises(TypeError):
        engine.infer(rng.normal(size=(5, 4)), 1.0, np.empty((5, 3)), 1, 1, True)


INTERRUPTED = """
import os, signal, threading, time
import numpy as np, chainrule as cr
from chainrule.backends.threads import limit
rng = np.random.default_rng(0)
layers = [cr.Dense(1024), cr.ReLU(), cr.Dense(1024), cr.ReLU(), cr.Dense(10)]
net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=784)
data = rng.normal(size=(20000, 784)).astype(np.float32), rng.integers(0, 10, 20000)
def interrupt():
    while not net["b3"].any():  # a step was made
        time.sleep(0.01)
    time.sleep(0.3)
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)
sent = []
try:
    threading.Thread(target=interrupt, daemon=True).start()
    net.fit(*data, cr.SGD(0.01), epochs=10**6)
except KeyboardInterrupt:  # of all threads; to wait for a core does not count
    seconds = (time.process_time() - sent[0]) / limit()
    print(seconds, net.state.step > 0, bool(np.isfinite(net.state.params).all()))
"""


def test_an_interrupt_inside_a_long_epoch_returns_soon():
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=600, check=True)
    seconds, stepped, finite = done.stdout.split()
    assert float(seconds) < 0.5
    assert stepped == finite == "True"


LONG_STEP = """
import os, signal, sys, threading, time
import numpy as np, chainrule as cr
from chainrule.backends.threads import limit
rng = np.random.default_rng(0)
layers = [cr.Dense(512), cr.ReLU(), cr.Dense(512), cr.ReLU(), cr.Dense(10)]
net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=784)
X, y = rng.normal(size=(60000, 784)).astype(np.float32), rng.integers(0, 10, 60000)
once = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=784)
threads = int(sys.argv[2]) or None
[record] = cr.train(once, (X, y), cr.Adam(), batch_size=60000, epochs=1, threads=threads)
def interrupt():
    time.sleep(float(sys.argv[1]) * record.seconds)
    sent.append(time.process_time())
    os.kill(os.getpid(), signal.SIGINT)
sent = []
training = iter(cr.train(net, (X, y), cr.Adam(), batch_size=60000, epochs=1, threads=threads))
before = net.state.params.copy()
try:
    threading.Thread(target=interrupt, daemon=True).start()
    next(training)
    print("over before", flush=True)
    os._exit(0)
except KeyboardInterrupt:  # of all threads, as above
    seconds = (time.process_time() - sent[0]) / limit()
    same = np.array_equal(before, net.state.params) and not net.state.moments.any()
    print(seconds, net.state.step, same)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("after", "threads"), [(0.1, 0), (0.4, 0), (0.6, 0), (0.75, 0), (0.1, 8), (0.4, 8)])
def test_an_interrupt_inside_a_long_step_leaves_the_weights_before_it(after, threads):
    """In whatever part of it: the phase of the rows or that of the weights; the calling thread has work in both."""
    for _ in range(20):  # how long a step takes, another one told: the signal may come when this one is made, or nearly
        command = [sys.executable, "-c", LONG_STEP, str(after), str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
        if not done.stdout.startswith("over"):
            seconds, steps, same = done.stdout.split()
            assert float(seconds) < 0.5
            assert same == str(steps == "0")
            if steps == "0":
                return
        after = 0.85 * after if after > 0.05 else 0.4
    pytest.fail("no step was abandoned")


@pytest.mark.slow
def test_ten_thousand_fits_leave_memory_flat(rng):
    import resource

    X, y = rng.normal(size=(64, 16)), rng.integers(0, 3, 64)
    size = []
    for i in range(10_000):
        net = cr.Network([cr.Dense(32), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=16)
        net.fit(X, y, cr.Adam(), epochs=1, threads=2)
        if i in (1000, 9999):
            size.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    assert size[1] - size[0] < 2048  # KiB
