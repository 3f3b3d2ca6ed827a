"""How many threads the compiled backend takes, and that they live beside forks, joblib and each other."""

import ctypes
import ctypes.util
import multiprocessing
import os
import platform
import subprocess
import sys
import threading
import time
from statistics import median

import numpy as np
import pytest

import chainrule as cr
from chainrule.backends.threads import _share, limit
from conftest import needs_kernels

pytestmark = needs_kernels
ROUND_UP = {"x86_64": 0x800, "aarch64": 0x400000}  # FE_UPWARD of the C library


def wide_enough(n=4000):
    """A network and data whose steps are worth two threads, and an epoch some 50 ms."""
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(128), cr.ReLU(), cr.Dense(128), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), 256)
    return net, (rng.normal(size=(n, 256)).astype(np.float32), rng.integers(0, 10, n))


def test_the_automatic_choice_is_by_work_and_capped(monkeypatch, rng):
    tiny = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    assert tiny.fit(rng.normal(size=(64, 4)), np.arange(64) % 3, cr.SGD(), epochs=1)[0].threads == 1
    net, data = wide_enough()
    assert net.fit(*data, cr.SGD(), batch_size=256, epochs=1)[0].threads == limit()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert limit() == 1
    assert net.fit(*data, cr.SGD(), batch_size=256, epochs=1)[0].threads == 1
    assert net.fit(*data, cr.SGD(), batch_size=256, epochs=1, threads=3)[0].threads == 3  # what is asked for is done
    monkeypatch.delenv("OMP_NUM_THREADS")
    import threadpoolctl

    free = limit()
    for _ in range(2):
        with threadpoolctl.threadpool_limits(limits=1):
            assert net.fit(*data, cr.SGD(), batch_size=256, epochs=1)[0].threads == limit() == 1
        assert limit() == free


FIRST = """
import numpy as np, threadpoolctl, chainrule as cr
from chainrule.backends.threads import limit
def threads():
    net = cr.Network([cr.Dense(256), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), 256)
    X, y = np.ones((512, 256), np.float32), np.arange(512) % 10
    return net.fit(X, y, cr.SGD(), batch_size=256, epochs=1)[0].threads
with threadpoolctl.threadpool_limits(limits=1):
    print(threads())
print(threads() == limit() == LIMIT)
with threadpoolctl.threadpool_limits(limits=1):
    print(threads())
print(threads() == limit() == LIMIT)
"""


def test_a_limit_holds_from_the_first_use_on():
    code = FIRST.replace("LIMIT", str(limit()))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    assert done.stdout.split() == ["1", "True", "1", "True"]


def test_the_affinity_of_now_counts():
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert limit() == 1
    finally:
        os.sched_setaffinity(0, cores)
    assert limit() >= min(len(cores), 1)


GROUPS = {
    "none": ({}, None),
    "no limit": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "max 100000"}, None),
    "its own": ({"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/cpu.max": "150000 100000"}, 2),
    "a parent's": (
        {
            "proc/self/cgroup": "0::/a/b\n",
            "sys/fs/cgroup/a/b/cpu.max": "400000 100000",
            "sys/fs/cgroup/a/cpu.max": "300000 100000",
        },
        3,
    ),
    "the mount's, in a container": ({"proc/self/cgroup": "0::/x\n", "sys/fs/cgroup/cpu.max": "100000 100000"}, 1),
    "another's": ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/b/cpu.max": "100000 100000"}, None),
    "version 1": (
        {
            "proc/self/cgroup": "5:memory:/m\n4:cpu,cpuacct:/a/b\n",
            "sys/fs/cgroup/cpu/a/b/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/a/b/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu/a/cpu.cfs_period_us": "100000\n",
        },
        1,
    ),
    "nonsense": ({"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/cpu.max": "much"}, None),
}


@pytest.mark.parametrize("name", GROUPS)
def test_the_share_of_the_control_groups(name, tmp_path):
    files, expected = GROUPS[name]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    assert _share(str(tmp_path)) == expected


def in_child(queue, threads):
    net, data = wide_enough()
    queue.put(net.fit(*data, cr.SGD(0.01), batch_size=64, epochs=2, threads=threads)[-1].loss)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_trains_and_gives_the_same_bits():
    net, data = wide_enough()
    expected = net.fit(*data, cr.SGD(0.01), batch_size=64, epochs=2, threads=2)[-1].loss
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    children = [context.Process(target=in_child, args=(queue, 2)) for _ in range(2)]
    for child in children:
        child.start()
    assert [queue.get(timeout=600) for _ in children] == [expected, expected]
    for child in children:
        child.join(600)
        assert child.exitcode == 0


@pytest.mark.skipif(platform.machine() not in ROUND_UP, reason="how to round up is known for x86-64 and AArch64")
@pytest.mark.parametrize("threads", [1, 3])
def test_a_library_that_changed_how_the_processor_rounds_changes_no_bits(threads, monkeypatch):
    made, data = wide_enough(64)

    def bits():
        net = made.copy()
        history = net.fit(*data, cr.SGD(0.1), batch_size=32, epochs=2, threads=threads, valid=data)
        return net.state.params.tobytes(), [(epoch.loss, epoch.valid_loss, epoch.score) for epoch in history]

    maths = ctypes.CDLL(ctypes.util.find_library("m"))

    def rounded_up():
        assert maths.fesetround(ROUND_UP[platform.machine()]) == 0
        try:
            return bits()
        finally:
            maths.fesetround(0)

    assert rounded_up() == bits()
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    assert all(up != near for up, near in zip(rounded_up(), bits()))


def test_two_trainings_at_once_give_the_bits_of_one():
    def run(losses):
        net, data = wide_enough()
        losses.append([epoch.loss for epoch in net.fit(*data, cr.SGD(0.01), batch_size=64, epochs=6)])

    expected: list = []
    run(expected)
    losses: list = []
    pair = [threading.Thread(target=run, args=(losses,)) for _ in range(2)]
    for thread in pair:
        thread.start()
    for thread in pair:
        thread.join()
    assert losses == expected * 2


def test_joblib_workers_give_the_same_bits():
    joblib = pytest.importorskip("joblib")
    expected = joblib_loss()
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(joblib_loss)() for _ in range(2)) == [expected] * 2


def joblib_loss():
    net, data = wide_enough(n=1000)
    return net.fit(*data, cr.SGD(0.01), batch_size=64, epochs=2)[-1].loss


def seconds_a_step(threads, batch=128):
    net, data = wide_enough(n=2560)
    records = net.fit(*data, cr.SGD(0.01), batch_size=batch, epochs=9, threads=threads)
    return sorted(epoch.seconds for epoch in records)[4] / (2560 // batch)


def median_of(n, ratio):
    """Of ratios one after the other. Whoever asserts it asks again, for others may disturb the machine that long."""
    return median(ratio() for _ in range(n))


@pytest.mark.skipif(limit() != 2, reason="the figure is for 2 cores")
@pytest.mark.slow
def test_more_threads_than_cores_cost_at_most_twice_the_time():
    assert any(median_of(5, lambda: seconds_a_step(4) / seconds_a_step(2)) <= 2 for _ in range(4))


@pytest.mark.skipif(limit() != 2, reason="the figure is for 2 cores")
@pytest.mark.slow
def test_two_trainings_at_once_keep_two_fifths_of_their_speed():
    def speed(seconds, found):
        net, data = wide_enough(n=2560)
        began = time.perf_counter()
        training = iter(cr.train(net, data, cr.SGD(0.01), batch_size=128, epochs=10**6))
        while time.perf_counter() < began + seconds:
            next(training)
        found.append(net.state.step / (time.perf_counter() - began))

    def kept():
        alone, both = [], []
        speed(1.0, alone)
        pair = [threading.Thread(target=speed, args=(1.0, both)) for _ in range(2)]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        return min(both) / alone[0]

    assert any(median_of(5, kept) >= 0.4 for _ in range(4))


def test_threads_that_the_system_refuses_are_wrong_input():
    """A limit on addresses leaves room for two stacks of a gigabyte, not for seven."""
    code = """
import resource
import numpy as np, chainrule as cr
net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3)
X, y = np.random.default_rng(0).normal(size=(64, 3)), np.arange(64) % 2
net.fit(X, y, cr.SGD(), epochs=1, threads=1)
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 5 * 2**29, used + 5 * 2**29))
try:
    net.fit(X, y, cr.SGD(), epochs=1, threads=8)
except cr.InputError as error:
    print(error)
net.fit(X, y, cr.SGD(), epochs=1, threads=2)
"""
    command = 'ulimit -s 1048576 && exec "$0" -c "$1"'
    done = subprocess.run(["bash", "-c", command, sys.executable, code], capture_output=True, text=True)
    assert done.stdout.startswith("threads: expected as many as the system starts, got 8 ("), done
    assert done.returncode == 0, done
