"""Every pass of the corpus: the right ones, the wrong ones, and the right gradient check."""

from __future__ import annotations

from passes.entry import Pass
from passes.right_list import RIGHT
from passes.wrong_list import RIGHT_CHECKER, WRONG

PASSES: tuple[Pass, ...] = (*RIGHT, RIGHT_CHECKER, *WRONG)
BY_FILE: dict[str, Pass] = {entry.file: entry for entry in PASSES}
