"""The command line on real input: what it prints and saves."""

import csv
import io
import json
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import chainrule as cr
from chainrule.cli import main
from chainrule.metrics import r2
from conftest import needs_kernels, scores

pytestmark = pytest.mark.usefixtures("folder")
QUICK = ("--epochs", "3", "--hidden", "8")


def test_train_with_no_arguments_learns_the_digits(run):
    began = time.process_time()
    output = run("train")
    assert time.process_time() - began < 15
    table = [line.split() for line in output.splitlines()]
    (network,) = [line for line in table if line[:2] == ["this", "network"]]
    assert float(network[2]) >= 0.97
    for word in (
        "digits",
        "1,797 rows",
        "commonest class",
        "linear model",
        "± std. error",
        "Saved to model.safetensors",
    ):
        assert word in output
    assert cr.load("model.safetensors").classes.tolist() == list(range(10))


def test_the_same_seed_trains_the_same_model(run):
    run("train", *QUICK, "-o", "a.safetensors")
    run("train", *QUICK, "-o", "b.safetensors")
    run("train", *QUICK, "-o", "c.safetensors", "--seed", 1)
    a, b, c = (cr.load(f"{name}.safetensors").state.params for name in "abc")
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


def test_penguins_species_from_raw_rows(run, penguins):
    assert scores(run("train", "penguins.csv", "--target", "species", "--json"))["this network"] >= 0.97
    model = cr.load("model.safetensors")
    elsewhere = penguins.assign(island="Atlantis")
    assert (model.predict(elsewhere.drop(columns="species")) == penguins["species"]).mean() >= 0.97


def test_penguins_sex_from_raw_rows(run, penguins):
    output = run("train", "penguins.csv", "--target", "sex", "--drop-missing", "--json")
    assert scores(output)["this network"] >= 0.88
    rows = json.loads(output)["rows"]
    assert sum(rows.values()) == penguins["sex"].notna().sum()


def test_predict_and_evaluate_take_the_file_as_it_is(run, penguins):
    run("train", "penguins.csv", "--target", "species")
    rows = list(csv.DictReader(run("predict", "model.safetensors", "penguins.csv", "--proba").splitlines()))
    assert len(rows) == len(penguins)
    model = cr.load("model.safetensors")
    for column, label in enumerate(["Adelie", "Chinstrap", "Gentoo"]):
        told = [float(row[f"p({label})"]) for row in rows]
        np.testing.assert_allclose(told, model.predict_proba(penguins.drop(columns="species"))[:, column], rtol=1e-6)
    right = np.mean([row["prediction"] == species for row, species in zip(rows, penguins["species"])])
    result = json.loads(run("evaluate", "model.safetensors", "penguins.csv", "--json"))
    assert result["score"] == pytest.approx(right)
    assert result["rows"] == 344
    assert "Gentoo" in run("evaluate", "model.safetensors", "penguins.csv")
    run("predict", "model.safetensors", "penguins.csv", "-o", "out.csv")
    assert pd.read_csv("out.csv")["prediction"].tolist() == [row["prediction"] for row in rows]


@pytest.mark.parametrize("loss", [cr.BinaryCrossEntropy(), cr.MeanSquaredError()])
def test_each_of_several_outputs_is_a_column(run, refused, rng, loss):
    X = rng.normal(size=(40, 3))
    net = cr.Network([cr.Dense(2)], loss, n_in=3)
    net.fit(X, (X[:, :2] > 0).astype(float), cr.SGD(0.1), epochs=3)
    net.save("two.safetensors")
    np.save("X.npy", X)
    told = pd.read_csv(io.StringIO(run("predict", "two.safetensors", "X.npy")))
    assert list(told) == ["prediction[0]", "prediction[1]"]
    np.testing.assert_allclose(told, net.predict(X), rtol=1e-6)
    if loss == cr.MeanSquaredError():
        assert "values, not classes" in refused("predict", "two.safetensors", "X.npy", "--proba")
        return
    told = pd.read_csv(io.StringIO(run("predict", "two.safetensors", "X.npy", "--proba")))
    np.testing.assert_allclose(told[["p[0]", "p[1]"]], net.predict_proba(X), rtol=1e-6)


def test_a_network_that_was_saved_untrained_has_probabilities_too(run):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2)
    net.save("untrained.safetensors")
    np.save("X.npy", np.ones((2, 2)))
    told = pd.read_csv(io.StringIO(run("predict", "untrained.safetensors", "X.npy", "--proba")))
    np.testing.assert_allclose(told[["p(0)", "p(1)", "p(2)"]], net.predict_proba(np.ones((2, 2))), rtol=1e-6)


def heavy_tailed(n=3000):
    """A class that depends on ten numbers, each with the tails of Student's t with 0.4 degrees of freedom: no mean."""
    rng = np.random.default_rng(0)
    latent, weights = rng.normal(size=(n, 10)), rng.normal(size=10)
    noise = 0.4 * np.linalg.norm(weights) * rng.normal(size=n)
    heavy = stats.t.ppf(stats.norm.cdf(latent), 0.4)
    frame = pd.DataFrame(heavy, columns=[f"x{i}" for i in range(10)])
    return frame.assign(kind=np.where(latent @ weights + noise > 0, "up", "down"))


def test_heavy_tails_do_not_ruin_the_default_scaling(run):
    heavy_tailed().to_csv("heavy.csv", index=False)
    words = ("train", "heavy.csv", "--target", "kind", "--json")
    assert scores(run(*words))["this network"] >= 0.80
    assert scores(run(*words, "--scale", "standard"))["this network"] <= 0.60
    assert scores(run(*words, "--scale", "quantile"))["this network"] >= 0.80


def test_diabetes(run):
    datasets = pytest.importorskip("sklearn.datasets", reason="the data comes with scikit-learn")
    datasets.load_diabetes(as_frame=True, scaled=False).frame.to_csv("diabetes.csv", index=False)
    assert scores(run("train", "diabetes.csv", "--target", "target", "--json"))["this network"] > 0.35


def test_a_regression_comes_back_in_the_units_of_its_target(run, rng):
    x = rng.normal(size=(500, 2))
    y = 1e6 + 1e4 * (x[:, 0] - x[:, 1])
    pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "price": y}).to_csv("prices.csv", index=False)
    result = json.loads(run("train", "prices.csv", "--target", "price", "--json"))
    assert result["task"] == "regression"
    predicted = [
        float(row["prediction"])
        for row in csv.DictReader(run("predict", "model.safetensors", "prices.csv").splitlines())
    ]
    assert np.abs(np.array(predicted) - y).mean() < 3e3
    assert json.loads(run("evaluate", "model.safetensors", "prices.csv", "--json"))["root_mean_squared_error"] < 5e3


def test_where_the_network_is_no_better_than_linear_it_says_so(run, rng):
    X = rng.normal(size=(400, 3))
    pd.DataFrame(X, columns=list("abc")).assign(y=np.where(X[:, 0] > 0, "p", "n")).to_csv("line.csv", index=False)
    assert "not better than the linear model" in run("train", "line.csv", "--target", "y")
    assert "not better than the linear model" not in run("train", "spiral")


def test_rows_are_held_out_for_early_stopping_from_2000_training_rows_on_or_when_asked(run):
    small = json.loads(run("train", "moons", *QUICK, "--json"))
    asked = json.loads(run("train", "moons", *QUICK, "--validation", "0.25", "--json"))
    assert small["rows"] == {"train": 800, "validation": 0, "test": 200}
    assert asked["rows"] == {"train": 600, "validation": 200, "test": 200}
    heavy_tailed().to_csv("heavy.csv", index=False)
    large = json.loads(run("train", "heavy.csv", "--target", "kind", *QUICK, "--json"))
    assert large["rows"] == {"train": 2160, "validation": 240, "test": 600}


def test_a_single_test_row_has_no_standard_error(run, folder):
    (folder / "few.csv").write_text("a,y\n1,1.5\n2,2.5\n3,3.5\n4,1.0\n5,2\n")
    result = json.loads(run("train", "few.csv", "--target", "y", *QUICK, "--json"))
    assert result["rows"]["test"] == 1
    assert result["yardsticks"][-1]["standard_error"] is None
    run("train", "few.csv", "--target", "y", *QUICK)


def test_patience_counts_optimizer_steps(run):
    words = (
        "train",
        "moons",
        "--validation",
        "0.25",
        "--patience",
        "50",
        "--lr",
        "0.5",
        "--batch-size",
        "60",
        "--json",
    )
    result = json.loads(run(*words))
    assert result["epochs"] == result["best_epoch"] + 5  # 10 steps an epoch


def test_plot_json_summary_and_check(run, folder, penguins):
    run("train", "penguins.csv", "--target", "species", *QUICK, "--plot", "curves.png")
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    summary = run("summary", "model.safetensors")
    for word in ("15 inputs", "Dense(units=8", "species", "Adelie, Chinstrap, Gentoo", "3 epochs"):
        assert word in summary
    assert "the gradient is the derivative of the loss" in run("check", "model.safetensors")
    assert "the gradient is the derivative of the loss" in run("check", "model.safetensors", "penguins.csv")


@pytest.fixture
def made_in_python(folder, rng):
    """Networks without an encoder by name, and the rows of each beside it."""
    X = rng.normal(size=(40, 3))
    kind, both = np.arange(40) % 2, (X[:, :2] > 0).astype(int)
    networks = {
        "labels": (cr.SoftmaxCrossEntropy(), 2, kind),
        "one-hot": (cr.SoftmaxCrossEntropy(), 2, np.eye(2)[kind]),
        "flags": (cr.BinaryCrossEntropy(), 2, both),
        "flag": (cr.BinaryCrossEntropy(), 1, np.array(["no", "yes"])[kind]),
        "values": (cr.MeanSquaredError(), 1, X[:, 0]),
        "column": (cr.MeanSquaredError(), 1, X[:, :1]),
        "counts": (cr.Poisson(), 1, np.abs(X[:, 0])),
        "untrained": (cr.SoftmaxCrossEntropy(), 2, kind),
    }
    for name, (loss, n_out, y) in networks.items():
        net = cr.Network([cr.Dense(n_out)], loss, n_in=3)
        if name == "one-hot":
            net.fit(X, np.array(["a", "b"])[kind], cr.Adam(), epochs=2)
        elif name != "untrained":
            net.fit(X, y, cr.Adam(), epochs=2)
        net.save(name)
        np.savez(f"{name}.npz", X=X, y=y)
    return {name: (cr.load(name), X, y) for name, (*_, y) in networks.items()}


def test_a_model_made_in_python_takes_a_table_of_numbers_as_its_matrix(run, refused, made_in_python):
    for name, (net, X, y) in made_in_python.items():
        rows = f"{name}.npz"
        told = run("predict", name, rows).split("\n", 1)[1]
        assert len(told.splitlines()) == len(X)
        result = json.loads(run("evaluate", name, rows, "--json"))
        assert (result["loss"], result["score"]) == net.evaluate(X, y)
        if net.loss.target == "values":
            assert result["mean_absolute_error"] == pytest.approx(np.abs(net.predict(X) - np.ravel(y)).mean())
        run("evaluate", name, rows)
        for words in (["check", name, rows], ["check", name]):
            assert "the gradient is the derivative of the loss" in run(*words)
        assert "4 rows" in run("explain", name, rows)
        np.savez("wide.npz", X=np.c_[X, X], y=y)
        assert "X: expected shape (N, 3), got (40, 6)" in refused("predict", name, "wide.npz")
    np.savez("text.npz", X=np.full((40, 3), "a"), y=y)
    assert "column 'x0': expected numbers, got 'a'" in refused("predict", "labels", "text.npz")


def test_images_take_their_labels_from_a_file_in_every_command(run, refused, rng):
    X, y = rng.integers(0, 255, (40, 4), dtype=np.uint8), np.arange(40) % 2
    np.save("images.npy", X)
    np.save("y.npy", y)
    np.savez("both.npz", X=X, y=y)
    run("train", "images.npy", "--target", "y.npy", *QUICK)
    for command, *options in (["evaluate", "--json"], ["check"], ["explain"]):
        words = (command, "model.safetensors", "images.npy", *options)
        apart = (command, "model.safetensors", "both.npz", *options)
        assert run(*words, "--target", "y.npy") == run(*apart)
        said = "images.npy: no labels beside the images to compare with; name their file with --target"
        assert said in refused(*words)
        said = "--target nonsense: both.npz holds its labels apart; leave the option out"
        assert said in refused(*apart, "--target", "nonsense")
        run(*apart, "--target", "y")
        np.save("few.npy", y[:30])
        said = "few.npy: expected 40 labels, one per row of images.npy, got 30"
        assert said in refused(*words, "--target", "few.npy")


def test_a_column_of_another_name_is_compared_with(run, refused, penguins):
    run("train", "penguins.csv", "--target", "species", *QUICK)
    penguins.rename(columns={"species": "kind"}).to_csv("kinds.csv", index=False)
    for command in ("evaluate", "check"):
        words = (command, "model.safetensors", "kinds.csv")
        assert "kinds.csv: no column 'species' to compare with; name it with --target" in refused(*words)
        assert run(*words, "--target", "kind") == run(command, "model.safetensors", "penguins.csv")
        assert "no column 'knd'; did you mean 'kind'?" in refused(*words, "--target", "knd")
    said = "--target: the target of rows, which were not given"
    assert said in refused("check", "model.safetensors", "--target", "kind")


def test_a_needless_target_is_no_reason_to_refuse_several_outputs(run, refused, made_in_python):
    assert run("evaluate", "flags", "flags.npz", "--target", "y") == run("evaluate", "flags", "flags.npz")
    assert "flags.npz holds its labels apart" in refused("evaluate", "flags", "flags.npz", "--target", "nonsense")


def test_summary_shows_info_of_any_kind(run, made_in_python):
    net, *_ = made_in_python["labels"]
    assert "info" not in run("summary", "labels")
    net.info = {"who": "me", "data": 3}
    net.save("mine")
    assert 'info       {"who": "me", "data": 3}' in run("summary", "mine")


def test_check_without_a_model_lists_every_layer_and_loss(run):
    lines = run("check").splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [*cr.LAYERS, *cr.LOSSES]
    assert not any("FAILED" in line for line in lines)


def test_check_exits_2_where_a_gradient_is_wrong(refused, monkeypatch):
    monkeypatch.setattr(cr.Tanh, "backward", lambda self, p, g, x, y, dy, dx, m: np.multiply(dy, 1 - y, out=dx))
    assert "failed for Tanh" in refused("check")


OPTIONS = [
    ("--optimizer", "sgd", "--momentum", "0.5", "--nesterov", "--schedule", "exponential", "--warmup", "5"),
    ("--optimizer", "rmsprop", "--clip-norm", "1", "--l2", "0.001", "--l1", "0.0001"),
    ("--activation", "leakyrelu=0.2", "--loss", "softmaxcrossentropy=0.1", "--init", "normal=0.1"),
    ("--activation", "gelu-tanh", "--layer-norm", "--dropout", "0", "--init", "glorot-uniform", "--dtype", "float64"),
    ("--loss", "binarycrossentropy", "--class-weight", "balanced", "--metric", "f1_macro", "balanced_accuracy"),
    ("--hidden", "0", "--scale", "quantile", "--test", "0.5", "--threads", "1", "--seed", "7", "--lr", "0.05"),
]


@pytest.mark.parametrize("options", OPTIONS, ids=" ".join)
def test_options(run, options):
    result = json.loads(run("train", "moons", "--epochs", "10", *options, "--json"))
    assert result["yardsticks"][-1]["score"] > 0.7
    assert np.isfinite([epoch["loss"] for epoch in result["history"]]).all()


@pytest.mark.parametrize("value", [1.5, 0.1])  # the mean of many 0.1 is rounded
def test_a_target_that_is_always_the_same_has_a_score(run, rng, value):
    pd.DataFrame({"x": rng.normal(size=60), "y": value}).to_csv("same.csv", index=False)
    result = json.loads(run("train", "same.csv", "--target", "y", *QUICK, "--metric", "r2", "--json"))
    assert {epoch["metrics"]["r2"] for epoch in result["history"]} == {0.0}
    assert {stick["score"] for stick in result["yardsticks"]} <= {0.0, 1.0}
    assert r2(np.ones(3), np.ones(3)) == 1
    assert r2(np.array([0, 1e-200]), np.array([0, 1e-200])) == 1  # a spread too small for a float


def test_sample_weights_from_a_column(run, rng):
    frame = heavy_tailed(400).assign(w=rng.uniform(0, 2, 400))
    frame.to_csv("weighted.csv", index=False)
    words = ("train", "weighted.csv", "--target", "kind", *QUICK, "--json")
    assert json.loads(run(*words, "--sample-weight", "w"))["inputs"] == 10
    assert json.loads(run(*words))["inputs"] == 11
    run(*words, "--sample-weight", "w")
    for name, rows in {"with": frame, "without": frame.drop(columns="w")}.items():
        rows.to_csv(f"{name}.csv", index=False)
    for command in ("predict", "evaluate"):
        told = run(command, "model.safetensors", "with.csv")
        assert told == run(command, "model.safetensors", "without.csv")


def test_the_picture_of_every_regression_loss(run, rng):
    x = rng.normal(size=300)
    pd.DataFrame({"x": x, "y": np.abs(3 * x) + 1.5}).to_csv("v.csv", index=False)
    for loss in ("huber=0.5", "mean-absolute-error", "quantileloss=0.5", "poisson", "half-squared-error"):
        output = run("train", "v.csv", "--target", "y", "--loss", loss, "--json")
        assert scores(output)["this network"] > 0.8, loss


def test_training_on_the_reference_says_why(run, monkeypatch):
    monkeypatch.setenv("CHAINRULE_BACKEND", "reference")
    assert "the reference, in NumPy: CHAINRULE_BACKEND=reference" in run("train", *QUICK)
    assert json.loads(run("train", *QUICK, "--json"))["epochs"] == 3


@needs_kernels
def test_training_on_the_kernels_has_nothing_to_explain(run):
    assert "backend" not in run("train", *QUICK)


@pytest.mark.slow
def test_fashion_mnist_from_the_command_line(run):
    try:
        output = run("train", "fashion-mnist", "--epochs", "15", "--json")
    except SystemExit:
        pytest.skip("fashion-mnist is not on this machine")
    assert scores(output)["this network"] >= 0.865
    assert json.loads(output)["rows"] == {"train": 54000, "validation": 6000, "test": 10000}


def test_bench_tells_what_decides_speed_and_times_every_step(capsys):
    main(["bench", "--info", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["backend"] in ("compiled", "reference")
    assert found["threads"] >= 1
    main(["bench", "--only", "digits", "--json", "--threads", "1"])
    speeds = json.loads(capsys.readouterr().out)["digits"]
    assert speeds.keys() == {"SGD", "Adam"}
    for speed in speeds.values():
        assert 0 < speed["seconds"] < 1
        assert speed["peak"] is None or 0 < speed["peak"] < 1
