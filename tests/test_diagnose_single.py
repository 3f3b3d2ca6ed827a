"""Networks with one output: w (I,) and targets (N,), in a class or in a function whose width is ours to choose."""

import pytest

import chainrule as cr

LINE = """
import numpy as np

class Line:
    def __init__(self, n_features):
        self.w = np.zeros(n_features)
        self.b = 0.0

    def predict(self, X):
        return X @ self.w + self.b

    def loss(self, X, y):
        return np.mean((self.predict(X) - y) ** 2)

    def gradients(self, X, y):
        r = self.predict(X) - y
        return 2 * X.T @ r / {n}, 2 * r.{db}
"""

FUNCTION = """
import numpy as np

def loss_and_grads(w, b, X, y):
    r = X @ w + b - y
    return np.mean(r ** 2), {dw} / len(y), 2 * r.mean()
"""

MATRIX = """
import numpy as np

def loss_and_grads(W, b, X, Y):
    d = (X @ W + b - Y) / len(Y)
    return 0.5 * np.sum((X @ W + b - Y) ** 2) / len(Y), X.T @ d, {db}
"""


def diagnosed(tmp_path, source):
    path = tmp_path / "program.py"
    path.write_text(source)
    return cr.diagnose(str(path))


def test_targets_of_a_vector_of_weights_are_a_vector(tmp_path):
    found = diagnosed(tmp_path, LINE.format(n="len(y)", db="mean()"))
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert [row.called for row in found.tables] == ["[0]", "[1]"]


@pytest.mark.parametrize(("n", "db", "mistake"), [("1", "sum()", 3), ("X.shape[1]", "mean()", None)])
def test_a_wrong_factor_on_a_vector_of_weights_is_no_broadcast(tmp_path, n, db, mistake):
    found = diagnosed(tmp_path, LINE.format(n=n, db=db))
    assert found.verdict in ("wrong", "not consistent")
    assert 15 not in [rule.mistake for rule in found.mistakes]
    assert mistake is None or [rule.mistake for rule in found.mistakes] == [mistake]


def test_a_function_of_w_with_one_number_for_b_has_one_output(tmp_path):
    found = diagnosed(tmp_path, FUNCTION.format(dw="2 * X.T @ r"))
    assert (found.verdict, found.mistakes) == ("correct", ())
    assert [row.called for row in found.tables] == ["[1]", "[2]"]


def test_a_function_of_one_output_may_be_wrong(tmp_path):
    found = diagnosed(tmp_path, FUNCTION.format(dw="X.T @ r"))
    assert found.verdict in ("wrong", "not consistent")
    assert not {7, 15} & {rule.mistake for rule in found.mistakes}


@pytest.mark.parametrize(("db", "verdict"), [("d.sum(axis=0)", "correct"), ("d.sum()", "wrong")])
def test_a_matrix_of_weights_keeps_its_outputs(tmp_path, db, verdict):
    found = diagnosed(tmp_path, MATRIX.format(db=db))
    assert found.verdict == verdict
    assert verdict == "correct" or found.mistakes[0].mistake in (6, 7)
