"""What the probes gave as draws: in our names and shapes, rows as samples, weights (inputs, units)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.reference.passes import Draw

DIFFERENCES = 1e-9  # of a layer's largest gradient: what the differences of a loss leave where it is flat


def draws_of(record: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], transposed: bool) -> list[Draw]:
    """Evidence in our names and shapes: W1 (inputs, units), b1 (units,)."""
    found, names = [], named(record)
    for call in calls:
        params = {ours: inputs_by_units(ours, call["params"][name], transposed) for ours, name in names.items()}
        given = {ours: call["grads"][name] for ours, name in names.items() if name in call.get("grads", {})}
        grads = {ours: in_shape(ours, g, params[ours], transposed) for ours, g in given.items()}
        out, held, numbers = call.get("out"), call.get("held") or {}, call.get("numbers") or ()
        found.append(Draw(call["X"], call["t"], params, grads, out, call.get("loss"), held=held, numbers=numbers))
    return found


def named(record: Mapping[str, Any]) -> dict[str, str]:
    """Their name for each of ours: W1, b1, W2, ..."""
    weights = {f"W{i + 1}": name for i, name in enumerate(record["weights"])}
    return weights | {f"b{i + 1}": name for i, name in enumerate(record["biases"]) if name is not None}


def inputs_by_units(name: str, array: Array, transposed: bool) -> Array:
    array = np.asarray(array, dtype=np.float64)
    if name[0] == "b":
        return array.reshape(-1)
    if array.ndim < 2:  # the weights of one output
        return array.reshape(-1, 1)
    return array.T if transposed else array


def in_shape(name: str, gradient: Array, param: Array, transposed: bool) -> Array:
    """Their gradient beside the parameter; one of another size keeps its shape, which is evidence too."""
    gradient = np.asarray(gradient, dtype=np.float64)
    if name[0] == "b" and gradient.size == param.size:
        return gradient.reshape(-1)
    if name[0] == "W" and gradient.ndim < 2 and gradient.size == param.size:
        return gradient.reshape(-1, 1)
    if gradient.ndim == 2:
        return gradient.T if transposed else gradient
    return gradient


def without_gradient(record: Mapping[str, Any], grads: Mapping[str, Any]) -> tuple[str, ...]:
    """Their names for the weights of which no gradient was found."""
    return tuple(name for i, name in enumerate(record["weights"]) if f"W{i + 1}" not in grads)


def numeric(record: Mapping[str, Any], key: str = "numeric", draw: int = 0) -> dict[str, Array]:
    given = record.get(key) or {}
    if not given or draw >= len(record["draws"]):
        return {}
    call = {**record["draws"][draw], "grads": given}
    return dict(draws_of(record, [call], record["transposed"])[0].grads)
