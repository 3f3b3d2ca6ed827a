"""The nudge: a number is moved, and the page computes the loss again."""

import re

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, network_with
from chainrule.explain import trace_step
from pages import EXAMPLES, address, small_trace

NUDGED = [network_with(part) for part in EXAMPLES]
NUDGED += [network_with(cr.SoftmaxCrossEntropy(0.1))]
NUDGED += [cr.Network([cr.Dense(3), cr.ReLU(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=np.float64,
                      l2=0.1, l1=0.05)]  # fmt: skip


def nudges(page, key):
    return page.evaluate(
        """(key) => Array.from({ length: rowsOf(key) }, (_, i) =>
             Array.from({ length: columnsOf(key) }, (_, j) => nudged(key, i, j)))""",
        key,
    )


def numbers_of(found, name):
    return np.array([[one[name] for one in row] for row in found])


@pytest.mark.parametrize("net", NUDGED, ids=repr)
def test_every_gradient_is_nudged_with_the_loss_that_the_network_itself_has(show, net):
    X, y = data_for(net.loss)
    X, y = X[:4], y[:4]
    trace = trace_step(net, X, y, cr.SGD())
    page = show(trace, "#all")
    gradients = [key for key, tensor in trace.tensors.items() if tensor.gradient_of]
    assert {"dx", "dW1", "db1", "dz1"} <= set(gradients)
    for key in gradients:
        quotients = numbers_of(nudges(page, key), "quotient")
        np.testing.assert_allclose(quotients, trace[key], rtol=1e-5, atol=1e-8, err_msg=key)
    if any(isinstance(layer, cr.Dropout) for layer in net.layers):
        return  # evaluated without its mask
    for label in net.state.named:
        values, found = np.atleast_2d(net[label]), nudges(page, f"d{label}")
        for i, j in np.ndindex(values.shape):
            for name, by in (("above", 1e-5), ("below", -1e-5)):
                kept = values[i, j]
                values[i, j] = kept + by
                assert found[i][j][name] == pytest.approx(net.evaluate(X, y)[0], rel=1e-12), (label, i, j)
                values[i, j] = kept


def test_a_value_is_nudged_once_its_gradient_is_known_and_leads_to_it(show):
    page = show(small_trace(), "#z1/z1.1.2")
    assert page.locator("#why .nudge").count() == 0  # nobody has asked for the gradient yet
    for value, gradient in (("z1.1.2", "dz1.1.2"), ("W1.2.0", "dW1.2.0")):
        page.evaluate(f"location.hash = '#all/{value}'")
        page.wait_for_function(f"$('why').querySelector('.nudge [data-go=\"{gradient}\"]')")
        ours = page.locator("#why .nudge").inner_text()
        page.locator("#why .nudge button").click()
        assert address(page) == f"#all/{gradient}"
        theirs = page.locator("#why .nudge").inner_text()
        assert re.findall(r"\d\.\d{12}|≈ \S+", ours) == re.findall(r"\d\.\d{12}|≈ \S+", theirs)[:3]
    page.evaluate("location.hash = '#all/L.0.0'")
    page.wait_for_function("state.cell.key === 'L'")
    assert page.locator("#why .nudge").count() == 0


def test_a_wrong_gradient_is_far_from_its_nudge(show):
    trace = small_trace()
    trace["dW1"][1, 2] *= -1
    page = show(trace, "#all/dW1.1.2")
    quotient, difference = re.findall(r"≈ (\S+)", page.locator("#why .nudge").inner_text())
    assert float(quotient.replace("−", "-")) == pytest.approx(-trace["dW1"][1, 2], rel=1e-4)
    assert difference == page.evaluate("scientific(-2 * entry('dW1', 1, 2))")


def test_where_the_loss_cannot_be_computed_again_the_panel_says_why(show):
    class Silent(cr.Layer):
        math = ()

        def forward(self, p, x, y, m):
            np.tan(x, out=y)

        def backward(self, p, g, x, y, dy, dx, m):
            np.multiply(dy, 1 + y * y, out=dx)

    class Own(Silent):
        math = ("y = np.tan(x)", "dx = dy * (1 + y ** 2)")

    class Strange(Silent):
        math = ("y = np.frompyfunc(np.tan, 1, 1)(x)", "dx = dy * (1 + y ** 2)")

    for layer, said in ((Own(), ""), (Silent(), "nothing says how a₁ is computed"), (Strange(), "cannot compute")):
        net = cr.Network([cr.Dense(3), layer, cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4, dtype=np.float64)
        X, y = data_for(net.loss)
        page = show(trace_step(net, X[:4], y[:4]), "#all/dW1.1.1")
        assert page.locator("#why .nudge").count() == (not said)
        assert said in page.locator("#why").inner_text()
        if layer.math == ():
            page.evaluate("ask({ key: 'a1', i: 0, j: 0 }, true)")
            assert "does not state how this is computed" in page.locator("#why .say").inner_text()
            page.evaluate("ask({ key: 'dz2', i: 0, j: 0 }, true)")
            assert page.locator("#why .nudge").count() == 1  # what comes after it can be computed


def test_at_the_kink_the_panel_says_what_the_nudge_finds(show):
    net = cr.Network([cr.Dense(2), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=1, dtype=np.float64)
    net["W1"][...] = [[1.0, -1.0]]
    X, y = np.array([[0.0], [0.5]]), np.array([0, 1])
    page = show(trace_step(net, X, y), "#all/dz1.0.0")
    assert "exactly at the kink" in page.locator("#why .say").inner_text()
    page.evaluate("ask({ key: 'dz1', i: 1, j: 1 }, true)")
    assert "exactly at the kink" not in page.locator("#why .say").inner_text()
