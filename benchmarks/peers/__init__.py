"""Everyone who competes: each module of this folder has a tuple PEERS. Nothing is imported before it is asked for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pkgutil import iter_modules

from chainrule.backends.threads import limit
from chainrule.bench import Workload

OURS = "chainrule"


class Peer(ABC):
    """One way to train. What it takes to be ready (compiling, copying the data) happens before its first loss."""

    name: str
    packages: tuple[str, ...] = ()  # what it needs, as they are installed
    modules: tuple[str, ...] = ()  # and as they are imported, where the names differ
    floor = False  # shown for orientation, after the peers
    trains = True  # a yardstick that only does part of the work has no loss

    def available(self) -> bool:
        return all(find_spec(module) is not None for module in self.modules or self.packages)

    def versions(self) -> dict[str, str]:
        return {package: version(package) for package in self.packages}

    def suits(self, load: Workload) -> bool:
        return True

    def dispatch(self, load: Workload) -> int:
        """Epochs that are computed together: a measurement is made of whole ones."""
        return 1

    @abstractmethod
    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        """Train without end; the mean loss of each epoch."""


def together(load: Workload, epochs: int) -> bool:
    """Whether so many epochs are little enough work to be computed in one go."""
    return epochs * load.steps * load.flops < 1e12


def cores() -> int:
    """Cores this process may use, by its affinity, control group and environment: everyone gets as many threads."""
    return limit()


def all_peers() -> dict[str, Peer]:
    """By name: ours, then the peers, then the floors."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    peers = [peer for module in modules for peer in module.PEERS]
    return {peer.name: peer for peer in sorted(peers, key=lambda peer: (peer.name != OURS, peer.floor))}
