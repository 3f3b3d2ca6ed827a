"""Driving optimizers that are not ours: a few steps with gradients that are known."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import Env, arguments, call
from chainrule.check.probing.batch import Batch
from chainrule.check.probing.trial import Trial
from chainrule.check.reading.names import argument_roles, attributes_used
from chainrule.check.reading.source import defined, describe, raised_in

STEPS = 12
CONSTANTS = {
    "lr": r"lr|(base_|initial_)?learning_?rate|eta|alpha|step_size",
    "beta1": r"beta_?1|b1|beta1", "beta2": r"beta_?2|b2", "rho": r"rho|decay_rate|gamma",
    "eps": r"eps|epsilon", "mu": r"mu|momentum|beta", "weight_decay": r"weight_decay|wd|l2", "decay": r"decay|lr_decay",
}  # fmt: skip
NETWORK = {"net", "network", "model"}  # what an optimizer calls the network that is set from outside
Values = dict[str, Array]


def constants_of(found: Mapping[str, Any]) -> dict[str, float]:
    """Numbers by what they are in the formulas; betas as a pair counts."""
    named = dict(found)
    if isinstance(found.get("betas"), (tuple, list)):
        named |= dict(zip(("beta1", "beta2"), found["betas"]))
    return {
        ours: float(value)
        for name, value in named.items()
        for ours, pattern in CONSTANTS.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and re.fullmatch(pattern, name.strip("_"))
    }


def optimizers(trial: Trial, batch: Batch) -> tuple[list[dict[str, Any]], list[str]]:
    """Some steps of every optimizer that they define, each with the gradients that it was given; why others failed."""
    found: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    trial.start(batch)
    evaluate = partial(trial.gradients, batch)
    in_parts = getattr(trial.reading, "in_parts", False)  # an optimizer of their own is handed whole arrays
    for driven in () if in_parts else _drive_classes(trial.reading.module, trial.reading, evaluate, failed):
        found.append(driven)
        trial.start(batch)
    with contextlib.suppress(Exception):  # a step says why where it is a probe of its own
        if (stepped := _drive_step(trial.reading, evaluate)) is not None:
            found.append(stepped)
    return found, [f"{name}: {why}" for name, why in failed.items()]


def _drive_classes(
    module: ModuleType, reading: Any, evaluate: Callable[[], Any], failed: dict[str, str]
) -> Iterator[dict[str, Any]]:
    """A few steps of each optimizer class on a reading's parameters. `evaluate` sets gradients and returns them.

    `failed` gets what their own lines raised first, of those that no way of calling drives.
    """
    file = module.__file__ or ""
    for name, cls in defined(module)[0].items():
        main = update_method(cls)
        for params, way in product(_handed(cls, reading), WAYS) if main else ():
            try:
                found = _drive(name, _made(cls, params, reading), main, way, reading, evaluate)
            except Exception as error:
                if raised_in(error, file):
                    failed.setdefault(name, describe(error, file))
                continue
            if found is not None:
                failed.pop(name, None)
                yield found
                break


def update_method(cls: type) -> str:
    """What an optimizer, which is told a rate and makes no pass, calls its update; empty where it is none."""
    takes = {role for p in arguments(cls) for role in argument_roles(p.name)}
    passes = hasattr(cls, "forward") or hasattr(cls, "backward")
    named = [m for m in vars(cls) if re.search("^(step|update|apply)", m)]
    return named[0] if named and "lr" in takes and not passes else ""


def _handed(cls: type, reading: Any) -> list[Any]:
    """What an optimizer may be made for: the network, its parameters by name, or what keeps the gradient of each."""
    if not any("params" in argument_roles(p.name) for p in arguments(cls)):
        return [None]
    places = [reading.places[path] for path in reading.chained_paths]
    keepers = [place.raw if hasattr(place.raw, "__dict__") else place.container for place in places]
    return [getattr(reading, "object", None), {place.last: place.raw for place in places}, keepers]


def _made(cls: type, params: Any, reading: Any) -> Any:
    """An optimizer of theirs; a network that its methods use and its constructor does not take is set from outside."""
    made = call(cls, Env({"params": params, "n": reading.n}), ("lr", "reg", "params", "n"))
    methods = [getattr(cls, name) for name in dir(cls) if inspect.isfunction(getattr(cls, name))]
    for name in attributes_used(methods, "self"):
        if name in NETWORK and not hasattr(made, name):
            setattr(made, name, getattr(reading, "object", None))
    return made


def _drive(name: str, made: Any, main: str, way: Any, reading: Any, evaluate: Callable[[], Any]) -> Any:
    evaluate()
    steps, paths = [], list(reading.chained_paths)
    numbers = {k: v for k, v in vars(made).items() if isinstance(v, (int, float, tuple, list))}
    for _ in range(STEPS):
        grads = evaluate()
        before = {path: reading.places[path].value.copy() for path in paths}
        _call_all(made, "pre_")
        way(_for_rows(getattr(made, main), reading.n), reading, grads)
        _call_all(made, "post_")
        after = {path: reading.places[path].value.copy() for path in paths}
        if all((after[path] == before[path]).all() for path in paths):
            return None
        steps.append({"before": before, "grads": grads, "after": after})
    return {"name": name, "numbers": constants_of(numbers), "steps": steps, "rows": reading.n}


def _for_rows(method: Callable[..., Any], n: int) -> Callable[..., Any]:
    """The method with the number of rows where it asks for it."""
    return partial(method, **{p.name: n for p in arguments(method) if "n" in argument_roles(p.name)})


def _call_all(made: Any, prefix: str) -> None:
    """The methods around an update: pre_update_params, post_update_params."""
    for name in vars(type(made)):
        if name.startswith(prefix):
            getattr(made, name)()


def _holders(reading: Any) -> list[Any]:
    """The objects that hold the parameters, in the order of the layers."""
    found = [reading.places[path].container for path in reading.chained_paths]
    return list({id(holder): holder for holder in found}.values())


def _each(method: Any, reading: Any, grads: Values) -> None:
    for holder in _holders(reading):
        method(holder)


def _by_name(reading: Any, grads: Values) -> tuple[dict[str, Any], dict[str, Any]]:
    names = {path: reading.places[path].last for path in grads}
    return {n: reading.places[p].raw for p, n in names.items()}, {n: grads[p] for p, n in names.items()}


WAYS: tuple[Any, ...] = (
    lambda method, reading, grads: method(_holders(reading)),
    _each,
    lambda method, reading, grads: method(_by_name(reading, grads)[1]),
    lambda method, reading, grads: method(*_by_name(reading, grads)),
    lambda method, reading, grads: method(),
)


def _drive_step(reading: Any, evaluate: Callable[[], Any]) -> dict[str, Any] | None:
    """The same of a training step that is a function or a method."""
    fn = reading.fn("step") if hasattr(reading, "fn") else None
    if fn is None:
        return None
    numbers = {p.name: p.default for p in arguments(fn)}
    if reading.object is not None:
        numbers |= {name: v for name, v in vars(reading.object).items() if isinstance(v, (int, float, tuple))}
    steps = []
    for _ in range(STEPS):
        grads = evaluate()
        before = {path: reading.places[path].value.copy() for path in reading.chained_paths}
        after, rate = reading.step()
        said = reading.said_rate() if rate is None else rate
        numbers |= {} if said is None else {"lr": said}
        steps.append({"before": before, "grads": grads, "after": {path: after[path] for path in reading.chained_paths}})
        if other_shape({"steps": steps, "name": ""}):
            break  # nor would the next one run
        for path in reading.chained_paths:
            reading.places[path].set(after[path].copy())
    first = steps[0]
    if all(np.array_equal(first["after"][path], before) for path, before in first["before"].items()):
        return None
    return {"name": fn.__name__, "numbers": constants_of(numbers), "steps": steps, "rows": reading.n}


def other_shape(optimizer: Mapping[str, Any]) -> str:
    """Which array has another shape than its parameter at first, where, and what to do: such steps have no formula."""
    first = {path: np.shape(value) for path, value in optimizer["steps"][0]["before"].items()}
    for step in optimizer["steps"]:
        for kind in ("grads", "after", "before"):
            for path, shape in first.items():
                if path not in step[kind]:
                    return f"in {optimizer['name']} {path} has no gradient"
                if (other := np.shape(step[kind][path])) != shape:
                    return _grown(optimizer["name"], path, shape, other, of_gradient=kind == "grads")
    return ""


def _grown(name: str, path: str, shape: tuple[int, ...], other: tuple[int, ...], *, of_gradient: bool) -> str:
    grown = all(a in (1, b) for a, b in zip(reversed(shape), reversed(other))) and len(other) >= len(shape)
    seen = f"its gradient {other}" if of_gradient else f"{other} after it"
    do = "an update has to leave a parameter the shape that it has"
    if np.prod(shape) == np.prod(other):
        do = f"make {path} as {other} from the start, or its gradient as {shape}"
    elif grown:
        do = f"sum its gradient over the rows, so that it has the shape of {path}"
    return f"in {name} {path} has shape {shape}, and {seen}; {do}"
