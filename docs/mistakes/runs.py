"""The numbers on the pages: a wrong pass of the corpus, and the same file with its wrong lines replaced."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from passes.adapters import SIZES, Run, start  # noqa: E402 - the corpus lies with the tests
from passes.catalogue import BY_FILE  # noqa: E402
from passes.entry import Pass  # noqa: E402

Array = np.ndarray
ROWS = 60  # of the task that the passes are trained on
HOPELESS = 1e6
BESIDE = (0.0, 1e-12, -1e-12, 1e-10, -1e-10)  # what starts are moved by, relative to themselves


@dataclass(frozen=True)
class Page:
    """What pages.toml says about a mistake; `wrong` and `right` are lines of `file` and what belongs there."""

    number: int
    slug: str
    title: str
    file: str
    wrong: str
    right: str
    lead: str
    training: str
    alt: str
    short: str  # how it shows, for the index
    heading: str = "In training"
    rates: tuple[float, ...] = ()
    steps: int = 0
    kind: str = "gradients"  # or "again" (the second call), "step" (−Δ/rate), "moves" (an optimizer's first), "check"
    layers: tuple[int, ...] = ()  # shown; all of them where empty
    sizes: Mapping[str, int] | None = None
    rate: float | None = None  # of the step that is shown
    asked: str = ""  # another file of the corpus for the command, where it reads the first one otherwise
    after: str = ""  # said behind what diagnose prints

    @property
    def name(self) -> str:
        return f"{self.number:02}-{self.slug}"

    @property
    def path(self) -> Path:
        return ROOT / "tests" / "passes" / "wrong" / f"{self.file}.py"

    @property
    def shown(self) -> Path:
        """The file that the command is shown with."""
        return self.path.with_stem(self.asked or self.file)

    @property
    def entry(self) -> Pass:
        """How the corpus calls this file."""
        found = BY_FILE[f"wrong/{self.file}.py"]
        return replace(found, sizes={**found.sizes, **(self.sizes or {})}, rate=self.rate or found.rate)

    def repaired(self, folder: Path) -> Pass:
        """The same file with its wrong lines replaced, written to a folder."""
        text = self.path.read_text(encoding="utf-8")
        if text.count(self.wrong) != 1:
            raise ValueError(
                f"{self.path}: the wrong lines of page {self.number} are there {text.count(self.wrong)} times"
            )
        path = folder / f"{self.file}.py"
        path.write_text(text.replace(self.wrong, self.right), encoding="utf-8")
        return replace(self.entry, file=str(path.resolve()))


def pages() -> list[Page]:
    """All pages, in the order of their numbers."""
    told = tomllib.loads((HERE / "pages.toml").read_text(encoding="utf-8"))["page"]
    return [Page(**{k: tuple(v) if isinstance(v, list) else v for k, v in page.items()}) for page in told]


def task(entry: Pass) -> tuple[Array, Array]:
    """Rows that a small network can learn, with targets of the kind this pass takes."""
    rng = np.random.default_rng(5)
    sizes = {**SIZES, **entry.sizes}
    X = rng.normal(size=(ROWS, sizes["I"]))
    z = 2 * np.tanh(X @ rng.normal(size=(sizes["I"], 6))) @ rng.normal(size=(6, sizes["K"])) / 2
    labels = z.argmax(axis=1)
    targets = {
        "labels": labels,
        "onehot": np.eye(sizes["K"])[labels],
        "flat": (z[:, 0] > 0) * 1.0,
        "real": z,
        "multilabel": (z > 0) * 1.0,
        "real column": z[:, 0],
        "unit": 1 / (1 + np.exp(-z)),
    }
    return X, targets[entry.data]


def gradients(page: Page, entry: Pass) -> dict[str, Array]:
    """Of the pass, of its second call or of its step, whatever the page shows."""
    run = Run(replace(entry, backward="") if page.kind == "step" else entry, start(entry))
    if page.kind == "again":
        run.gradients()
    return run.gradients()


def figures(page: Page, right: Mapping[str, Array], yours: Mapping[str, Array]) -> list[tuple[str, Array, Array, int]]:
    """Each layer's gradient as a matrix with the bias as its last row: title, right, yours, rows of the bias."""
    paths = list(right)
    paired = len(paths) % 2 == 0 and all(right[path].ndim < 2 or len(right[path]) == 1 for path in paths[1::2])
    weights, biases = (paths[::2], paths[1::2]) if paired else (paths, [])
    found = []
    for n, path in enumerate(weights, start=1):
        if page.layers and n not in page.layers:
            continue
        bias = biases[n - 1] if biases else None
        title = f"∂L/∂W{subscript(n)}" + (f" and ∂L/∂b{subscript(n)}" if bias else "")
        pair = [stacked(of[path], of[bias] if bias else None) for of in (right, yours)]
        found.append((title, *pair, int(bias is not None)))
    return found


def subscript(n: int) -> str:
    return "₀₁₂₃₄₅₆₇₈₉"[n]


def stacked(weight: Array, bias: Array | None) -> Array:
    """(I, O), or (I + 1, O) with the bias below; a vector of weights is a column."""
    matrix = weight.reshape(len(weight), -1)
    return matrix if bias is None else np.vstack([matrix, np.broadcast_to(bias.reshape(1, -1), (1, matrix.shape[1]))])


def trainings(entry: Pass, judge: Pass, rate: float, steps: int) -> list[list[float]]:
    """`train` from starts so near to one another that only rounding tells them apart later on, or nothing does."""
    return [train(entry, judge, rate, steps, beside) for beside in BESIDE]


def train(entry: Pass, judge: Pass, rate: float, steps: int, beside: float = 0.0) -> list[float]:
    """The loss before and after each step of gradient descent, or of the pass's own step. It ends where all is lost.

    `judge` is the pass whose loss is told: the right one.
    """
    X, Y = task(entry)
    values = {path: value * (1 + beside) for path, value in start(entry).items()}
    run, right = Run(replace(entry, rate=rate), values), Run(judge)
    for one in (run, right):
        one.space["X"], one.space["Y"] = X.copy(), Y.copy()
    if "mask" in run.space:
        run.space["mask"] = right.space["mask"] = run.space["make_mask"](ROWS, SIZES["H"])
    told = []
    with np.errstate(all="ignore"):
        for step in range(steps + 1):
            values = run.parameters()
            for path, value in values.items():
                right.set(path, value)
            told.append(right.loss())
            if step == steps or not told[-1] < HOPELESS:
                break
            if entry.backward and by_gradient(entry):
                for path, gradient in run.gradients().items():
                    run.set(path, values[path] - rate * gradient.reshape(values[path].shape))
            else:
                run.run(entry.step)
    return told


def by_gradient(entry: Pass) -> bool:
    """Whether plain gradient descent trains it, and not its own optimizer."""
    return entry.optimizer == "sgd" and not (entry.shows == "step" and entry.step)


def moves(entry: Pass, steps: int, cells: int) -> Array:
    """(steps, cells): what the first steps add to the first weights, in units of the rate."""
    run = Run(entry, start(entry))
    path, told = next(iter(entry.tensors)), []
    for _ in range(steps):
        before = run.parameters()[path]
        run.run(entry.step)
        told.append((run.parameters()[path] - before).ravel()[:cells] / entry.rate)
    return np.array(told)


def check_errors(dtype: type, steps: Sequence[float]) -> list[tuple[float, float]]:
    """(log₁₀ h, worst relative error) of central differences of networks' losses, all arithmetic in one dtype.

    The median of many networks: the error of one is rounding, of which no two machines have the same.
    """
    errors = np.median([check_error(np.random.default_rng(seed), dtype, steps) for seed in range(50)], axis=0)
    return list(zip(np.log10(steps).tolist(), errors.tolist()))


def check_error(rng: np.random.Generator, dtype: type, steps: Sequence[float]) -> list[float]:
    """The worst error at each step, of a softmax regression drawn from `rng`."""
    X, W = rng.normal(size=(7, 4)).astype(dtype), rng.normal(size=(4, 3)).astype(dtype)
    y = rng.integers(0, 3, 7)

    def loss(W: Array) -> Any:
        z = X @ W
        return (np.log(np.exp(z).sum(axis=1)) - z[np.arange(7), y]).mean(dtype=dtype)

    p = np.exp(X.astype(float) @ W.astype(float))
    right = X.T.astype(float) @ ((p / p.sum(axis=1, keepdims=True) - np.eye(3)[y]) / 7)
    told = []
    for h in steps:
        numeric = np.empty(W.shape)
        for cell in np.ndindex(W.shape):
            up, down = W.copy(), W.copy()
            up[cell] += dtype(h)
            down[cell] -= dtype(h)
            numeric[cell] = (float(loss(up)) - float(loss(down))) / (2 * h)
        told.append(float((abs(numeric - right) / abs(right)).max()))
    return told
