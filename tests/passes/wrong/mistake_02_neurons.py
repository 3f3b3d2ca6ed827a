"""Backpropagation from scratch with lists of neurons; the bias is the last weight."""

from math import exp
from random import random, seed


def initialize_network(n_inputs, n_hidden, n_outputs):
    seed(1)
    hidden_layer = [{"weights": [random() for i in range(n_inputs + 1)]} for j in range(n_hidden)]
    output_layer = [{"weights": [random() for i in range(n_hidden + 1)]} for j in range(n_outputs)]
    return [hidden_layer, output_layer]


def activate(weights, inputs):
    activation = weights[-1]
    for i in range(len(weights) - 1):
        activation += weights[i] * inputs[i]
    return activation


def transfer(activation):
    return 1.0 / (1.0 + exp(-activation))


def forward_propagate(network, row):
    inputs = row
    for layer in network:
        new_inputs = []
        for neuron in layer:
            neuron["output"] = transfer(activate(neuron["weights"], inputs))
            new_inputs.append(neuron["output"])
        inputs = new_inputs
    return inputs


def transfer_derivative(output):
    return output * (1.0 - output)


def backward_propagate_error(network, expected):
    for i in reversed(range(len(network))):
        layer = network[i]
        errors = []
        if i != len(network) - 1:
            for j in range(len(layer)):
                error = 0.0
                for neuron in network[i + 1]:
                    error += neuron["weights"][j] * neuron["delta"]
                errors.append(error)
        else:
            for j, neuron in enumerate(layer):
                errors.append(expected[j] - neuron["output"])
        for j, neuron in enumerate(layer):
            neuron["delta"] = errors[j] * transfer_derivative(neuron["output"])


def update_weights(network, row, l_rate):
    for i in range(len(network)):
        inputs = row
        if i != 0:
            inputs = [neuron["output"] for neuron in network[i - 1]]
        for neuron in network[i]:
            for j in range(len(inputs)):
                neuron["weights"][j] -= l_rate * neuron["delta"] * inputs[j]
            neuron["weights"][-1] -= l_rate * neuron["delta"]


def half_squared_error(network, row, expected):
    outputs = forward_propagate(network, row)
    return 0.5 * sum((o - e) ** 2 for o, e in zip(outputs, expected))


def train_row(network, row, expected, l_rate):
    forward_propagate(network, row)
    backward_propagate_error(network, expected)
    update_weights(network, row, l_rate)
