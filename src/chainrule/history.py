"""What a training leaves behind: a record for each epoch, and the best weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from chainrule.arrays import Array
from chainrule.errors import InputError, require_count, require_number

if TYPE_CHECKING:
    from chainrule.network import Network


class Epoch(NamedTuple):
    """What one pass over the data came to. Loss and score of the training rows are those met on the way; with
    validation data, `score` and `metrics` are the validation rows' after the epoch."""

    number: int  # from 1, over all trainings of this network
    loss: float
    valid_loss: float | None
    score: float
    seconds: float  # an equal share, where several epochs were one call
    lr: float  # at the last step
    step: int  # optimizer steps made so far
    since_best: int  # epochs since the lowest validation loss, or training loss where there is none
    backend: str
    threads: int | None  # None: as NumPy chooses
    metrics: dict[str, float]

    def __str__(self) -> str:
        valid = "" if self.valid_loss is None else f"  valid {self.valid_loss:.4f}"
        more = "".join(f"  {name} {value:.4f}" for name, value in self.metrics.items())
        return f"epoch {self.number}  loss {self.loss:.4f}{valid}  score {self.score:.4f}{more}  {self.seconds:.2f} s"


_record = partial(tuple.__new__, Epoch)  # from the values of all fields; Epoch._make, in half of its time


class History:
    """The records of a training in order; the best epoch, and a copy of its weights. Prints as a table.

    It is read like a list of Epoch, and keeps one list per field: with a hundred thousand records the collector of
    garbage would look through all of them again and again.
    """

    # Parameters (P,) after the epoch of the lowest validation loss. Without validation data those that the epoch of the
    # lowest training loss began with: its loss was met on the way, and what became of them at its end nobody has met.
    # While training goes on it is a view that later epochs write over: who keeps it copies it.
    best: Array | None = None
    best_epoch: int

    def __init__(self, epochs: Iterable[Epoch] = (), best_epoch: int = 0) -> None:
        self._values: list[list[Any]] = [[] for _ in Epoch._fields]
        self.best_epoch = best_epoch
        rows = list(epochs)
        self.put(0, {name: [getattr(row, name) for row in rows] for name in Epoch._fields})

    def put(self, index: int, columns: Mapping[str, Iterable[Any]]) -> None:
        """Let the records from `index` on be these, given as the values of each field. Where it is interrupted the last
        of them are missing, and doing it again is all it takes."""
        for own, name in zip(self._values, Epoch._fields):
            own[index:] = columns[name]

    def __repr__(self) -> str:
        return f"History of {len(self)} epochs, the best {self.best_epoch}"

    def __eq__(self, other: object) -> bool:
        """The same records and best epoch; the best weights may be left out of a file."""
        if not isinstance(other, History):
            return NotImplemented
        return self.best_epoch == other.best_epoch and self[:] == other[:]

    __hash__ = None  # type: ignore[assignment]

    def __len__(self) -> int:
        return len(self._values[-1])  # the last to grow

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self[:])

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> list[Epoch]: ...
    def __getitem__(self, index: int | slice) -> Epoch | list[Epoch]:
        at = range(len(self))[index]
        if isinstance(at, int):
            return _record(values[at] for values in self._values)
        if at.step < 0:
            return [self[i] for i in at]
        return list(map(_record, zip(*(values[at.start : at.stop : at.step] for values in self._values))))

    @property
    def columns(self) -> dict[str, list[Any]]:
        """One list per quantity, as a dataframe takes it."""
        n = len(self)
        table = {name: values[:n] for name, values in zip(Epoch._fields, self._values)}
        metrics = table.pop("metrics")
        for name in metrics[0] if metrics else ():
            table[name] = [measured[name] for measured in metrics]
        return table

    def __str__(self) -> str:
        lines = [f"{'epoch':>6} {'loss':>10} {'valid loss':>10} {'score':>8} {'lr':>10} {'seconds':>8}"]
        for e in self:
            valid = "" if e.valid_loss is None else f"{e.valid_loss:.5f}"
            mark = "  best" if e.number == self.best_epoch else ""
            row = f"{e.number:>6} {e.loss:>10.5f} {valid:>10} {e.score:>8.4f} {e.lr:>10.3g} {e.seconds:>8.2f}"
            lines.append(row + mark)
        return "\n".join(lines)

    def restore_best(self, net: Network) -> None:
        """Put the best weights back."""
        if self.best is not None:
            net.state.params[...] = self.best

    def to_config(self) -> dict[str, Any]:
        """Plain JSON; a score or metric that is not a number becomes null."""
        records = [epoch._asdict() for epoch in self]
        for record in records:
            record["score"] = _finite(record["score"])
            record["metrics"] = {name: _finite(v) for name, v in record["metrics"].items()}
        return {"epochs": records, "best_epoch": self.best_epoch}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> History:
        records = [dict(record) for record in config["epochs"]]
        for record in records:
            record["score"] = _number("score", record["score"])
            record["metrics"] = {name: _number(name, v) for name, v in record["metrics"].items()}
            for name in ("loss", "seconds", "lr", *(["valid_loss"] if record["valid_loss"] is not None else [])):
                require_number(name, record[name], -inf)
            for name in ("number", "step", "since_best", *(["threads"] if record["threads"] is not None else [])):
                require_count(name, record[name], least=0)
        numbers, best = [record["number"] for record in records], config["best_epoch"]
        for before, number in pairwise(numbers):
            if number <= before:
                raise InputError(f"history: expected epochs after epoch {before}, got {number}")
        require_count("best_epoch", best, least=0)
        return cls((Epoch(**record) for record in records), best)

    def plot(self, path: Any = None) -> Any:
        """Loss and score over the epochs as a matplotlib figure, saved where `path` is given."""
        from chainrule.plot import plot_history

        return plot_history(self, path)


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _number(name: str, value: float | None) -> float:
    if value is None:
        return nan
    require_number(name, value, -inf)
    return value
