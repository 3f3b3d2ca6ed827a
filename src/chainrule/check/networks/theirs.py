"""Their network, ready to run: a class, or functions that share parameters. All calls go through `binding`."""

from __future__ import annotations

import contextlib
import copy
import re
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CannotBind, Env, arguments, bind, call
from chainrule.check.calling.chain import Chained, best_chain, tail
from chainrule.check.calling.making import (
    build,
    distinct,
    filled,
    holder_of,
    kept_in,
    like_parameter,
    names_gradient,
    parameter_names,
    shapes_of,
    sizes_matter,
    with_closures,
)
from chainrule.check.calling.naming import chained_as_named, pick_gradients
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import DEPTH, Place, fields_of, neurons, places
from chainrule.check.networks.result import NoStep, Result
from chainrule.check.networks.step_loss import loss_of_step
from chainrule.check.reading.names import (
    ARGUMENTS,
    TENSOR,
    argument_roles,
    flat_names,
    gradient_of,
    plain,
    short,
    takes_pairs,
)
from chainrule.errors import InputError

KEEP = 0.7  # of the units, in a mask that is handed over
LARGE = 1_000_000  # entries from which an array is not copied to see whether it changes


class Theirs:
    """One candidate: the callables by role, and how the parameters come to be.

    `roles` gives names, looked up on the object where it has them and in the module else.
    """

    def __init__(
        self,
        module: ModuleType,
        cls: type | None,
        roles: Mapping[str, str],
        style: str,
        mapping: Mapping[str, str],
        storage: tuple[str, str] = ("rows", "(O,)"),
        *,
        dropout: bool = False,
        depth: int = 3,
        held: Any = None,
    ) -> None:
        self.held = held  # an object that the file has made, where it cannot be made here
        self.module, self.cls, self.roles, self.style, self.mapping = module, cls, dict(roles), style, mapping
        self.wanted = {ours: theirs for theirs, ours in mapping.items() if TENSOR.fullmatch(ours)}
        self.storage, self.dropout, self.depth = storage, dropout, depth
        self.object: Any = None
        self._made_with: Mapping[str, str] = {}  # attributes with the rows that the constructor took
        self._first: dict[str, Array] = {}
        self.disturbed: list[str] = []
        self.env = Env()

    @property
    def name(self) -> str:
        return self.cls.__name__ if self.cls is not None else ", ".join(dict.fromkeys(self.roles.values()))

    def start(self, sizes: Sizes, X: Array, y: Any, n: int, k: int) -> None:
        """Build it afresh for this data."""
        self.n, self.k = n, k
        widths = {"n_in": sizes.n_in, "n_hidden": sizes.hidden[0], "n_out": sizes.n_out}
        roles = {"X": X, "y": y, "n": n, "sizes": sizes.chain(self.depth), **widths}
        masks = np.random.default_rng(n).random((n, sizes.hidden[0])) < KEEP
        roles |= {"hiddens": sizes.chain(3)[1:-1], "mask": masks.T if self.storage[0] == "columns" else masks}
        self.env, self._made_with = Env(roles, {}, self.mapping, dropout=self.dropout), {}
        self.feed(X, y)
        if self.held is not None:
            self.object = copy.deepcopy(self.held)
            self._grow()
        elif self.cls is not None:
            self.object = build(self.cls, self.env, sizes)
            self._made_with = kept_in(self.object, {"X": X, "y": y})
        self.params: Any = self.object
        if self.object is None:
            self.params = self._parameters(sizes)
            self.env.roles["params"] = self.params if self._container is None else self._container
        self.places = self._places()
        if self._globals:
            self._remember()

    def _name_gradients(self, fn: Callable[..., Any], result: Result) -> None:
        """What an update calls the gradients, where backward returned them without names."""
        for p in arguments(fn):
            wanted = gradient_of(p.name)
            of = [path for path in result.grads if wanted is not None and short(tail(path)) == short(wanted)]
            if len(of) == 1:
                self.env.names[p.name] = result.grads[of[0]]

    own_targets = False  # whether it is to give back its inputs

    def _grow(self) -> None:
        """A first forward, where layers make their weights as soon as they see how wide their inputs are."""
        if not any(place.value.ndim == 2 for place in places(self.object)):
            self.forward()

    def _places(self) -> Mapping[str, Place]:
        return neurons(self.params) or distinct(places(self.params, depth=1 if self._globals else DEPTH))

    def _remember(self) -> None:
        """Names of the module begin each time as the file left them."""
        for path, place in self.places.items():
            kept = self._first.setdefault(path, np.copy(place.raw))
            place.put(float(kept) if kept.ndim == 0 else kept.copy())

    @property
    def steps(self) -> bool:
        """Whether there is a training step, or an update."""
        return self.fn("step") is not None or self.fn("update") is not None

    def fn(self, role: str) -> Callable[..., Any] | None:
        name = self.roles.get(role)
        if name is None:
            return None
        owner = self.object if self.object is not None and hasattr(self.object, name) else self.module
        return getattr(owner, name)

    def feed(self, X: Array, y: Any) -> None:
        """Other rows; an object that was made with rows gets them in their place."""
        self.env.roles |= {"X": X, "y": y}
        for name, role in self._made_with.items():
            setattr(self.object, name, self.env.roles[role])
        if self.pairs:
            if np.ndim(y) != 2:
                raise TypeError("pairs of columns are made of targets with a column for each sample")
            self.env.roles["pairs"] = [(X[:, i : i + 1], y[:, i : i + 1]) for i in range(X.shape[1])]

    @property
    def pairs(self) -> bool:
        """Whether its data come as a list of pairs (x, y), columns both; then its backward is for one sample."""
        owner = self.module if self.cls is None else self.cls
        fns = [getattr(owner, name) for role, name in self.roles.items() if role in ("loss", "step", "update")
               and hasattr(owner, name)]  # fmt: skip
        return any(takes_pairs(fn, p.name) for fn in fns for p in arguments(fn))

    def chained(self, sizes: Sizes) -> Chained | None:
        shapes = {path: place.value.shape for path, place in self.places.items()}
        if (named := chained_as_named(self.wanted, shapes)) is not None:
            return named
        known = self.object is None or (self.held is None and sizes_matter(self.cls))
        ends = (sizes.n_in, sizes.n_out) if known else (None, None)
        return best_chain(shapes, *ends)

    chained_paths: tuple[str, ...] = ()

    # how the parameters of functions come to be

    _container: Any = None
    _globals = False  # their parameters are names of the module

    def _parameters(self, sizes: Sizes) -> Any:
        if (maker := self.fn("init")) is not None:
            made = build(maker, self.env, sizes)
            if isinstance(made, tuple) and fields_of(made) is None:
                named = dict(digest.parts(maker, made))
                if any(name.startswith("[") for name in named):  # their functions say what they are called
                    named = dict(zip(self._leading(len(made)), made)) or named
                    self.env.names |= named
                if not any(isinstance(value, (dict, list)) for value in made):
                    self._container = made
                    self.env.names |= named
                return named
            return made
        functions = with_closures([fn for role in self.roles if (fn := self.fn(role)) is not None])
        try:
            names, container = parameter_names(functions, self.wanted)
        except CannotBind:
            self._globals = True
            return vars(self.module)
        values = {name: np.zeros(shape) for name, shape in self.made_up(flat_names(names), sizes).items()}
        if container == "attributes":
            return holder_of(self.module, values)
        self.env.names |= values
        if container == "unpacked":
            self._container = filled(names, values)
        return values

    def made_up(self, names: list[str], sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """The shapes of parameters that we make for functions."""
        return shapes_of(names, sizes, self.storage, self.wanted)

    def _leading(self, count: int) -> list[str]:
        """The names of the first arguments of a function: parameters if one begins so, else of what needs targets."""
        fns = [self.fn(role) for role in ("loss_and_grads", "backward", "loss", "step", "forward")]
        found = [[p.name for p in arguments(fn)][:count] for fn in fns if fn is not None]
        return next((names for names in found if names and all(map(like_parameter, names))), next(iter(found), []))

    # one evaluation

    def forward(self) -> Array | None:
        fn = self.fn("forward")
        if fn is None:
            return self._scores()
        for left in ("out", "cache"):  # of the pass before: `p` may be parameters as well as predictions
            self.env.roles.pop(left, None)
        try:
            result = call(fn, self.env, needs="X")
        except Exception:
            out = self._row_by_row(fn)
            if out is None:
                raise
            return out
        out = digest.prediction(fn, result, self.n, self.k)
        if out is None and (kind := digest.unreal(result)) is not None:
            raise InputError(f"its prediction is {kind}; expected real numbers")
        if out is None and result is None:
            out = self._held_prediction()
        if out is not None:
            self.env.roles["out"] = out
        self.env.roles["cache"] = digest.cache_of(fn, result)
        return out

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
        result.out = self.forward()
        both = self.fn("loss_and_grads")
        loss = both or self.fn("loss")
        if loss is not None:
            given = call(loss, self.env)
            result.loss = digest.scalar(loss, given)
            if isinstance(given, tuple):
                result.grads, result.called = self._gradients(loss, given)
                self._hand_on(loss, given)
                if result.out is None:
                    result.out = digest.prediction(loss, given, self.n, self.k)
        if not result.grads and not self.pairs and (backward := self.fn("backward")) is not None:
            before = self._kept()
            given = call(backward, self.env)
            self.disturbed = [path for path, (array, copy) in before.items() if not np.array_equal(array, copy, True)]
            result.grads, result.called = self._gradients(backward, given, held=True)
            if not result.grads:
                result.unread = f"{getattr(backward, '__name__', 'backward')} gave {digest.summary(given)}"
            if result.loss is None and loss is None and (isinstance(given, tuple) or digest.is_scalar(given)):
                result.loss = digest.scalar(backward, given)
            self.env.roles["grads"] = self._returned_grads(given)
        if result.loss is None and loss is None:
            result.step_loss = loss_of_step(self)
        if self.object is None and (update := self.fn("update")) is not None:
            self._name_gradients(update, result)
        return result

    def backward_again(self) -> dict[str, Array]:
        """Backward once more, without a forward."""
        fn = self.fn("backward")
        if fn is None or (self.object is None and self.fn("forward") is None):
            raise LookupError("backward is no call of its own")
        given = call(fn, self.env)
        return self._gradients(fn, given, held=True)[0]

    def _gradients(
        self, fn: Callable[..., Any], given: Any, *, held: bool = False
    ) -> tuple[dict[str, Array], dict[str, str]]:
        """In what a call returned, then in what their object holds; by the given names, else by convention."""
        kept = {place.path: place.raw for place in places(self.object)} if held and self.object is not None else {}
        found = digest.gradients(fn, given, self._shapes(), kept)
        kind = digest.unreal([given, *(v for path, v in kept.items() if names_gradient(path))])
        if kind is not None and len(found[0]) < len(self.chained_paths):
            raise InputError(f"its gradients hold {kind}; expected real numbers")
        return pick_gradients(self.wanted, self.chained_paths, found, digest.everything(fn, given) | kept)

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

    def loss(self) -> float | None:
        """The loss alone, for differences."""
        fn = self.fn("loss_and_grads") or self.fn("loss")
        if fn is None:
            return loss_of_step(self)
        self.forward()
        return digest.scalar(fn, call(fn, self.env))

    def shown_loss(self) -> float | None:
        """What a step shows as its loss, where it returns one."""
        return loss_of_step(self)

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {path: place.value.shape for path, place in self.places.items()}

    # one step

    returns = False  # whether the last step returned parameters
    _takes: bool | None = None  # whether the step is handed the parameters, once it is known

    def step(self) -> tuple[dict[str, Array], float | None]:
        """The parameters after one step, and the rate that was used, where it is known."""
        fn = self.fn("step") or self.fn("update")
        if fn is None:
            raise LookupError("no step")
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
                named |= {place.path: place.value for place in places(value)}
        same = {
            path: [n for n in named if short(tail(n)) == short(tail(path)) and n.count("[") == path.count("[")]
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


def _by_name(value: Any) -> bool:
    """Whether it holds its parts by name."""
    return isinstance(value, dict) or fields_of(value) is not None
