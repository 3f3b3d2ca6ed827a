"""What the command line refuses: one line and exit code 2."""

import sys

import numpy as np
import pandas as pd
import pytest

import chainrule as cr

pytestmark = pytest.mark.usefixtures("folder")
QUICK = ("--epochs", "3", "--hidden", "8")


def test_where_the_model_cannot_be_written_nothing_is_trained(refused, capsys):
    assert "no such folder" in refused("train", "-o", "nowhere/model.safetensors")
    assert "expected the name of a file, got a folder" in refused("train", "-o", ".")
    assert "expected the name of a file, got a folder" in refused("train", "-o", "models/")
    assert "expected the name of a file, got a folder" in refused("predict", "model.safetensors", "digits", "-o", ".")
    assert "no such folder" in refused("train", "--plot", "nowhere/curves.png")
    for options in ([], ["--worksheet"]):
        assert "expected the name of a file, got a folder" in refused("explain", *options, "-o", ".")
        assert "no such folder" in refused("explain", *options, "-o", "nowhere/step.html")


WRITTEN_TWICE = {
    "train rows.csv --target t --plot m.png -o m.png": "a file of its own to write, got m.png, which is written too",
    "train rows.csv --target t -o rows.csv": "rows.csv, which is read too",
    "train rows.csv --target t -o link.csv": "rows.csv, which is read too",
    "train rows.csv --target t -o model --plot sub/../rows.csv": "rows.csv, which is read too",
    "train images.npy --target y.npy -o y.npy": "y.npy, which is read too",
    "train a-images-idx3-ubyte -o a-labels-idx1-ubyte": "a-labels-idx1-ubyte, which is read too",
    "train sub -o sub/train-labels-idx1-ubyte": "train-labels-idx1-ubyte, which is read too",
    "predict model rows.csv -o model": "model, which is read too",
    "predict model rows.csv -o rows.csv": "rows.csv, which is read too",
    "explain model images.npy --target y.npy -o y.npy": "y.npy, which is read too",
    "explain step.toml -o step.toml": "step.toml, which is read too",
    "explain model rows.csv -o model": "model, which is read too",
    "explain model rows.csv --worksheet -o rows.csv": "rows.csv, which is read too",
    "explain model rows-solution.csv --worksheet -o rows.csv": "rows-solution.csv, which is read too",
    "explain --students a-answers.csv -o a.html": "a-answers.csv, which is read too",
    "diagnose pass.py:Net --html pass.py": "pass.py, which is read too",
    "diagnose pass.py:Net --data images.npy --target y.npy --html y.npy": "y.npy, which is read too",
}


@pytest.mark.parametrize("words", WRITTEN_TWICE)
def test_a_file_that_is_read_or_written_is_not_overwritten(run, refused, folder, words):
    (folder / "rows.csv").write_text("x,t\n" + "1,a\n2,b\n3,a\n4,b\n" * 5)
    np.save("images.npy", np.arange(80, dtype=np.uint8).reshape(20, 2, 2))
    np.save("y.npy", np.arange(20) % 2)
    (folder / "step.toml").write_text(run("explain", "--template"))
    (folder / "a-answers.csv").write_text("anna\n")
    (folder / "pass.py").write_text("class Net: pass\n")
    (folder / "sub").mkdir()
    images, labels = b"\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x01ab", b"\0\0\x08\x01\0\0\0\x02\0\x01"
    for begin in ("a", "sub/train"):
        (folder / f"{begin}-images-idx3-ubyte").write_bytes(images)
        (folder / f"{begin}-labels-idx1-ubyte").write_bytes(labels)
    (folder / "link.csv").symlink_to("rows.csv")
    (folder / "rows-solution.csv").write_bytes((folder / "rows.csv").read_bytes())
    run("train", "rows.csv", "--target", "t", *QUICK, "-o", "model")
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert WRITTEN_TWICE[words] in refused(*words.split())
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_an_output_of_an_earlier_run_is_written_again(run, folder):
    for _ in range(2):
        run("train", "moons", *QUICK, "-o", "moons")  # what is read has that name too, but is no file
        run("predict", "moons", "moons", "-o", "out.csv")
        run("explain", "--worksheet", "-o", "sheet.html")
    run("predict", "moons", "moons", "-o", "/dev/null")


PASS = """
import numpy as np

W = np.random.default_rng(0).normal(size=(2, 2))

def forward(X, W):
    e = np.exp(X @ W)
    return e / e.sum(axis=1, keepdims=True)

def loss(P, y):
    return -np.log(P[np.arange(len(y)), y]).mean()

def backward(X, W, y):
    P = forward(X, W)
    return {"W": X.T @ (P - np.eye(2)[y]) / len(y)}
"""


@pytest.mark.parametrize("labels", [("n", "y"), ("0", "1")])
def test_code_is_given_rows_that_have_a_target(run, refused, folder, labels):
    (folder / "code.py").write_text(PASS)
    cells = [labels[row % 2] for row in range(20)]
    lines = ["a,b,t", *(f"{row % 7},{row % 3},{cell}" for row, cell in enumerate(cells))]
    lines[19] = "5,0,"
    (folder / "rows.csv").write_text("\n".join(lines))
    words = ("check", "code.py", "rows.csv", "--target", "t", "--rows")
    assert "expected a target in every row, got none in row 19" in refused(*words, "19")
    told = run(*words, "18")
    (folder / "rows.csv").write_text("\n".join([*lines[:19], *lines[20:]]))
    assert told == run(*words, "18")


def test_code_is_given_images_with_their_labels(refused, folder):
    (folder / "code.py").write_text(PASS)
    np.save("images.npy", np.arange(80, dtype=np.uint8).reshape(20, 2, 2))
    np.save("few.npy", np.arange(10) % 2)
    np.savez("both.npz", X=np.ones((20, 2)), y=np.arange(20) % 2)
    words = ("diagnose", "code.py", "--data")
    assert "images.npy: expected labels beside the images, got none; name" in refused(*words, "images.npy")
    said = "few.npy: expected 20 labels, one per row of images.npy, got 10"
    assert said in refused(*words, "images.npy", "--target", "few.npy")
    said = "--target nonsense: both.npz holds its labels apart; leave the option out"
    assert said in refused(*words, "both.npz", "--target", "nonsense")


def test_check_takes_at_least_one_row(refused):
    assert "--rows: expected a whole number of at least 1, got 0" in refused(
        "check", "model.safetensors", "--rows", "0"
    )


COUNTS = ("--epochs", "--batch-size", "--warmup", "--patience", "--seed", "--threads")


@pytest.mark.parametrize("option", COUNTS)
def test_a_count_is_not_rounded(refused, option):
    for value in ("2.9", "1e-3", "nan", "inf", "1e400", "two", ""):
        assert f"{option}: expected a whole number, got {value!r}" in refused("train", "moons", f"{option}={value}")


def test_a_whole_number_may_have_a_point(run, refused):
    for value in ("3.0", "3", "3e0", "0x3"):
        said = run("train", "moons", "--hidden", "4", "--epochs", value, "--batch-size", "1e2", "--seed", value)
        assert "batches of 100, 3 epochs" in said
    for words in (["check", "--rows", 2.5], ["explain", "--rows", 2.5], ["diagnose", "p.py", "--hint", 2.5]):
        assert f"{words[-2]}: expected a whole number, got '2.5'" in refused(*words)
    assert "--threads: expected a whole number, got '1.5'" in refused("bench", "--threads", 1.5)


def test_two_commands_words_are_told_their_neighbours(refused):
    assert 'Did you mean "train"?' in refused("trian")
    assert "Did you mean --hidden?" in refused("train", "--hiden", "3")
    assert "did you mean 'digits'" in refused("train", "digist")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target", "specie"), "no column 'specie'; did you mean 'species'"),
        ((), "which column is the target? --target with one of species, island"),
        (("--target", "sex"), "11 rows have no value (the first is row 4); --drop-missing"),
        (("--target", "species", "--task", "regression"), "regression expects numbers, got 'Adelie'"),
        (("--target", "species", "--task", "guess"), "--task: no 'guess'"),
        (("--target", "species", "--drop", "isle"), "no column 'isle'"),
        (("--target", "species", "--scale", "robus"), "did you mean 'robust'"),
        (("--target", "species", "--hidden", "a,b"), "--hidden: expected numbers separated by commas, got 'a,b'"),
        (("--target", "species", "--hidden", "-5"), "--hidden: expected a whole number of at least 1, got -5"),
        (("--target", "species", "--activation", "rellu"), "--activation: no 'rellu'; did you mean 'relu'"),
        (("--target", "species", "--optimizer", "adams"), "did you mean 'adam'"),
        (("--target", "species", "--loss", "softmaxcrossentropy=2"), "SoftmaxCrossEntropy(smoothing): expected"),
        (("--target", "species", "--activation", "leakyrelu=x"), "expected a number after leakyrelu=, got 'x'"),
        (("--target", "species", "--activation", "relu=1"), "relu has no setting, got 'relu=1'"),
        (("--target", "species", "--loss", "huber"), "Huber does not fit classification"),
        (("--target", "species", "--loss", "binarycrossentropy"), "expects two classes, got 3"),
        (("--target", "species", "--lr", "nan"), "--lr: expected a finite number"),
        (("--target", "species", "--lr", "fast"), "--lr"),
        (("--target", "species", "--epochs", "0"), "--epochs: expected a whole number of at least 1, got 0"),
        (("--target", "species", "--batch-size", "999"), "--batch-size: expected at most 276"),
        (("--target", "species", "--dropout", "1"), "--dropout: expected a finite number in [0, 1), got 1.0"),
        (("--target", "species", "--test", "2"), "--test: expected a finite number in [0, 1)"),
        (("--target", "species", "--validation", "-1"), "--validation: expected"),
        (("--target", "species", "--metric", "acuracy"), "did you mean 'accuracy'"),
        (("--target", "species", "--sample-weight", "wt"), "no column 'wt'"),
        (("--target", "species", "--sample-weight", "island"), "--sample-weight island: expected finite numbers"),
        (("--target", "species", "--sample-weight", "sex"), "expected finite numbers of at least 0, got 'male'"),
        (("--target", "species", "--sample-weight", "body_mass_g"), "of at least 0, got nan"),
        (("--target", "species", "--threads", "0"), "--threads: expected a whole number from 1 to 1024, got 0"),
        (
            ("--target", "species", "--threads", "100000"),
            "--threads: expected a whole number from 1 to 1024, got 100000",
        ),
        (("--target", "species", "--seed", str(2**64)), "--seed: expected a whole number below 2**64"),
        (("--target", "species", "--validation", "0.999"), "--validation 0.999: expected"),
        (("--target", "species", "--seed", "-1"), "--seed: expected a whole number of at least 0"),
        (("--target", "species", "-o", "nowhere/model"), "cannot write there"),
        (("--target", "species", "--plot", "curves.nonsense"), "cannot save the plot; expected an ending among"),
        (("--target", "species", "--plot", "curves"), "cannot save the plot; expected an ending among"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_train_is_refused(refused, penguins, monkeypatch, options, message):
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    assert message in refused("train", "penguins.csv", *options)


@pytest.mark.parametrize("name", ["CHAINRULE_BACKEND", "CHAINRULE_ISA"])
def test_a_wrong_word_in_the_environment_is_refused_before_training(refused, monkeypatch, name):
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    if name == "CHAINRULE_ISA":
        pytest.importorskip("chainrule.backends._kernels", reason="only the compiled kernels have instruction sets")
        monkeypatch.delenv("CHAINRULE_BACKEND", raising=False)
    monkeypatch.setenv(name, "bogus")
    assert f"{name}: no " in refused("train", "digits")


def test_without_matplotlib_no_training_for_a_picture(refused, monkeypatch):
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert "plot: needs matplotlib" in refused("train", "--plot", "curves.png")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,y\n1,a\n2,a\n3,a\n", "at least two classes, got only 'a'"),
        ("x,y\n1,1.5\n2,inf\n3,2.5\n", "finite numbers, got inf in row 2"),
        ("x,y\n1,a\ninf,b\n3,a\n4,b\n2,a\n1,b\n", "column 'x': expected finite numbers, got inf"),
        ("x,y\n1,\n2,\n", "--target y: 2 rows have no value"),
        ("x,y\n1,a\n2,b\n3,c\n", "is it the right column?"),
        ("x,y\n1,a\n", "got only 'a'"),
        ("x,y\n1,a\n1,b\n1,a\n1,b\n1,a\n1,b\n", "at least one that can be used, got none (x: left out, always 1)"),
    ],
)
def test_tables_that_cannot_be_learned_from(refused, folder, text, message):
    (folder / "data.csv").write_text(text)
    assert message in refused("train", "data.csv", "--target", "y")


def test_rows_are_those_of_the_file_counted_from_1(run, refused, rng):
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "y": np.arange(60) % 2})
    words = ("train", "rows.csv", "--target", "y", "--drop-missing", *QUICK)

    def changed(column, row, value):
        other = frame.astype({"y": float})
        other.loc[2, "y"] = None if column != "y" else 0
        other.loc[row - 1, column] = value
        other.to_csv("rows.csv", index=False)

    for row in (1, 8, 31, 60):
        changed("b", row, np.inf)
        assert f"column 'b': expected finite numbers, got inf in row {row}" in refused(*words)
        run(*words, "--drop", "b")
        changed("y", row, np.inf)
        assert f"--target y: expected finite numbers, got inf in row {row}" in refused(*words)
    changed("b", 3, np.inf)
    run(*words)  # the third row has no target, and is left out
    frame.assign(b=[0, 0, np.inf, 0, 0] * 12).to_csv("rows.csv", index=False)
    for command in ("predict", "evaluate", "check", "explain"):
        message = refused(command, "model.safetensors", "rows.csv")
        assert "column 'b': expected finite numbers, got inf in row 3" in message, command
    changed("y", 31, 7)
    assert "target: expected labels among 0, 1, got 7 in row 31" in refused("evaluate", "model.safetensors", "rows.csv")
    changed("y", 31, 1)
    run(*words, "--loss", "binary_cross_entropy", "-o", "flags")
    changed("y", 31, None)
    for model in ("model.safetensors", "flags"):
        assert "labels among 0, 1, got nan in row 31" in refused("evaluate", model, "rows.csv")
    frame.assign(y=frame["a"]).to_csv("rows.csv", index=False)
    run(*words)
    changed("y", 31, None)
    assert "target: expected finite numbers, got nan in row 31" in refused("evaluate", "model.safetensors", "rows.csv")


@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize("loss", [cr.MeanSquaredError(), cr.Poisson()])
def test_a_regression_is_compared_with_numbers(run, refused, loss, trained):
    X, y = np.arange(60.0).reshape(20, 3) / 60, np.arange(20) % 4
    net = cr.Network([cr.Dense(1)], loss, n_in=3)
    if trained:
        net.fit(X, y, cr.SGD(0.01), epochs=1)
    net.save("model")
    for targets, said in (
        ((y + 1.5).astype(str), "'1.5'"),
        ((y + 1.5).astype(bytes), "b'1.5'"),
        (y.astype("M8[D]"), "datetime.date(1970, 1, 1)"),
    ):
        np.savez("text.npz", X=X, y=targets)
        for command in ("evaluate", "check", "explain"):
            message = f"target: expected numbers, got {said} in row 1"
            assert message in refused(command, "model", "text.npz")
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(label=np.where(y == 2, "bad", y.astype(str)))
    table.to_csv("text.csv", index=False)
    for command in ("evaluate", "check", "explain"):
        assert "target: expected numbers, got 'bad' in row 3" in refused(
            command, "model", "text.csv", "--target", "label"
        )
    for kind in (np.float64, np.uint8, np.int64, bool):
        np.savez("rows.npz", X=X, y=y.astype(kind))
        run("evaluate", "model", "rows.npz")


@pytest.mark.parametrize("label", [2**53, 2**53 + 1, 2**63, 10**20])
def test_class_labels_that_reading_rounds_are_refused(run, refused, folder, label):
    words = ("train", "rows.csv", "--target", "y", *QUICK)
    for labels in ((1, 2**53 - 1), ("a", label)):
        (folder / "rows.csv").write_text("x,y\n" + "".join(f"{row},{labels[row % 2]}\n" for row in range(1, 25)))
        run(*words)
        told = set(run("predict", "model.safetensors", "rows.csv").split()[1:])
        assert told <= set(map(str, labels))
    (folder / "rows.csv").write_text("x,y\n" + "".join(f"{row},{label + 2 * (row % 2)}\n" for row in range(1, 25)))
    assert "--target y: expected text or whole numbers below 2**53 as classes, got " in refused(*words)
    np.savez("rows.npz", X=np.arange(24.0)[:, None] ** 2, y=(2**53 + np.arange(24) % 2))
    run("train", "rows.npz", *QUICK)
    assert cr.load("model.safetensors").classes.tolist() == [2**53, 2**53 + 1]


def test_a_row_held_out_that_is_too_far_to_scale_is_refused_before_training(run, refused, rng, monkeypatch):
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.normal(size=60), "y": np.arange(60) % 2})
    frame.loc[9, "b"] = 1e300  # of the test rows
    frame.to_csv("rows.csv", index=False)
    words = ("train", "rows.csv", "--target", "y", *QUICK)
    run(*words)
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    message = "column 'b': its numbers, once scaled, are too large for float32; try --scale robust"
    assert message in refused(*words, "--scale", "standard")


METRICS = ("accuracy", "balanced_accuracy", "f1_macro"), ("r2", "mean_absolute_error", "root_mean_squared_error")


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_metrics_of_the_other_task_are_refused_before_training(run, refused, rng, monkeypatch, task):
    frame = pd.DataFrame({"a": rng.normal(size=60), "y": rng.normal(size=60)})
    frame.assign(y=np.where(frame["y"] > 0, "p", "n") if task == "classification" else frame["y"]).to_csv("rows.csv")
    words = ("train", "rows.csv", "--target", "y", *QUICK)
    own, others = METRICS if task == "classification" else METRICS[::-1]
    run(*words, "--metric", *own)
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    for name in others:
        message = f"--metric: {name} does not fit {task}; expected {', '.join(own)}"
        assert message in refused(*words, "--metric", own[0], name)


TESTED, TRAINED = 7, 8  # rows of 60


@pytest.mark.parametrize("row", [TESTED, TRAINED])
@pytest.mark.parametrize("value", [1e25, 1e160, 1e200, 1.7e308])
def test_a_target_too_large_to_scale_is_refused_before_training(run, refused, rng, monkeypatch, value, row):
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60)})
    words = ("train", "rows.csv", "--target", "y", *QUICK, "--json")
    frame.to_csv("rows.csv", index=False)
    run(*words)
    frame.assign(y=1e25).to_csv("large.csv", index=False)
    assert "expected numbers with a finite loss, got inf" in refused("evaluate", "model.safetensors", "large.csv")
    frame.assign(y=1e100 * frame["y"]).to_csv("rows.csv", index=False)
    run(*words)  # all of them large: to scale is to divide them
    frame.loc[row, "y"] = value
    frame.to_csv("rows.csv", index=False)
    if value > 1e160:
        said = refused("evaluate", "model.safetensors", "rows.csv", "--json")
        assert f"target: expected numbers that float32 holds, got {value} in row {row + 1}" in said
    if value == 1e25 and row == TRAINED:
        run(*words)  # it is not far from the mean, measured by the spread that it makes
        return
    monkeypatch.setattr("chainrule.cli_train._train", lambda *_: pytest.fail("it was trained before it was refused"))
    assert f"--target y: its numbers, up to {value:g}, are too large to scale; divide them" in refused(*words)


def test_predict_names_the_columns_that_do_not_fit(run, refused, penguins):
    run("train", "penguins.csv", "--target", "species", *QUICK)
    penguins.drop(columns="island").assign(isle="x").to_csv("other.csv", index=False)
    assert "missing island and unknown isle" in refused("predict", "model.safetensors", "other.csv")
    penguins.assign(body_mass_g="heavy").to_csv("text.csv", index=False)
    assert "column 'body_mass_g': expected numbers, got 'heavy'" in refused("predict", "model.safetensors", "text.csv")
    penguins.drop(columns="species").to_csv("nolabels.csv", index=False)
    assert "no column 'species' to compare with" in refused("evaluate", "model.safetensors", "nolabels.csv")
    penguins.assign(species="Emperor").to_csv("emperors.csv", index=False)
    assert "'Gentoo', got 'Emperor' in row 1" in refused("evaluate", "model.safetensors", "emperors.csv")
    assert "no such file" in refused("predict", "model.safetenors", "penguins.csv")


def test_a_single_column_of_labels_is_learned_and_more_are_refused(run, refused, folder, rng):
    X, y = rng.integers(0, 255, (40, 4)), np.arange(40) % 2
    for dtype in (np.uint8, np.float64):
        for labels in (y, y[:, None]):
            np.savez("rows.npz", X=X.astype(dtype), y=labels)
            run("train", "rows.npz", *QUICK)
        np.savez("rows.npz", X=X.astype(dtype), y=np.c_[y, y])
        assert "rows.npz: expected one label for each row, got labels of shape (40, 2)" in refused("train", "rows.npz")
    np.save("images.npy", X.astype(np.uint8))
    for labels in (y, y[:, None]):
        np.save("y.npy", labels)
        run("train", "images.npy", "--target", "y.npy", *QUICK)
    np.save("y.npy", y[:30])
    assert "y.npy: expected 40 labels, one per row of images.npy, got 30" in refused(
        "train", "images.npy", "--target", "y.npy"
    )


def test_a_model_of_images_names_what_does_not_fit(run, refused, penguins):
    run("train", *QUICK)
    assert "pixels: expected 64 in each row, as in training, got 8" in refused(
        "predict", "model.safetensors", "penguins.csv"
    )
    for command in ("evaluate", "check"):
        assert "penguins.csv: no " in refused(command, "model.safetensors", "penguins.csv")
    pixels = pd.DataFrame(np.zeros((5, 64))).add_prefix("p")
    pixels.to_csv("pixels.csv", index=False)
    assert len(run("predict", "model.safetensors", "pixels.csv").splitlines()) == 6
    pixels.assign(p7="dark").to_csv("words.csv", index=False)
    assert "column 'p7': expected numbers, got 'dark'" in refused("predict", "model.safetensors", "words.csv")
    pixels.assign(p7=[1, 2, None, 4, 5]).to_csv("gaps.csv", index=False)
    assert "column 'p7': expected a number in every row, got none in row 3" in refused(
        "predict", "model.safetensors", "gaps.csv"
    )


def test_what_is_missing_is_called_as_it_is_given(run, refused):
    run("train", *QUICK)
    assert "DATA" in refused("predict", "model.safetensors")
    assert "1 epoch\n" in run("train", "--epochs", "1")
    assert "1 epoch;" in run("summary", "model.safetensors")
    assert "expected a file of data, or a folder with train-images" in refused("train", ".")


def test_divergence_stops_with_the_step_and_keeps_the_best_weights(refused):
    line = refused("train", "digits", "--optimizer", "sgd", "--lr", "1e30", "--schedule", "constant")
    assert "not finite at step" in line
    x = np.linspace(-1, 1, 800)
    pd.DataFrame({"x": x, "y": abs(x)}).to_csv("v.csv", index=False)
    rate = ("--optimizer", "sgd", "--momentum", "0", "--schedule", "constant", "--lr", "50", "--warmup", "2000")
    line = refused("train", "v.csv", "--target", "y", "--epochs", "50", *rate)
    assert "not finite at step" in line
    assert "are in model.safetensors" in line
    model = cr.load("model.safetensors")
    assert model.history.best_epoch >= 1
    assert np.isfinite(model.state.params).all()
