"""The command line: train, predict, evaluate, summary, check. Exit code 0, or 2 with one line on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
from cyclopts import App, CycloptsError, Group, Parameter

import chainrule
from chainrule.arrays import Array
from chainrule.check.catalogue import check_all
from chainrule.check.gradients import check_gradients
from chainrule.data.datasets import load_dataset
from chainrule.data.readers import Dataset, read_labels
from chainrule.data.table import Table, as_levels
from chainrule.errors import Diverged, InputError
from chainrule.files import load, write
from chainrule.job import (
    Problem,
    Yardstick,
    commonest,
    epochs_until,
    labels_of,
    linear_network,
    measure,
    pick_target,
    prepare,
    standard_error,
)
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
from chainrule.plot import plot_history
from chainrule.screen import Screen, confusion, describe_encoder
from chainrule.training import History, train

app = App(
    name="chainrule",
    help="Train dense neural networks with a backward pass you can read, check and trust.",
    version=chainrule.__version__,
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = Group("Other", sort_key=9)
OUTPUT = Group("Output", sort_key=4)


@app.command(name="train")
def train_command(
    data: str = "digits",
    *,
    data_options: DataOptions = DataOptions(),
    network_options: NetworkOptions = NetworkOptions(),
    training_options: TrainingOptions = TrainingOptions(),
    out: Annotated[Path, Parameter(name=["--out", "-o"], group=OUTPUT)] = Path("model.safetensors"),
    plot: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT)] = False,
) -> None:
    """Train a network on a file or a dataset by name, compare it with simpler models, and save it.

    Parameters
    ----------
    data
        A file (.csv, .parquet, .npy, .npz, idx; .gz too), a folder of idx files, or digits, spiral, moons, circles,
        xor, fashion-mnist, mnist.
    out
        The model file.
    plot
        A picture of loss and score over the epochs.
    as_json
        Print one JSON object instead of tables.
    """
    data_options.check()
    training_options.check()
    screen = Screen(quiet=as_json)
    problem = _problem(data, data_options, training_options.seed)
    net = build_network(network_options, training_options, problem)
    plan = recipe(training_options, problem)
    screen.problem(problem)
    screen.line("network", f"{_chain(net)}, {net.plan.size:,} parameters")
    screen.line("training", str(plan))
    began = time.perf_counter()
    try:
        history, interrupted = _train(net, problem, plan, training_options, screen)
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
    sticks = _yardsticks(problem, net, plan, training_options, seconds, interrupted)
    if as_json:
        print(json.dumps(_result(out, problem, net, history, sticks, interrupted), allow_nan=False))
    else:
        screen.yardsticks(sticks, score_name)
        screen.text(f"\nSaved to {out}.")


def _save(net: Network, problem: Problem, out: Path) -> None:
    """The network with what turns raw rows into its inputs."""
    net.encoder = problem.encoder
    net.info = {"data": problem.name, "target": problem.target_name, "task": problem.task}
    net.save(out)
    net.encoder = None  # the problem's rows are encoded already


def _problem(data: str, options: DataOptions, seed: int) -> Problem:
    dataset, target = load_dataset(data), options.target
    if dataset.y is None and not isinstance(dataset.X, Table) and target is not None:
        y = read_labels(Path(target))
        if len(y) != len(dataset.X):
            raise InputError(f"{target}: expected {len(dataset.X):,} labels, one per row of {data}, got {len(y):,}")
        dataset, target = Dataset(dataset.name, dataset.X, y), None
    return prepare(
        dataset,
        target=target,
        task=options.task,
        test=options.test,
        validation=options.validation,
        scale=options.scale,
        categorical=options.categorical,
        drop=options.drop,
        drop_missing=options.drop_missing,
        weight_column=options.sample_weight,
        seed=seed,
    )


def _chain(net: Network) -> str:
    steps = [f"{type(layer).__name__} {width}" for layer, width in zip(net.layers, net.plan.widths[1:])]
    return f"{net.n_in} → " + " → ".join(
        step if step.startswith("Dense") else step.split()[0] for step in steps
    )  # only Dense changes the width


def _train(
    net: Network, problem: Problem, plan: Recipe, options: TrainingOptions, screen: Screen
) -> tuple[History, bool]:
    """Train with a progress bar; on Ctrl-C with the best weights so far. Says whether it was interrupted."""
    valid = None if problem.valid is None else (problem.valid.X, problem.valid.y, problem.valid.w)
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
    interrupted = False
    with screen.progress(plan.epochs) as show:
        try:
            for epoch in epochs_until(training, plan.patience):
                show(epoch)
        except KeyboardInterrupt:
            if not training.history:
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
            _train(linear, problem, alike, options, Screen(quiet=True))
            sticks.append(measure("linear model", linear, problem.test, time.perf_counter() - began))
        except (KeyboardInterrupt, Diverged) as error:
            print(f"chainrule: no linear model to compare with: {error or 'interrupted'}", file=sys.stderr)
    return [*sticks, measure("this network", net, problem.test, seconds)]


def _result(
    out: Path, problem: Problem, net: Network, history: History, sticks: list[Yardstick], interrupted: bool
) -> dict[str, Any]:
    return {
        "model": str(out),
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
        "history": history.columns,
        "yardsticks": [
            {"name": s.name, "score": s.score, "standard_error": s.error, "seconds": s.seconds} for s in sticks
        ],
    }


def _rows_for(net: Network, data: str, target: str | None = None) -> tuple[Any, Array | None]:
    """Raw rows for a trained network, and their targets where the data holds them."""
    dataset = load_dataset(data)
    dataset = dataset.test or dataset
    if dataset.y is not None:
        return dataset.X, dataset.y
    name = target or net.info.get("target")
    if isinstance(dataset.X, Table) and (target is not None or name in dataset.X.columns):
        _, X, y = pick_target(dataset, name)
        return X, y
    return dataset.X, None


@app.command
def predict(
    model: Path,
    data: str,
    *,
    proba: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
) -> None:
    """Predict every row of a file; writes CSV.

    Parameters
    ----------
    model
        A model file that train wrote.
    data
        Rows with the columns of training; the target's is ignored.
    proba
        A column of probabilities for each class as well.
    out
        The CSV file; standard output without it.
    """
    net = load(model)
    X, _ = _rows_for(net, data)
    columns = {"prediction": net.predict(X)}
    if proba:
        columns |= {
            f"p({label})": p
            for label, p in zip((net.classes if net.classes is not None else []), net.predict_proba(X).T)
        }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values())))
    if out is None:
        print(text.getvalue(), end="")
    else:
        write(out, text.getvalue())


@app.command
def evaluate(
    model: Path,
    data: str,
    *,
    target: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Loss and score of a trained network on rows whose targets are known.

    Parameters
    ----------
    model
        A model file that train wrote.
    data
        Rows with the columns of training and the target.
    target
        The target's column, where it is called something else than in training.
    as_json
        Print one JSON object instead.
    """
    net = load(model)
    X, y = _rows_for(net, data, target)
    if y is None:
        raise InputError(
            f"{data}: no column {net.info.get('target', 'label')!r} to compare with; name it with --target"
        )
    assert net.target is not None
    y = _known_labels(net, y)
    rows = net.data(X, y)
    loss, score = net.evaluate_data(rows)
    prediction = net.predict(X)
    encoder, net.encoder = net.encoder, None
    error = standard_error(net.contributions(net.forward(rows.X), rows))
    net.encoder = encoder
    result = {"rows": len(rows), "loss": loss, "score": score, "standard_error": error}
    if net.classes is None:
        result["root_mean_squared_error"] = float(np.sqrt(np.mean((prediction - y) ** 2)))
        result["mean_absolute_error"] = float(np.mean(np.abs(prediction - y)))
    if as_json:
        print(json.dumps(result))
        return
    screen = Screen()
    for name, value in result.items():
        screen.text(f"{name.replace('_', ' '):<24}{value:,.6g}")
    if net.classes is not None and len(net.classes) <= 20:
        screen.text(f"\nrows: what it is; columns: what was predicted\n{confusion(y, prediction, net.classes)}")


def _known_labels(net: Network, y: Array) -> Array:
    """Targets as in training: text where the classes are text, whole numbers where they are numbers."""
    if net.classes is None:
        return y
    return labels_of(as_levels(y) if net.classes.dtype.kind == "U" else y)


@app.command
def summary(model: Path) -> None:
    """Layers, parameters, encoding and training of a model file."""
    net, screen = load(model), Screen()
    screen.text(net.summary())
    if net.info:
        screen.text(f"\ntrained on {net.info['data']} to predict {net.info['target']} ({net.info['task']})")
    if net.encoder is not None:
        for line in describe_encoder(net.encoder):
            screen.line("encoded", line)
    if net.classes is not None:
        screen.line("classes", ", ".join(map(str, net.classes.tolist())))
    if net.history is not None:
        best = net.history[net.history.best_epoch - net.history[0].number]
        screen.line("training", f"{len(net.history)} epochs; the best: {best}")


@app.command
def check(model: Path | None = None, data: str | None = None, *, rows: int = 16) -> None:
    """Compare gradients with differences of the loss: every layer and loss, or a model file.

    Parameters
    ----------
    model
        A model file; without it, every layer and loss of the library, each with wrong gradients as controls.
    data
        Rows to check with; random ones without it.
    rows
        How many.
    """
    screen = Screen()
    if model is None:
        _check_library(screen)
        return
    net = load(model)
    X: Any
    if data is None:
        X, y = _random_rows(net, rows)
        net.encoder = None
    else:
        everything, targets = _rows_for(net, data)
        if targets is None:
            raise InputError(f"{data}: no targets to check with")
        X = everything.rows(slice(rows)) if isinstance(everything, Table) else everything[:rows]
        y = _known_labels(net, targets[:rows])
    report = check_gradients(net, X, y)
    screen.text(str(report))
    if not report:
        raise InputError(f"{model}: the gradient check failed")


def _random_rows(net: Network, rows: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, net.n_in))
    if net.classes is not None:
        return X, net.classes[rng.integers(0, len(net.classes), rows)]
    return X, np.abs(rng.normal(size=(rows, net.n_out)))


def _check_library(screen: Screen) -> None:
    screen.text(f"{'':24}{'central':>10}{'complex':>10}  wrong gradients caught")
    bad = []
    for verdict in check_all():
        cells = "".join(f"{report.worst:>10.1e}" for report in verdict.reports)
        mark = "" if verdict.ok else "   FAILED"
        screen.text(f"{verdict.name:24}{cells:<20}  {verdict.caught} of {verdict.controls}{mark}")
        bad += [] if verdict.ok else [verdict.name]
    if bad:
        raise InputError(f"the gradient check failed for {', '.join(bad)}")
    screen.text("Worst relative error over all entries, in float64; each wrong gradient is off by a thousandth.")


def fail(error: object) -> NoReturn:
    text = " ".join(str(error).split())
    print(f"chainrule: {text}", file=sys.stderr)
    sys.exit(2)


def main(tokens: list[str] | None = None) -> None:
    """The entry point: runs the command, and turns whatever is wrong with its input into one line and exit code 2."""
    warnings.showwarning = lambda message, *_, **__: print(f"chainrule: {message}", file=sys.stderr)
    try:
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (CycloptsError, InputError, Diverged, OSError) as error:
        fail(error)
    except MemoryError:
        fail("out of memory: try smaller layers, a smaller --batch-size or fewer rows")
    except KeyboardInterrupt:
        fail("interrupted; nothing is saved")


if __name__ == "__main__":
    main()
