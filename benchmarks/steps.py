"""Microseconds per training step, ours beside PyTorch eager, interleaved in one run: python benchmarks/steps.py

PyTorch is a peer, not a dependency: pip install torch into an environment that has chainrule. Both visit the same rows
in random order, gathered batch by batch, and report the loss once an epoch. Rounds alternate; medians are printed.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

import chainrule as cr


@dataclass(frozen=True)
class Workload:
    name: str
    widths: tuple[int, ...]
    batch: int
    steps: int  # per round

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        n = self.batch * min(self.steps, 40)
        return rng.normal(size=(n, self.widths[0])).astype(np.float32), rng.integers(0, self.widths[-1], n)


WORKLOADS = (
    Workload("spiral", (2, 64, 3), 300, 400),
    Workload("digits", (64, 64, 10), 32, 400),
    Workload("tab", (32, 128, 128, 2), 256, 200),
    Workload("fashion", (784, 128, 128, 10), 128, 120),
    Workload("wide", (784, 2048, 2048, 10), 512, 4),
)


def ours(load: Workload, optimizer: str) -> Iterator[None]:
    """One epoch each time it is asked."""
    layers = [layer for units in load.widths[1:] for layer in (cr.Dense(units), cr.ReLU())][:-1]
    net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=load.widths[0])
    X, y = load.data()
    settings = cr.SGD(lr=0.01) if optimizer == "SGD" else cr.Adam(lr=1e-3)
    return iter(cr.train(net, (X, y), settings, batch_size=load.batch, epochs=10**9))


def eager(load: Workload, optimizer: str) -> Iterator[None]:
    pairs = zip(load.widths, load.widths[1:])
    layers = [layer for n_in, n_out in pairs for layer in (torch.nn.Linear(n_in, n_out), torch.nn.ReLU())][:-1]
    net = torch.nn.Sequential(*layers)
    X, y = (torch.from_numpy(array) for array in load.data())
    kind = torch.optim.SGD(net.parameters(), lr=0.01) if optimizer == "SGD" else torch.optim.Adam(net.parameters())
    criterion = torch.nn.CrossEntropyLoss()
    while True:
        total = torch.zeros(())
        for rows in torch.randperm(len(X)).split(load.batch):
            kind.zero_grad(set_to_none=True)
            loss = criterion(net(X[rows]), y[rows])
            loss.backward()
            kind.step()
            total += loss.detach()
        total.item()
        yield


def seconds_per_step(epochs: Iterator[object], load: Workload) -> Callable[[], float]:
    n_steps = min(load.steps, 40)
    repeats = max(1, load.steps // n_steps)

    def measure() -> float:
        began = time.perf_counter()
        for _ in range(repeats):
            next(epochs)
        return (time.perf_counter() - began) / (repeats * n_steps)

    return measure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="*", default=[load.name for load in WORKLOADS])
    options = parser.parse_args()
    print(
        f"{platform.machine()}, {torch.get_num_threads()} threads; NumPy {np.__version__}, PyTorch {torch.__version__}"
    )
    print(f"{'microseconds per step':24}{'chainrule':>12}{'PyTorch eager':>15}{'ratio':>8}{'rounds from … to':>20}")
    for load in (load for load in WORKLOADS if load.name in options.only):
        for optimizer in ("SGD", "Adam"):
            meters = [seconds_per_step(make(load, optimizer), load) for make in (ours, eager)]
            for meter in meters:
                meter()  # warm up
            rounds = [tuple(meter() for meter in meters) for _ in range(options.rounds)]
            mine, theirs = (1e6 * statistics.median(column) for column in zip(*rounds))
            ratios = sorted(b / a for a, b in rounds)
            spread = f"{ratios[len(ratios) // 4]:.2f} … {ratios[-1 - len(ratios) // 4]:.2f}"
            ratio = statistics.median(ratios)
            print(
                f"{load.name + ' ' + optimizer:24}{mine:>12,.0f}{theirs:>15,.0f}{ratio:>8.2f}{spread:>20}", flush=True
            )


if __name__ == "__main__":
    main()
