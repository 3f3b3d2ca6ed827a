"""Fashion-MNIST's idx files, for the scripts whose library has no reader of its own."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np


def read(folder: str, name: str) -> tuple[Any, Any]:
    """Pixels from -1 to 1 (N, 784) in float32, and labels (N,) of "train" or "t10k"."""
    with gzip.open(Path(folder) / f"{name}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
    with gzip.open(Path(folder) / f"{name}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    X = pixels.astype(np.float32)
    X -= 127.5
    X /= 127.5
    return X, labels.astype(np.int64)
