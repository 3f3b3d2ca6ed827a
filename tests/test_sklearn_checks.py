"""scikit-learn's contract for estimators, and its own test module for the MLP with our classes in place of its own."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.utils.estimator_checks import parametrize_with_checks

from chainrule.sklearn import MLPClassifier, MLPRegressor

NEWEST = tuple(map(int, sklearn.__version__.split(".")[:2])) == (1, 9)  # others have other tests
EASIER = {"max_iter": 100}  # the setting with which scikit-learn runs the checks of its own MLP

# Tests of scikit-learn's that read or write what its classes keep to themselves.
PRIVATE = {
    "test_fit": "fills in private attributes by hand before anything is fitted; `coefs_init` is for that",
    "test_gradient": "calls _loss_grad_lbfgs; the gradient is checked in test_sklearn_curves.py",
    "test_learning_rate_warmstart": "reads _optimizer.learning_rate",
    "test_adaptive_learning_rate": "reads _optimizer.learning_rate",
    "test_n_iter_no_change": "reads _no_improvement_count",
    "test_n_iter_no_change_inf": "reads _no_improvement_count",
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(**EASIER), MLPRegressor(**EASIER)])
def test_the_estimators_keep_the_contract(estimator, check):
    check(estimator)


def test_the_contract_of_array_api():
    """It takes effect only where the environment asks for it before anything is imported."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "array_api_input", __file__]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"SCIPY_ARRAY_API": "1"})
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout.lower(), done.stdout


@pytest.mark.filterwarnings("ignore")
def test_a_broken_estimator_would_be_noticed():
    from sklearn.utils.estimator_checks import check_estimator

    class Forgetful(MLPRegressor):
        def predict(self, X):
            self.seen = len(X)
            return super().predict(X)

    results = check_estimator(Forgetful(max_iter=5), on_fail=None)
    assert {result["check_name"] for result in results if result["status"] == "failed"} >= {"check_dict_unchanged"}


@pytest.fixture(scope="module")
def their_tests(tmp_path_factory):
    """Outcome of each test of scikit-learn's module, with our classes in place of its own."""
    package = Path(importlib.util.find_spec("sklearn").origin).parent
    text = (package / "neural_network" / "tests" / "test_mlp.py").read_text()
    line = "from sklearn.neural_network import MLPClassifier, MLPRegressor"
    assert text.count(line) == 1
    folder = tmp_path_factory.mktemp("theirs")
    (folder / "test_mlp.py").write_text(text.replace(line, "from chainrule.sklearn import MLPClassifier, MLPRegressor"))
    (folder / "conftest.py").write_text((package / "conftest.py").read_text())
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=line", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    return re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) \S*test_mlp\.py::(\w+)", done.stdout, re.M)


def test_scikit_learns_own_tests_pass(their_tests):
    assert {name for outcome, name in their_tests if outcome != "PASSED"} == set(PRIVATE)
    if NEWEST:
        assert sum(outcome == "PASSED" for outcome, _ in their_tests) == 53


def test_the_tests_that_read_private_attributes_fail_for_that_alone(their_tests):
    assert [outcome for outcome, name in their_tests if name in PRIVATE] == ["FAILED"] * len(PRIVATE)
