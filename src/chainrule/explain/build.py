"""Builds the trace of a step: the reference backend's numbers, and the lines that each of them comes from."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from chainrule.arrays import Array, dense_rows
from chainrule.backends.reference import Data, Tape, fill_masks, gradients, load_rows
from chainrule.errors import InputError
from chainrule.explain import lines as text_of
from chainrule.explain.layer import LayerLines
from chainrule.explain.loss import add_loss
from chainrule.explain.symbols import LETTERS, Symbol
from chainrule.explain.terms import Reader, holds_sum
from chainrule.explain.trace import Axis, Column, Equation, Stage, Step, Tensor, Trace
from chainrule.explain.update import add_update
from chainrule.layers import Dense, Dropout, LayerNorm
from chainrule.network import Network
from chainrule.optimizers import SGD, Optimizer
from chainrule.plan import Slot
from chainrule.targets import Target, target_for


def build(net: Network, X: Any, y: Any, optimizer: Optimizer | None, title: str) -> Trace:
    if not isinstance(net, Network):
        raise InputError(f"explain: expected a chainrule Network, got {type(net).__name__}")
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise InputError(f"optimizer: expected a chainrule Optimizer such as SGD(lr=0.1), got {optimizer!r}")
    target = net.target or target_for(net.loss, net.n_out).fit(y)
    columns = getattr(net.encoder, "features", None) or net.info.get("columns") or getattr(X, "columns", None)
    return Builder(net, _data(net, X, y, target), target, optimizer or SGD(), title, columns).build()


def _data(net: Network, X: Any, y: Any, target: Target) -> Data:
    X = net.inputs(X)
    X = dense_rows(X, slice(None)).astype(np.float64)
    t = target.encode(y, np.float64)
    if len(X) != len(t):
        raise InputError(f"X and y: expected as many rows in both, got {len(X)} and {len(t)}")
    return Data(X, t)


class Builder:
    """Collects tensors, lines and stages while it follows the network from the input to the update."""

    def __init__(
        self, net: Network, data: Data, target: Target, optimizer: Optimizer, title: str, columns: Any = None
    ) -> None:
        self.net, self.data, self.optimizer, self.plan = net, data, optimizer, net.plan
        self.target, self.columns = target, columns
        self.params = net.state.params.astype(np.float64)
        self.tape = Tape.allocate(self.plan, len(data), np.float64, input_gradient=True)
        self.grads = np.empty(self.plan.size)
        load_rows(data.X, slice(None), self.tape.a[0])
        fill_masks(self.plan, self.tape, net.seed, net.state.step)
        p, g = self.plan.views(self.params), self.plan.views(self.grads)
        loss = float(gradients(self.plan, p, g, self.tape, net.loss, data, data.total))
        matrices = slice(self.plan.n_decay)
        loss += float(net.objective.penalty(self.params[matrices], data.total, self.grads[matrices]))
        self.trace = Trace(title, self._summary(), loss)
        self.numbers: dict[str, float] = {}  # scalars by key, for the lines that run
        self.names: dict[str, Any] = {}  # what a line may use: arrays, and scalars as numbers
        self.matrices: dict[str, Array] = {}
        self.helpers: dict[str, str] = {}
        self.outputs = self._output_keys()

    def _summary(self) -> str:
        widths = [self.net.n_in, *(layer.units for layer in self.net.layers if isinstance(layer, Dense))]
        rows = f"{len(self.data)} {'row' if len(self.data) == 1 else 'rows'}"
        lr = self.optimizer.scalars(self.net.state.step)[0]
        return f"{'-'.join(map(str, widths))} · {rows} · {type(self.optimizer).__name__}, η = {lr:g}"

    def build(self) -> Trace:
        self._axes()
        self._given()
        layers = [LayerLines(self, i) for i in range(len(self.plan.layers))]
        for layer in layers:
            layer.forward()
        add_loss(self)
        for layer in reversed(layers):
            layer.backward()
        add_update(self)
        return self.trace

    # names

    def _output_keys(self) -> list[str]:
        """One key for what leaves each layer, the input first."""
        keys, dense = ["x"], 0
        for layer in self.plan.layers:
            dense += isinstance(layer, Dense)
            letter = {Dense: "z", LayerNorm: "n", Dropout: "h"}.get(type(layer), "a")
            key = f"{letter}{dense}"
            while key in keys:
                key += "b"
            keys.append(key)
        return keys

    def _axes(self) -> None:
        axes, names = self.trace.axes, self._input_names()
        axes["one"] = Axis("one", ("",))
        axes["batch"] = Axis("batch", tuple(str(n + 1) for n in range(len(self.data))))
        self.width_axes = ["input"]
        axes["input"] = Axis("input", names)
        for i, layer in enumerate(self.plan.layers):
            if isinstance(layer, Dense) or self.plan.widths[i + 1] != self.plan.widths[i]:
                key = f"units{i + 1}"
                axes[key] = Axis("unit", tuple(str(n + 1) for n in range(self.plan.widths[i + 1])))
                self.width_axes.append(key)
            else:
                self.width_axes.append(self.width_axes[-1])
        last, classes = self.width_axes[-1], self._class_names()
        if classes is not None and axes[last].kind == "unit":
            axes[last] = Axis("class", classes)

    def _class_names(self) -> tuple[str, ...] | None:
        """What the outputs are called; None where they are numbers."""
        classes = self.net.info.get("classes")
        if classes is None and self.net.loss.target == "labels":
            classes = getattr(self.target, "classes", np.empty(0)).tolist()
        if classes is None or len(classes) != self.net.n_out or classes == list(range(len(classes))):
            return None
        return tuple(map(str, classes))

    def _input_names(self) -> tuple[str, ...]:
        if self.columns is not None and len(self.columns) == self.net.n_in:
            return tuple(map(str, self.columns))
        return tuple(str(n + 1) for n in range(self.net.n_in))

    def axis(self, size: int, wanted: str) -> str:
        """The axis of that size: the one that is wanted, the layer's other one, or a single row."""
        return wanted if len(self.trace.axes[wanted].names) == size else "one"

    # tensors and lines

    def add(self, key: str, symbol: Symbol, values: Array, rows: str, columns: str, **more: Any) -> str:
        values = np.atleast_2d(np.array(values, dtype=np.float64)) + 0.0  # no -0
        kind = more.pop("kind", "batch" if rows == "batch" and columns != "one" else "scalar")
        kind = "column" if rows == "batch" and columns == "one" else kind
        self.trace.tensors[key] = Tensor(key, symbol, values, rows, columns, kind, **more)
        self.names[key] = self.matrices[key] = values
        return key

    def scalar(self, name: str, value: float) -> str:
        """A key for a number; another value under the same name gets another key."""
        key = name
        while self.numbers.get(key, value) != value or (key in self.trace.tensors and key not in self.numbers):
            key += "_"
        if key not in self.numbers:
            self.numbers[key] = float(value)
            self.trace.scalars[key] = Symbol(LETTERS.get(name, name))
            self.add(key, self.trace.scalars[key], np.array([[value]]), "one", "one", kind="scalar", shown=False)
            self.names[key] = float(value)
        return key

    def equation(self, key: str, text: str, stated: str, where: str, shown: str | None = None) -> None:
        """`key` = `text`, read into terms; what acts entry by entry becomes a hidden array, a helper. `shown` says the
        same in names that the page has."""
        line = f"{key} = {text_of.rename(text, self.numbers)}"
        text = shown or text
        spelled = text_of.spelled_out(text)
        if spelled != text and not np.isfinite(text_of.evaluate(spelled, self.names)).all():
            spelled = text  # a power overflows; the function itself does not
        terms = Reader(self.matrices, self._helper).read(spelled)
        self.trace.equations[key] = Equation(key, text, line, stated, terms, where)

    def _helper(self, node: ast.expr) -> str:
        text = ast.unparse(node)
        if text not in self.helpers:
            self.helpers[text] = key = f"part{len(self.helpers)}"
            values = text_of.evaluate(text, self.names)
            used = [inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)]
            like = [self.trace.tensors[name] for name in used if name in self.trace.tensors]
            like = [tensor for tensor in like if tensor.values.shape == values.shape]
            rows = self.axis(len(values), "batch") if values.size > 1 else "one"
            rows, columns = (like[0].rows, like[0].columns) if like else (rows, "one")
            self.add(key, Symbol(text), values, rows, columns, shown=False, helper=True)
            if isinstance(node, ast.Call) and holds_sum(node.func):
                self.equation(key, text, text, "")  # a sum has terms of its own
        return self.helpers[text]

    # the stages

    def _given(self) -> None:
        x = self.outputs[0]
        self.add(x, Symbol("x"), self.tape.a[0], "batch", "input")
        gradient = self.gradient(x, known(self.tape.da[0]))
        self.trace.stages.append(Stage("Input", (Column((x,), (gradient,)),)))
        self.parameters: list[list[Slot]] = [
            [slot for slot in self.plan.slots if slot.layer == i] for i in range(len(self.plan.layers))
        ]
        given = [x]
        for i, slots in enumerate(self.parameters):
            for slot in slots:
                self._parameter(i, slot)
                given.append(slot.label)
        self.trace.walk.append(Step("start", "given", "What is given", (*given, "t"), 0))

    def _parameter(self, i: int, slot: Slot) -> None:
        number = slot.label.removeprefix(slot.name)
        symbol = Symbol(LETTERS.get(slot.name, slot.name), number)
        matrix = len(slot.shape) == 2
        columns = self.axis(slot.shape[-1], self.width_axes[i + 1])
        rows = self.axis(slot.shape[0], self.width_axes[i]) if matrix else "one"
        kind = "weight" if matrix else "bias"
        self.add(slot.label, symbol, slot.view(self.params), rows, columns, kind=kind)
        self.add(
            f"d{slot.label}", Symbol(symbol.letter, number, of="L"), slot.view(self.grads), rows, columns,
            kind=kind, gradient_of=slot.label,
        )  # fmt: skip

    def gradient(self, key: str, values: Array, of: str = "L") -> str:
        tensor = self.trace.tensors[key]
        symbol = Symbol(tensor.symbol.letter, tensor.symbol.number, of=of)
        return self.add(f"d{key}", symbol, values, tensor.rows, tensor.columns, kind=tensor.kind, gradient_of=key)


def known(gradient: Array | None) -> Array:
    assert gradient is not None  # the tape was made with the input's gradient, hence with all
    return gradient
