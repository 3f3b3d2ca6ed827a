"""All probes of one reading in one setting: what every call of it gave, as one record."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chainrule.arrays import Array
from chainrule.check.calling.binding import CannotBind
from chainrule.check.calling.naming import asking
from chainrule.check.networks.result import NoStep, NotOffered
from chainrule.check.probing.batches import in_batches
from chainrule.check.probing.differences import differences
from chainrule.check.probing.optimizing import optimizers, other_shape
from chainrule.check.probing.probes import (
    AGAIN,
    BACKWARD,
    BATCHES,
    GRADIENTS,
    LARGE,
    NUMERIC,
    OPTIMIZER,
    OTHER,
    SECOND,
    STEP,
)
from chainrule.check.probing.rounds import changes_again, several_updates, stands_still, stepping
from chainrule.check.probing.sensible import differing, require_repeatable, require_sense
from chainrule.check.probing.small import small_step
from chainrule.check.probing.trial import Trial
from chainrule.check.reading.source import describe, raised_in

FEWER = "a call with fewer rows"  # where one makes several updates


def collect(trial: Trial, file: str) -> dict[str, Any]:
    """The record of one setting; the first evaluation has to run, the others say why they did not."""
    found = Collecting(trial, file)
    found.evaluations()
    found.passes()
    found.differences()
    found.optimizers()
    found.steps()
    found.record["small"] = small_step(trial)
    found.updates()
    return found.record


class Collecting:
    """A record on its way: each method adds some probes, and needs what those before it have added."""

    def __init__(self, trial: Trial, file: str) -> None:
        self.trial, self.file = trial, file
        self.first, self.second, self.third = trial.batches
        self.notes: dict[str, str] = {}
        fresh = self._fresh()
        left_out = trial.left_out()
        require_sense(trial.reading, fresh)
        self._note_missing(fresh)
        twice = self._fresh()
        require_repeatable(fresh, twice)
        self.moves = trial.moves(fresh)
        reading, chained = trial.reading, trial.chained
        self.fresh, self.record = fresh, {
            "layout": trial.setting.layout, "kind": self._kind(), "weights": list(chained.weights),
            "biases": list(chained.biases), "transposed": chained.transposed, "left out": left_out,
            "draws": [fresh], "moves": self.moves, "two calls": differing(fresh, twice), "notes": self.notes,
            "rate": reading.rate(), "said rate": reading.said_rate(),
            "step numeric": {}, "steps": [],
        }  # fmt: skip

    @contextmanager
    def trying(self, probe: str, *, more: bool = False) -> Iterator[None]:
        """What fails in it says why, as a note on the probe, and the others go on.

        One that tries `more` than their code has to offer says it where their own lines failed, and not twice.
        """
        try:
            yield
        except MemoryError:
            raise
        except NotOffered:
            return
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            why = str(error) if isinstance(error, (CannotBind, NoStep)) else describe(error, self.file)
            if not more or (raised_in(error, self.file) and why not in self.notes.values()):
                self.notes[probe] = why

    def _fresh(self) -> dict[str, Any]:
        self.trial.start(self.first)
        return self.trial.evaluate(self.first)

    def _kind(self) -> str:
        return "its inputs" if self.trial.reading.own_targets else self.trial.setting.kind

    def _note_missing(self, fresh: dict[str, Any]) -> None:
        """Gradients that were not found, and how to name them."""
        without = [name for name in self.trial.chained.weights if name not in fresh["grads"]]
        if fresh["unread"] and not fresh["grads"]:
            asked = self._asked(self.trial.names)
            self.notes[GRADIENTS] = f"{fresh['unread']}: none was found in it; name them: {asked}"
        elif fresh["grads"] and without:
            asked = self._asked(without)
            self.notes[GRADIENTS] = f"none was found for {', '.join(without)}; is its shape right? Name it: {asked}"

    def _asked(self, names: list[str]) -> str:
        """How to name the gradients of these parameters."""
        return asking([f"d{ours}" for ours, theirs in self.trial.chained.named.items() if theirs in names])

    def evaluations(self) -> None:
        """More evaluations of the same object, then of others on other data."""
        trial, record = self.trial, self.record
        with self.trying(AGAIN):
            record["history"] = [self.fresh, trial.evaluate(self.first)] if not self.moves else []
            if not self.moves:
                other = replace(self.second, params=self.first.params)
                record["history"].append(trial.evaluate(trial.put(other)))
        with self.trying(OTHER):
            trial.start(self.second)
            record["draws"].append(trial.evaluate(self.second))
        with self.trying(SECOND):
            trial.start(self.third)
            record["draws"].append(trial.evaluate(self.third))

    def passes(self) -> None:
        """A forward with large outputs, a backward again, and one behind other random numbers."""
        with self.trying(LARGE, more=True):
            self.record["shifted"] = self.trial.shifted(self.first)
        with self.trying(BACKWARD, more=True):
            self.record["again"] = self.trial.again(self.first) if not self.moves else {}
        with self.trying("gradients with other random numbers", more=True):
            self.record["redrawn"] = self.trial.redrawn(self.first) if not self.moves else None

    def differences(self) -> None:
        """Those of their loss, and at the second batch size of the last weights."""
        record, trial = self.record, self.trial
        with self.trying(NUMERIC):
            alone = self.fresh["loss"] is not None and not self.moves
            record["numeric"] = differences(trial, self.first) if alone else {}
            record["numeric beside"] = self._beside() if record["numeric"] else {}
        with self.trying(f"{NUMERIC} at a second batch size", more=True):
            last = trial.chained.weights[-1:]
            record["numeric second"] = differences(trial, self.third, last) if record.get("numeric") else {}

    def _beside(self) -> dict[str, Array]:
        """Differences for the parameters that fit into no layer and have a gradient."""
        places, grads = self.trial.reading.places, self.fresh["grads"]
        names = [name for name in places if name in grads and name not in self.trial.names]
        values = {name: places[name].value.copy() for name in names}
        values = {name: value for name, value in values.items() if grads[name].size == value.size}
        return differences(self.trial, replace(self.first, params=self.first.params | values), tuple(values))

    def optimizers(self) -> None:
        """Steps of one object on other data, and of every optimizer that they define."""
        with self.trying("steps on other data", more=True):
            again = replace(self.second, params=self.first.params)
            self.record["step history"] = self.trial.steps_on([self.first, again])
        with self.trying(OPTIMIZER, more=True):
            driven, failed = ([], []) if self.moves else optimizers(self.trial, self.first)
            self.record["optimizers"] = [optimizer for optimizer in driven if not other_shape(optimizer)]
            if odd := [why for optimizer in driven if (why := other_shape(optimizer))]:
                self.notes[OPTIMIZER] = f"not judged: {'; '.join(odd)}"
            elif failed:
                self.notes[OPTIMIZER] = f"not run: {'; '.join(failed)}"

    def steps(self) -> None:
        """Their training step, as often as three times on one batch, and over batches of half the rows."""
        record, reading = self.record, self.trial.reading
        if not reading.steps:
            self.notes[STEP] = "not run: it makes no step"
        for batch in (self.first, self.third) if reading.steps else ():
            with self.trying(STEP):
                record["steps"].append(self.trial.steps(batch, 3))
        if record["steps"] and not self.moves and stands_still(reading, record["steps"]):
            still = f"{stepping(reading)} changes no parameter and returns none"
            self.notes[STEP] = f"not run: {still}"
            if not self.fresh["grads"]:
                asked = self._asked(self.trial.names)
                if reading.fn("backward") is None:  # what is called a step may be the backward pass
                    asked = asked.replace("--map ", f"--map backward={stepping(reading)} ")
                self.notes.setdefault(GRADIENTS, f"none was found, and {still}; name them: {asked}")
            record["steps"], record["step history"] = [], []
        with self.trying(BATCHES, more=True):
            record["half batches"] = in_batches(self.trial) if record["steps"] and not self.moves else None

    def updates(self) -> None:
        """The probes again with fewer rows, where a step shows the gradient; then differences of a step's loss."""
        if self.moves or (self.record["steps"] and not self.fresh["grads"]):
            with self.trying(FEWER, more=True):
                self.record |= self._one_update()
        with self.trying(f"{NUMERIC} that a step returns", more=True):
            several = self.moves or "fewer rows" in self.record  # which may take long
            alone = self.fresh["step loss"] is not None and not several
            self.record["step numeric"] = differences(self.trial, self.first) if alone else {}

    def _one_update(self) -> dict[str, Any]:
        """With fewer rows, where a call makes several updates of all, or where that cannot be told."""
        several = self._several(self.trial)
        if several:
            fewer = None  # that there are several is known even where no probe runs with fewer rows
            with self.trying(FEWER, more=True):
                fewer = self._fewer_rows()
            return {"fewer rows": fewer}
        if several is None and changes_again(_with_rows(self.trial, 1), moves=self.moves):
            return {"fewer rows": None}  # not for each row
        again = several is None and len(self.first.X) > 1
        return {"one row": collect(_with_rows(self.trial, 1), self.file)} if again else {}

    def _fewer_rows(self) -> dict[str, Any] | None:
        """With as many rows as one call takes in one update: those of a batch of theirs, or one."""
        for n in (7, 2, 1):
            if n >= len(self.first.X):
                continue
            few = _with_rows(self.trial, n)
            if not self._several(few):
                return collect(few, self.file)
        return None

    def _several(self, trial: Trial) -> bool | None:
        return several_updates(trial, trial.batches[0], moves=self.moves, single=self.fresh["single"])


def _with_rows(trial: Trial, n: int) -> Trial:
    sizes = replace(trial.setting.sizes, rows=(n, n, max(n - 1, 1)))
    own = None if trial.own is None else (trial.own[0][:n], trial.own[1][:n])
    return Trial(trial.reading, replace(trial.setting, sizes=sizes), own)
