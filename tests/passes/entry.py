"""What the catalogue says about one hand-written pass: how to call it, what it claims, which mistake is in it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pass:
    """One file. The texts are Python that runs in the file's own namespace, with `X`, `Y` and the sizes N, I, H, J, K.

    `make` builds the network; `loss` is statements whose last one, after the last semicolon, is the loss;
    `backward` leaves the gradients; `tensors` maps a parameter to its gradient, both expressions. Without `backward`,
    the gradient is the change of a plain SGD `step` at rate `rate`, divided by the rate.
    """

    file: str
    style: str
    claims: str  # activation, output, loss, scaling, penalty: what the code says it computes
    make: str
    loss: str
    tensors: dict[str, str]
    backward: str = ""
    step: str = ""
    rate: float = 0.1
    optimizer: str = "sgd"  # what `step` claims to be, a name in adapters.OPTIMIZERS
    settings: dict[str, float] = field(default_factory=dict)  # of the optimizer
    data: str = "labels"  # a name in adapters.TARGETS; "own" where the file has DATA()
    sizes: dict[str, int] = field(default_factory=dict)  # where others than the usual ones are needed
    name: str = ""  # NAME of FILE:NAME, where one name is the entry
    tolerance: float = 1e-6  # of a tensor's largest entry
    nudge: float = 1e-5  # step of the central differences
    note: str = ""
    mistakes: tuple[int, ...] = ()
    what: str = ""  # what is wrong, in words
    constant: dict[str, float] = field(
        default_factory=dict
    )  # the unknown to solve for; factor: H/G; share of W: (H − G)/W
    shows: str = ""  # where the mistake is visible; see test_passes.py
    twin: str = ""  # the right pass it was made from
    watch: str = ""  # what must not change in a backward pass

    @property
    def right(self) -> bool:
        """Whether the file holds no mistake."""
        return not self.mistakes
