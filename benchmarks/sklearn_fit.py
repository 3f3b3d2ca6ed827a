"""Milliseconds per epoch of `fit`, scikit-learn's MLP beside ours, interleaved: python benchmarks/sklearn_fit.py

Both run the same number of epochs on the same rows with the same parameters; a round times one `fit` of each, checks of
the input and all, and divides by its epochs. Medians of the rounds are printed. float64 is what a dataframe gives.
A pause before each fit lets the other's threads, which spin for a while after their work, go to sleep. scikit-learn's
matrix products are at their best where the environment does not tell OpenBLAS what to do: unset OPENBLAS_CORETYPE.
"""

from __future__ import annotations

import argparse
import gzip
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sklearn
from sklearn import neural_network
from sklearn.datasets import load_digits, make_classification
from sklearn.model_selection import GridSearchCV

import chainrule.sklearn

PAUSE = 0.3  # seconds
FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian: apt install dataset-fashion-mnist


def digits() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_digits(return_X_y=True)
    return X / 16, y


def table() -> tuple[np.ndarray, np.ndarray]:
    return make_classification(20_000, 32, n_informative=16, random_state=0)


def fashion() -> tuple[np.ndarray, np.ndarray]:
    images = gzip.decompress((FASHION / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((FASHION / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    pixels = np.frombuffer(images, np.uint8).reshape(-1, 784)
    return (pixels - 127.5) / 127.5, np.frombuffer(labels, np.uint8)


@dataclass(frozen=True)
class Workload:
    name: str
    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    epochs: int
    parameters: dict[str, Any] = field(default_factory=dict)


WIDE = {"hidden_layer_sizes": (128, 128)}
WORKLOADS = (
    Workload("digits, default parameters", digits, 200),
    Workload("table 20,000 × 32, 128-128, batch 256", table, 5, WIDE | {"batch_size": 256}),
    Workload("Fashion-MNIST, 128-128, batch 128", fashion, 2, WIDE | {"batch_size": 128}),
)


def seconds(module: Any, load: Workload, X: np.ndarray, y: np.ndarray) -> float:
    model = module.MLPClassifier(max_iter=load.epochs, n_iter_no_change=load.epochs, random_state=0, **load.parameters)
    began = time.perf_counter()
    model.fit(X, y)
    assert model.n_iter_ == load.epochs
    return (time.perf_counter() - began) / load.epochs


def search(module: Any, X: np.ndarray, y: np.ndarray) -> float:
    grid = {"alpha": [1e-4, 1e-2], "hidden_layer_sizes": [(50,), (100,)]}
    began = time.perf_counter()
    GridSearchCV(module.MLPClassifier(max_iter=100, random_state=0), grid, n_jobs=2, cv=3).fit(X, y)
    return time.perf_counter() - began


def one_row(module: Any, X: np.ndarray, y: np.ndarray) -> float:
    model, row = module.MLPClassifier((64,), max_iter=2, random_state=0).fit(X, y), X[:1]
    times = []
    for _ in range(500):
        began = time.perf_counter()
        model.predict(row)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def compare(name: str, unit: float, rounds: int, measure: Callable[[Any], float]) -> None:
    times: dict[str, list[float]] = {"theirs": [], "ours": []}
    modules = {"theirs": neural_network, "ours": chainrule.sklearn}
    for _ in range(rounds + 1):
        for who, module in modules.items():
            time.sleep(PAUSE)
            times[who].append(measure(module) * unit)
    theirs, ours = (statistics.median(times[who][1:]) for who in modules)  # the first round warms up
    ratios = [a / b for a, b in zip(times["theirs"][1:], times["ours"][1:])]
    print(
        f"{name:<56}{theirs:>10.2f}{ours:>10.2f}{theirs / ours:>8.1f}   {min(ratios):.1f} to {max(ratios):.1f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="the workloads whose name contains this; search: the grid search")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"scikit-learn {sklearn.__version__}, chainrule {chainrule.__version__}, {platform.processor() or 'CPU'}")
    print(f"{'milliseconds per epoch':<56}{'theirs':>10}{'ours':>10}{'ratio':>8}   of the rounds")
    for load in WORKLOADS:
        if options.only not in load.name or (load.data is fashion and not FASHION.exists()):
            continue
        X, y = load.data()
        for dtype in (np.float64, np.float32):
            rows = X.astype(dtype)
            name = f"{load.name}, {np.dtype(dtype)}"
            compare(name, 1e3, options.rounds, lambda module, rows=rows: seconds(module, load, rows, y))  # noqa: B023
    if options.only in "search":
        X, y = digits()
        compare(
            "predict of one row, 64-64-10 (microseconds)", 1e6, options.rounds, lambda module: one_row(module, X, y)
        )
        compare("grid search on digits, n_jobs=2 (seconds)", 1, options.rounds, lambda module: search(module, X, y))


if __name__ == "__main__":
    main()
