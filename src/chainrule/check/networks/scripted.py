"""A script as a network: one turn of its training loop, its weights names of the module."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.arrays import Array
from chainrule.check.calling import digest
from chainrule.check.calling.chain import Chained, best_chain, may_be_learned
from chainrule.check.calling.naming import chained_as_named, pick_gradients
from chainrule.check.calling.sizes import Sizes
from chainrule.check.calling.walk import Place, is_numbers, places
from chainrule.check.networks.ones import WithOnes
from chainrule.check.networks.result import DoesNotRun, Result
from chainrule.check.networks.script_data import data_of, refused, require_no_picks, row_counts
from chainrule.check.reading.flow import base, reads, written
from chainrule.check.reading.names import is_bias, is_line
from chainrule.check.reading.rows import PARTS, ROWS, alike, as_row, in_order, with_rows
from chainrule.check.reading.script import Loop
from chainrule.check.reading.source import SCRIPT
from chainrule.check.reading.terms import gradients, holders, losses, rate_of, whole_turn
from chainrule.check.reading.turn import IN_ORDER, LOSS, Plan, function, meeting, moved_inside


@dataclass(frozen=True)
class Gradients:
    """By parameter; an object of its own, so that no array in it is taken for something else."""

    found: Mapping[str, tuple[str, Any]]


class Scripted(WithOnes):
    """The training loop of a script, one turn of it at a call."""

    def __init__(self, module: ModuleType, mapping: Mapping[str, str]) -> None:
        self.loop: Loop = vars(module)[SCRIPT]
        super().__init__(module, None, {}, f"the training loop (line {self.loop.line})", mapping)
        self._globals = True
        require_no_picks(self.loop)
        vars(module)[IN_ORDER] = in_order
        held = {name: value for name, value in vars(module).items() if name in self.loop.shared}
        self._state = copy.deepcopy(held)  # at once, so that a list of parameters goes on to hold them
        known = vars(module)
        still = {n for n in reads(self.loop.node) if is_bias(n) and isinstance(known.get(n), (float, np.ndarray))}
        self._params = [n for n in known if n in {*self.loop.learned, *still}]  # as they were made
        self._roots = data_of(self.loop, vars(module), mapping)
        self.loop = with_rows(self.loop, self._roots, vars(module))
        vars(module).update({ROWS: None, PARTS: 1})  # known before the loop
        self._moved = [
            *row_counts(self.loop, self._roots, vars(module)),
            *moved_inside(self.loop, [*self._roots.values(), ROWS], set(vars(module))),
        ]
        self._calls = self._made()
        self.roles = {role: fn.__name__ for role, fn in self._calls.items()}

    @property
    def layouts(self) -> tuple[str, ...]:
        """Numbers that a line is fitted to lie in one row, where the script has them so."""
        numbers = np.ndim(vars(self.module)[self._roots["X"]]) == 1 and is_line(self._params)
        return ("numbers",) if numbers else super().layouts

    def fn(self, role: str) -> Callable[..., Any] | None:
        return self._calls.get(role)

    # its functions

    def _made(self) -> dict[str, Callable[..., Any]]:
        held, calls = vars(self.module), dict[str, Callable[..., Any]]()
        cut = meeting(self.loop, self._roots, self._moved, dict(self._definitions()))
        if cut is not None and (forward := self._forward(Plan(self.loop.carried, cut=cut))) is not None:
            calls["forward"] = forward
        turn, loss_name = self._with_loss()
        self._scale_free = loss_name is None
        named = gradients(self.loop, self._params) if whole_turn(self.loop, self._params) else {}
        if loss_name is None and not calls:
            raise refused(
                self.loop, "no loss is computed in it, and no prediction; assign the loss to a name: loss = ..."
            )

        def loss_and_grads(_X: Any, _y: Any) -> Any:
            local = turn(_X, _y)
            loss = None if loss_name is None else local.get(loss_name, held.get(loss_name))
            grads = Gradients({p: (n, local[n]) for p, n in named.items() if n in local} | self._inside(local))
            return loss, grads

        def one_turn(_X: Any, _y: Any) -> None:
            step(_X, _y)

        one_turn.__name__ = f"a turn of the loop (line {self.loop.line})"  # in notes

        step = self._compiled("step", Plan())
        return calls | {"loss_and_grads": loss_and_grads, "step": one_turn}

    @cached_property
    def _held_in(self) -> dict[str, list[str]]:
        """The names under which a turn holds the gradient of each parameter in a list or dictionary."""
        params = self._params if whole_turn(self.loop, self._params) else ()
        return {param: list(holders(self.loop, param)) for param in params}

    def _inside(self, local: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
        """Gradients in a list or dictionary of their own, by the path of their parameter: grads["W1"]."""
        found: dict[str, tuple[str, Any]] = {}
        for param, names in self._held_in.items():
            for name in names:
                found |= alike(param, vars(self.module)[param], name, local.get(name))
        return found

    def _forward(self, plan: Plan) -> Callable[..., Any] | None:
        """What a turn computes before it looks at the targets; None where that is nothing."""
        before, whole = function("forward", self.loop, self._roots, self._moved, plan), self._compiled("forward", plan)
        inside = {name for stmt in before.body for name in written(stmt)}
        made = inside & set(written(self.loop.node)) - set(self.loop.carried)
        self._params = self._used(plan) or self._params
        users = {name for name, node in self._definitions() if reads(node) & set(self.loop.learned)}
        if not reads(before) & {*self.loop.learned, *users}:
            return None

        met = made & {base(n) for n in ast.walk(plan.cut or before) if isinstance(n, (ast.Name, ast.Subscript))}

        def forward(_X: Any, _y: Any) -> Any:
            local = {name: as_row(value) for name, value in whole(_X, _y).items() if name in made}
            asked = dict(_opened({name: value for name, value in local.items() if name in met}))
            return asked if digest.prediction(forward, asked, self.n, self.k) is not None else local

        return forward if made else None

    def _used(self, plan: Plan) -> list[str]:
        """What the predictions are made with: not what an optimizer remembers."""
        names = reads(function("forward", self.loop, self._roots, self._moved, plan))
        for name, node in self._definitions():
            names |= reads(node) if name in names else set()
        return [name for name in self._params if name in names]

    def _definitions(self) -> Iterator[tuple[str, ast.AST]]:
        for node in self.loop.before:
            if isinstance(node, ast.FunctionDef):
                yield node.name, node

    def _with_loss(self) -> tuple[Callable[..., Any], str | None]:
        """A turn without updates, and the name under which it leaves its loss: the first that is one number."""
        data = [copy.deepcopy(vars(self.module)[name]) for name in self._roots.values()]
        for node in losses(self.loop):
            turn = self._compiled("loss", Plan(self.loop.carried, node))
            name = LOSS if isinstance(node, ast.expr) else written(node)[-1]
            try:
                local = turn(*copy.deepcopy(data))
            except Exception:
                continue
            if digest.is_scalar(local.get(name, vars(self.module).get(name))):
                return turn, name
        return self._compiled("turn", Plan(self.loop.carried)), None

    def _compiled(self, name: str, plan: Plan) -> Callable[..., Any]:
        """In the module's own names, under the lines of the file."""
        name = f"_{name}_of_a_turn"  # not one that the script has
        tree = function(name, self.loop, self._roots, self._moved, plan)
        space: dict[str, Any] = {}
        code = compile(ast.Module([tree], []), self.module.__file__ or "", "exec")
        exec(code, vars(self.module), space)
        found: Callable[..., Any] = space[name]
        return found

    def shown_loss(self) -> float | None:
        """The loss that a turn leaves: of its last batch, where it has several."""
        return digest.scalar(
            self._calls["loss_and_grads"], self._calls["loss_and_grads"](self.env.roles["X"], self.env.roles["y"])
        )

    # how it is run

    def forward(self) -> Array | None:
        """The predictions; a loop over the rows is left at the first of them, so it begins once for each."""
        out, (X, y, n) = super().forward(), (self.env.roles["X"], self.env.roles["y"], self.n)
        if out is not None or n < 2 or len(X) != n or len(y) != n:
            return out
        rows: list[Array | None] = []
        try:
            for i in range(n):
                self.n = 1
                self.feed(X[i : i + 1], y[i : i + 1])
                rows.append(super().forward())
        finally:
            self.n = n
            self.feed(X, y)
        found = [np.reshape(row, (1, -1)) for row in rows if row is not None]
        return np.vstack(found) if len(found) == n else None

    def evaluate(self) -> Result:
        result = super().evaluate()
        if result.out is None and result.loss is None:
            raise DoesNotRun("no loss is computed in it, and no prediction of the targets' size; name it: loss = ...")
        return result

    def whole_chain(self, sizes: Sizes) -> Chained | None:
        """By shape; what is learned is a parameter, whatever its name may say."""
        shapes = {path: place.value.shape for path, place in self.places.items()}
        if (named := chained_as_named(self.wanted, shapes)) is not None:
            return named
        paths = {path if may_be_learned(path) else path.replace("_", ""): path for path in shapes}
        found = best_chain({alias: shapes[path] for alias, path in paths.items()}, sizes.n_in, sizes.n_out)
        if found is None:
            return None
        biases = tuple(None if name is None else paths[name] for name in found.biases)
        return replace(found, weights=tuple(paths[name] for name in found.weights), biases=biases)

    def _parameters(self, sizes: Sizes) -> Any:
        held = vars(self.module)
        held.update(copy.deepcopy(self._state))
        return held

    def _remember(self) -> None:
        """The names have been set back when it started."""

    def ends(self, sizes: Sizes) -> tuple[int | None, int | None]:
        return None, None  # the file has its sizes

    def whole_places(self) -> Mapping[str, Place]:
        held, found = vars(self.module), dict[str, Place]()
        for name in self._params:
            value = held[name]
            alone = is_numbers(value) or isinstance(value, (float, int))
            inside = [Place(name, held, name)] if alone else places(value, name, 3)
            found |= {place.path: place for place in inside}
        return found

    def _gradients(
        self, fn: Callable[..., Any], given: Any, *, held: bool = False
    ) -> tuple[dict[str, Array], dict[str, str]]:
        given_grads: Gradients = given[1]
        whole = all({path, path.partition("[")[0]} & set(given_grads.found) for path in self.chained_paths)
        called = {path: name for path, (name, _) in given_grads.found.items() if whole and path in self.whole_places()}
        found = self._parted({path: np.asarray(given_grads.found[path][1]) for path in called}, called)
        grads, named = pick_gradients(self.wanted, self.chained_paths, found, {})
        return grads, {path: path for path in self.places} | named  # what a step shows has the parameter's own name

    def rate(self) -> float | None:
        """Without a loss any will do: it may be in another proportion to the gradient than theirs."""
        return None if self._scale_free else self.said_rate()

    def said_rate(self) -> float | None:
        """The factor that all updates share, before a name that is known for it."""
        factor = rate_of(self.loop, self._params, vars(self.module))
        return factor if isinstance(factor, float) else super().rate()

    def held_rate(self) -> tuple[dict[str, Any], str] | None:
        factor = rate_of(self.loop, self._params, vars(self.module))
        return (vars(self.module), factor) if isinstance(factor, str) else super().held_rate()


def _opened(held: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Lists of arrays as arrays: a network of many layers keeps its activations in one."""
    for name, value in held.items():
        inside = isinstance(value, list) and not is_numbers(value)
        yield from ((f"{name}[{i}]", part) for i, part in enumerate(value)) if inside else [(name, value)]
