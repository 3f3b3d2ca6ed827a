"""What the division by N does, and what the sign of "actual - prediction" does: the runs of docs/lecture.md."""

import numpy as np

import chainrule as cr
from chainrule.data import digits


class SummedCrossEntropy(cr.SoftmaxCrossEntropy):
    """Softmax cross-entropy as it is without the division: the sum over the batch."""

    def __call__(self, z, t, dz, n, w=None):
        return super().__call__(z, t, dz, 1.0, w)


def network(loss, seed=0):
    return cr.Network([cr.Dense(64), cr.ReLU(), cr.Dense(10)], loss, n_in=64, seed=seed)


def shuffled_digits():
    X, y = digits()
    rows = np.random.default_rng(0).permutation(len(y))
    return X[rows] / 16, y[rows]


def accuracy(loss, batch_size):
    """The median of five seeds: a step as large as the summed gradient's is at the mercy of every rounding."""
    X, y = shuffled_digits()
    scores = []
    for seed in range(5):
        net = network(loss, seed)
        net.fit(X[360:], y[360:], cr.SGD(lr=0.1), epochs=30, batch_size=batch_size)
        scores.append(net.score(X[:360], y[:360]))
    return f"{np.median(scores):.2f}"


def loss_after(sign, steps=50):
    """Loss after steps w ← w + sign·η·(gradient with "actual - prediction")."""
    X, y = shuffled_digits()
    net = network(cr.SoftmaxCrossEntropy())
    for _ in range(steps):
        wrong_way = {name: -gradient for name, gradient in net.gradients(X, y).items()}  # (actual - prediction)/N
        for name, gradient in wrong_way.items():
            net[name][...] += sign * 0.1 * gradient
    return net.evaluate(X, y)[0]


if __name__ == "__main__":
    batches = (8, 32, 128)
    print("test accuracy, SGD 0.1, batch of     " + "".join(f"{batch:>10}" for batch in batches))
    for name, loss in (("with /N", cr.SoftmaxCrossEntropy()), ("without", SummedCrossEntropy())):
        print(f"{name:37}" + "".join(f"{accuracy(loss, batch):>10}" for batch in batches))
    start = network(cr.SoftmaxCrossEntropy())
    print(f"\nloss at the start                     {start.evaluate(*shuffled_digits())[0]:.3f}")
    print(f"w + η·(actual - prediction), 50 steps {loss_after(+1):.3f}")
    print(f"w - η·(actual - prediction), 50 steps {loss_after(-1):.3g}")
