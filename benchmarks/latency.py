"""One row in, its label out: each predictor from a NumPy row to a whole number, in its quickest way on one thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from chainrule.bench import Array, Workload

N_ROWS = 64
Predict = Callable[[Array], Any]


def rows_of(load: Workload) -> list[Array]:
    """Rows (1, I) to ask for."""
    X, _ = load.data("float32")
    return [X[i : i + 1] for i in range(N_ROWS)]


def ours(load: Workload) -> Predict:
    """net.predict of a trained network, with its checks: finite, of the network's width; labels as they were given."""
    import chainrule as cr

    layers = [layer for units in load.widths[1:] for layer in (cr.Dense(units), cr.ReLU())][:-1]
    net = cr.Network(layers, cr.SoftmaxCrossEntropy(), n_in=load.widths[0])
    net.fit(*load.data("float32"), cr.SGD(), epochs=1)
    for i, (W, b) in enumerate(load.initial("float32"), 1):
        net[f"W{i}"][...], net[f"b{i}"][...] = W, b
    return lambda row: net.predict(row)[0]


def one_blas_thread() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")


def numpy(load: Workload) -> Predict:
    """No checks; every array allocated once."""
    one_blas_thread()
    layers = load.initial("float32")
    outputs = [np.empty((1, b.size), np.float32) for _, b in layers]
    *hidden, (W, b, z) = [(W, b, y) for (W, b), y in zip(layers, outputs)]

    def predict(x: Array) -> Any:
        for V, c, y in hidden:
            np.dot(x, V, out=y)
            np.add(y, c, out=y)
            x = np.maximum(y, 0, out=y)
        np.dot(x, W, out=z)
        return np.add(z, b, out=z).argmax()

    return predict


def _pytorch(load: Workload) -> tuple[Any, Any]:
    import torch

    from peers.pytorch import network

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    return torch, network(load, "float32").eval()


def pytorch(load: Workload) -> Predict:
    torch, net = _pytorch(load)

    def predict(row: Array) -> Any:
        with torch.inference_mode():
            return net(torch.from_numpy(row)).argmax().item()

    return predict


def pytorch_frozen(load: Workload) -> Predict:
    """Traced with its argmax, frozen, optimised for inference: deprecated, and the quickest that PyTorch has."""
    torch, net = _pytorch(load)

    class Label(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Any) -> Any:
            return self.net(x).argmax()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(Label().eval(), torch.from_numpy(rows_of(load)[0]))
        frozen = torch.jit.optimize_for_inference(torch.jit.freeze(traced))

    def predict(row: Array) -> Any:
        with torch.inference_mode():
            return frozen(torch.from_numpy(row)).item()

    return predict


def pytorch_compiled(load: Workload) -> Predict:
    torch, net = _pytorch(load)
    compiled = torch.compile(lambda x: net(x).argmax(), dynamic=False, fullgraph=True)

    def predict(row: Array) -> Any:
        return compiled(torch.from_numpy(row)).item()

    return predict


def _onnx_model(load: Workload) -> bytes:
    """Gemm and Relu, and ArgMax at the end."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, x = [], [], "row"
    for i, (W, b) in enumerate(load.initial("float32"), 1):
        weights += [numpy_helper.from_array(W, f"W{i}"), numpy_helper.from_array(b, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [x, f"W{i}", f"b{i}"], [f"z{i}"]))
        x = f"z{i}"
        if i < len(load.shapes):
            nodes.append(helper.make_node("Relu", [x], [f"y{i}"]))
            x = f"y{i}"
    nodes.append(helper.make_node("ArgMax", [x], ["label"], axis=1, keepdims=0))
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, load.widths[0]])
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [1])
    graph = helper.make_graph(nodes, load.name, [row], [label], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def onnxruntime(load: Workload) -> Predict:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(_onnx_model(load), options, providers=["CPUExecutionProvider"])
    x, label = np.empty((1, load.widths[0]), np.float32), np.empty(1, np.int64)
    bound = session.io_binding()  # to memory of ours: quicker than session.run, or values of its own
    bound.bind_input("row", "cpu", 0, x.dtype, x.shape, x.ctypes.data)
    bound.bind_output("label", "cpu", 0, label.dtype, label.shape, label.ctypes.data)

    def predict(row: Array) -> Any:
        x[...] = row
        session.run_with_iobinding(bound)
        return label[0]

    return predict


def scikit_learn(load: Workload) -> Predict:
    from sklearn import set_config

    from peers.sklearn_ import ScikitLearn

    one_blas_thread()
    set_config(assume_finite=True)
    model = ScikitLearn().model(load, "SGD", "float32")
    return lambda row: model.predict(row)[0]


@dataclass(frozen=True)
class Predictor:
    prepare: Callable[[Workload], Predict]
    modules: tuple[str, ...]

    def available(self) -> bool:
        return all(find_spec(module) is not None for module in self.modules)


SPECIFICATION = "NumPy, buffers allocated once"
PREDICTORS = {
    "chainrule": Predictor(ours, ("chainrule",)),
    "onnxruntime": Predictor(onnxruntime, ("onnxruntime", "onnx")),
    "PyTorch, inference mode": Predictor(pytorch, ("torch",)),
    "PyTorch, traced and frozen": Predictor(pytorch_frozen, ("torch",)),
    "PyTorch, compiled": Predictor(pytorch_compiled, ("torch",)),
    "scikit-learn": Predictor(scikit_learn, ("sklearn",)),
    SPECIFICATION: Predictor(numpy, ("numpy", "threadpoolctl")),
}


def mistaken(answers: Mapping[str, Sequence[int]]) -> set[str]:
    """Those whose labels are not the specification's."""
    return {name for name, labels in answers.items() if list(labels) != list(answers[SPECIFICATION])}
