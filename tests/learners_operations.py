"""Networks of operations, layers that make their weights on the first rows, and a loss object, as one book has them."""

OPERATIONS = """
import numpy as np
from copy import deepcopy

def assert_same_shape(array, array_grad):
    assert array.shape == array_grad.shape

class Operation:
    def forward(self, input_):
        self.input_ = input_
        self.output = self._output()
        return self.output

    def backward(self, output_grad):
        assert_same_shape(self.output, output_grad)
        self.input_grad = self._input_grad(output_grad)
        assert_same_shape(self.input_, self.input_grad)
        return self.input_grad

    def _output(self):
        raise NotImplementedError()

    def _input_grad(self, output_grad):
        raise NotImplementedError()

class ParamOperation(Operation):
    def __init__(self, param):
        super().__init__()
        self.param = param

    def backward(self, output_grad):
        assert_same_shape(self.output, output_grad)
        self.input_grad = self._input_grad(output_grad)
        self.param_grad = self._param_grad(output_grad)
        assert_same_shape(self.param, self.param_grad)
        return self.input_grad

    def _param_grad(self, output_grad):
        raise NotImplementedError()

class WeightMultiply(ParamOperation):
    def __init__(self, W):
        super().__init__(W)

    def _output(self):
        return self.input_ @ self.param

    def _input_grad(self, output_grad):
        return output_grad @ self.param.T

    def _param_grad(self, output_grad):
        return self.input_.T @ output_grad

class BiasAdd(ParamOperation):
    def __init__(self, B):
        assert B.shape[0] == 1
        super().__init__(B)

    def _output(self):
        return self.input_ + self.param

    def _input_grad(self, output_grad):
        return np.ones_like(self.input_) * output_grad

    def _param_grad(self, output_grad):
        grad = np.ones_like(self.param) * output_grad
        return grad.sum(axis=0).reshape(1, -1)

class Sigmoid(Operation):
    def _output(self):
        return 1.0 / (1.0 + np.exp(-self.input_))

    def _input_grad(self, output_grad):
        return output_grad * self.output * (1.0 - self.output)

class Tanh(Operation):
    def _output(self):
        return np.tanh(self.input_)

    def _input_grad(self, output_grad):
        return output_grad * (1 - self.output ** 2)

class Linear(Operation):
    def _output(self):
        return self.input_

    def _input_grad(self, output_grad):
        return output_grad

class Layer:
    def __init__(self, neurons):
        self.neurons = neurons
        self.first = True
        self.params = []
        self.param_grads = []
        self.operations = []

    def _setup_layer(self, input_):
        raise NotImplementedError()

    def forward(self, input_):
        if self.first:
            self._setup_layer(input_)
            self.first = False
        self.input_ = input_
        for operation in self.operations:
            input_ = operation.forward(input_)
        self.output = input_
        return self.output

    def backward(self, output_grad):
        assert_same_shape(self.output, output_grad)
        for operation in reversed(self.operations):
            output_grad = operation.backward(output_grad)
        self._collect_grads()
        return output_grad

    def _collect_grads(self):
        self.param_grads = []
        for operation in self.operations:
            if isinstance(operation, ParamOperation):
                self.param_grads.append(operation.param_grad)

    def _collect_params(self):
        self.params = []
        for operation in self.operations:
            if isinstance(operation, ParamOperation):
                self.params.append(operation.param)

class Dense(Layer):
    def __init__(self, neurons, activation=Sigmoid()):
        super().__init__(neurons)
        self.activation = activation

    def _setup_layer(self, input_):
        if self.seed:
            np.random.seed(self.seed)
        self.params = []
        self.params.append(np.random.randn(input_.shape[1], self.neurons))
        self.params.append(np.random.randn(1, self.neurons))
        self.operations = [WeightMultiply(self.params[0]), BiasAdd(self.params[1]), self.activation]
"""

SQUARES = """
class Loss:
    def forward(self, prediction, target):
        assert_same_shape(prediction, target)
        self.prediction = prediction
        self.target = target
        return self._output()

    def backward(self):
        self.input_grad = self._input_grad()
        assert_same_shape(self.prediction, self.input_grad)
        return self.input_grad

    def _output(self):
        raise NotImplementedError()

    def _input_grad(self):
        raise NotImplementedError()

class MeanSquaredError(Loss):
    def _output(self):
        return np.sum(np.power(self.prediction - self.target, 2)) / self.prediction.shape[0]

    def _input_grad(self):
        return 2.0 * (self.prediction - self.target) / self.prediction.shape[0]
"""

ENTROPY = """
class Loss:
    def forward(self, prediction, target):
        assert_same_shape(prediction, target)
        self.prediction = prediction
        self.target = target
        return self._output()

    def backward(self):
        self.input_grad = self._input_grad()
        assert_same_shape(self.prediction, self.input_grad)
        return self.input_grad

    def _output(self):
        raise NotImplementedError()

    def _input_grad(self):
        raise NotImplementedError()

class SoftmaxCrossEntropy(Loss):
    def __init__(self, eps=1e-9):
        super().__init__()
        self.eps = eps

    def _output(self):
        e = np.exp(self.prediction - self.prediction.max(axis=1, keepdims=True))
        self.softmax_preds = np.clip(e / e.sum(axis=1, keepdims=True), self.eps, 1 - self.eps)
        return -np.sum(self.target * np.log(self.softmax_preds)) / self.prediction.shape[0]

    def _input_grad(self):
        return (self.softmax_preds - self.target) / self.prediction.shape[0]
"""

NETWORK = """
class NeuralNetwork:
    def __init__(self, layers, loss, seed=1):
        self.layers = layers
        self.loss = loss
        self.seed = seed
        if seed:
            for layer in self.layers:
                setattr(layer, "seed", self.seed)

    def forward(self, x_batch):
        x_out = x_batch
        for layer in self.layers:
            x_out = layer.forward(x_out)
        return x_out

    def backward(self, loss_grad):
        grad = loss_grad
        for layer in reversed(self.layers):
            grad = layer.backward(grad)

    def params(self):
        for layer in self.layers:
            yield from layer.params

    def param_grads(self):
        for layer in self.layers:
            yield from layer.param_grads
"""

TRAIN_BATCH = """
    def train_batch(self, x_batch, y_batch):
        predictions = self.forward(x_batch)
        loss = self.loss.forward(predictions, y_batch)
        self.backward(self.loss.backward())
        return loss
"""

DESCENT = """
class Optimizer:
    def __init__(self, lr=0.01):
        self.lr = lr

    def step(self):
        pass

class SGD(Optimizer):
    def step(self):
        for param, param_grad in zip(self.net.params(), self.net.param_grads()):
            param -= self.lr * param_grad
"""

MOMENTUM = """
class SGDMomentum(Optimizer):
    def __init__(self, lr=0.01, momentum=0.9):
        super().__init__(lr)
        self.momentum = momentum
        self.first = True

    def step(self):
        if self.first:
            self.velocities = [np.zeros_like(param) for param in self.net.params()]
            self.first = False
        for param, param_grad, velocity in zip(self.net.params(), self.net.param_grads(), self.velocities):
            velocity *= self.momentum
            velocity += self.lr * param_grad
            param -= velocity
"""

TRAINER = """
class Trainer:
    def __init__(self, net, optim):
        self.net, self.optim = net, optim
        self.optim.net = net

    def fit(self, X, y, epochs=100, batch_size=32):
        for epoch in range(epochs):
            for start in range(0, len(X), batch_size):
                prediction = self.net.forward(X[start:start + batch_size])
                loss = self.net.loss.forward(prediction, y[start:start + batch_size])
                self.net.backward(self.net.loss.backward())
                self.optim.step()
            print(epoch, loss)
"""

A_BATCH_IN_ONE_CALL = OPERATIONS + SQUARES + NETWORK + TRAIN_BATCH + DESCENT
A_SOFTMAX_IN_THE_LOSS = OPERATIONS + ENTROPY + NETWORK + TRAIN_BATCH + DESCENT + MOMENTUM
A_LOOP_IN_A_TRAINER = OPERATIONS + SQUARES + NETWORK + DESCENT + TRAINER
