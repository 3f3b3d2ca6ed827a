"""A pocket network in plain Python: two inputs, two hidden units, one output, all weights spelled out."""

import math


def sig(v):
    return 1.0 / (1.0 + math.exp(-v))


def predict(p, x1, x2):
    h1 = sig(p["w1"] * x1 + p["w2"] * x2 + p["b1"])
    h2 = sig(p["w3"] * x1 + p["w4"] * x2 + p["b2"])
    o = sig(p["w5"] * h1 + p["w6"] * h2 + p["b3"])
    return h1, h2, o


def error(p, x1, x2, t):
    return 0.5 * (predict(p, x1, x2)[-1] - t) ** 2


def learn(p, x1, x2, t, eta):
    h1, h2, o = predict(p, x1, x2)
    do = (o - t) * o * (1 - o)
    # output neuron
    p["w5"] -= eta * do * h1
    p["w6"] -= eta * do * h2
    p["b3"] -= eta * do
    # hidden neurons
    d1 = do * p["w5"] * h1 * (1 - h1)
    d2 = do * p["w6"] * h2 * (1 - h2)
    p["w1"] -= eta * d1 * x1
    p["w2"] -= eta * d1 * x2
    p["b1"] -= eta * d1
    p["w3"] -= eta * d2 * x1
    p["w4"] -= eta * d2 * x2
    p["b2"] -= eta * d2
