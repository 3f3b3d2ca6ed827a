"""Every pass of the corpus: the right ones, the wrong ones, and the right gradient check."""

from __future__ import annotations

from passes.entry import Pass
from passes.right_functions import OTHERS
from passes.right_objects import OBJECTS
from passes.wrong_01_09 import FIRST
from passes.wrong_10_18 import RIGHT_CHECKER, SECOND

RIGHT: tuple[Pass, ...] = (*OBJECTS, *OTHERS)
WRONG: tuple[Pass, ...] = (*FIRST, *SECOND)
PASSES: tuple[Pass, ...] = (*RIGHT, RIGHT_CHECKER, *WRONG)
BY_FILE: dict[str, Pass] = {entry.file: entry for entry in PASSES}
