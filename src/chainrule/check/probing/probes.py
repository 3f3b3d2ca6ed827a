"""What the probes are called: in notes on what did not run, in rules that need them, in reports."""

from __future__ import annotations

GRADIENTS, AGAIN, OTHER, SECOND, STEP, LOSS, FORWARD, OPTIMIZER, CHECKER = (
    "gradients", "gradients again", "gradients on other data", "gradients at a second batch size", "one step", "loss",
    "forward", "steps of an optimizer", "a gradient check",
)  # fmt: skip

BACKWARD, BATCHES, LARGE, NUMERIC = (  # what a single rule needs
    "backward again", "a step over two batches", "forward with large scores", "differences of the loss",
)  # fmt: skip
RATE, REFERENCE = "a rate", "a reference"  # what else a rule may lack

PROBES = (FORWARD, LOSS, GRADIENTS, AGAIN, OTHER, SECOND, STEP, OPTIMIZER, CHECKER)
