"""chainrule, as its documentation shows it."""

from __future__ import annotations

from collections.abc import Iterator

from peers import OURS, Peer
from workloads import RATES, Workload


class Ours(Peer):
    name = OURS
    packages = ("chainrule",)

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import chainrule as cr

        layers = [layer for units in load.widths[1:] for layer in (cr.Dense(units), cr.ReLU())][:-1]
        net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=load.widths[0], dtype=dtype)
        for i, (W, b) in enumerate(load.initial(dtype), 1):
            net[f"W{i}"][...], net[f"b{i}"][...] = W, b
        settings = {"SGD": cr.SGD, "Adam": cr.Adam}[optimizer](lr=RATES[optimizer])
        for epoch in cr.train(net, load.data(dtype), settings, batch_size=load.batch, epochs=10**9):
            yield epoch.loss


PEERS = (Ours(),)
