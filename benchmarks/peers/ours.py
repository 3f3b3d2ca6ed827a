"""chainrule, as its documentation shows it: as many epochs in a call as JAX in a dispatch, or one."""

from __future__ import annotations

from collections.abc import Iterator

from chainrule.bench import RATES, Workload, network
from peers import OURS, Peer, together

SEVERAL = 20


class Ours(Peer):
    name = OURS
    packages = ("chainrule",)

    def dispatch(self, load: Workload) -> int:
        return SEVERAL if together(load, SEVERAL) else 1

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import chainrule as cr

        net, data, per_call = network(load, dtype), load.data(dtype), self.dispatch(load)
        settings = {"SGD": cr.SGD, "Adam": cr.Adam}[optimizer](lr=RATES[optimizer])
        for epoch in cr.train(net, data, settings, batch_size=load.batch, epochs=10**9, epochs_per_call=per_call):
            yield epoch.loss


class EpochAtOnce(Ours):
    name = f"{OURS}, an epoch a call"
    floor = True

    def dispatch(self, load: Workload) -> int:
        return 1


PEERS = (Ours(), EpochAtOnce())
