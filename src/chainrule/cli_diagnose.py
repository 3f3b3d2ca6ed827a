"""`chainrule diagnose`, and `chainrule check` on code that is not ours."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from chainrule.errors import InputError, require_count
from chainrule.options import Whole

if TYPE_CHECKING:
    from chainrule.arrays import Array
    from chainrule.check.report.diagnosis import Diagnosis

NAMES = Annotated[list[str] | None, Parameter(name="--map", consume_multiple=True, negative="")]
HELD = 16  # rows of --data, where no number is given


def is_code(target: object) -> bool:
    """FILE.py, FILE.ipynb, or either with :NAME."""
    return re.search(r"\.(py|ipynb)(:[^/\\]*)?$", str(target)) is not None


def pairs(words: list[str] | None) -> dict[str, str]:
    """--map forward=think W1=alpha. InputError where there is no =."""
    found = {}
    for word in words or []:
        ours, equals, theirs = word.partition("=")
        if not (ours and equals and theirs):
            raise InputError(f"--map: expected ours=theirs such as forward=think, got {word!r}")
        found[ours] = theirs
    return found


def diagnose_command(
    code: str,
    /,
    *,
    hint: Whole = 4,
    mapping: NAMES = None,
    reference: Path | None = None,
    data: str | None = None,
    target: str | None = None,
    rows: Whole = HELD,
    seconds: float = 60.0,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    html: Path | None = None,
) -> None:
    """Say which mistake is in a hand-written backward pass.

    The code runs in a process of its own. Of a notebook, the cells' imports, functions, classes and constants run;
    errors count its code cells from 1.

    Parameters
    ----------
    code
        FILE.py or FILE.ipynb, with :NAME for one class or function of it.
    hint
        How much is told: 0 the verdict, 1 the tensor and a cell, 2 a question, 3 the mistake, 4 formula and change.
    mapping
        ours=theirs, where the conventions do not find a name: forward=think loss=cost backward=learn; W1=alpha b1=beta
        for parameters, dW1=da for their gradients (dW=dkernel for those of all layer objects); X=pixels for arguments.
    reference
        A saved model with the layers and the loss that were asked for. Without it, the reference is inferred from
        their predictions and loss.
    data
        Rows to use instead of made ones: a file or dataset as for train, with numbers only.
    target
        The target's column in --data; of images, the file of their labels.
    rows
        How many rows of --data.
    seconds
        How long the code may run.
    as_json
        Print one JSON object instead: subject, verdict, ok, said, consistent_with_own_loss, reference, asked_for, cell,
        questions, mistakes, layers, constants, also, tells, tensors, probes, not_tested, needs, notes.
    html
        Write a step on a few rows as a page, with their gradients as a lane beside the right ones.
    """
    from chainrule.check.given import split
    from chainrule.check.report.page import OUTLINES
    from chainrule.check.report.words import HINTS, text
    from chainrule.check.report.words import as_json as to_json
    from chainrule.data.datasets import files_of
    from chainrule.files import require_writable

    if hint not in HINTS:
        raise InputError(f"--hint: expected 0 to 4, got {hint}")
    if html is not None:
        if hint < 1:
            raise InputError(OUTLINES)
        require_writable(html, reads=[split(code)[0], reference, target, *files_of(data)])
    found = _diagnosed(code, mapping, reference, data, target, rows, seconds)
    if as_json:
        print(json.dumps(to_json(found, hint), allow_nan=False))
    else:
        print(text(found, hint))
    if html is not None:
        found.page(hint).save(html)
        if not as_json:
            print(f"Saved to {html}. Open it in a browser.")


def check_code(
    code: str,
    mapping: list[str] | None = None,
    reference: Path | None = None,
    data: str | None = None,
    target: str | None = None,
    rows: int = HELD,
    seconds: float = 60.0,
) -> None:
    """The numbers alone: each tensor of theirs beside the reference and the differences of their loss."""
    from chainrule.check.report.words import ALONE, table, verdict

    found = _diagnosed(code, mapping, reference, data, target, rows, seconds)
    print(found.subject)
    if found.tables:
        print(table(found.tables))
    print(f"compared with {ALONE if found.reference == 'none' else found.reference}")
    for note in found.notes:
        print(f"note: {note}")
    if found.verdict == "no reference":
        raise InputError(f"{code}: undecided: it gives no gradients that could be compared with a loss")
    if found.no_gradient:
        missing = " and ".join(found.no_gradient)
        raise InputError(f"{code}: undecided: no gradient of {missing} was found; what was found is right")
    if not found.ok:
        raise InputError(f"{code}: the gradient is not right; `chainrule diagnose {code}` says which mistake it is")
    print(verdict(found))
    if found.asked is not None:
        if not found.asked.agrees:
            raise InputError(f"{code}: not the gradient of the loss that was asked for: {found.asked.why}")
        print("It is the gradient of the loss that was asked for.")


def _diagnosed(
    code: str,
    mapping: list[str] | None,
    reference: Path | None,
    data: str | None,
    target: str | None,
    rows: int,
    seconds: float,
) -> Diagnosis:
    from chainrule.check.diagnose import diagnose
    from chainrule.files import load

    require_count("--rows", rows, least=2)
    if data is None and rows != HELD:
        raise InputError("--rows: how many of the rows, which were not given")
    if data is None and target is not None:
        raise InputError("--target: the target of rows, which were not given")
    X, y = (None, None) if data is None else _rows(data, target, rows)
    asked = None if reference is None else load(reference)
    return diagnose(code, X, y, mapping=pairs(mapping), reference=asked, seconds=seconds)


def _rows(data: str, target: str | None, rows: int) -> tuple[Any, Any]:
    """The first rows of a table as numbers, and their targets: labels as indices."""
    import numpy as np

    from chainrule.cli_train import load_labelled
    from chainrule.data.table import Table
    from chainrule.job import pick_target

    dataset, target = load_labelled(data, target)
    X, y = dataset.X, dataset.y
    if y is None:
        _, X, y = pick_target(dataset, target)
    if isinstance(X, Table):
        text = [name for name, column in X.columns.items() if column.dtype.kind not in "fiub"]
        if text:
            raise InputError(f"{data}: expected numbers to compute with, got text in {', '.join(text)}")
        X = np.column_stack(list(X.columns.values()))
    return np.asarray(X[:rows], dtype=np.float64).reshape(min(rows, len(X)), -1), _numbered(data, np.asarray(y), rows)


def _numbered(data: str, y: Array, rows: int) -> Array:
    """The first targets; labels as indices among those of all rows. InputError where a row that is used has none."""
    import numpy as np

    from chainrule.arrays import row_name
    from chainrule.data.table import is_missing

    missing = np.array([is_missing(cell) for cell in y.tolist()])
    if missing[:rows].any():
        raise InputError(f"{data}: expected a target in every row, got none in {row_name(int(missing.argmax()), 1)}")
    return y[:rows] if y.dtype.kind in "fiub" else np.searchsorted(np.unique(y[~missing]), y[:rows])
