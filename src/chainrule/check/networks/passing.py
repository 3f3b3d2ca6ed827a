"""Their forward, loss and backward: one evaluation, and what it gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import Env, arguments, bind, call
from chainrule.check.calling.chain import tail
from chainrule.check.calling.draws import Draws
from chainrule.check.calling.making import names_gradient
from chainrule.check.calling.naming import pick_gradients
from chainrule.check.calling.walk import Place, fields_of, places
from chainrule.check.networks.built import Built
from chainrule.check.networks.result import NotOffered, Result
from chainrule.check.networks.roles import runs
from chainrule.check.reading.names import argument_roles, gradient_of, short
from chainrule.errors import InputError

LARGE = 1_000_000  # entries from which an array is not copied to see whether it changes


class Passing(Built):
    """What can be evaluated."""

    def forward(self) -> Array | None:
        fn = self.fn("forward")
        if fn is None:
            return self._scores()
        for left in ("out", "cache"):  # of the pass before: `p` may be parameters as well as predictions
            self.env.roles.pop(left, None)
        try:
            result = call(fn, self.env, likely="X")
        except Exception:
            out = self._row_by_row(fn)
            if out is None:
                raise
            return out
        out = digest.prediction(fn, result, self.n, self.k)
        if out is None and (kind := digest.unreal(result)) is not None:
            raise InputError(f"its prediction is {kind}; expected real numbers")
        to_loss = self.roles.get("loss") == self.roles["forward"] and digest.is_scalar(result)  # it goes on to the loss
        if out is None and (result is None or to_loss):
            out = self._held_prediction()
        if out is not None:
            self.env.roles["out"] = out
        self.env.roles["cache"] = digest.cache_of(fn, result)
        classes = out is not None and out.size > 1 and np.isin(out, (0, 1)).all()
        return None if classes else out  # which tell little of the network

    def _row_by_row(self, fn: Callable[..., Any]) -> Array | None:
        """The predictions of a forward that takes one row."""
        X, rows = self.env.roles["X"], []
        if np.ndim(X) != 2 or len(X) != self.n:
            return None
        for x in X:
            env = Env({**self.env.roles, "X": x}, dict(self.env.names), self.mapping)
            try:
                row = digest.prediction(fn, call(fn, env), 1, self.k)
            except Exception:
                return None
            if row is None:
                return None
            rows.append(np.asarray(row, dtype=np.float64).reshape(-1))
        return np.stack(rows)

    def _scores(self) -> Array | None:
        """Some losses return the scores where no targets are given."""
        fn = self.fn("loss")
        for p in arguments(fn) if fn is not None else ():
            if "y" in argument_roles(p.name) and p.default is None and fn is not None:
                bound = bind(fn, self.env)
                bound[p.name] = None
                with contextlib.suppress(Exception):
                    return digest.prediction(fn, fn(**bound), self.n, self.k)
        return None

    def _held_prediction(self) -> Array | None:
        held = [place for place in places(self.object) if place.value.size == self.n * self.k]
        named = [place.value for place in held if "out" in argument_roles(place.last)]
        return named[-1] if named else None

    def evaluate(self) -> Result:
        """Forward, loss and gradients, as far as they exist."""
        result = Result()
        begun = self._draws()
        result.out = self.forward()
        both = self.fn("loss_and_grads")
        loss = both or self.fn("loss")
        if loss is not None:
            given = begun.again(partial(call, loss, self.env))  # it may call the forward
            result.loss = digest.scalar(loss, given)
            if isinstance(given, tuple):
                result.grads, result.called = self._gradients(loss, given)
                self._hand_on(loss, given)
                if result.out is None:
                    result.out = digest.prediction(loss, given, self.n, self.k)
            elif both is not None:
                result.grads, result.called = self._gradients(loss, given, held=True)
        if not result.grads and not self.pairs and (backward := self.fn("backward")) is not None:
            before = self._kept()
            whole = partial(call, backward, self.env)
            given = begun.again(whole) if self._runs_forward(backward) else whole()
            self.disturbed = [path for path, (array, copy) in before.items() if not np.array_equal(array, copy, True)]
            result.grads, result.called = self._gradients(backward, given, held=True)
            if not result.grads:
                result.unread = f"{getattr(backward, '__name__', 'backward')} gave {digest.summary(given)}"
            if result.loss is None and loss is None and (isinstance(given, tuple) or digest.is_scalar(given)):
                result.loss = digest.scalar(backward, given)
            self.env.roles["grads"] = self._returned_grads(given)
        if result.loss is None and loss is None:
            result.step_loss = self.shown_loss()
        if self.object is None and (update := self.fn("update")) is not None:
            self._name_gradients(update, result)
        return result

    def backward_again(self) -> dict[str, Array]:
        """Backward once more, without a forward."""
        fn = self.fn("backward")
        if fn is None or (self.object is None and self.fn("forward") is None) or self._runs_forward(fn):
            raise NotOffered("backward is no call of its own")
        given = call(fn, self.env)
        return self._gradients(fn, given, held=True)[0]

    def _runs_forward(self, backward: Callable[..., Any]) -> bool:
        """Whether it begins with a forward or a loss, and with random numbers of its own."""
        names = {self.roles[role] for role in ("forward", "loss") if role in self.roles}
        return runs(backward, names, lambda name: getattr(self.object, name, vars(self.module).get(name)))

    def _gradients(
        self, fn: Callable[..., Any], given: Any, *, held: bool = False
    ) -> tuple[dict[str, Array], dict[str, str]]:
        """In what a call returned, then in what their object holds; by the given names, else by convention."""
        kept = {place.path: place.raw for place in self._beside()} if held else {}
        found = digest.gradients(fn, given, self._shapes(), kept)
        if held and not found[0].keys() & (self.chained_paths or found[0].keys()):
            found = self._told(kept)
        kind = digest.unreal([given, *(v for path, v in kept.items() if names_gradient(path))])
        if kind is not None and len(found[0]) < len(self.chained_paths):
            raise InputError(f"its gradients hold {kind}; expected real numbers")
        return pick_gradients(self.wanted, self.chained_paths, found, digest.everything(fn, given) | kept)

    def _beside(self) -> Iterable[Place]:
        """What their object keeps, or the list or dict that functions share: gradients may lie beside parameters."""
        if self._globals:  # attributes of the parameters alone
            return places({path: place.raw for path, place in self.places.items()})
        return places(self.params, self._root(self.params)) if self.object is None else places(self.object)

    def _told(self, kept: Mapping[str, Any]) -> tuple[dict[str, Array], dict[str, str]]:
        """The gradients that their object lists beside its parameters, and what it calls them."""
        grads, called = dict[str, Array](), dict[str, str]()
        for param, g in self.told_gradients():
            for path in (path for path, place in self.places.items() if place.raw is param):
                grads[path] = g
                called[path] = next((name for name, array in kept.items() if array is g), f"gradient of {path}")
        return grads, called

    def _kept(self) -> dict[str, tuple[Array, Array]]:
        """What the forward left for backward, beside the parameters and gradients: arrays and their copies."""
        roots = {"": self.object, "cache": self.env.roles.get("cache"), "out": [self.env.roles.get("out")]}
        kept = {}
        for name, root in roots.items():
            for place in places(root, name) if root is not None else ():
                raw = place.raw
                small = isinstance(raw, np.ndarray) and raw.size <= LARGE
                if small and place.path not in self.places and not names_gradient(place.path):
                    kept[place.path] = (raw, raw.copy())
        return kept

    def _returned_grads(self, given: Any) -> Any:
        named = [value for value in given if _by_name(value)] if isinstance(given, tuple) else []
        return named[0] if named else given

    def _hand_on(self, fn: Callable[..., Any], given: tuple[Any, ...]) -> None:
        self.env.roles["cache"] = digest.cache_of(fn, given)
        for name, value in digest.parts(fn, given):
            if isinstance(value, np.ndarray) and value.size == self.n * self.k:
                self.env.roles["dout" if "dout" in argument_roles(name) else "out"] = value
            elif _by_name(value):
                self.env.roles["grads"] = value

    def _name_gradients(self, fn: Callable[..., Any], result: Result) -> None:
        """What an update calls the gradients, where backward returned them without names."""
        for p in arguments(fn):
            wanted = gradient_of(p.name)
            of = [path for path in result.grads if wanted is not None and short(tail(path)) == short(wanted)]
            if len(of) == 1:
                self.env.names[p.name] = result.grads[of[0]]

    def loss(self) -> float | None:
        """The loss alone, for differences."""
        fn = self.fn("loss_and_grads") or self.fn("loss")
        if fn is None:
            return self.shown_loss()
        if not self.draws:
            self.forward()
            return digest.scalar(fn, call(fn, self.env))
        begun = self._draws()
        self.forward()
        value = digest.scalar(fn, begun.again(partial(call, fn, self.env)))
        self.draws = not begun.idle()
        return value

    def _draws(self) -> Draws:
        """Where the random numbers stand that the forward is to draw."""
        return Draws(vars(self.module), self.object, self.params)

    def shown_loss(self) -> float | None:
        """What a step shows as its loss, where there is one."""
        return None


def _by_name(value: Any) -> bool:
    """Whether it holds its parts by name."""
    return isinstance(value, dict) or fields_of(value) is not None
