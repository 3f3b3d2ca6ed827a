"""The Python on the pages runs; every parameter and every wish is named there."""

import inspect
import re
import warnings
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
import chainrule as cr
from chainrule import sklearn as ours

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", ["sklearn.md", "sklearn-wishes.md"])
def test_the_python_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in re.findall(r"```python\n(.*?)```", (DOCS / name).read_text(), re.S):
            exec(block, names)
    if name == "sklearn.md":
        assert cr.load(tmp_path / "digits.safetensors").score(names["X"], names["y"]) > 0.9
        assert cr.load(tmp_path / "penguins.safetensors").score(names["valid"], names["valid_species"]) > 0.9
    else:
        assert names["model"].score(names["X_val"], names["y_val"]) > 0.95
        assert 0.85 < (names["y"] < names["high"].predict(names["X"])).mean() < 0.95


def test_what_is_ours_is_on_the_page():
    from sklearn import neural_network as theirs

    page = (DOCS / "sklearn-wishes.md").read_text()
    for kind in ("MLPClassifier", "MLPRegressor"):
        own, other = (set(inspect.signature(getattr(module, kind)).parameters) for module in (ours, theirs))
        for name in own - other:
            assert f"`{name}" in page, name
    for method in ("transform", "input_gradients", "build", "set_callbacks", "partial_fit"):
        assert f"`{method}" in page, method


def test_every_parameter_is_in_the_docstring():
    for kind in (ours.MLPClassifier, ours.MLPRegressor):
        for name in inspect.signature(kind).parameters:
            assert re.search(rf"\b{name}\b", kind.__doc__), name
