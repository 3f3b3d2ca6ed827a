"""How their network comes to be: a class or functions with our data, and where its parameters are."""

from __future__ import annotations

import contextlib
import copy
import inspect
import re
from collections.abc import Callable, Mapping, Set
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.binding import CannotBind, Env, arguments, call
from chainrule.check.calling.chain import Chained, best_chain
from chainrule.check.calling.making import (
    as_theirs,
    build,
    distinct,
    filled,
    holder_of,
    kept_in,
    layers_in,
    like_parameter,
    parameter_names,
    shapes_of,
    shared,
    sizes_matter,
    weights_taken,
    with_closures,
)
from chainrule.check.calling.naming import chained_as_named
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import DEPTH, Place, fields_of, neurons, places
from chainrule.check.reading.fitting import BEGIN
from chainrule.check.reading.names import TENSOR, argument_roles, flat_names, plain, takes_pairs

DATA = {"X", "y", "lr", "reg", "n"}
KEEP = 0.7  # of the units, in a mask that is handed over


PARAMETERS = re.compile(r"_?(get_)?(trainable_)?(param(eter)?s|weights)")
GRADIENTS = re.compile(r"_?(get_)?(param(eter)?_?)?grad(ient)?s")


def _listed(thing: Any, called: re.Pattern[str], passes: set[str]) -> list[Array]:
    """The arrays that a method of this name, none of the passes, returns in a list without arguments, if one does."""
    for name in dir(type(thing)) if thing is not None else ():
        method = getattr(thing, name) if called.fullmatch(name) and name not in passes else None
        if inspect.ismethod(method) and not arguments(method):
            with contextlib.suppress(Exception):
                found = method()
                found = list(found) if inspect.isgenerator(found) else found
                if isinstance(found, (list, tuple)) and all(isinstance(array, np.ndarray) for array in found):
                    return list(found)
    return []


class Built:
    """One candidate: the callables by role, and how the parameters come to be.

    `roles` gives names, looked up on the object where it has them and in the module else.
    """

    own_targets = False  # whether it is to give back its inputs
    chained_paths: tuple[str, ...] = ()
    draws = True  # random numbers, as far as is known; to look where they stand takes longer than many a loss
    _container: Any = None  # what holds the parameters of functions, where that is no dict or object of ours
    _remembered: Set[str] = frozenset()  # what layers that made their weights on some rows keep of these
    _named: tuple[list[Any], str] | None = None  # the parameters that functions take, once they have been read
    _globals = False  # their parameters are names of the module

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

    def fn(self, role: str) -> Callable[..., Any] | None:
        name = self.roles.get(role)
        if name is None:
            return None
        owner = self.object if self.object is not None and hasattr(self.object, name) else self.module
        return getattr(owner, name)

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
            self.env.names |= self._zeros(weights_taken(self.cls), sizes)
            self.object = build(self.cls, self.env, sizes)
            self._made_with = kept_in(self.object, {"X": X, "y": y})
            self._begin()
        self.params: Any = self.object
        if self.object is None:
            self.params = self._parameters(sizes)
            self.env.roles["params"] = self.params if self._container is None else self._container
        self.places = self._places()
        if self._globals:
            self._remember()

    def _begin(self) -> None:
        """The weights that their fit makes of the rows that it is given; b = 0 is a number like any other."""
        if (begin := getattr(self.object, BEGIN, None)) is None:
            return
        before = dict(vars(self.object))
        made = call(begin, self.env)
        other = {name for name, value in vars(self.object).items() if value is not before.get(name)}
        self._remembered = other - set(made)  # the rows themselves
        for name in made:
            if type(value := getattr(self.object, name, None)) in (int, float):
                setattr(self.object, name, np.array(value, dtype=np.float64))

    def forward(self) -> Array | None:
        raise NotImplementedError

    def _grow(self) -> None:
        """A first forward, where layers make their weights as soon as they see how wide their inputs are; and another
        on other rows, which tells what they remember of these from the weights."""
        if any(place.value.ndim == 2 for place in places(self.object)):
            return
        self.forward()
        before = {place.path: place.value.copy() for place in places(self.object)}
        X = self.env.roles["X"]
        self.env.roles["X"] = as_theirs(self.module, np.asarray(X) + 1)
        self.forward()
        self.env.roles["X"] = X
        still = (place.path for place in places(self.object)
                 if np.array_equal(before.get(place.path, np.nan), place.value))  # fmt: skip
        self._remembered = before.keys() - set(still)

    def _places(self) -> Mapping[str, Place]:
        known = self.told_gradients()
        depth = 1 if self._globals else DEPTH
        found = neurons(self.params) or distinct(places(self.params, self._root(self.params), depth))
        own = {path: place for path, place in found.items() if path not in self._remembered}
        return {path: place for path, place in own.items() if not any(place.raw is g for _, g in known)}

    def _root(self, held: Any) -> str:
        """What functions call a list of dicts, one for each layer: layers in layers[0]['W']."""
        if self.object is not None or not isinstance(held, list) or not all(isinstance(item, dict) for item in held):
            return ""
        taken = [p.name for role in self.roles if (fn := self.fn(role)) is not None for p in arguments(fn)]
        return next((name for name in taken if "params" in argument_roles(name)), "")

    def told_gradients(self) -> list[tuple[Array, Array]]:
        """Each parameter with its gradient, where methods of their object return the two in one order."""
        lists = [_listed(self.object, name, set(self.roles.values())) for name in (PARAMETERS, GRADIENTS)]
        pairs = list(zip(*lists)) if len(lists[0]) == len(lists[1]) else []
        return pairs if all(param is not g and param.shape == g.shape for param, g in pairs) else []

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {path: place.value.shape for path, place in self.places.items()}

    def _remember(self) -> None:
        """Names of the module begin each time as the file left them."""
        for path, place in self.places.items():
            kept = self._first.setdefault(path, np.copy(place.raw, subok=True))
            place.put(float(kept) if kept.ndim == 0 else kept.copy())

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
    def layouts(self) -> tuple[str, ...]:
        """How rows are handed over, where that is known; else all ways are tried."""
        return ("columns",) if self.pairs else ()

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
        return best_chain(shapes, *(self.ends(sizes) if self.held is None else (None, None)))

    def ends(self, sizes: Sizes) -> tuple[int | None, int | None]:
        """How many inputs and outputs it has, where that follows from ours; a fit counts its inputs in the rows."""
        if self.object is None or sizes_matter(self.cls):
            return sizes.n_in, sizes.n_out
        return (sizes.n_in, None) if hasattr(self.object, BEGIN) else (None, None)

    # the parameters of functions

    def _parameters(self, sizes: Sizes) -> Any:
        if (maker := self.fn("init")) is not None:
            made = shared(build(maker, self.env, sizes))
            self.env.names |= dict.fromkeys(self._containers(), made)
            if isinstance(made, tuple) and fields_of(made) is None:
                named = dict(digest.parts(maker, made))
                if any(name.startswith("[") for name in named):  # their functions say what they are called
                    named = dict(zip(self._leading(len(made)), made)) or named
                    self.env.names |= named
                if not any(isinstance(value, (dict, list)) for value in made):
                    self._container = made
                    self.env.names |= named
                return list(made) if any(name.startswith("[") for name in named) else named
            return made
        functions = with_closures([fn for role in self.roles if (fn := self.fn(role)) is not None])
        try:
            self._named = self._named or parameter_names(functions, self.wanted)
            names, container = self._named
        except CannotBind:
            if (layers := layers_in(self.module, functions)) is not None:
                return copy.deepcopy(layers)  # a list in the file, each time as the file left it
            self._globals = True
            return vars(self.module)
        values = self._zeros(flat_names(names), sizes)
        if container == "attributes":
            return holder_of(self.module, values)
        self.env.names |= values
        if container == "unpacked":
            self._container = filled(names, values)
        return values

    def _zeros(self, names: list[str], sizes: Sizes) -> dict[str, Array]:
        made = self.made_up(names, sizes) if names else {}
        return {name: as_theirs(self.module, np.zeros(shape)) for name, shape in made.items()}

    def made_up(self, names: list[str], sizes: Sizes) -> dict[str, tuple[int, ...]]:
        """The shapes of parameters that we make for functions."""
        return shapes_of(names, sizes, self.storage, self.wanted)

    def _leading(self, count: int) -> list[str]:
        """The names of the first arguments of a function: parameters if one begins so, else of what needs targets."""
        fns = [self.fn(role) for role in ("loss_and_grads", "backward", "loss", "step", "forward")]
        found = [[p.name for p in arguments(fn)][:count] for fn in fns if fn is not None]
        alone = [names for names in found if [plain(name) for name in names] == ["ws", "bs"]  # no size of a batch
                 or not any(DATA & set(argument_roles(name)) for name in names)]  # fmt: skip
        return next((names for names in alone if names and all(map(like_parameter, names))), next(iter(alone), []))

    def _containers(self) -> set[str]:
        """What functions call the parameters, where it is the one argument of theirs of which no name tells."""
        found = set()
        for fn in (self.fn(role) for role in self.roles if role != "init"):
            own = arguments(fn) if fn is not None else []
            odd = [p for p in own if p.default is p.empty and not argument_roles(p.name) and p.name not in self.mapping]
            told = any("params" in argument_roles(p.name) or like_parameter(p.name) for p in own)
            if len(odd) == 1 and not told and not TENSOR.fullmatch(odd[0].name):
                found.add(odd[0].name)
        return found
