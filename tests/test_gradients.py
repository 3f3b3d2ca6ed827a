"""Every gradient is the derivative of the loss, and a wrong one is caught."""

import numpy as np
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.check.catalogue import check_part, controls, data_for, example, network_with
from chainrule.check.gradients import check_gradients
from conftest import CHECK

PARTS = [example(kind) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]
VARIANTS = [
    cr.Dense(3, weights=cr.LeCunUniform(), bias=cr.Normal(0.5)),
    cr.LeakyReLU(slope=0.3),
    cr.ELU(alpha=0.5),
    cr.Dropout(0.9),
    cr.SoftmaxCrossEntropy(smoothing=0.1),
    cr.Huber(delta=0.4),
    cr.QuantileLoss(quantile=0.9),
]


@pytest.mark.parametrize("part", PARTS + VARIANTS, ids=repr)
def test_every_layer_and_loss_passes_by_every_method_and_every_wrong_gradient_is_caught(part):
    verdict = check_part(part)
    assert max(report.worst for report in verdict.reports) <= CHECK
    for report in verdict.reports:
        assert report.ok
        assert sum(tensor.kinks for tensor in report.tensors) == 0
        assert report.directional <= CHECK
    assert verdict.caught == verdict.controls >= 1


@pytest.mark.parametrize("part", PARTS, ids=repr)
def test_a_wrong_gradient_is_found_in_the_tensor_it_belongs_to(part):
    for control in controls(part):
        net = network_with(control)
        report = check_gradients(net, *data_for(net.loss), max_entries=None)
        wrong = {tensor.label for tensor in report.tensors if tensor.worst > CHECK}
        right = {tensor.label for tensor in report.tensors} - wrong
        assert wrong, "the control went unnoticed"
        if isinstance(part, cr.Layer):
            assert right >= {"W2" if not isinstance(part, cr.Dense) else "W3"}, "the layer above is not affected"


@pytest.mark.parametrize(
    "penalty", [{"l2": 0.1}, {"l1": 0.1}, {"l2": 0.2, "l1": 0.1}, {"l2": 2.0, "penalty_by_batch": True}], ids=str
)
def test_penalties_and_sample_weights_are_part_of_the_gradient(penalty, rng):
    net = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], cr.MeanSquaredError(), 3, dtype=np.float64, **penalty)
    X, y, w = rng.normal(size=(6, 3)), rng.normal(size=(6, 2)), rng.uniform(0, 2, 6)
    for method in ("central", "complex"):
        assert check_gradients(net, X, y, w, method=method, max_entries=None)
    bare = cr.Network(net.layers, net.loss, 3, dtype=np.float64)
    assert abs(net.gradients(X, y)["W1"] - bare.gradients(X, y)["W1"]).max() > 0.01
    np.testing.assert_array_equal(net.gradients(X, y)["b1"], bare.gradients(X, y)["b1"])


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        (cr.SoftmaxCrossEntropy(), np.eye(3)[[0, 2, 1, 1]]),
        (cr.SoftmaxCrossEntropy(), np.array([[0.2, 0.3, 0.5], [1, 0, 0], [0.1, 0.9, 0], [0, 0.5, 0.5]])),
        (cr.SoftmaxCrossEntropy(0.2), [0, 2, 1, 1]),
        (cr.BinaryCrossEntropy(), np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]])),
    ],
    ids=["one-hot", "soft", "smoothed", "multi-label"],
)
def test_every_form_of_targets(loss, y, rng):
    net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(3)], loss, n_in=5, dtype=np.float64)
    assert check_gradients(net, rng.normal(size=(4, 5)), y, max_entries=None)


def test_one_hot_targets_give_what_indices_give(small):
    net, X, y = small
    by_index, one_hot = net.gradients(X, y), net.gradients(X, np.eye(3)[y])
    for name, gradient in by_index.items():
        np.testing.assert_allclose(one_hot[name], gradient, atol=1e-16)


@pytest.mark.parametrize("outputs", [1, 2, 3, 5])
def test_regression_with_several_outputs_descends_the_loss_it_reports(outputs, rng):
    net = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(outputs)], cr.MeanSquaredError(), 3, dtype=np.float64)
    assert check_gradients(net, rng.normal(size=(6, 3)), rng.normal(size=(6, outputs)), method="central")


def test_a_float32_network_is_checked_in_float64(rng):
    net = cr.Network([cr.Dense(6), cr.GELU(), cr.LayerNorm(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=4)
    report = check_gradients(net, rng.normal(size=(8, 4)), np.arange(8) % 3)
    assert report
    assert report.worst < 1e-11


def test_input_gradients_are_checked_too(small):
    net, X, y = small
    report = check_gradients(net, X[:5], y[:5])
    assert report.tensors[-1].label == "X"
    np.testing.assert_allclose(net.input_gradients(X[:5], y[:5]).shape, (5, 5))


def test_input_gradients_are_0_where_weights_are(small):
    net, X, y = small
    weights = np.array([1, 0, 2, 0.5, 1])
    gradients = net.input_gradients(X[:5], y[:5], weights)
    assert (gradients != 0).any(axis=1).tolist() == [True, False, True, True, True]
    kept = np.flatnonzero(weights)
    np.testing.assert_array_equal(gradients[kept], net.input_gradients(X[kept], y[kept], weights[kept]))


def test_sparse_rows_give_the_same_gradients(small):
    net, X, y = small
    X = np.where(X > 0.5, X, 0)
    for name, gradient in net.gradients(scipy.sparse.csr_array(X), y).items():
        np.testing.assert_array_equal(gradient, net.gradients(X, y)[name])
    assert check_gradients(net, scipy.sparse.csr_matrix(X), y)


def test_an_input_at_a_kink_is_reported_not_excused(rng):
    net = cr.Network([cr.Dense(3), cr.ReLU(), cr.Dense(2)], cr.HalfSquaredError(), n_in=2, dtype=np.float64)
    net["W1"][:, 0] = 0  # the first unit stands exactly at the kink of its ReLU
    X, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 2))
    for method in ("central", "complex"):
        kinks = {t.label: t.kinks for t in check_gradients(net, X, y, method=method).tensors}
        assert kinks["W1"] == 2
        assert kinks["b1"] == 1
        assert kinks["W2"] == kinks["b2"] == 0


def test_a_tensor_with_nothing_but_kinks_is_not_called_right():
    net = cr.Network([cr.Dense(2), cr.ReLU(), cr.Dense(1)], cr.HalfSquaredError(), n_in=2, dtype=np.float64)
    net["W1"][...] = 0
    report = check_gradients(net, [[1.0, 2.0]], [0.5])
    assert not report
    assert "not decided" in str(report)


def test_entries_too_small_to_tell_are_listed_as_undecided(rng):
    net = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], cr.HalfSquaredError(), n_in=2, dtype=np.float64)
    X = rng.normal(size=(4, 2)) * [1, 1e-9]
    report = check_gradients(net, X, rng.normal(size=(4, 2)), method="central")
    first = report.tensors[0]
    assert (first.label, first.checked, first.undecided) == ("W1", 3, 3)


def test_a_tiny_loss_is_no_reason_to_call_a_gradient_wrong(rng):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=3, dtype=np.float64)
    net["W1"][...] = 30 * np.eye(3)
    y = np.array([0, 1, 2])
    for method in ("central", "complex"):
        assert check_gradients(net, np.eye(3), y, method=method).worst <= CHECK


def test_large_tensors_are_sampled_and_the_report_says_so(rng):
    net = cr.Network([cr.Dense(50), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=40)
    report = check_gradients(net, rng.normal(size=(3, 40)), [0, 1, 1], max_entries=20)
    assert report.tensors[0].checked + report.tensors[0].undecided == 20
    assert "of 2000" in str(report)


def test_the_report_names_the_worst_entry(rng):
    net = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], cr.HalfSquaredError(), n_in=2, dtype=np.float64)
    assert "the gradient is the derivative of the loss" in str(check_gradients(net, np.eye(2), np.eye(2)))


def test_unknown_methods_are_refused(small):
    with pytest.raises(cr.InputError, match="did you mean 'central'"):
        check_gradients(*small, method="centrall")
