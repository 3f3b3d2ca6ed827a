"""The command line, a function for each command. Exit code 0, or 2 with one line on stderr."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
from cyclopts import App, CycloptsError, Group, Parameter

import chainrule
from chainrule.arrays import Array, row_name
from chainrule.backends.reference import Data
from chainrule.check.catalogue import check_all
from chainrule.check.gradients import check_gradients
from chainrule.cli_bench import bench_command
from chainrule.cli_diagnose import NAMES, check_code, diagnose_command, is_code
from chainrule.cli_explain import explain_command
from chainrule.cli_train import load_labelled, train_command
from chainrule.data.datasets import files_of
from chainrule.data.encoder import matrix_of
from chainrule.data.readers import Dataset
from chainrule.data.table import Table, as_levels
from chainrule.errors import Diverged, InputError, counted, require_count
from chainrule.files import load, require_writable, write
from chainrule.job import labels_of, pick_target
from chainrule.network import Network
from chainrule.options import Whole
from chainrule.screen import Screen, confusion, describe_encoder
from chainrule.targets import Values, target_for
from chainrule.yardsticks import standard_error

app = App(
    name="chainrule",
    help="Train dense neural networks with a backward pass you can read, check and trust.",
    version=chainrule.__version__,
    suppress_keyboard_interrupt=False,
)
app["--help"].group = app["--version"].group = Group("Other", sort_key=9)
app.command(train_command, name="train")
app.command(bench_command, name="bench")
app.command(explain_command, name="explain")
app.command(diagnose_command, name="diagnose")


def rows_for(net: Network, data: str, target: str | None = None) -> Dataset:
    """Rows as they were read, and their targets where the data holds them or they are named."""
    dataset, target = load_labelled(data, target)
    dataset = dataset.test or dataset
    name = target or net.info.get("target")
    if dataset.y is None and isinstance(dataset.X, Table) and (target is not None or name in dataset.X.names):
        _, X, y = pick_target(dataset, name)
        return replace(dataset, X=X, y=y)
    return dataset


def known_rows(net: Network, data: str, target: str | None = None, most: int | None = None) -> tuple[Any, Array]:
    """The first rows for a network, and their targets as in training. InputError where the data holds none."""
    dataset = rows_for(net, data, target)
    X, y = dataset.X, dataset.y
    if y is None:
        column = f"column {net.info.get('target', 'label')!r}"
        what, it = (column, "it") if isinstance(X, Table) else ("labels beside the images", "their file")
        raise InputError(f"{data}: no {what} to compare with; name {it} with --target")
    X = X.rows(slice(most)) if isinstance(X, Table) else X[:most]
    return _as_inputs(net, X), known_labels(net, y[:most])


def _as_inputs(net: Network, X: Any) -> Any:
    """Raw rows, as numbers where the network has no encoder."""
    return matrix_of(X) if net.encoder is None and isinstance(X, Table) else X


@app.command
def predict(
    model: Path,
    data: str,
    /,
    *,
    proba: Annotated[bool, Parameter(negative="")] = False,
    out: Annotated[str | None, Parameter(name=["--out", "-o"])] = None,
) -> None:
    """Predict every row of a file; writes CSV.

    Parameters
    ----------
    model
        A model file that train or net.save wrote.
    data
        Rows with the columns of training; the target's is ignored.
    proba
        A column of probabilities for each class as well, or for each of several outputs.
    out
        The CSV file; standard output without it.
    """
    require_writable(out, reads=[model, *files_of(data)])
    net = load(model)
    X = _as_inputs(net, rows_for(net, data).X)
    predicted = net.predict(X)
    if predicted.ndim == 1:
        columns = {"prediction": predicted}
    else:  # outputs side by side, each with a class of its own
        columns = {f"prediction[{k}]": column for k, column in enumerate(predicted.T)}
    if proba:
        told = net.predict_proba(X).T
        classes = range(len(told)) if net.classes is None else net.classes  # none where it was saved untrained
        names = [f"p({label})" for label in classes] if predicted.ndim == 1 else [f"p[{k}]" for k in range(len(told))]
        columns |= dict(zip(names, told, strict=True))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*(column.tolist() for column in columns.values())))
    if out is None:
        _print_whole(text.getvalue())
    else:
        write(out, text.getvalue())


def _print_whole(text: str) -> None:
    """Print data, which has to arrive as it is. InputError where the encoding has not all its letters."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError as error:
        letter, encoding = text[error.start], error.encoding
        raise InputError(f"standard output: cannot write {letter!a} as {encoding}; -o writes a file of UTF-8") from None
    print(text, end="")


@app.command
def evaluate(
    model: Path,
    data: str,
    /,
    *,
    target: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Loss and score of a trained network on rows whose targets are known.

    Parameters
    ----------
    model
        A model file that train or net.save wrote.
    data
        Rows with the columns of training and the target.
    target
        The target's column, where it is called something else than in training; of images, the file of their labels.
    as_json
        Print one JSON object instead.
    """
    net = load(model)
    X, y = known_rows(net, data, target)
    net.target = net.target or target_for(net.loss, net.n_out).fit(y)
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused next
        rows, prediction = net.data(X, y), net.predict(X)
        result = _figures(net, rows, prediction, y)
    for name, value in result.items():
        if not np.isfinite(value):
            raise InputError(f"{data}: expected numbers with a finite {name.replace('_', ' ')}, got {value}")
    if as_json:
        print(json.dumps(result))
        return
    screen = Screen()
    for name, value in result.items():
        screen.text(f"{name.replace('_', ' '):<24}{value:,.6g}")
    if net.classes is not None and len(net.classes) <= 20:
        y = net.target.restore(rows.t)  # labels, also where the data holds a probability of each
        screen.text(f"\nrows: what it is; columns: what was predicted\n{confusion(y, prediction, net.classes)}")


def _figures(net: Network, rows: Data, prediction: Array, y: Array) -> dict[str, float]:
    loss, score = net.evaluate_data(rows)
    figures = {"rows": len(rows), "loss": loss, "score": score}
    error = standard_error(net.contributions(net.outputs(rows.X), rows))
    if error is not None:
        figures["standard_error"] = error
    if net.classes is None:
        figures["root_mean_squared_error"] = float(np.sqrt(np.mean((prediction - y) ** 2)))
        figures["mean_absolute_error"] = float(np.mean(np.abs(prediction - y)))
    return figures


def known_labels(net: Network, y: Array) -> Array:
    """Targets as in training: text where the classes are text, whole numbers where they are numbers. InputError names
    the first row of the file, counted from 1, that holds none."""
    classes = net.classes
    if classes is None:
        target = net.target or target_for(net.loss, net.n_out)  # none where it was saved untrained
        if isinstance(target, Values):
            _require_values(target, y, net.dtype)
        else:
            _require_all(y == y, y, "labels")
        return y
    if y.ndim > 1:
        return y  # a share or a flag for each class
    y = labels_of(as_levels(y) if classes.dtype.kind == "U" else y, "target")
    shares = net.loss.target == "flags" and y.dtype.kind == "f" and np.isfinite(y).all()
    if not shares and (y.dtype.kind == classes.dtype.kind or {y.dtype.kind, classes.dtype.kind} <= set("biuf")):
        known = ", ".join(map(repr, classes[:6].tolist())) + ", …" * (len(classes) > 6)
        _require_all(np.isin(y, classes), y, f"labels among {known}")
    return y


def _require_values(target: Values, y: Array, dtype: np.dtype[Any]) -> None:
    if y.dtype.kind not in "biuf":
        reads = np.array([_reads_as_number(cell) for cell in y.tolist()])
        _require_all(reads & ~reads.all(), y, "numbers")  # the first that is none, or of text that looks like numbers
    _require_all(np.isfinite(y), y, "finite numbers")
    _require_all(abs(target.scaled(y)) <= np.finfo(dtype).max, y, f"numbers that {dtype} holds")


def _require_all(right: Array, y: Array, wanted: str) -> None:
    rows = right.reshape(len(y), -1).all(axis=1)
    if not rows.all():
        row = int(np.argmin(rows))
        raise InputError(f"target: expected {wanted}, got {y[row : row + 1].tolist()[0]!r} in {row_name(row, 1)}")


def _reads_as_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True


@app.command
def summary(model: Path, /) -> None:
    """Layers, parameters, encoding and training of a model file.

    Parameters
    ----------
    model
        A model file that train or net.save wrote.
    """
    net, screen = load(model), Screen()
    screen.text(net.summary())
    if {"data", "target", "task"} <= net.info.keys():
        screen.text(f"\ntrained on {net.info['data']} to predict {net.info['target']} ({net.info['task']})")
    elif net.info:
        screen.line("info", json.dumps(net.info, ensure_ascii=False))
    if net.encoder is not None:
        for line in describe_encoder(net.encoder):
            screen.line("encoded", line)
    if net.classes is not None:
        screen.line("classes", ", ".join(map(str, net.classes.tolist())))
    if net.history is not None:
        best = [f"; the best: {epoch}" for epoch in net.history if epoch.number == net.history.best_epoch]
        screen.line("training", counted(len(net.history), "epoch") + "".join(best))


@app.command
def check(
    model: Path | None = None,
    data: str | None = None,
    /,
    *,
    rows: Whole = 16,
    target: str | None = None,
    mapping: NAMES = None,
    reference: Path | None = None,
    seconds: float = 60.0,
) -> None:
    """Compare gradients with differences of the loss: every layer and loss, a model file, or code of your own.

    Parameters
    ----------
    model
        A model file, or code as FILE.py, FILE.py:NAME or FILE.ipynb.
        Without it, every layer and loss of the library, each with wrong gradients as controls.
    data
        Rows to check with; random ones without it.
    rows
        How many rows to check with.
    target
        The target's column in the data, where a model does not know it; of images, the file of their labels.
    mapping
        For code: ours=theirs such as forward=think, as for diagnose.
    reference
        For code: a saved model with the layers and the loss that were asked for.
    seconds
        For code: how long it may run.
    """
    require_count("--rows", rows)
    screen = Screen()
    if model is None:
        _check_library(screen)
        return
    if is_code(model):
        check_code(str(model), mapping, reference, data, target, rows, seconds)
        return
    if mapping is not None or reference is not None:
        raise InputError(f"{model}: --map and --reference are for code, FILE.py or FILE.ipynb")
    if target is not None and data is None:
        raise InputError("--target: the target of rows, which were not given")
    net = load(model)
    X: Any
    if data is None:
        X, y = _random_rows(net, rows)
        net.encoder = None
    else:
        X, y = known_rows(net, data, target, rows)
    report = check_gradients(net, X, y)
    screen.text(str(report))
    if not report:
        reason = "failed" if report.worst > report.tolerance else "could not decide: try other rows"
        raise InputError(f"{model}: the gradient check {reason}")


def _random_rows(net: Network, rows: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    target = net.target or target_for(net.loss, net.n_out)
    return rng.normal(size=(rows, net.n_in)), target.decode(rng.uniform(size=(rows, net.n_out)))


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


def fail(error: object, code: int = 2) -> NoReturn:
    text = " ".join(str(error).split())
    print(f"chainrule: {text}", file=sys.stderr)
    sys.exit(code)


def _prepare_streams() -> None:
    """What goes to a closed stream goes nowhere; letters that an encoding has not become question marks."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _leave_stdout() -> None:
    """Python flushes stdout once more at its end; what does not go there is no news then."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(tokens: list[str] | None = None) -> None:
    """The entry point: runs the command, and turns whatever is wrong with its input into one line and exit code 2."""
    _prepare_streams()
    warnings.showwarning = lambda message, *_, **__: print(f"chainrule: {message}", file=sys.stderr)
    try:
        app(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has seen enough
        _leave_stdout()
    except OSError as error:
        if error.filename is not None:
            fail(f"{error.filename}: {error.strerror}")
        _leave_stdout()  # all files but this one have a name
        fail(f"standard output: cannot write ({error.strerror})")
    except (CycloptsError, InputError, Diverged) as error:
        fail(error)
    except MemoryError:
        fail("out of memory: try smaller layers, a smaller --batch-size or fewer rows")
    except KeyboardInterrupt:
        fail("interrupted; nothing is saved", code=130)
