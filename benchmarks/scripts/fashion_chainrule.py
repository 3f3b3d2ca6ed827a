"""Fashion-MNIST in chainrule, ten epochs: python fashion_chainrule.py FOLDER MODEL"""

from __future__ import annotations

import sys

import chainrule as cr
from fashion_data import read


def main(folder: str, model: str) -> None:
    layers = [cr.Dense(128), cr.ReLU(), cr.Dense(128), cr.ReLU(), cr.Dense(10)]
    net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=784, seed=0)
    for epoch in cr.train(net, read(folder, "train"), cr.Adam(lr=1e-3), batch_size=128, epochs=10):
        print(epoch)
    net.save(model)
    print(f"test accuracy {net.score(*read(folder, 't10k')):.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
