"""PyTorch: eager with its default optimizer, with the fused one, and with the fused one beside a compiled loss: gather,
forward, loss and backward are compiled, zero_grad and the optimizer's step are calls of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from chainrule.bench import BETA1, BETA2, EPSILON, RATES, Workload
from peers import Peer, cores


def network(load: Workload, dtype: str) -> Any:
    """An nn.Sequential with the workload's initial weights."""
    import torch
    from torch import nn

    layers = [layer for shape in load.shapes for layer in (nn.Linear(*shape), nn.ReLU())][:-1]
    net = nn.Sequential(*layers).to(getattr(torch, dtype))
    with torch.no_grad():
        for linear, (W, b) in zip(net[::2], load.initial(dtype)):
            linear.weight.copy_(torch.from_numpy(W.T))
            linear.bias.copy_(torch.from_numpy(b))
    return net


class PyTorch(Peer):
    packages = ("torch",)

    def __init__(self, name: str, *, fused: bool = False, compiled: bool = False) -> None:
        self.name = f"PyTorch {name}"
        self._fused, self._compiled = fused, compiled

    def _optimizer(self, optimizer: str, parameters: Any) -> Any:
        import torch

        if optimizer == "SGD":
            return torch.optim.SGD(parameters, lr=RATES["SGD"], fused=self._fused or None)
        betas = (BETA1, BETA2)
        return torch.optim.Adam(parameters, lr=RATES["Adam"], betas=betas, eps=EPSILON, fused=self._fused or None)

    def _loss(self, net: Any, X: Any, t: Any) -> Callable[[Any], Any]:
        """From row numbers to the loss; compiled with the gather, of one shape."""
        import torch
        from torch.nn.functional import cross_entropy

        def loss(rows: Any) -> Any:
            return cross_entropy(net(X.index_select(0, rows)), t.index_select(0, rows))

        return torch.compile(loss, dynamic=False, fullgraph=True) if self._compiled else loss

    def epochs(self, load: Workload, optimizer: str, dtype: str) -> Iterator[float]:
        import torch

        torch.set_num_threads(cores())
        net = network(load, dtype)
        X, t = (torch.from_numpy(array) for array in load.data(dtype))
        loss_of, rule = self._loss(net, X, t), self._optimizer(optimizer, net.parameters())
        while True:
            losses = []
            for rows in torch.randperm(load.rows).split(load.batch):
                rule.zero_grad(set_to_none=True)
                loss = loss_of(rows)
                loss.backward()
                rule.step()
                losses.append(loss.detach())
            yield torch.stack(losses).mean().item()


PEERS = (PyTorch("eager"), PyTorch("fused optimizer", fused=True), PyTorch("compiled", fused=True, compiled=True))
