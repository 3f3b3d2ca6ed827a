"""Fashion-MNIST in PyTorch, ten epochs: python fashion_torch.py FOLDER MODEL"""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from fashion_data import read


def main(folder: str, model: str) -> None:
    X, t = (torch.from_numpy(array) for array in read(folder, "train"))
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)
    for epoch in range(1, 11):
        losses = []
        for rows in torch.randperm(len(X)).split(128):
            optimizer.zero_grad(set_to_none=True)
            loss = cross_entropy(net(X.index_select(0, rows)), t.index_select(0, rows))
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        print(f"epoch {epoch}: loss {torch.stack(losses).mean().item():.4f}")
    torch.save(net.state_dict(), model)
    X, t = (torch.from_numpy(array) for array in read(folder, "t10k"))
    with torch.inference_mode():
        print(f"test accuracy {(net(X).argmax(1) == t).double().mean().item():.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
