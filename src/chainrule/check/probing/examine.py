"""The probes: a reading of their module that runs, and what every call of it gave. Only the child process does this."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling.binding import NO_PARAMETERS, CannotBind
from chainrule.check.calling.naming import UnknownName, asking
from chainrule.check.calling.sizes import Sizes
from chainrule.check.networks.bare import Bare
from chainrule.check.networks.recognise import bare_readings, readings
from chainrule.check.networks.result import DoesNotRun, NoStep
from chainrule.check.probing import checkers
from chainrule.check.probing.batches import in_batches
from chainrule.check.probing.optimizing import other_shape
from chainrule.check.probing.probes import OPTIMIZER
from chainrule.check.probing.rounds import changes_again, stands_still, stepping
from chainrule.check.probing.samples import LAST
from chainrule.check.probing.sensible import Unseeded, differing, require_repeatable, require_sense
from chainrule.check.probing.trial import Setting, Trial
from chainrule.check.reading.source import SCRIPT, defined, describe
from chainrule.errors import InputError

SQUARE = Sizes(n_in=4, hidden=(4, 4), n_out=4)
ONE = Sizes(n_out=1)
LAYOUTS = ("rows", "columns", "vector", "column")
NO_PASS = "no forward and backward, no loss with gradients, no training step"
PLAIN = ("it is random", "its prediction is", "its loss is", NO_PARAMETERS)  # refusals that explain themselves
SHAPES = "; its arrays: "
KINDS = ("one-hot", "labels", "flags", "values", "row of values", LAST, "column of labels")
CLASSES = ("one-hot", "labels", "column of labels")
OTHERWISE = (LAST, "column of labels")  # tried where nothing else runs
Attempt = tuple[Sizes, tuple[str, ...], tuple[Array, Array] | None]  # sizes, kinds of targets, rows of the user's own


def examine(
    module: Any, name: str | None, mapping: Mapping[str, str], own: tuple[Array, Array] | None = None
) -> dict[str, Any]:
    """Every probe of the first reading that runs. InputError says what was found where none does."""
    refusals: list[str] = []
    aside: list[str] = []
    found: list[dict[str, Any]] = []
    bare = () if SCRIPT in vars(module) and name is None else bare_readings(module, name, mapping)
    for reading in chain(readings(module, name, mapping), bare):
        style, evidence = reading.style, None
        enough = bool(found) and not style.startswith("the layers")
        if enough and style != f"{found[-1]['style']} with dropout":
            break
        for sizes, kinds, rows in _attempts(own):
            why = aside if isinstance(reading, Bare) else refusals  # what has arrays is more likely meant
            here = _first_layout(reading, sizes, kinds, rows, why, getattr(module, "__file__", ""))
            evidence = here if here and _tells(here) else evidence or here
            if evidence and _tells(evidence):
                break
        if evidence:
            found.append({"style": style, "name": reading.name, "settings": evidence, "square": sizes is SQUARE})
    checks = list(checkers.checks(module, name))
    if not found and not checks:
        raise InputError(_nothing(module, refusals or aside))
    return {"readings": found, "checks": checks, "refusals": refusals[:20]}


def _tells(evidence: list[dict[str, Any]]) -> bool:
    """Whether some gradient came out, as such or as a step."""
    return any(setting["draws"][0]["grads"] or setting["steps"] or setting["moves"] for setting in evidence)


def _attempts(own: tuple[Array, Array] | None) -> list[Attempt]:
    """What to try; with rows of the user's own labels as one-hot rows, else targets as they are, then as a column."""
    if own is None:
        return [(sizes, KINDS, None) for sizes in (Sizes(), ONE, SQUARE)]
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
    asked = [why for why in refusals if why.startswith("--map")]
    if asked:
        return f"{file}: {asked[0]}"
    counts = Counter(map(_without_shapes, refusals))
    why = max(refusals, key=lambda why: (why.startswith(PLAIN), counts[_without_shapes(why)]), default=NO_PASS)
    plain = why.startswith(PLAIN) or "(line " in why or "(cell " in why or "; --map " in why
    calls = "forward=NAME loss=NAME backward=NAME" if why == NO_PASS else "forward=NAME"
    more = "" if plain else f"; name it: FILE:NAME, or --map {calls}"
    return f"{file}: found {names}, but no network that runs: {why}{more}"


def _first_layout(
    reading: Any, sizes: Sizes, kinds: tuple[str, ...], own: Any, refusals: list[str], file: str
) -> list[dict[str, Any]]:
    """The first way of handing over rows in which gradients come out, else in which anything does."""
    runs: list[dict[str, Any]] = []
    kinds = kinds[:1] if getattr(reading, "own_targets", False) else kinds
    for layout in ("columns",) if getattr(reading, "pairs", False) else LAYOUTS:
        rows = sizes if layout in ("rows", "columns") else replace(sizes, rows=(1, 1, 1))
        evidence: list[dict[str, Any]] = []
        for kind in kinds:
            if (kind in OTHERWISE and evidence) or (kind == "row of values" and sizes.n_out > 1):
                continue
            try:
                evidence.append(collect(Trial(reading, Setting(layout, kind, rows), own), file))
            except Unseeded as error:  # whatever is handed over
                refusals.append(str(error))
                return []
            except (DoesNotRun, CannotBind, UnknownName) as error:
                refusals.append(str(error))
            except (MemoryError, InputError):
                raise
            except (Exception, SystemExit, KeyboardInterrupt) as error:
                refusals.append(_refusal(error, file, reading))
        if evidence and _tells(evidence):
            return evidence
        runs = runs or evidence
    return runs


def _asked(trial: Trial, names: list[str]) -> str:
    """How to name the gradients of these parameters."""
    return asking([f"d{ours}" for ours, theirs in trial.chained.named.items() if theirs in names])


def _without_shapes(refusal: str) -> str:
    return refusal.partition(SHAPES)[0]


def _refusal(error: BaseException, file: str, reading: Any) -> str:
    """Their error with its line; where shapes do not meet, with the shapes."""
    places = getattr(reading, "places", {})
    clash = isinstance(error, ValueError) and re.search("mismatch|broadcast|align|shape", str(error))
    shapes = ", ".join(f"{path} {np.shape(place.raw)}" for path, place in list(places.items())[:8])
    return describe(error, file) + (f"{SHAPES}{shapes}" if clash and shapes else "")


def collect(trial: Trial, file: str) -> dict[str, Any]:
    """All probes of one setting; the first evaluation has to run, the others say why they did not."""
    first, second, third = trial.batches
    notes: dict[str, str] = {}
    noting = partial(Noting, file)
    trial.start(first)
    fresh = trial.evaluate(first)
    require_sense(trial.reading, fresh)
    if fresh["unread"] and not fresh["grads"]:
        notes["gradients"] = f"{fresh['unread']}: none was found in it; name them: {_asked(trial, trial.names)}"
    if fresh["grads"] and (without := [n for n in trial.chained.weights if n not in fresh["grads"]]):
        notes["gradients"] = (
            f"none was found for {', '.join(without)}; is its shape right? Name it: {_asked(trial, without)}"
        )
    trial.start(first)
    twice = trial.evaluate(first)
    require_repeatable(fresh, twice)
    record: dict[str, Any] = {
        "layout": trial.setting.layout, "kind": _kind(trial), "weights": list(trial.chained.weights),
        "biases": list(trial.chained.biases), "transposed": trial.chained.transposed,
        "left out": trial.left_out, "draws": [fresh], "step numeric": {}, "notes": notes, "rate": trial.reading.rate(),
        "said rate": getattr(trial.reading, "said_rate", trial.reading.rate)(),
        "reg": trial.reading.env.used.get("reg"), "two calls": differing(fresh, twice),
    }  # fmt: skip
    record["moves"] = moves = any((fresh["after"][n] != first.params[n]).any() for n in trial.names)
    with noting(notes, "gradients again"):
        record["history"] = [fresh, trial.evaluate(first)] if not moves else []
        if not moves:
            record["history"].append(trial.evaluate(trial.put(replace(second, params=first.params))))
    for batch, probe in ((second, "gradients on other data"), (third, "gradients at a second batch size")):
        with noting(notes, probe):
            trial.start(batch)
            record["draws"].append(trial.evaluate(batch))
    with noting({}, "shift"):
        record["shifted"] = trial.shifted(first)
    with noting({}, "backward again"):
        record["again"] = trial.again(first) if not moves else {}
    with noting({}, "backward elsewhere"):
        record["redrawn"] = trial.redrawn(first) if not moves else ""
    with noting(notes, "differences of the loss"):
        record["numeric"] = trial.losses(first) if fresh["loss"] is not None and not moves else {}
    with noting({}, "differences at the second batch size"):
        last = trial.chained.weights[-1:]
        record["numeric second"] = trial.losses(third, last) if record.get("numeric") else {}
    with noting({}, "steps on other data"):
        record["step history"] = trial.steps_on([first, replace(second, params=first.params)])
    with noting({}, "optimizer"):
        driven = [] if moves else trial.optimizers(first)
        record["optimizers"] = [optimizer for optimizer in driven if not other_shape(optimizer)]
        if odd := [why for optimizer in driven if (why := other_shape(optimizer))]:
            notes[OPTIMIZER] = f"not judged: {'; '.join(odd)}"
    record["steps"] = []
    for batch in (first, third):
        if not trial.reading.steps:
            notes["one step"] = "not run: it makes no step"
            break
        with noting(notes, "one step"):
            record["steps"].append(trial.steps(batch, 3))
    if record["steps"] and not moves and stands_still(trial.reading, record["steps"]):
        still = f"{stepping(trial.reading)} changes no parameter and returns none"
        notes["one step"] = f"not run: {still}"
        if not fresh["grads"]:
            notes.setdefault("gradients", f"none was found, and {still}; name them: {_asked(trial, trial.names)}")
        record["steps"], record["step history"] = [], []
    with noting({}, "half batches"):
        record["half batches"] = in_batches(trial) if record["steps"] and not moves else None
    record["small"] = _small(trial)
    if moves or (record["steps"] and not fresh["grads"]):
        with noting({}, "one update"):
            record |= _one_update(trial, file, moves=moves, single=fresh["single"])
    with noting({}, "differences of a step's loss"):
        several = moves or "fewer rows" in record  # which may take long
        record["step numeric"] = trial.losses(first) if fresh["step loss"] is not None and not several else {}
    return record


def _kind(trial: Trial) -> str:
    return "its inputs" if getattr(trial.reading, "own_targets", False) else trial.setting.kind


def _one_update(trial: Trial, file: str, *, moves: bool, single: bool) -> dict[str, Any]:
    """The probes again with fewer rows, where a call makes several updates of all, or where that cannot be told."""
    first = trial.batches[0]
    several = trial.several_updates(first, moves=moves, single=single)
    if several:
        fewer = None  # that there are several is known even where no probe runs with fewer rows
        with Noting(file, {}, "fewer rows"):
            fewer = _fewer_rows(trial, file, moves=moves, single=single)
        return {"fewer rows": fewer}
    if several is None and changes_again(_with_rows(trial, 1), moves=moves):
        return {"fewer rows": None}  # not for each row
    return {"one row": collect(_with_rows(trial, 1), file)} if several is None and len(first.X) > 1 else {}


def _fewer_rows(trial: Trial, file: str, *, moves: bool, single: bool) -> dict[str, Any] | None:
    """The probes with as many rows as one call takes in one update: those of a batch of theirs, or one."""
    for n in (7, 2, 1):
        if n >= len(trial.batches[0].X):
            continue
        few = _with_rows(trial, n)
        if not few.several_updates(few.batches[0], moves=moves, single=single):
            return collect(few, file)
    return None


def _with_rows(trial: Trial, n: int) -> Trial:
    sizes = replace(trial.setting.sizes, rows=(n, n, max(n - 1, 1)))
    own = None if trial.own is None else (trial.own[0][:n], trial.own[1][:n])
    return Trial(trial.reading, replace(trial.setting, sizes=sizes), own)


def _small(trial: Trial) -> dict[str, Any] | None:
    """A step on a few rows with short numbers, for the page: 3-4-2 where the sizes are ours to choose."""
    setting, rows = trial.setting, (min(5, trial.setting.sizes.rows[0]),) * 3
    few = Sizes(n_in=3, hidden=(4, 6), n_out=min(setting.sizes.n_out, 2), rows=rows)
    own = None if trial.own is None else (trial.own[0][:5], trial.own[1][:5])
    for sizes in (few, replace(setting.sizes, rows=rows))[own is not None :]:
        with suppress(Exception, SystemExit):
            small = Trial(trial.reading, replace(setting, sizes=sizes), own)
            batch = small.readable()
            small.start(batch)
            fresh = small.evaluate(batch)
            require_sense(small.reading, fresh)
            moves = any((fresh["after"][n] != batch.params[n]).any() for n in small.names)
            again = [] if moves else [small.evaluate(batch)]
            steps = []
            with suppress(Exception, SystemExit):
                steps = [small.steps(batch, 1)]
            return {
                "weights": list(small.chained.weights), "biases": list(small.chained.biases), "moves": moves,
                "transposed": small.chained.transposed, "draws": [fresh], "history": [fresh, *again],
                "rate": small.reading.rate(), "steps": steps,
            }  # fmt: skip
    return None


class Noting:
    """A probe that fails says why, and the others go on."""

    def __init__(self, file: str, notes: dict[str, str], probe: str) -> None:
        self.file, self.notes, self.probe = file, notes, probe

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, (Exception, SystemExit, KeyboardInterrupt)) and not isinstance(error, MemoryError):
            plain = isinstance(error, (CannotBind, NoStep))
            self.notes[self.probe] = str(error) if plain else describe(error, self.file)
            return True
        return False
