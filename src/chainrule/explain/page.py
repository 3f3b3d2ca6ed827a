"""The page: a trace as JSON inside one file of HTML, style and script that asks nobody for anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import InputError, nearest
from chainrule.explain.formulas import equation_math, helper_math
from chainrule.explain.mathml import LaTeX, MathML
from chainrule.explain.payload import WINDOWED, Payload
from chainrule.explain.terms import Term
from chainrule.explain.trace import Equation, Tensor, Trace
from chainrule.explain.tree import tree
from chainrule.explain.words import cell_words, step_words

SCRIPTS = ("model", "numbers", "formulas", "figures", "nudge", "shapes", "yours", "why", "fit", "draw", "walk")
TOLERANCE = 1e-7  # of the array's largest entry: beyond, a cell of `yours` is wrong


class Page:
    """A page that shows itself in notebooks and saves itself."""

    def __init__(self, html: str, trace: Trace) -> None:
        self.html, self.trace = html, trace

    def save(self, path: str | Path) -> None:
        """Write the page, beside the name first and then renamed."""
        from chainrule.files import write

        write(path, self.html)

    def _repr_html_(self) -> str:
        style = "width:100%;height:760px;border:0"
        return f'<iframe title="{escape(self.trace.title)}" style="{style}" srcdoc="{escape(self.html)}"></iframe>'


def render(
    trace: Trace, yours: Mapping[str, Any] | None = None, verdict: str | None = None, *, tell: bool = True
) -> str:
    """The page as HTML. `yours` are somebody's gradients by the name of their parameter ("W1"), shown as a third lane
    with wrong cells outlined; `verdict` is a line that says what is wrong with them. With `tell`, the panel also says
    which term of a wrong cell is wrong."""
    data = page_data(trace)
    data["verdict"], data["tell"] = verdict, tell
    data["yours"] = {key: _yours(trace, key, value) for key, value in (yours or {}).items()}
    data["start"] = _start(trace, data["yours"])
    folder = files("chainrule.explain") / "static"

    def read(name: str) -> str:
        return (folder / name).read_text(encoding="utf-8")

    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    parts = {
        "title": escape(trace.title),
        "style": read("step.css"),
        "data": text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"),
        "script": "\n".join(read(f"{name}.js") for name in SCRIPTS),
    }
    page = read("step.html")
    for name, part in parts.items():
        page = page.replace(f"<!--{name}-->", part, 1)
    return page


def page_data(trace: Trace) -> dict[str, Any]:
    """Everything the page shows, as JSON."""
    payload = Payload(trace)
    return {
        "title": trace.title,
        "summary": trace.summary,
        "axes": {key: {"kind": axis.kind, "names": axis.names} for key, axis in trace.axes.items()},
        "tensors": {key: _tensor(trace, tensor) | payload[key] for key, tensor in trace.tensors.items()},
        "equations": {key: _equation(trace, equation) for key, equation in trace.equations.items()},
        "stages": [
            {"title": stage.title, "columns": [[c.values, c.gradients, c.after] for c in stage.columns]}
            for stage in trace.stages
        ],
        "walk": [vars(step) | {"say": step_words(step, trace)} for step in trace.walk],
        "mostShown": WINDOWED,
    }


def _tensor(trace: Trace, tensor: Tensor) -> dict[str, Any]:
    symbol = tensor.symbol
    found = {
        "name": tensor.name, "letter": symbol.letter, "latex": symbol.latex, "number": symbol.number, "of": symbol.of,
        "after": symbol.after, "rows": tensor.rows, "columns": tensor.columns, "kind": tensor.kind,
        "shown": tensor.shown, "gradientOf": tensor.gradient_of,
        "math": symbol.write(MathML()),
    }  # fmt: skip
    if tensor.helper:
        found |= {"helper": True, "tree": tree(symbol.letter)}
        for name, to in (("math", MathML()), ("latex", LaTeX())):
            found[name] = helper_math(trace, symbol.letter, to)
            found[f"{name}InProduct"] = helper_math(trace, symbol.letter, to, bracketed=True)
    return found


def _equation(trace: Trace, equation: Equation) -> dict[str, Any]:
    words = cell_words(equation, trace)
    return {
        "math": equation_math(trace, equation),
        "line": equation.line, "stated": equation.stated, "where": equation.where,
        "say": [words] if isinstance(words, str) else words,
        "terms": [_term(term) for term in equation.terms],
    }  # fmt: skip


def _term(term: Term) -> list[Any]:
    return [term.coefficient, [[f.key, *f.at, int(f.inverse)] for f in term.factors], term.over]


def _start(trace: Trace, yours: Mapping[str, Any]) -> str:
    """Where a page with somebody's gradients opens: all is shown, at the worst cell of the first wrong array on the
    way back."""
    order = [step.key for step in trace.walk]
    wrong = [one for one in yours.values() if np.any(one["wrong"])]
    if not yours or not wrong:
        return "all" if yours else ""
    first = min(wrong, key=lambda one: order.index(one["key"]) if one["key"] in order else len(order))
    key, ours = first["key"], trace[first["key"]]
    theirs = np.array([[np.nan if v is None else v for v in row] for row in first["values"]], dtype=np.float64)
    if theirs.shape != ours.shape:
        return f"all/{key}.0.0"
    i, j = np.unravel_index(int(np.argmax(np.nan_to_num(np.abs(theirs - ours), nan=np.inf))), ours.shape)
    return f"all/{key}.{i}.{j}"


def _yours(trace: Trace, key: str, values: Any) -> dict[str, Any]:
    """Somebody's array beside ours: the cells that differ by more than the tolerance."""
    name = next((name for name in (f"d{key}", f"d{key.lower()}", key) if name in trace.tensors), None)
    if name is None:
        raise InputError(f"yours: no array {key!r}; {nearest(key, [k for k, t in trace.tensors.items() if t.shown])}")
    ours = trace.tensors[name]
    found = np.atleast_2d(np.asarray(values, dtype=np.float64))
    same = found.shape == ours.values.shape
    allowed = TOLERANCE * max(float(np.abs(ours.values).max()), 1e-300)
    wrong = ~(np.abs(found - ours.values) <= allowed) if same else np.ones(found.shape, bool)
    return {
        "key": ours.key,
        "shape": found.shape,
        "values": [[float(v) if np.isfinite(v) else None for v in row] for row in found],
        "wrong": wrong.astype(int).tolist(),
    }
