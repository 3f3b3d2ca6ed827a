"""Loops over rows, units and inputs."""

import math


def forward(w1, b1, w2, b2, x):
    hidden = []
    for j in range(len(b1)):
        z = b1[j]
        for i in range(len(x)):
            z += w1[i][j] * x[i]
        hidden.append(math.tanh(z))
    output = []
    for k in range(len(b2)):
        z = b2[k]
        for j in range(len(hidden)):
            z += w2[j][k] * hidden[j]
        output.append(z)
    return hidden, output


def loss(w1, b1, w2, b2, X, T):
    total = 0.0
    for x, t in zip(X, T):
        _, output = forward(w1, b1, w2, b2, x)
        for k in range(len(t)):
            total += (output[k] - t[k]) ** 2
    return total / len(X)


def gradients(w1, b1, w2, b2, X, T):
    n = len(X)
    gw1 = [[0.0] * len(b1) for _ in w1]
    gb1 = [0.0] * len(b1)
    gw2 = [[0.0] * len(b2) for _ in w2]
    gb2 = [0.0] * len(b2)
    for x, t in zip(X, T[1:] + T[:1]):
        hidden, output = forward(w1, b1, w2, b2, x)
        dout = [2.0 * (output[k] - t[k]) / n for k in range(len(t))]
        for k in range(len(dout)):
            gb2[k] += dout[k]
            for j in range(len(hidden)):
                gw2[j][k] += dout[k] * hidden[j]
        for j in range(len(hidden)):
            dh = 0.0
            for k in range(len(dout)):
                dh += dout[k] * w2[j][k]
            dz = dh * (1.0 - hidden[j] ** 2)
            gb1[j] += dz
            for i in range(len(x)):
                gw1[i][j] += dz * x[i]
    return gw1, gb1, gw2, gb2
