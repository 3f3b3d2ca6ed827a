"""What the command line shows: tables and a progress bar on a terminal, plain text elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table as RichTable

from chainrule.arrays import Array
from chainrule.data.columns import Categorical, Number
from chainrule.data.encoder import Encoder, TableEncoder
from chainrule.errors import counted
from chainrule.history import Epoch
from chainrule.job import Problem
from chainrule.yardsticks import Yardstick, not_better


class Screen:
    """Results go to stdout, progress to stderr; with `quiet` neither."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.out = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, quiet=quiet, highlight=False)

    def line(self, label: str, text: str) -> None:
        self.out.print(f"[bold]{label:<10}[/bold] ", end="")
        self.out.print(text, markup=False)

    def text(self, text: str) -> None:
        self.out.print(text, markup=False)

    def problem(self, problem: Problem) -> None:
        """What was read, and how it was encoded."""
        n_rows = sum(len(part) for part in (problem.train, problem.valid, problem.test) if part is not None)
        self.line("data", f"{problem.name}: {n_rows:,} rows, {counted(problem.n_columns, 'column')} and the target")
        self.line("target", f"{problem.target_name}: {_describe_target(problem)}")
        for line in describe_encoder(problem.encoder):
            self.line("encoded", line)
        valid = f"{len(problem.valid):,} for early stopping" if problem.valid is not None else "none for early stopping"
        self.line("rows", f"{len(problem.train):,} for training, {valid}, {len(problem.test):,} for the test")

    @contextmanager
    def progress(self, total: int) -> Iterator[Any]:
        """A bar to call with each Epoch."""
        # the text is one column: where it is narrow the bar gives way, then the text's end
        text = "epoch {task.completed}/{task.total}  {task.elapsed:.0f} s{task.fields[state]}"
        with Progress(BarColumn(30), TextColumn(text), console=self.err) as bar:
            task = bar.add_task("", total=total, state="")

            def show(epoch: Epoch) -> None:
                valid = "" if epoch.valid_loss is None else f"  valid {epoch.valid_loss:.4f}"
                best = epoch.number - epoch.since_best
                more = "".join(f"  {name} {value:.4f}" for name, value in epoch.metrics.items())
                state = f"  loss {epoch.loss:.4f}{valid}  score {epoch.score:.4f}  best epoch {best}{more}"
                bar.update(task, advance=1, state=state)

            yield show

    def yardsticks(self, sticks: list[Yardstick], score_name: str) -> None:
        table = RichTable(box=None, pad_edge=False, header_style="bold")
        table.add_column("on the test rows")
        for heading in (score_name, "± std. error", "seconds"):
            table.add_column(heading, justify="right")
        for stick in sticks:
            error = "" if stick.error is None else f"{stick.error:.4f}"
            table.add_row(stick.name, f"{stick.score:.4f}", error, f"{stick.seconds:.2f}")
        self.out.print()
        self.out.print(table)
        linear = [stick for stick in sticks if stick.name == "linear model"]
        if linear and not_better(sticks[-1], linear[0]):
            self.text("The network is not better than the linear model by more than the error: prefer the simpler one.")


def _describe_target(problem: Problem) -> str:
    if problem.classes is None:
        y = problem.train.y
        return f"a quantity from {y.min():.6g} to {y.max():.6g}, mean {y.mean():.6g}"
    counts = [int((problem.train.y == label).sum()) for label in problem.classes]
    if len(counts) > 6:
        return f"{len(counts)} classes, {min(counts):,} to {max(counts):,} training rows each"
    return ", ".join(f"{label} ({count:,})" for label, count in zip(problem.classes.tolist(), counts)) + " for training"


def describe_encoder(encoder: Encoder) -> Iterable[str]:
    if not isinstance(encoder, TableEncoder):
        yield f"{encoder.n_features:,} pixels, scaled to -1 to 1"
        return
    text = [column for column in encoder.columns if isinstance(column, Categorical)]
    flags = sum(isinstance(column, Number) and column.flag for column in encoder.columns)
    parts = [f"{len(encoder.columns) - len(text)} numeric", f"{len(text)} categorical"]
    yield f"{' and '.join(parts)} columns as {encoder.n_features:,} inputs" + (
        f", {flags} of them flags for missing values" if flags else ""
    )
    yield from encoder.notes


def confusion(y: Array, prediction: Array, classes: Array) -> str:
    """Rows: what it is; columns: what was predicted."""
    counts = np.array([[((y == a) & (prediction == b)).sum() for b in classes] for a in classes])
    labels = [str(label) for label in classes.tolist()]
    width = max(len(text) for text in (*labels, str(counts.max()))) + 2
    lines = ["".join(f"{text:>{width}}" for text in ("", *labels))]
    lines += [f"{label:>{width}}" + "".join(f"{n or '·':>{width}}" for n in row) for label, row in zip(labels, counts)]
    return "\n".join(lines)
