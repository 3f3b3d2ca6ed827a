"""The sizes of a network and of its data: pairwise different, so that no two mistakes look alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Pairwise different, none of them 1 or 2, unless their code leaves no choice."""

    n_in: int = 5
    hidden: tuple[int, ...] = (4, 6)
    n_out: int = 3
    rows: tuple[int, ...] = (11, 11, 8)  # one for each draw: the same size twice, then another

    def chain(self, depth: int) -> list[int]:
        """Widths of a network of so many dense layers."""
        extra = [width for width in (7, 9, 10, 12, 13) if width not in self.rows]
        return [self.n_in, *(*self.hidden, *extra)[: depth - 1], self.n_out]
