"""The probes: a reading of their module that runs, and what every call of it gave. Only the child process does this."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import NO_PARAMETERS, CannotBind
from chainrule.check.calling.naming import UnknownName
from chainrule.check.calling.sizes import Sizes
from chainrule.check.networks.bare import Bare
from chainrule.check.networks.recognise import readings
from chainrule.check.networks.result import DoesNotRun
from chainrule.check.probing import checkers
from chainrule.check.probing.batch import Setting
from chainrule.check.probing.collect import collect
from chainrule.check.probing.optimizing import update_method
from chainrule.check.probing.probes import CHECKER
from chainrule.check.probing.samples import LAST_CLASS_TOO
from chainrule.check.probing.sensible import Unseeded
from chainrule.check.probing.trial import Trial
from chainrule.check.reading.source import SCRIPT, defined, describe
from chainrule.errors import InputError

SQUARE = Sizes(n_in=4, hidden=(4, 4), n_out=4)
ONE = Sizes(n_out=1)
LINE = Sizes(n_in=1, n_out=1)
LAYOUTS = ("rows", "columns", "vector", "column")  # (N, I), (I, N), (I,), (I, 1)
NO_PASS = "no forward and backward, no loss with gradients, no training step"
PLAIN = ("it is random", "its prediction is", "its loss is", NO_PARAMETERS)  # refusals that explain themselves
SHAPES = "; its arrays: "
KINDS = ("one-hot", "labels", "flags", "values", "row of values", LAST_CLASS_TOO, "column of labels")
CLASSES = ("one-hot", "labels", "column of labels")
OTHERWISE = (LAST_CLASS_TOO, "column of labels")  # tried where nothing else runs
RUNS, GRADIENT, WHOLE = 1, 2, 3  # what evidence is worth
Attempt = tuple[Sizes, tuple[str, ...], tuple[Array, Array] | None]  # sizes, kinds of targets, rows of the user's own


def examine(
    module: Any, name: str | None, mapping: Mapping[str, str], own: tuple[Array, Array] | None = None
) -> dict[str, Any]:
    """Every probe of the first reading that runs. InputError says what was found where none does."""
    refusals: list[str] = []
    aside: list[str] = []
    found: list[dict[str, Any]] = []
    part: list[tuple[int, dict[str, Any]]] = []  # what gives less than all: another way to store the weights may do so
    for reading in readings(module, name, mapping):
        style = reading.style
        enough = bool(found) and not style.startswith("the layers")
        if enough and style != f"{found[-1]['style']} with dropout":
            break
        if not found and any(worth >= GRADIENT and style != other["style"] for worth, other in part):
            break
        why = aside if isinstance(reading, Bare) else refusals  # what has arrays is more likely meant
        evidence, worth = _best_of_sizes(reading, own, why, getattr(module, "__file__", ""))
        told = {"style": style, "name": reading.name, "settings": evidence}
        found += [told] if worth == WHOLE else []
        part += [(worth, told)] if 0 < worth < WHOLE else []
    most = max((worth for worth, _ in part), default=0)
    found = found or [told for worth, told in part if worth == most][:1]
    failed: dict[str, str] = {}
    checks = list(checkers.checks(module, name, failed))
    for setting in (setting for reading in found for setting in reading["settings"] if failed):
        setting["notes"][CHECKER] = f"not run: {'; '.join(f'{name}: {why}' for name, why in failed.items())}"
    if not found and not checks:
        raise InputError(_nothing(module, refusals or aside))
    return {"readings": found, "checks": checks}


def _best_of_sizes(
    reading: Any, own: tuple[Array, Array] | None, refusals: list[str], file: str
) -> tuple[list[dict[str, Any]], int]:
    """The first of the sizes with which all comes out that their code has, else the best; and what it is worth."""
    best: list[dict[str, Any]] = []
    worth, before = 0, len(refusals)
    for sizes, kinds, rows in _attempts(own):
        here = _best_layout(reading, sizes, kinds, rows, refusals, file)
        if sizes is SQUARE and not reading.own_targets:
            _note_square(here, refusals[before:])
        if (known := _worth(here, reading)) > worth:
            best, worth = here, known
        if worth == WHOLE:
            break
    return best, worth


def _tells(evidence: list[dict[str, Any]]) -> bool:
    """Whether some gradient came out, as such or as a step."""
    return any(setting["draws"][0]["grads"] or setting["steps"] or setting["moves"] for setting in evidence)


def _worth(evidence: list[dict[str, Any]], reading: Any) -> int:
    """0 for nothing; whole with a gradient, and with one number as the loss where they have a function for it."""
    if not _tells(evidence):
        return RUNS if evidence else 0
    has_loss = {"loss", "loss_and_grads"} & set(getattr(reading, "roles", ()))
    return GRADIENT if has_loss and all(setting["draws"][0]["loss"] is None for setting in evidence) else WHOLE


def _in_shape(setting: Mapping[str, Any]) -> bool:
    """Whether every gradient is as large as its parameter: (N, 1) targets beside (N,) predictions make it larger, and
    then it was we who handed over the wrong kind."""
    fresh = setting["draws"][0]
    return all(g.size == fresh["params"][name].size for name, g in fresh["grads"].items() if name in fresh["params"])


def _note_square(evidence: list[dict[str, Any]], refusals: list[str]) -> None:
    """What runs with square layers alone may have a weight transposed by mistake."""
    clash = next((why for why in refusals if SHAPES in why), None)
    for setting in evidence if clash is not None else ():
        setting["notes"]["square"] = (
            f"it runs only where all layers are as wide; is a weight transposed? With other widths {clash}"
        )


def _attempts(own: tuple[Array, Array] | None) -> list[Attempt]:
    """What to try; with rows of the user's own labels as one-hot rows, else targets as they are, then as a column."""
    if own is None:
        return [(sizes, KINDS, None) for sizes in (Sizes(), ONE, SQUARE, LINE)]
    X, y = own
    tried: list[tuple[Array, tuple[str, ...]]]
    tried = [(y, CLASSES)] if y.ndim == 2 else [(y[:, None], ("row of values",)), (y[:, None], ("values",))]
    if y.ndim == 1 and (y == y.astype(int)).all() and y.min() >= 0 and 1 <= y.max() < 1000:
        tried.insert(0, (np.eye(int(y.max()) + 1)[y.astype(int)], CLASSES))
    return [(Sizes(n_in=X.shape[1], n_out=t.shape[1], rows=(len(X),) * 3), kinds, (X, t)) for t, kinds in tried]


def _nothing(module: Any, refusals: list[str]) -> str:
    """What was found, why it does not run, and what to do about it."""
    classes, functions = defined(module)
    names = ", ".join([*classes, *functions])
    file = getattr(module, "__file__", "it")
    if (loop := vars(module).get(SCRIPT)) is not None:
        return f"{file}: found {loop}, but no network that runs: {refusals[0] if refusals else NO_PASS}"
    if not names:
        return f"{file}: defines no class and no function; expected a network with a backward pass"
    alone = [name for name, cls in classes.items() if update_method(cls)]
    if not refusals and alone:
        needs = "an optimizer is judged by its steps along the gradients of a network; put one into the same file"
        return f"{file}: found {names}, but no network: {needs}"
    asked = [why for why in refusals if why.startswith("--map")]
    if asked:
        return f"{file}: {asked[0]}"
    counts = Counter(map(_without_shapes, refusals))
    why = max(refusals, key=lambda why: (why.startswith(PLAIN), counts[_without_shapes(why)]), default=NO_PASS)
    plain = why.startswith(PLAIN) or "(line " in why or "(cell " in why or " --map " in why
    calls = "forward=NAME loss=NAME backward=NAME" if why == NO_PASS else "forward=NAME"
    more = "" if plain else f"; name it: FILE:NAME, or --map {calls}"
    return f"{file}: found {names}, but no network that runs: {why}{more}"


def _best_layout(
    reading: Any, sizes: Sizes, kinds: tuple[str, ...], own: Any, refusals: list[str], file: str
) -> list[dict[str, Any]]:
    """The first way of handing over rows in which all comes out that their code has, else the best."""
    best: list[dict[str, Any]] = []
    worth = 0
    n_out = sizes.n_out  # as wished for, until an attempt shows how many their code has
    kinds = kinds[:1] if reading.own_targets else kinds
    numbers = ("numbers",) if sizes.n_in == 1 else ()  # (N,)
    for layout in reading.layouts or (*numbers, *LAYOUTS):
        rows = sizes if layout in ("rows", "columns", "numbers") else replace(sizes, rows=(1, 1, 1))
        evidence: list[dict[str, Any]] = []
        for kind in kinds:
            if (kind in OTHERWISE and evidence) or (kind == "row of values" and n_out > 1):
                continue
            try:
                trial = Trial(reading, Setting(layout, kind, rows), own)
                n_out = trial.setting.sizes.n_out
                if sizes is LINE and trial.chained.widths != (1, 1):
                    return []  # other networks have been tried with more inputs
                evidence.append(collect(trial, file))
            except Unseeded as error:  # whatever is handed over
                refusals.append(str(error))
                return []
            except (DoesNotRun, CannotBind, UnknownName) as error:
                refusals.append(str(error))
            except (MemoryError, InputError):
                raise
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                refusals.append(_refusal(error, file, reading))
        if _tells(evidence):
            fitting = [setting for setting in evidence if _in_shape(setting)]
            shown = [setting for setting in fitting if setting["draws"][0]["grads"]]
            evidence = shown or [setting for setting in fitting if _tells([setting])] or fitting or evidence
        if (known := _worth(evidence, reading)) > worth:
            best, worth = evidence, known
        if worth == WHOLE:
            break
    return best


def _without_shapes(refusal: str) -> str:
    return refusal.partition(SHAPES)[0]


def _refusal(error: BaseException, file: str, reading: Any) -> str:
    """Their error with its line; where shapes do not meet, with the shapes."""
    places = getattr(reading, "places", {})
    clash = isinstance(error, ValueError) and re.search("mismatch|broadcast|align|shape", str(error))
    shapes = ", ".join(f"{path} {np.shape(place.raw)}" for path, place in list(places.items())[:8])
    return describe(error, file) + (f"{SHAPES}{shapes}" if clash and shapes else "")
