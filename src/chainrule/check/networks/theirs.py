"""Their network, ready to run: a class, or functions that share parameters. All calls go through `binding`."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import arguments, bind, call
from chainrule.check.calling.chain import tail
from chainrule.check.calling.walk import places
from chainrule.check.networks.passing import Passing
from chainrule.check.networks.result import NoStep, NotOffered
from chainrule.check.networks.step_loss import loss_of_step
from chainrule.check.reading.names import ARGUMENTS, plain, short


class Theirs(Passing):
    """What can be evaluated and makes steps, or updates."""

    returns = False  # whether the last step returned parameters
    _takes: bool | None = None  # whether the step is handed the parameters, once it is known

    @property
    def steps(self) -> bool:
        """Whether there is a training step, or an update."""
        return self.fn("step") is not None or self.fn("update") is not None

    def shown_loss(self) -> float | None:
        return loss_of_step(self)

    def step(self) -> tuple[dict[str, Array], float | None]:
        """The parameters after one step, and the rate that was used, where it is known."""
        fn = self.fn("step") or self.fn("update")
        if fn is None:
            raise NotOffered("no step")
        if self._takes is None:  # later a function may be handed what it returned
            self._takes = self._takes_parameters(fn)
        if not self._takes:
            raise NoStep(f"not run: {fn.__name__} makes parameters of its own, and no step from ours")
        given = call(fn, self.env)
        fresh = self._places()  # lists of parameters may have been replaced
        if set(self.places) <= set(fresh):
            self.places = fresh
        after = {path: place.value.copy() for path, place in self.places.items()}
        if given is not None and self.object is None:
            after |= self._returned_parameters(fn, given)
        return after, self.rate()

    def _takes_parameters(self, fn: Callable[..., Any]) -> bool:
        """Whether a function is handed the parameters; an object and the names of a module are always at hand."""
        if self.object is not None or self._globals:
            return True
        bound = bind(fn, self.env)
        own = {id(place.raw) for place in self.places.values()} | {id(self.params), id(self._container)} - {id(None)}
        return any(id(held) in own for held in [*bound.values(), *(place.raw for place in places(bound))])

    def _returned_parameters(self, fn: Callable[..., Any], given: Any) -> dict[str, Array]:
        named: dict[str, Array] = {}
        returned = digest.parts(fn, given)
        own = [p.name for p in arguments(fn) if p.name in self.places]
        if len(own) == len(returned) and all(re.fullmatch(r"\[\d+\]", name) for name, _ in returned):
            returned = [(name, value) for name, (_, value) in zip(own, returned)]  # in the order of the arguments
        for name, value in returned:
            if isinstance(value, (np.ndarray, float)):
                named[name] = np.asarray(value)
            elif digest.is_container(value):
                named |= {place.path: place.value for place in places(value, self._root(value))}
        same = {
            path: [path]
            if path in named
            else [n for n in named if short(tail(n)) == short(tail(path)) and n.count("[") == path.count("[")]
            for path in self.places
        }
        found = {path: np.array(named[names[0]]) for path, names in same.items() if names}
        self.returns = bool(found)
        return {path: value for path, value in found.items() if value.shape == self.places[path].value.shape}

    def rate(self) -> float | None:
        """The learning rate they use: the argument that was bound, an attribute, or a constant of the module."""
        if "lr" in self.env.used:
            return float(self.env.used["lr"])
        held = self.held_rate()
        return None if held is None else float(held[0][held[1]])

    def said_rate(self) -> float | None:
        """The rate that their code names, though its steps may be in another proportion to the gradient."""
        return self.rate()

    def held_rate(self) -> tuple[dict[str, Any], str] | None:
        """Where an object or the module keeps the rate: under the plainest of its names, as alpha is a slope too."""
        known = ARGUMENTS["lr"].split()
        for owner in (self.object, self.module):
            held = {plain(name): name for name, value in getattr(owner, "__dict__", {}).items()
                    if isinstance(value, (int, float))}  # fmt: skip
            if found := [held[name] for name in known if name in held]:
                return owner.__dict__, found[0]
        return None

    @contextlib.contextmanager
    def slowed(self, share: float, *, held: bool) -> Iterator[None]:
        """A share of the rate for what is set up: of the one that is kept, or of the argument."""
        kept = self.held_rate() if held else None
        if kept is None:
            self.env.slower = share
            yield
            return
        space, name = kept
        before = space[name]
        space[name] = before * share
        try:
            yield
        finally:
            space[name] = before
