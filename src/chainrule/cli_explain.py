"""`chainrule explain`: one training step as a page, or as a worksheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from chainrule.data.datasets import files_of
from chainrule.errors import InputError, require_count
from chainrule.explain import explain
from chainrule.explain.exercise import LECTURE, Exercise, parse_exercise, read_exercise
from chainrule.files import load, require_writable
from chainrule.optimizers import SGD
from chainrule.options import OptionalWhole
from chainrule.screen import Screen

FLAG = Parameter(negative="")


def explain_command(
    source: Path | None = None,
    data: str | None = None,
    /,
    *,
    target: str | None = None,
    rows: OptionalWhole = None,
    lr: float | None = None,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("step.html"),
    worksheet: Annotated[bool, FLAG] = False,
    students: Path | None = None,
    template: Annotated[bool, FLAG] = False,
) -> None:
    """Write one training step as a page that says where each number comes from; without a file, the lecture's case.

    Parameters
    ----------
    source
        A model file that train wrote, with data; or a .toml file with the numbers of an exercise.
    data
        The model's rows, with their targets.
    target
        The targets' column, where it is called something else than in training; of images, the file of their labels.
    rows
        How many of them, from the first on: 4 where nothing is said.
    lr
        The learning rate of the step, which is one of SGD: 0.1 where nothing is said. An exercise has its own.
    out
        The page.
    worksheet
        The step with blanks to print, and its solution in a file of its own.
    students
        A CSV file of ids: a worksheet with other numbers for each, and a CSV file of all answers.
    template
        Print the lecture's case as a .toml file to start from, and do nothing else.
    """
    screen = Screen()
    if template:
        print(LECTURE, end="")
        return
    from chainrule.explain.worksheet import read_ids, worksheet_paths, write_worksheets

    on_paper = worksheet or students is not None
    reads = [source, students, target, *files_of(data)]
    require_writable(out, reads=reads)
    if on_paper:
        require_writable(*worksheet_paths(out, for_students=students is not None), reads=reads)
    exercise = _exercise(source, data, target, rows, lr)
    if on_paper:
        if students is not None and data is not None:
            raise InputError(
                "--students: expected an exercise (.toml) or no file; a trained model has one set of numbers"
            )
        ids = [] if students is None else read_ids(students)
        for path in write_worksheets(exercise, out, ids):
            screen.text(f"Saved to {path}")
        if ids:
            screen.text(f"Sheets: {len(ids)}, the first for {ids[0]}, the last for {ids[-1]}.")
        return
    page = explain(exercise.net, exercise.X, exercise.y, exercise.optimizer, title=exercise.title)
    page.save(out)
    screen.text(f"Saved to {out}: {page.trace.summary}; loss {page.trace.loss:.6g}. Open it in a browser.")


def _exercise(
    source: Path | None, data: str | None, target: str | None, rows: int | None, lr: float | None
) -> Exercise:
    if source is None or source.suffix == ".toml":
        for option, given in (("--target", target), ("--rows", rows), ("--lr", lr)):
            if given is not None:
                raise InputError(
                    f"{option}: an exercise has its own; chainrule explain --template prints one to start from"
                )
    if source is None:
        return parse_exercise(LECTURE, "the lecture's case")
    if source.suffix == ".toml":
        if data is not None:
            raise InputError(f"{data}: the rows of an exercise stand in {source}; leave the data out")
        return read_exercise(source)
    if data is None:
        raise InputError(f"{source}: expected data beside the model, as in: chainrule explain {source} rows.csv")
    rows = 4 if rows is None else rows
    require_count("--rows", rows)
    return _from_model(source, data, target, rows, 0.1 if lr is None else lr)


def _from_model(source: Path, data: str, target: str | None, rows: int, lr: float) -> Exercise:
    from chainrule.cli import known_rows

    net = load(source)
    X, y = known_rows(net, data, target, rows)
    return Exercise(f"One training step of {source.name}", net, X, y, SGD(lr=lr))
