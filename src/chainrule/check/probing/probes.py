"""What the probes are called: in notes on what did not run, in rules that need them, in reports."""

from __future__ import annotations

GRADIENTS, AGAIN, OTHER, SECOND, STEP, LOSS, FORWARD, OPTIMIZER, CHECKER = (
    "gradients", "gradients again", "gradients on other data", "gradients at a second batch size", "one step", "loss",
    "forward", "steps of an optimizer", "a gradient check",
)  # fmt: skip

BACKWARD, BATCHES, LARGE = "backward again", "a step over two batches", "forward with large scores"  # for one rule each

PROBES = (FORWARD, LOSS, GRADIENTS, AGAIN, OTHER, SECOND, STEP, OPTIMIZER, CHECKER)
