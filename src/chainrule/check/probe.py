"""The probing process: imports their file, finds a reading that runs, and writes what every probe gave.

Nothing of theirs is ever imported elsewhere. ``probe`` starts it, waits for at most a time limit and reads arrays and
JSON back; what their code prints goes nowhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check import checkers
from chainrule.check.binding import CannotBind
from chainrule.check.recognise import readings
from chainrule.check.samples import Sizes
from chainrule.check.source import describe, load_source
from chainrule.check.trial import DoesNotRun, Setting, Trial
from chainrule.errors import InputError

SQUARE = Sizes(n_in=4, hidden=(4, 4), n_out=4)
ONE = Sizes(n_out=1)
LAYOUTS = ("rows", "columns", "vector", "column")
KINDS = ("one-hot", "labels", "flags", "values", "row of values", "column of labels")


def examine(
    module: Any, name: str | None, mapping: Mapping[str, str], own: tuple[Array, Array] | None = None
) -> dict[str, Any]:
    """Every probe of the first reading that runs. InputError says what was found where none does."""
    refusals: list[str] = []
    found: list[dict[str, Any]] = []
    if own is not None:
        X, t = own
        flat = t.ndim == 1
        own = (X, t.reshape(len(X), -1))
        fitting = Sizes(n_in=X.shape[1], n_out=own[1].shape[1], rows=(len(X),) * 3)
    for reading in readings(module, name, mapping):
        style, evidence = reading.style, None
        enough = bool(found) and not style.startswith("the layers")
        if enough and style != f"{found[-1]['style']} with dropout":
            break
        for sizes in (Sizes(), ONE, SQUARE) if own is None else (fitting,):
            kinds = KINDS if own is None else ("row of values",) if flat else ("one-hot", "labels")
            here = _first_layout(reading, sizes, kinds, own, refusals, getattr(module, "__file__", ""))
            evidence = here if here and _tells(here) else evidence or here
            if evidence and _tells(evidence):
                break
        if evidence:
            found.append({"style": style, "name": reading.name, "settings": evidence, "square": sizes is SQUARE})
    checks = list(checkers.checks(module, name))
    if not found and not checks:
        raise InputError(_nothing(module, refusals))
    return {"readings": found, "checks": checks, "refusals": refusals[:20]}


def _tells(evidence: list[dict[str, Any]]) -> bool:
    """Whether some gradient came out, as such or as a step."""
    return any(setting["draws"][0]["grads"] or setting["steps"] or setting["moves"] for setting in evidence)


def _nothing(module: Any, refusals: list[str]) -> str:
    from chainrule.check.source import defined

    classes, functions = defined(module)
    names = ", ".join([*classes, *functions]) or "no class and no function"
    file = getattr(module, "__file__", "it")
    why = (
        max(refusals, key=refusals.count)
        if refusals
        else "no forward and backward, no loss with gradients, no training step"
    )
    return f"{file}: found {names}, but no network that runs: {why}; name it: FILE:NAME, or --map role=name"


def _first_layout(
    reading: Any, sizes: Sizes, kinds: tuple[str, ...], own: Any, refusals: list[str], file: str
) -> list[dict[str, Any]]:
    for layout in ("columns",) if getattr(reading, "pairs", False) else LAYOUTS:
        rows = sizes if layout in ("rows", "columns") else replace(sizes, rows=(1, 1, 1))
        evidence: list[dict[str, Any]] = []
        for kind in kinds:
            if (kind == "column of labels" and evidence) or (kind == "row of values" and sizes.n_out > 1):
                continue
            try:
                evidence.append(collect(Trial(reading, Setting(layout, kind, rows), own)))
            except (DoesNotRun, CannotBind) as error:
                refusals.append(str(error))
            except InputError:
                raise
            except Exception as error:
                refusals.append(describe(error, file))
        if evidence:
            return evidence
    return []


def collect(trial: Trial) -> dict[str, Any]:
    """All probes of one setting; the first evaluation has to run, the others say why they did not."""
    first, second, third = trial.batches
    notes: dict[str, str] = {}
    trial.start(first)
    fresh = trial.evaluate(first)
    _require_sense(trial, fresh)
    record: dict[str, Any] = {
        "layout": trial.setting.layout, "kind": trial.setting.kind, "weights": list(trial.chained.weights),
        "biases": list(trial.chained.biases), "transposed": trial.chained.transposed,
        "draws": [fresh], "notes": notes, "rate": trial.reading.rate(), "reg": trial.reading.env.used.get("reg"),
    }  # fmt: skip
    moves = any((fresh["after"][n] != first.params[n]).any() for n in trial.names)
    record["moves"] = moves
    with Noting(notes, "gradients again"):
        record["history"] = [fresh, trial.evaluate(first)] if not moves else []
        if not moves:
            record["history"].append(trial.evaluate(trial.put(replace(second, params=first.params))))
    for batch, probe in ((second, "gradients on other data"), (third, "gradients at a second batch size")):
        with Noting(notes, probe):
            trial.start(batch)
            record["draws"].append(trial.evaluate(batch))
    with Noting({}, "shift"):
        record["shifted"] = trial.shifted(first)
    with Noting({}, "backward again"):
        record["again"] = trial.again(first) if not moves else {}
    with Noting(notes, "differences of the loss"):
        record["numeric"] = trial.losses(first) if fresh["loss"] is not None and not moves else {}
    with Noting({}, "steps on other data"):
        record["step history"] = trial.steps_on([first, replace(second, params=first.params)])
    with Noting({}, "optimizer"):
        record["optimizers"] = [] if moves else trial.optimizers(first)
    record["steps"] = []
    for batch in (first, third):
        if not trial.reading.steps:
            notes["one step"] = "not run: it makes no step"
            break
        with Noting(notes, "one step"):
            record["steps"].append(trial.steps(batch, 3))
    return record


def _require_sense(trial: Trial, fresh: dict[str, Any]) -> None:
    """It ran: does what came back look like a network at work?"""
    has_out = fresh["out"] is not None and fresh["out"].shape == fresh["t"].shape
    if not has_out and fresh["loss"] is None and not fresh["grads"]:
        steps = trial.reading.__dict__.get("roles", {})
        if "step" not in steps:
            raise DoesNotRun("it runs, but gives no prediction, no loss and no gradients")


class Noting:
    """A probe that fails says why, and the others go on."""

    def __init__(self, notes: dict[str, str], probe: str) -> None:
        self.notes, self.probe = notes, probe

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        if isinstance(error, Exception):
            self.notes[self.probe] = describe(error, "")
            return True
        return False


def pack(value: Any, arrays: dict[str, Array]) -> Any:
    """JSON of nested dicts and lists, its arrays set aside under numbers."""
    if isinstance(value, np.ndarray):
        arrays[str(len(arrays))] = value
        return {"$array": len(arrays) - 1}
    if isinstance(value, dict):
        return {str(k): pack(v, arrays) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(v, arrays) for v in value]
    return value.item() if isinstance(value, np.generic) else value


def unpack(value: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(value, dict):
        return arrays[str(value["$array"])] if "$array" in value else {k: unpack(v, arrays) for k, v in value.items()}
    return [unpack(v, arrays) for v in value] if isinstance(value, list) else value


def probe(
    path: Path, name: str | None, mapping: Mapping[str, str], seconds: float, own: tuple[Array, Array] | None = None
) -> dict[str, Any]:
    """What `examine` finds in a file, in a process of its own. InputError: its one line, or that it took too long."""
    with tempfile.TemporaryDirectory() as folder:
        ask = {"path": str(path), "name": name, "mapping": dict(mapping)}
        Path(folder, "ask.json").write_text(json.dumps(ask))
        if own is not None:
            np.savez(Path(folder, "own.npz"), X=own[0], t=own[1])
        _run(folder, path, seconds)
        answer = json.loads(Path(folder, "answer.json").read_text())
        if "error" in answer:
            raise InputError(answer["error"])
        with np.load(Path(folder, "answer.npz")) as arrays:
            return unpack(answer, {k: arrays[k] for k in arrays.files})


def _run(folder: str, path: Path, seconds: float) -> None:
    environment = os.environ | {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "chainrule.check.probe", folder]
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, timeout=seconds)
    except subprocess.TimeoutExpired:
        hint = 'does it train when imported? Put that under `if __name__ == "__main__":`'
        raise InputError(
            f"{path}: not finished after {seconds:g} seconds; {hint}, or allow more with --seconds"
        ) from None
    if not Path(folder, "answer.json").exists():
        raise InputError(f"{path}: the process that ran it ended with exit code {done.returncode} and no answer")


def _answer(folder: str) -> Iterator[str]:
    ask = json.loads(Path(folder, "ask.json").read_text())
    own_file = Path(folder, "own.npz")
    own = None
    if own_file.exists():
        with np.load(own_file) as given:
            own = (given["X"], given["t"])
    arrays: dict[str, Array] = {}
    try:
        found = pack(examine(load_source(Path(ask["path"])), ask["name"], ask["mapping"], own), arrays)
    except InputError as error:
        found = {"error": str(error)}
    np.savez(Path(folder, "answer.npz"), **arrays)  # type: ignore[arg-type]
    yield json.dumps(found, default=str)


def main() -> None:
    warnings.simplefilter("ignore")  # theirs are not ours to show
    folder = sys.argv[1]
    with np.errstate(all="ignore"):
        for text in _answer(folder):
            Path(folder, "answer.json").write_text(text)


if __name__ == "__main__":
    main()
