"""Backward propagation in neural networks from scratch: the lecture as one file. It needs NumPy and nothing else.

Scalars carry the lecture's subscripts, unit first, counted from 1; arrays are (inputs, units): w₁₂, which takes x₂ into
z₁, is weights[1, 0]. Every backward takes the gradient of the loss with respect to the layer's output (dl_dz) and
returns the one with respect to its inputs, which is the dl_dz of the layer before.
"""

import numpy as np

# Explanation of the Dense class with backpropagation


class Dense:
    """z = x·W + b. For three inputs and the first unit: z₁ = w₁₁x₁ + w₁₂x₂ + w₁₃x₃ + b₁."""

    def __init__(self, n_inputs, units, rng):
        self.weights = np.sqrt(2 / n_inputs) * rng.normal(size=(n_inputs, units))
        self.bias = np.zeros((1, units))

    def forward(self, inputs):
        self.inputs = inputs
        return np.dot(inputs, self.weights) + self.bias

    def backward(self, dl_dz):
        # Conclusion, weights: ∂L/∂w₁₂ = Σ over the samples of x₂ · ∂L/∂z₁
        self.dl_dweights = np.dot(self.inputs.T, dl_dz)
        # Conclusion, bias: b₁ is added to z₁ once for every sample, so the column sums; shape (1, units)
        self.dl_dbias = np.sum(dl_dz, axis=0, keepdims=True)
        # Conclusion, inputs: x₁ appears in z₁, z₂ and z₃, so ∂L/∂x₁ = ∂L/∂z₁·w₁₁ + ∂L/∂z₂·w₂₁ + ∂L/∂z₃·w₃₁
        return np.dot(dl_dz, self.weights.T)


# Explanation of ReLU with backpropagation


class ReLU:
    """y = max(0, x): an input that was positive is passed on, and so is its gradient; any other stops both."""

    def forward(self, inputs):
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, dl_dz):
        return dl_dz * (self.inputs > 0)


# Explanation of softmax and loss with backpropagation


class SoftmaxLoss:
    """Cross-entropy of softmax(x), averaged over the samples; `actual` holds the index of each sample's class."""

    def forward(self, inputs, actual):
        shifted = np.exp(inputs - inputs.max(axis=1, keepdims=True))  # the same softmax, and nothing overflows
        self.prediction = shifted / shifted.sum(axis=1, keepdims=True)
        self.actual = np.eye(inputs.shape[1])[actual]  # one-hot
        return -np.log(self.prediction[np.arange(len(actual)), actual]).mean()

    def backward(self):
        # The loss is a mean over the samples, so its gradient is divided by their number, here and nowhere else
        return (self.prediction - self.actual) / len(self.actual)


# Formula of the SGD optimizer


class SGD:
    """w = w - η · ∇L(w): against the gradient, because that way the loss falls."""

    def __init__(self, learning_rate):
        self.learning_rate = learning_rate

    def update(self, layer):
        layer.weights -= self.learning_rate * layer.dl_dweights
        layer.bias -= self.learning_rate * layer.dl_dbias


# All of it together


def spiral(points, classes, rng):
    """A spiral arm of points for each class."""
    actual = np.repeat(np.arange(classes), points)
    radius = np.tile(np.linspace(0, 1, points), classes)
    angle = 4 * (actual + radius) + 0.2 * rng.normal(size=len(actual))
    return np.column_stack([radius * np.sin(angle), radius * np.cos(angle)]), actual


def train(layers, loss, optimizer, inputs, actual, epochs):
    for epoch in range(epochs):
        values = inputs
        for layer in layers:
            values = layer.forward(values)
        value = loss.forward(values, actual)
        dl_dz = loss.backward()
        for layer in reversed(layers):
            dl_dz = layer.backward(dl_dz)
        for layer in layers:
            if isinstance(layer, Dense):
                optimizer.update(layer)
        if epoch % 500 == 0 or epoch == epochs - 1:
            accuracy = (loss.prediction.argmax(axis=1) == actual).mean()
            print(f"epoch {epoch:5}  loss {value:.4f}  accuracy {accuracy:.3f}")


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    inputs, actual = spiral(100, 3, rng)
    network = [Dense(2, 64, rng), ReLU(), Dense(64, 3, rng)]
    train(network, SoftmaxLoss(), SGD(learning_rate=1.0), inputs, actual, epochs=3000)
