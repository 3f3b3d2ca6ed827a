"""Gradients as attributes: of the arrays, of an object for each parameter; layers that are called and remember."""

GRADIENTS_OF_ARRAYS = """
import numpy as np

class Tensor(np.ndarray):
    pass

def tensor(a):
    return np.asarray(a, dtype=float).view(Tensor)

class Relu:
    def __call__(self, inp):
        self.inp = inp
        self.out = inp.clip(0.0)
        return self.out

    def backward(self):
        self.inp.g = (self.inp > 0) * self.out.g

class Lin:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def __call__(self, inp):
        self.inp = inp
        self.out = inp @ self.w + self.b
        return self.out

    def backward(self):
        self.inp.g = self.out.g @ self.w.T
        self.w.g = self.inp.T @ self.out.g
        self.b.g = self.out.g.sum(0)

class Mse:
    def __call__(self, inp, targ):
        self.inp, self.targ = inp, targ
        self.out = ((inp - targ) ** 2).mean()
        return self.out

    def backward(self):
        self.inp.g = 2.0 * (self.inp - self.targ) / self.targ.size

class Model:
    def __init__(self, w1, b1, w2, b2):
        self.layers = [Lin(w1, b1), Relu(), Lin(w2, b2)]
        self.loss = Mse()

    def __call__(self, x, targ):
        for l in self.layers:
            x = l(x)
        return self.loss(x, targ)

    def backward(self):
        self.loss.backward()
        for l in reversed(self.layers):
            l.backward()
"""

MODULES_THAT_KEEP_THEIR_ARGUMENTS = """
import numpy as np

class T(np.ndarray):
    pass

def t(a):
    return np.asarray(a, dtype=np.float64).view(T)

class Module:
    def __call__(self, *args):
        self.args = args
        self.out = self.forward(*args)
        return self.out

    def forward(self):
        raise Exception("not implemented")

    def backward(self):
        self.bwd(self.out, *self.args)

class Lin(Module):
    def __init__(self, n_in, n_out):
        self.w = t(np.random.randn(n_in, n_out) * np.sqrt(2 / n_in))
        self.b = t(np.zeros(n_out))

    def forward(self, inp):
        return inp @ self.w + self.b

    def bwd(self, out, inp):
        inp.g = out.g @ self.w.T
        self.w.g = inp.T @ out.g
        self.b.g = out.g.sum(axis=0)

class Relu(Module):
    def forward(self, inp):
        return np.maximum(inp, 0)

    def bwd(self, out, inp):
        inp.g = (inp > 0) * out.g

class CrossEntropy(Module):
    def forward(self, inp, targ):
        e = np.exp(inp - inp.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(targ)), targ]).mean()

    def bwd(self, out, inp, targ):
        d = np.array(self.p)
        d[np.arange(len(targ)), targ] -= 1
        inp.g = d / len(targ)

class Model:
    def __init__(self, n_in, nh, n_out):
        self.layers = [Lin(n_in, nh), Relu(), Lin(nh, n_out)]
        self.loss = CrossEntropy()

    def __call__(self, x, targ):
        x = t(x)
        for l in self.layers:
            x = l(x)
        return self.loss(x, targ)

    def backward(self):
        self.loss.backward()
        for l in reversed(self.layers):
            l.backward()

    def step(self, lr):
        for l in self.layers:
            if hasattr(l, "w"):
                l.w -= lr * l.w.g
                l.b -= lr * l.b.g
"""

PARAMETERS_AS_OBJECTS = """
import numpy as np

class Param:
    def __init__(self, data):
        self.data = data
        self.g = None

class Lin:
    def __init__(self, n_in, n_out):
        self.w = Param(np.random.randn(n_in, n_out) * 0.3)
        self.b = Param(np.zeros(n_out))

    def __call__(self, inp):
        self.inp = inp
        self.out = Param(inp.data @ self.w.data + self.b.data)
        return self.out

    def backward(self):
        self.inp.g = self.out.g @ self.w.data.T
        self.w.g = self.inp.data.T @ self.out.g
        self.b.g = self.out.g.sum(axis=0)

class Relu:
    def __call__(self, inp):
        self.inp = inp
        self.out = Param(np.maximum(inp.data, 0))
        return self.out

    def backward(self):
        self.inp.g = self.out.g * (self.inp.data > 0)

class Mse:
    def __call__(self, inp, targ):
        self.inp, self.targ = inp, targ
        return np.mean((inp.data - targ) ** 2)

    def backward(self):
        self.inp.g = 2 * (self.inp.data - self.targ) / self.targ.size

class Model:
    def __init__(self, n_in, nh, n_out):
        self.layers = [Lin(n_in, nh), Relu(), Lin(nh, n_out)]
        self.loss = Mse()

    def __call__(self, x, targ):
        x = Param(x)
        for layer in self.layers:
            x = layer(x)
        return self.loss(x, targ)

    def backward(self):
        self.loss.backward()
        for layer in reversed(self.layers):
            layer.backward()
"""

FORWARD_AND_BACKWARD = """
import numpy as np

class Tensor(np.ndarray):
    "An array that may keep its gradient."

def to_tensor(a):
    return np.asarray(a, dtype=float).view(Tensor)

n, m, nh = 60, 6, 5
rng = np.random.default_rng(42)
w1, b1 = to_tensor(rng.normal(size=(m, nh))), to_tensor(np.zeros(nh))
w2, b2 = to_tensor(rng.normal(size=(nh, 1))), to_tensor(np.zeros(1))

def lin(x, w, b):
    return x @ w + b

def relu(x):
    return x.clip(0.0)

def lin_grad(inp, out, w, b):
    inp.g = out.g @ w.T
    w.g = (inp[:, :, None] * out.g[:, None, :]).sum(0)
    b.g = out.g.sum(0)

def forward_and_backward(inp, targ):
    l1 = lin(inp, w1, b1)
    l2 = relu(l1)
    out = lin(l2, w2, b2)
    diff = out[:, 0] - targ
    loss = (diff ** 2).mean()
    out.g = 2.0 * diff[:, None] / inp.shape[0]
    lin_grad(l2, out, w2, b2)
    l1.g = (l1 > 0) * l2.g
    lin_grad(inp, l1, w1, b1)
    return loss
"""

AN_OPTIMIZER_OF_ARRAYS = """
import numpy as np

class Tensor(np.ndarray):
    pass

def tensor(a):
    return np.asarray(a, dtype=float).view(Tensor)

class Linear:
    def __init__(self, n_in, n_out):
        self.w = tensor(np.random.randn(n_in, n_out) * np.sqrt(2 / n_in))
        self.b = tensor(np.zeros(n_out))

    def __call__(self, inp):
        self.inp = inp
        self.out = inp @ self.w + self.b
        return self.out

    def backward(self):
        self.inp.grad = self.out.grad @ self.w.T
        self.w.grad = self.inp.T @ self.out.grad
        self.b.grad = self.out.grad.sum(axis=0)

class Tanh:
    def __call__(self, inp):
        self.inp = inp
        self.out = np.tanh(inp)
        return self.out

    def backward(self):
        self.inp.grad = self.out.grad * (1 - self.out ** 2)

class MSELoss:
    def __call__(self, pred, targ):
        self.pred, self.targ = pred, targ
        return ((pred - targ) ** 2).sum() / len(targ)

    def backward(self):
        self.pred.grad = 2 * (self.pred - self.targ) / len(self.targ)

class Net:
    def __init__(self, n_in, n_hidden, n_out):
        self.layers = [Linear(n_in, n_hidden), Tanh(), Linear(n_hidden, n_out)]
        self.loss = MSELoss()

    def predict(self, x):
        x = tensor(x)
        for layer in self.layers:
            x = layer(x)
        return x

    def __call__(self, x, targ):
        return self.loss(self.predict(x), targ)

    def backward(self):
        self.loss.backward()
        for layer in reversed(self.layers):
            layer.backward()

    def parameters(self):
        for layer in self.layers:
            if isinstance(layer, Linear):
                yield layer.w
                yield layer.b

class SGD:
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def step(self):
        for p in self.params:
            p -= self.lr * p.grad

    def zero_grad(self):
        for p in self.params:
            p.grad = np.zeros_like(p)

def fit(model, opt, x, y, epochs=10):
    for _ in range(epochs):
        loss = model(x, y)
        model.backward()
        opt.step()
        opt.zero_grad()
    return loss
"""
