"""Fashion-MNIST in scikit-learn, ten epochs: python fashion_sklearn.py FOLDER MODEL"""

from __future__ import annotations

import sys
import warnings

import joblib
import numpy as np
from sklearn import set_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from fashion_data import read


def main(folder: str, model: str) -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)  # ten epochs are what is asked for
    set_config(assume_finite=True)
    net = MLPClassifier(
        (128, 128), alpha=0.0, batch_size=128, max_iter=10, n_iter_no_change=np.inf, random_state=0, verbose=True
    )
    net.fit(*read(folder, "train"))
    joblib.dump(net, model)
    print(f"test accuracy {net.score(*read(folder, 't10k')):.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
