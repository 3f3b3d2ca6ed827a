"""`chainrule train`: from words on the command line to a saved model and its yardsticks."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

from cyclopts import Group, Parameter

from chainrule.backends import wanted
from chainrule.data.datasets import files_of, load_dataset
from chainrule.data.readers import Dataset, as_labels, read_labels
from chainrule.data.table import Table
from chainrule.errors import Diverged, InputError
from chainrule.files import require_writable
from chainrule.history import History
from chainrule.job import Problem, epochs_until, prepare
from chainrule.layers import Dense
from chainrule.network import Network
from chainrule.options import (
    DataOptions,
    NetworkOptions,
    Recipe,
    TrainingOptions,
    build_network,
    linear_optimizer,
    recipe,
)
from chainrule.plot import plot_history, require_plottable
from chainrule.screen import Screen
from chainrule.training import train
from chainrule.yardsticks import Yardstick, commonest, linear_network, measure

SignalHandler = Callable[[int, FrameType | None], None]
OUTPUT = Group("Output", sort_key=4)


@contextmanager
def on_interrupt(handler: SignalHandler) -> Iterator[None]:
    """Ctrl-C calls this meanwhile, where it is heard at all: not in the background, nor in another thread."""
    before = signal.getsignal(signal.SIGINT)
    heard = callable(before) and threading.current_thread() is threading.main_thread()
    if heard:
        signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        if heard:
            signal.signal(signal.SIGINT, before)


def ignore(number: int, frame: FrameType | None) -> None:
    pass


def interrupt_once(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, ignore)
    raise KeyboardInterrupt


def train_command(
    data: str = "digits",
    /,
    *,
    data_options: DataOptions = DataOptions(),
    network_options: NetworkOptions = NetworkOptions(),
    training_options: TrainingOptions = TrainingOptions(),
    out: Annotated[str, Parameter(name=["--out", "-o"], group=OUTPUT)] = "model.safetensors",
    plot: Annotated[str | None, Parameter(group=OUTPUT)] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT)] = False,
) -> None:
    """Train a network on a file or a dataset by name, compare it with simpler models, and save it.

    Parameters
    ----------
    data
        A file (.csv, .parquet, .npy, .npz, idx; .gz too), a folder of idx files, or digits, spiral, moons, circles,
        xor, fashion-mnist, mnist.
    out
        The model file. One that is there is replaced.
    plot
        A picture of loss and score over the epochs, with matplotlib.
    as_json
        Print one JSON object instead of tables.
    """
    wanted()
    data_options.check()
    training_options.check()
    screen = Screen(quiet=as_json)
    require_writable(out, plot, reads=files_of(data))
    if plot is not None:
        require_plottable(Path(plot))
    problem = _problem(data, data_options, training_options.seed, writes=(out, plot))
    net = build_network(network_options, training_options, problem)
    plan, fallback = recipe(training_options, problem), net.backend_reason
    screen.problem(problem)
    screen.line("network", f"{_chain(net)}, {net.plan.size:,} parameters")
    screen.line("training", str(plan))
    if fallback is not None:
        screen.line("backend", f"the reference, in NumPy: {fallback}")
    _train_and_save(net, problem, plan, training_options, screen, out, plot, as_json)


@on_interrupt(ignore)  # but in `_train`: once weights are trained, they are saved and measured
def _train_and_save(
    net: Network,
    problem: Problem,
    plan: Recipe,
    options: TrainingOptions,
    screen: Screen,
    out: str,
    plot: str | None,
    as_json: bool,
) -> None:
    began = time.perf_counter()
    try:
        history, interrupted = _train(net, problem, plan, options, screen)
    except Diverged as error:
        if not net.history:
            raise
        _save(net, problem, out)
        raise InputError(f"{error}; the best weights before it (epoch {net.history.best_epoch}) are in {out}") from None
    seconds = time.perf_counter() - began
    _save(net, problem, out)
    score_name = net.target.score_name if net.target else "score"
    if plot is not None:
        plot_history(history, plot, score_name)
    if interrupted:
        screen.text(f"Interrupted: the best weights so far are kept (epoch {history.best_epoch} of {len(history)}).")
    sticks = _yardsticks(problem, net, plan, options, seconds, interrupted)
    if as_json:
        print(json.dumps(_result(out, problem, net, history, sticks, interrupted), allow_nan=False))
    else:
        screen.yardsticks(sticks, score_name)
        screen.text(f"\nSaved to {out}.")


def _save(net: Network, problem: Problem, out: str) -> None:
    """The network with what turns raw rows into its inputs."""
    net.encoder = problem.encoder
    net.info = {"data": problem.name, "target": problem.target_name, "task": problem.task}
    net.save(out)
    net.encoder = None  # the problem's rows are encoded already


def load_labelled(data: str, target: str | None, writes: Sequence[str | None] = ()) -> tuple[Dataset, str | None]:
    """The data, with labels from the file that the target names where it holds images without any; and the target's
    column, None where labels are apart. InputError where that file is one of those to write."""
    dataset = load_dataset(data)
    if target is None or (dataset.y is None and isinstance(dataset.X, Table)):
        return dataset, target
    if dataset.y is None:
        require_writable(*writes, reads=[target])
        y = as_labels(read_labels(Path(target)), len(dataset.X), Path(target), f"row of {data}")
        return Dataset(dataset.name, dataset.X, y), None
    if target not in ("y", "label"):
        raise InputError(f"--target {target}: {dataset.name} holds its labels apart; leave the option out")
    return dataset, None


def _problem(data: str, options: DataOptions, seed: int, writes: Sequence[str | None]) -> Problem:
    dataset, target = load_labelled(data, options.target, writes)
    return prepare(
        dataset,
        target=target,
        task=options.task,
        test=options.test,
        validation=options.validation,
        scale=options.scale,
        categorical=options.categorical,
        drop=options.drop,
        keep=options.keep,
        drop_missing=options.drop_missing,
        weight_column=options.sample_weight,
        seed=seed,
    )


def _chain(net: Network) -> str:
    names = [f"Dense {layer.units}" if isinstance(layer, Dense) else type(layer).__name__ for layer in net.layers]
    return " → ".join([str(net.n_in), *names])


def _train(
    net: Network, problem: Problem, plan: Recipe, options: TrainingOptions, screen: Screen
) -> tuple[History, bool]:
    """Train with a progress bar; on Ctrl-C with the best weights so far. Says whether it was interrupted."""
    valid = None if problem.valid is None else (problem.valid.X, problem.valid.y, problem.valid.w)
    training, interrupted = None, False
    try:
        with on_interrupt(interrupt_once):
            training = train(
                net,
                (problem.train.X, problem.train.y),
                plan.optimizer,
                valid=valid if valid is None or valid[2] is not None else valid[:2],
                batch_size=plan.batch_size,
                epochs=plan.epochs,
                sample_weight=problem.train.w,
                class_weight=options.class_weight,
                metrics=options.metric,
                threads=options.threads,
            )
            with screen.progress(plan.epochs) as show:
                for epoch in epochs_until(training, plan.patience):
                    show(epoch)
    except KeyboardInterrupt:
        if training is None or not training.history:
            raise
        interrupted = True
    if interrupted or problem.valid is not None:
        training.history.restore_best(net)
    return training.history, interrupted


def _yardsticks(
    problem: Problem, net: Network, plan: Recipe, options: TrainingOptions, seconds: float, interrupted: bool
) -> list[Yardstick]:
    """The commonest class or mean, a linear model of as many epochs, and the network, on the test rows."""
    sticks = [commonest(problem, net)]
    if not interrupted:
        linear, began = linear_network(problem, net), time.perf_counter()
        alike = replace(plan, optimizer=linear_optimizer(plan, problem))
        try:
            _, stopped = _train(linear, problem, alike, options, Screen(quiet=True))
            if stopped:
                raise KeyboardInterrupt
            sticks.append(measure("linear model", linear, problem.test, time.perf_counter() - began))
        except (KeyboardInterrupt, Diverged) as error:
            print(f"chainrule: no linear model to compare with: {str(error) or 'interrupted'}", file=sys.stderr)
    return [*sticks, measure("this network", net, problem.test, seconds)]


def _result(
    out: str, problem: Problem, net: Network, history: History, sticks: list[Yardstick], interrupted: bool
) -> dict[str, Any]:
    return {
        "model": out,
        "data": problem.name,
        "task": problem.task,
        "rows": {
            "train": len(problem.train),
            "validation": len(problem.valid) if problem.valid is not None else 0,
            "test": len(problem.test),
        },
        "inputs": net.n_in,
        "parameters": net.plan.size,
        "left_out": list(getattr(problem.encoder, "notes", ())),
        "epochs": len(history),
        "best_epoch": history.best_epoch,
        "interrupted": interrupted,
        "history": history.to_config()["epochs"],
        "yardsticks": [
            {"name": s.name, "score": s.score, "standard_error": s.error, "seconds": s.seconds} for s in sticks
        ],
    }
