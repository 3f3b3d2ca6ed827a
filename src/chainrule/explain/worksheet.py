"""The step on paper: some numbers left out, the solution apart; for a class, other numbers for everyone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from chainrule.errors import InputError
from chainrule.explain.exercise import Exercise
from chainrule.explain.formulas import equation_math
from chainrule.explain.mathml import MathML
from chainrule.explain.trace import Tensor, Trace, trace_step
from chainrule.files import write

DIGITS = 3  # of an answer that needs more
BLANKS = 3  # of an array; of a single number that one
LONGEST = 9  # letters of a name beside an array
KINK = "A number lies at the kink of a function; count its slope there as 0."
ATTEMPTS = 100  # at numbers for a student; where all are at a kink, the network is
UNSEEN = 1e-9
HEADINGS = ("id", "student", "name", "student_id", "student id", "username", "email", "matrikelnummer", "matrikel")


@dataclass(frozen=True)
class Blank:
    """A number left out: which, where, and what belongs there."""

    number: int
    key: str
    i: int
    j: int
    answer: float

    @property
    def place(self) -> str:
        return f"{self.key}[{self.i}, {self.j}]"


@dataclass(frozen=True, eq=False)
class Sheet:
    """One student's step, or everybody's where the id is empty."""

    id: str
    trace: Trace
    blanks: tuple[Blank, ...]
    at_a_kink: bool

    @classmethod
    def make(cls, exercise: Exercise, id: str = "") -> Sheet:
        if id:
            exercise = variant(exercise, id)
        trace = trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer, exercise.title)
        return cls(id, trace, tuple(_blanks(trace, _rng(id, "blanks"))), is_at_a_kink(exercise))


def write_worksheets(exercise: Exercise, out: Path, ids: list[str]) -> list[Path]:
    """Write the sheet and its solution; with ids one sheet each, and all answers as CSV. The paths written."""
    sheets = [Sheet.make(exercise, id) for id in ids or [""]]
    paths = worksheet_paths(out, for_students=bool(ids))
    write(paths[0], page(sheets, solved=False))
    write(paths[1], page(sheets, solved=True))
    if ids:
        write(paths[2], answers_csv(sheets))
    return paths


def worksheet_paths(out: Path, *, for_students: bool) -> list[Path]:
    """The sheet, its solution, and for students the answers."""
    solution, answers = (out.with_name(f"{out.stem}-{end}") for end in (f"solution{out.suffix}", "answers.csv"))
    return [out, solution, *[answers] * for_students]


def read_ids(path: Path) -> list[str]:
    """The first column of a CSV file, without its heading."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read it ({getattr(error, 'strerror', None) or 'not UTF-8 text'})") from None
    first = text.partition("\n")[0]
    comma = ";" if ";" in first and "," not in first else ","  # as spreadsheets write it where 1,5 is a number
    ids = [row[0].strip() for row in csv.reader(io.StringIO(text), delimiter=comma) if row and row[0].strip()]
    if ids and ids[0].lower() in HEADINGS:
        ids = ids[1:]
    if not ids:
        raise InputError(f"{path}: expected an id in each line, got none")
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise InputError(f"{path}: expected every id once, got {twice[0]!r} {ids.count(twice[0])} times")
    return ids


def _rng(*words: str) -> np.random.Generator:
    return np.random.default_rng(list(sha256("\0".join(words).encode()).digest()))


def variant(exercise: Exercise, id: str) -> Exercise:
    """The same network and rows with other numbers of one decimal: a function of the id alone."""
    for attempt in range(ATTEMPTS):
        own = _with_numbers(exercise, _rng(id, "numbers", *[str(attempt)] * bool(attempt)))
        if not is_at_a_kink(own):
            break
    return own


def is_at_a_kink(exercise: Exercise) -> bool:
    """Whether gradients jump where the inputs move by less than anybody sees: what is 0 on paper, and shuts a ReLU, a
    rounding may have left at 3e-17."""
    if exercise.net.encoder is not None:
        return False  # measured rows, which nobody has chosen to add up to 0
    shift = np.random.default_rng(0).uniform(0.5, 1.5, np.shape(exercise.X)) * UNSEEN
    near, far = (exercise.net.gradients(exercise.X + side, exercise.y) for side in (shift, -shift))
    return any(np.abs(near[label] - far[label]).max() > 1e3 * UNSEEN for label in near)


def _with_numbers(exercise: Exercise, rng: np.random.Generator) -> Exercise:
    net = exercise.net.copy()
    for label in net.state.named:
        reach = 9 if net[label].ndim > 1 else 5
        net[label][...] = rng.choice([n for n in range(-reach, reach + 1) if n], net[label].shape) / 10
    X = rng.choice([n for n in range(-20, 21) if n], np.shape(exercise.X)) / 10
    y = exercise.y
    if net.loss.target == "labels" and np.ndim(y) == 1:
        y = rng.choice(np.arange(net.n_out) if net.classes is None else net.classes, len(X))
    return replace(exercise, net=net, X=X, y=y)


def _blanks(trace: Trace, rng: np.random.Generator) -> Iterator[Blank]:
    number = 0
    for step in trace.walk[1:]:
        for key in step.shows:
            shape = trace[key].shape
            cells = np.sort(rng.permutation(trace[key].size)[:BLANKS])
            for i, j in zip(*np.unravel_index(cells, shape)):
                number += 1
                yield Blank(number, key, int(i), int(j), float(trace[key][i, j]))


def text(value: float) -> str:
    """A number as it is written on paper: as few digits as it needs, at most `DIGITS`."""
    digits = next((d for d in range(DIGITS) if abs(round(value, d) - value) < 1e-12), DIGITS)
    shown = f"{abs(value):.{digits}f}"
    return f"−{shown}" if value < 0 and float(shown) else shown


def answers_csv(sheets: list[Sheet]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "blank", "cell", "answer"))
    for sheet in sheets:
        for blank in sheet.blanks:
            writer.writerow((sheet.id, blank.number, blank.place, f"{blank.answer:.10g}"))
    return out.getvalue()


def page(sheets: list[Sheet], *, solved: bool) -> str:
    """All sheets as one file of HTML, each on a page of its own."""
    style = (files("chainrule.explain") / "static" / "worksheet.css").read_text(encoding="utf-8")
    title = escape(sheets[0].trace.title) + (" · solution" if solved else "")
    body = "\n".join(_sheet(sheet, solved) for sheet in sheets)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{style}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _sheet(sheet: Sheet, solved: bool) -> str:
    trace, blanks = sheet.trace, {(blank.key, blank.i, blank.j): blank for blank in sheet.blanks}
    shown = [key for step in trace.walk for key in step.shows if key in trace.tensors]
    figures = "".join(_figure(trace, keys, blanks, solved) for keys in _stacks(trace, shown))
    who = f'<p class="id">{escape(sheet.id)}</p>' if sheet.id else ""
    task = "The numbers left out, to three decimals." if solved else "Fill in the numbered cells, to three decimals."
    facts = [escape(trace.summary), _constants(trace), task, *[KINK] * sheet.at_a_kink]
    head = f"<header><h1>{escape(trace.title)}</h1>{who}{''.join(f'<p>{fact}</p>' for fact in facts)}</header>"
    return f'<section class="sheet">{head}<div class="figures">{figures}</div></section>'


def _constants(trace: Trace) -> str:
    """The numbers that the formulas name by a letter, besides η, which the summary has."""
    used = {f.key for equation in trace.equations.values() for term in equation.terms for f in term.factors}
    named = {key: symbol for key, symbol in trace.scalars.items() if key in used and key != "lr"}
    return ", ".join(f"{symbol.text} = {trace[key][0, 0]:g}" for key, symbol in named.items())


def _stacks(trace: Trace, keys: list[str]) -> list[list[str]]:
    """A bias stands below its weights, as in the page, and the loss below that of the rows."""
    stacks: list[list[str]] = []
    for key in keys:
        above = trace.tensors[stacks[-1][-1]].kind if stacks else ""
        if (trace.tensors[key].kind, above) in (("bias", "weight"), ("bias", "bias"), ("scalar", "column")):
            stacks[-1].append(key)
        else:
            stacks.append([key])
    return stacks


def _figure(trace: Trace, keys: list[str], blanks: dict[tuple[str, int, int], Blank], solved: bool) -> str:
    tensor = trace.tensors[keys[0]]
    columns = "".join(f'<th scope="col">{_name(trace, tensor.columns, j)}</th>' for j in range(tensor.values.shape[1]))
    body = "".join(_rows(trace, key, blanks, solved, own_line=key != keys[0]) for key in keys)
    table = f"<table><tr><th></th>{columns}</tr>{body}</table>"
    return f"<figure><figcaption>{_math(trace, keys[0])}</figcaption>{table}</figure>"


def _rows(trace: Trace, key: str, blanks: dict[tuple[str, int, int], Blank], solved: bool, *, own_line: bool) -> str:
    tensor, rows = trace.tensors[key], ""
    height, width = tensor.values.shape
    if own_line:
        rows += f'<tr><th class="line" colspan="{width + 1}">{_math(trace, key)}</th></tr>'
    for i in range(height):
        cells = "".join(_cell(tensor, i, j, blanks.get((key, i, j)), solved) for j in range(width))
        rows += f'<tr><th scope="row">{_name(trace, tensor.rows, i)}</th>{cells}</tr>'
    return rows


def _math(trace: Trace, key: str) -> str:
    equation = trace.equations.get(key)
    return f"<math>{equation_math(trace, equation) if equation else trace.tensors[key].symbol.write(MathML())}</math>"


def _name(trace: Trace, axis: str, n: int) -> str:
    name = trace.axes[axis].names[n]
    return escape(name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…")


def _cell(tensor: Tensor, i: int, j: int, blank: Blank | None, solved: bool) -> str:
    if blank is None:
        return f"<td>{text(float(tensor.values[i, j]))}</td>"
    filled = text(blank.answer) if solved else ""
    return f'<td class="blank"><sup>{blank.number}</sup>{filled}</td>'
