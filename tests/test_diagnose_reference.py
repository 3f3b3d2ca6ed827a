"""A reference that is given to `diagnose`, and the one it found as a network of ours."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.reference.forms import FORMS, LINKS, SCALES
from chainrule.check.reference.passes import ALL, Draw, Penalty, Spec, gradients, loss
from chainrule.check.report.as_network import network_of
from chainrule.cli import main
from chainrule.errors import InputError
from chainrule.optimizers import SGD
from two_layers import NET, SOFTMAX, UNDIVIDED

# A reference that is given


def asked(last="softmax", hidden=None):
    ends = {"softmax": cr.SoftmaxCrossEntropy(), "squares": cr.HalfSquaredError()}
    return cr.Network([cr.Dense(8), hidden or cr.ReLU(), cr.Dense(3)], ends[last], n_in=6)


def test_a_network_that_was_asked_for_is_a_verdict_of_its_own(code, tmp_path, capsys):
    right = cr.diagnose(code(NET), reference=asked())
    assert right.ok
    assert right.asked.agrees
    summed = code(UNDIVIDED.replace("sum() / len(X)", "sum()"), "sum.py")
    found = cr.diagnose(summed, reference=asked())
    assert found.ok
    assert found.consistent
    assert not found.asked.agrees
    assert found.asked.factor == pytest.approx(11)
    assert "11 times what was asked for; a sum against a mean is a convention" in str(found)
    other = cr.diagnose(code(NET), reference=asked(hidden=cr.Tanh()))
    assert other.ok
    assert "your predictions are not that network's" in other.asked.why
    asked().save(tmp_path / "asked.safetensors")
    main(["check", code(NET), "--reference", str(tmp_path / "asked.safetensors")])
    assert "It is the gradient of the loss that was asked for." in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["check", summed, "--reference", str(tmp_path / "asked.safetensors")])
    assert "not the gradient of the loss that was asked for" in capsys.readouterr().err


def test_a_loss_function_that_was_asked_for(code):
    def mean(p, t):
        return -(t * np.log(p)).sum() / len(p)

    def squares(p, t):
        return ((p - t) ** 2).mean()

    assert cr.diagnose(code(NET), reference=mean).asked.agrees
    found = cr.diagnose(code(NET), reference=squares)
    assert found.ok
    assert not found.asked.agrees
    assert found.asked.factor is None


def test_a_reference_decides_where_there_is_no_loss(code):
    silent = re.sub(r"    def loss.*?\n\n", "", NET, flags=re.DOTALL).replace("self.p - y", "2 * (self.p - y)")
    assert cr.diagnose(code(silent), reference=asked()).verdict == "wrong"


CHECK = """
def grad_check(f, x, grad, eps=1e-5):
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += eps
        down[i] -= eps
        if abs((f(up) - f(down)) / (2 * eps) - grad[i]) > 1e-2:
            return False
    return True
"""


def test_a_reference_is_compared_with_the_pass_beside_a_gradient_check_and_never_ignored(code):
    both = cr.diagnose(code(NET + CHECK), reference=asked())
    assert both.numbers == [18]
    assert both.asked.agrees
    with pytest.raises(InputError, match="the gradient check grad_check has no gradient of its own to compare"):
        cr.diagnose(code("import numpy as np\n" + CHECK, "alone.py"), reference=asked())


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (3, "expected a chainrule Network or a function"),
        (cr.SoftmaxCrossEntropy(), "expected a chainrule Network or a function"),
        (cr.Network([cr.Dense(4), cr.LayerNorm(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), 5), "expected dense layers"),
        (cr.Network([cr.Dense(3)], cr.Huber(), 5), "Huber.* give the loss as a function"),
        (lambda p: 0.0, "the loss function failed: TypeError"),
    ],
)
def test_a_reference_that_is_none_is_refused(code, reference, said):
    with pytest.raises(InputError, match=said):
        cr.diagnose(code(NET), reference=reference)


# The reference as a network of ours


SPECS = [
    Spec((acts,), link, form, scale, penalty)
    for acts, link, form, scale, penalty in [
        (cr.ReLU(), LINKS[0], FORMS[0], SCALES[0], Penalty(0.1)),
        (cr.Tanh(), LINKS[0], FORMS[0], SCALES[1], Penalty(0.1, per_row=True)),
        (None, LINKS[6], FORMS[0], SCALES[2], None),
        *((cr.Sigmoid(), LINKS[1], FORMS[13], scale, None) for scale in SCALES),
        *((cr.ReLU(), link, FORMS[26], scale, None) for link, scale in zip(LINKS[:5], SCALES)),
        *((cr.LeakyReLU(0.1), LINKS[2], FORMS[27], scale, None) for scale in SCALES),
    ]
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_a_reference_becomes_a_network_with_the_same_loss_and_gradients(spec):
    rng = np.random.default_rng(0)
    shapes = {"W1": (3, 4), "b1": (4,), "W2": (4, 2), "b2": (2,)}
    draw = Draw(rng.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]], {k: rng.normal(size=s) for k, s in shapes.items()})
    net = network_of(spec, draw)
    trace = cr.explain(net, draw.X, draw.t, SGD()).trace
    assert trace.loss == pytest.approx(loss(spec, draw), rel=1e-12)
    right = gradients(spec, draw)
    for name in shapes:
        np.testing.assert_allclose(trace[f"d{name}"].reshape(right[name].shape), right[name], rtol=1e-9, atol=1e-12)
    for key in trace.equations:
        for i, j in np.ndindex(trace[key].shape):
            assert trace.total(key, i, j) == pytest.approx(trace[key][i, j], rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec((cr.ReLU(),), LINKS[5], FORMS[0]), "cross-entropy of softmax over the batch: no loss here"),
        (Spec((cr.ReLU(),), LINKS[0], FORMS[0], penalty=Penalty(1.0, ALL)), r"the penalty is over Σ\(W² \+ b²\)"),
    ],
)
def test_what_is_no_network_of_ours_is_said(spec, said):
    draw = Draw(np.ones((2, 1)), np.eye(2), {"W1": np.ones((1, 1)), "W2": np.ones((1, 2))})
    with pytest.raises(InputError, match=said):
        network_of(spec, draw)


SCORES = NET.replace(SOFTMAX, "        self.p = self.h @ self.W2 + self.b2\n        return self.p\n").replace(
    "-(y * np.log(self.forward(X))).sum()", "((self.forward(X) - y) ** 2).sum() / 2"
)


@pytest.mark.parametrize("slope", [0.02, 1 / 3, 0.07])
@pytest.mark.parametrize("text", [NET, SCORES], ids=["softmax", "scores"])
def test_a_leaky_slope_is_solved_for(diagnosed, text, slope):
    leaky = text.replace("np.maximum(X @ self.W1 + self.b1, 0)", f"leak(X @ self.W1 + self.b1, {slope})")
    leaky = leaky.replace("* (self.h > 0)", f"* np.where(self.h > 0, 1, {slope})")
    leaky += "\ndef leak(z, s):\n    return np.where(z > 0, z, s * z)\n"
    found = diagnosed(leaky)
    assert (found.verdict, found.consistent) == ("correct", True), found
    assert f"LeakyReLU(slope={slope:.9g}" in found.reference
    wrong = diagnosed(leaky.replace(f"np.where(self.h > 0, 1, {slope})", "(self.h > 0)"))
    assert (wrong.verdict, wrong.numbers) == ("wrong", [10]), wrong
