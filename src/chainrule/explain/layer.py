"""A layer's part of the trace: its lines in the names of the step, forward and then backward."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from typing import TYPE_CHECKING

from chainrule.arrays import Array
from chainrule.explain import lines as text_of
from chainrule.explain.symbols import LETTERS, Symbol
from chainrule.explain.trace import Column, Stage, Step
from chainrule.explain.words import layer_title
from chainrule.layers import Dense, Layer

if TYPE_CHECKING:
    from chainrule.explain.build import Builder


class LayerLines:
    """The lines of layer i. What they assign besides y, dx and gradients becomes a figure of its own."""

    def __init__(self, b: Builder, i: int) -> None:
        self.b, self.i, self.layer = b, i, b.plan.layers[i]
        self.x, self.y = b.outputs[i], b.outputs[i + 1]
        self.slots = b.parameters[i]
        self.pending = text_of.assignments(self.layer.math)
        self.names: dict[str, str | float] = {}  # what the names in the lines are called in this step
        self.parts: list[str] = []

    def forward(self) -> None:
        self._name()
        while "y" in [name for name, _ in self.pending]:
            name, text = self.pending.pop(0)
            key = self._line(name, text)
            if name != "y" and key not in self.b.numbers:
                self._stop(key, "forward")
        self._stop(self.y, "forward")
        self.b.trace.stages.append(Stage(title_of(self.layer), (*self._columns(), Column((self.y,), (f"d{self.y}",)))))

    def backward(self) -> None:
        before, made = len(self.parts), set[str]()
        for name, text in self.pending:
            key = self._line(name, text)
            if key not in self.b.numbers:
                made.add(key)
                self._stop(key, "backward")
        for key in (*(f"d{slot.label}" for slot in self.slots), f"d{self.x}"):
            if key not in made:  # the layer states no line for it
                self._stop(key, "backward")
        tensors, stage = self.b.trace.tensors, self.b.trace.stages[self.i + 1]
        extra = [Column((key,)) for key in self.parts[before:] if tensors[key].gradient_of is None]
        columns = [replace(c, gradients=tuple(k for k in c.gradients if k in tensors)) for c in stage.columns]
        self.b.trace.stages[self.i + 1] = Stage(stage.title, (*extra, *columns))

    def _name(self) -> None:
        b, number = self.b, "".join(filter(str.isdigit, self.y))
        symbol = Symbol(self.y[0] + "′" * self.y.count("b"), number if number != "0" else "")
        b.add(self.y, symbol, b.tape.a[self.i + 1], "batch", b.width_axes[self.i + 1])
        gradient = b.tape.da[self.i + 1]
        assert gradient is not None  # the tape was made with the input's gradient, hence with all
        b.gradient(self.y, gradient)
        self.names |= {"x": self.x, "y": self.y, "dx": f"d{self.x}", "dy": f"d{self.y}"}
        for slot in self.slots:
            self.names |= {slot.name: slot.label, f"d{slot.name}": f"d{slot.label}"}
        for field in fields(self.layer):
            value = getattr(self.layer, field.name)
            if isinstance(value, int | float) and not isinstance(value, bool) and field.name != "units":
                self.names[field.name] = b.scalar(field.name, value)
        if hasattr(b.tape.m[self.i], "mask"):
            mask = self._part("mask", b.tape.m[self.i].mask)
            b.trace.walk[0] = replace(b.trace.walk[0], shows=(*b.trace.walk[0].shows, mask))

    def _part(self, name: str, values: Array) -> str:
        """Enter an intermediate array that the lines name; it carries the number of the layer's output."""
        b, suffix = self.b, self.y[1:]
        while f"{name}{suffix}" in b.trace.tensors:
            suffix += "b"
        of = f"{name[1:]}{suffix}" if name[0] == "d" and f"{name[1:]}{suffix}" in b.trace.tensors else None
        letter, number = name[1:] if of else name, suffix.rstrip("b")
        symbol = Symbol(LETTERS.get(letter, letter), number if number != "0" else "", of="L" if of else "")
        rows, columns = b.axis(len(values), "batch"), b.axis(values.shape[1], b.width_axes[self.i])
        key = b.add(f"{name}{suffix}", symbol, values, rows, columns, gradient_of=of)
        self.names[name] = key
        self.parts.append(key)
        return key

    def _line(self, name: str, text: str) -> str:
        """Enter one line; its target becomes an array, or a number where no array is on the right."""
        b, own = self.b, text_of.rename(text, self.names)
        if name not in self.names:
            values = text_of.evaluate(own, b.names)
            if not any(isinstance(node, ast.Name) for node in ast.walk(text_of.parse(own))):
                self.names[name] = b.scalar(name, float(values[0, 0]))
                return str(self.names[name])
            self._part(name, values)
        matrices = {f"d{slot.name}": slot.label for slot in self.slots if len(slot.shape) == 2}
        if name in matrices:
            own += self._penalty(matrices[name])
        b.equation(str(self.names[name]), own, f"{name} = {text}", type(self.layer).__name__)
        return str(self.names[name])

    def _penalty(self, label: str) -> str:
        b, (l2, l1) = self.b, self.b.net.objective.rates(self.b.data.total)
        squares = f" + {b.scalar('l2', l2)} * {label}" if l2 else ""
        return squares + (f" + {b.scalar('l1', l1)} * np.sign({label})" if l1 else "")

    def _columns(self) -> list[Column]:
        """Parts, then matrices; vectors stand below the last matrix."""
        columns = [Column((part,), (f"d{part}",)) for part in self.parts]
        matrices = [slot.label for slot in self.slots if len(slot.shape) == 2]
        vectors = [slot.label for slot in self.slots if len(slot.shape) < 2]
        groups = [*([label] for label in matrices[:-1]), [*matrices[-1:], *vectors]] if self.slots else []
        for group in groups:
            columns.append(Column(tuple(group), tuple(f"d{k}" for k in group), tuple(f"{k}_after" for k in group)))
        return columns

    def _stop(self, key: str, phase: str) -> None:
        equation = self.b.trace.equations.get(key)
        stated = equation.stated if equation else f"{'dx' if phase == 'backward' else 'y'} = "
        title = layer_title(stated, title_of(self.layer))
        self.b.trace.walk.append(Step(key, phase, title, (key,), self.i + 1))


def title_of(layer: Layer) -> str:
    return f"Dense {layer.units}" if isinstance(layer, Dense) else repr(layer).removesuffix("()")
