"""chainrule, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.bench import RATES, Workload, network
from peers import OURS, Peer


class Ours(Peer):
    name = OURS
    packages = ("chainrule",)

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import chainrule as cr

        net = network(load, dtype)
        settings = {"SGD": cr.SGD, "Adam": cr.Adam}[optimizer](lr=RATES[optimizer])
        for epoch in cr.train(net, load.data(dtype), settings, batch_size=load.batch, epochs=10**9):
            yield epoch.loss


PEERS = (Ours(),)
