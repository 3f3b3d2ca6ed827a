"""`chainrule diagnose`, and `chainrule check` on code that is not ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from chainrule.errors import InputError


def is_code(target: object) -> bool:
    """FILE.py, FILE.ipynb, or either with :NAME."""
    return str(target).partition(":")[0].endswith((".py", ".ipynb"))


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
    *,
    hint: int = 4,
    mapping: Annotated[list[str] | None, Parameter(name="--map", consume_multiple=True, negative="")] = None,
    seconds: float = 60.0,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    html: Path | None = None,
) -> None:
    """Say which mistake is in a hand-written backward pass.

    Parameters
    ----------
    code
        FILE.py or FILE.ipynb, with :NAME for one class or function of it.
    hint
        How much is told: 0 the verdict, 1 the tensor and a cell, 2 a question, 3 the mistake, 4 formula and change.
    mapping
        ours=theirs, where the conventions do not find a name: forward=think.
    seconds
        How long the code may run.
    as_json
        Print one JSON object instead.
    html
        Write the step as a page, with theirs beside it.
    """
    from chainrule.check.diagnose import diagnose
    from chainrule.check.report import HINTS, text
    from chainrule.check.report import as_json as to_json

    if hint not in HINTS:
        raise InputError(f"--hint: expected 0 to 4, got {hint}")
    if html is not None:
        raise InputError("--html: this version has no page to show a diagnosis on; leave it out")
    found = diagnose(code, mapping=pairs(mapping), seconds=seconds)
    print(json.dumps(to_json(found), allow_nan=False, ensure_ascii=False) if as_json else text(found, hint))


def check_code(code: str) -> None:
    """The numbers alone: each tensor of theirs beside the reference and the differences of their loss."""
    from chainrule.check.diagnose import diagnose
    from chainrule.check.report import table

    found = diagnose(code)
    print(table(found.tables))
    if not found.ok:
        raise InputError(f"{code}: the gradient is not right; `chainrule diagnose {code}` says which mistake it is")
    print("the gradient is the derivative of the loss" if found.consistent else "the gradient is right")
