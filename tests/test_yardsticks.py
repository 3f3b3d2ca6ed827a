"""The table that chainrule train ends with: its rows are comparable, and are those that evaluate would score."""

import json
import struct

import numpy as np
import pandas as pd
import pytest

import chainrule as cr
from chainrule.job import split
from conftest import scores

pytestmark = pytest.mark.usefixtures("folder")
QUICK = ("--epochs", "3", "--hidden", "8")


def write_idx(path, values):
    path.write_bytes(struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes())


@pytest.mark.parametrize("target", ["kind", "amount"])
def test_weights_of_rows_are_for_training_alone(run, rng, target):
    """Also where the test rows' are 0. What guessing scores does not depend on weights at all."""
    x = rng.normal(size=200)
    frame = pd.DataFrame({"x": x, "w": rng.integers(0, 3, 200), "kind": x > 0, "amount": x + rng.normal(size=200)})
    frame = frame[["x", "w", target]]
    frame.to_csv("rows.csv", index=False)
    words = ("train", "rows.csv", "--target", target, *QUICK, "--json")
    told, alike = scores(run(*words, "--sample-weight", "w")), scores(run(*words))
    (guess,) = {"commonest class", "mean"} & set(told)
    assert told[guess] == alike[guess]
    assert told["this network"] != alike["this network"]


def test_the_network_scores_what_evaluate_says(run, rng):
    x = rng.normal(size=300)
    train = pd.DataFrame({"x": x, "y": x + rng.normal(size=300), "w": rng.uniform(0, 5, 300)})
    train.to_csv("rows.csv", index=False)
    output = run("train", "rows.csv", "--target", "y", "--sample-weight", "w", "--test", "0.5", *QUICK, "--json")
    _, test = split(300, 0.5, 0, None, "--test")
    train.iloc[test].to_csv("test.csv", index=False)
    evaluated = json.loads(run("evaluate", "model.safetensors", "test.csv", "--json"))
    assert scores(output)["this network"] == pytest.approx(evaluated["score"], rel=1e-5)


def test_a_class_that_only_the_test_file_has_is_an_output_too(run, folder):
    images, digits = np.arange(40, dtype=np.uint8).reshape(20, 2, 1), np.arange(20, dtype=np.uint8)
    (folder / "idx").mkdir()
    for part, classes in {"train": 2, "t10k": 3}.items():
        write_idx(folder / "idx" / f"{part}-images-idx3-ubyte", images)
        write_idx(folder / "idx" / f"{part}-labels-idx1-ubyte", digits % classes)
    assert scores(run("train", "idx", *QUICK, "--json"))["this network"] < 1
    assert cr.load("model.safetensors").classes.tolist() == [0, 1, 2]


def test_row_numbers_are_left_out_where_rows_are_drawn_from_a_table(run, rng):
    """Sorted by class, they tell it."""
    rows = pd.DataFrame({"number": np.arange(150), "noise": rng.normal(size=150), "kind": np.arange(150) // 50})
    rows.to_csv("rows.csv", index=False)
    output = run("train", "rows.csv", "--target", "kind", *QUICK)
    assert "number: left out, it counts the rows" in output
    assert "counts the rows" not in run("train", "rows.csv", "--target", "kind", *QUICK, "--keep", "number")
    rows.assign(number=rng.permutation(1000)[:150]).to_csv("rows.csv", index=False)
    assert "counts the rows" not in run("train", "rows.csv", "--target", "kind", *QUICK)
