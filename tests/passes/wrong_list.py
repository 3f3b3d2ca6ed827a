"""The wrong passes: which mistake is in each, and where it shows.

`shows` is one of: gradients (differ from the differences of the pass's own loss), step (gradients right, the update is
not what it claims), again (right at first, wrong at a second batch), changes (an array that must stay is changed),
asked (consistent with its own loss, which is not the one asked for), overflow, accepts and rejects (a gradient
check's verdict).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from passes.entry import Pass
from passes.right_list import RIGHT, TWO, entries, variables

BY_FILE = {entry.file: entry for entry in RIGHT}


def wrong(file: str, twin: str, what: str, shows: str = "gradients", **changes: Any) -> Pass:
    """A pass that is called like its right twin; the numbers of the mistakes are in the file's name."""
    base = BY_FILE[f"right/{twin}.py"]
    return replace(base, **_common(file, what, shows), twin=base.file, **changes)


def alone(file: str, style: str, claims: str, what: str, shows: str = "gradients", **call: Any) -> Pass:
    """A pass without a twin."""
    return Pass(style=style, claims=claims, **_common(file, what, shows), **call)


def _common(file: str, what: str, shows: str) -> dict[str, Any]:
    numbers = tuple(int(part) for part in file.split("_") if part.isdigit())
    return {"file": f"wrong/{file}.py", "mistakes": numbers, "what": what, "shows": shows}


SQUARE = {"H": 5, "J": 5}
ORDER = (
    wrong(
        "mistake_01_mazur",
        "step_mazur",
        "hidden deltas from the output weights after their update",
        constant={"learning rate": 0.5},
    ),
    wrong(
        "mistake_01_layer_updates_first",
        "layers_update_inside",
        "the error for the layer before is taken after this layer's update",
        constant={"learning rate": 0.1},
    ),
    wrong(
        "mistake_01_plus_sign",
        "class_plus_sign",
        "syn1 is updated before it carries the error back",
        constant={"learning rate": 0.1},
    ),
    alone(
        "mistake_01_scalars",
        "scalar loops",
        "2-2-1: sigmoid; sigmoid + ½ squared error, one row",
        "w5 and w6 are updated before the hidden deltas use them",
        constant={"learning rate": 0.5},
        make="p = {f'{c}{i}': 0.1 for c, n in (('w', 6), ('b', 3)) for i in range(1, n + 1)}; "
        "x1, x2 = X[0, :2]; t = Y[0, 0]",
        loss="error(p, x1, x2, t)",
        tensors={f"p['{k}']": "" for k in ("w1", "w2", "w3", "w4", "w5", "w6", "b1", "b2", "b3")},
        step="learn(p, x1, x2, t, lr)",
        rate=0.5,
        data="unit",
        name="learn",
        note="two inputs, fixed: every weight has its own name",
    ),
    wrong("mistake_02_squared_step", "step_squared_sum", "y − p with −=", constant={"factor": -1}),
    wrong("mistake_02_neurons", "scalar_neurons", "expected − output with −=", constant={"factor": -1}),
    wrong("mistake_02_columns", "col_softmax", "y − p with a descending update", constant={"factor": -1}),
)

SCALE = (
    wrong(
        "mistake_03_missing",
        "net_affine_cache",
        "1/N missing",
        make="net = TwoLayerNet(I, H, K)",
        constant={"factor": 7},
    ),
    wrong("mistake_03_missing_lists", "list_matrix_batch", "1/N missing", constant={"factor": 7}),
    wrong("mistake_03_twice", "layers_book_softmax", "1/N twice", constant={"factor": 1 / 7}),
    wrong("mistake_03_outputs", "layers_book_regression", "1/K missing", constant={"factor": 3}),
    wrong("mistake_03_features", "class_bce_column", "1/I for 1/N", constant={"factor": 7 / 4}),
    wrong("mistake_03_rows_of_columns", "col_planar", "1/I for 1/N, columns", constant={"factor": 7 / 4}),
    wrong("mistake_03_classes", "class_momentum", "1/K for 1/N", constant={"factor": 7 / 3}),
)

SHAPE = (
    wrong(
        "mistake_04_three_layers",
        "class_three_layers_leaky",
        "dW2 from a2 instead of a1",
        sizes=SQUARE,
        note="the hidden layers have to be of equal width, elsewhere the shapes differ",
    ),
    wrong(
        "mistake_04_list_index",
        "list_matrix_batch",
        "dW from the layer's own activation",
        sizes={"I": 5, "H": 5, "J": 5, "K": 5},
        note="all layers have to be of equal width, elsewhere the shapes differ",
    ),
    wrong("mistake_04_own_output", "class_typed_onehot", "dW2 from the probabilities: of shape (K, K), not (H, K)"),
    alone(
        "mistake_04_before_activation",
        "network class",
        "sigmoid; linear + squared error summed over K, mean over N",
        "dW2 from Z1 instead of A1",
        make="net = Regressor(I, H, K)",
        loss="net.loss(net.forward(X), Y)",
        tensors={f"net.{name}": f"grads['{name}']" for name in TWO},
        backward="grads = net.backward(net.forward(X), Y)",
        data="real",
        name="Regressor",
    ),
    wrong(
        "mistake_05_square_layers",
        "layers_sequential",
        "dW transposed",
        sizes={"I": 4, "H": 4, "K": 4},
        note="layers have to be square, elsewhere NumPy refuses",
    ),
    wrong(
        "mistake_05_outer_product",
        "list_network_sgd",
        "outer product of the hidden layers in the wrong order",
        sizes={"I": 4, "H": 4, "J": 4},
        note="hidden layers have to be square, elsewhere NumPy refuses",
    ),
    wrong("mistake_05_shape", "fn_softmax_dict", "dW1 transposed: of shape (H, I)"),
    wrong("mistake_06_axis_of_columns", "col_planar", "db2 summed over the units: of shape (1, N)"),
    wrong("mistake_06_not_summed", "step_globals", "db2 not summed; b2 becomes (N, K)"),
    wrong(
        "mistake_06_mean_typed",
        "class_typed_onehot",
        "db1 averaged, and the loss already is",
        constant={"b1 factor": 1 / 7},
    ),
    wrong(
        "mistake_06_mean_layers",
        "layers_book_softmax",
        "db averaged, and the loss already is",
        constant={"bias factor": 1 / 7},
    ),
    wrong("mistake_06_all_axes", "net_two_layer_inline", "db1 summed over the units too: a number"),
    wrong("mistake_07_globals", "step_globals", "biases never updated"),
    wrong("mistake_07_flat", "class_bce_flat", "b1 not updated", "step"),
    wrong("mistake_07_layer", "layers_update_inside", "biases never updated"),
    wrong(
        "mistake_07_shared",
        "step_mazur",
        "one bias for a whole layer, trained: consistent, but not a dense layer",
        "asked",
        tensors={"W1": "", "W2": "", "b1": "", "b2": ""},
        note="the worked example with its biases trained; they are numbers, a dense layer has one per unit",
    ),
)

OUTPUT = (
    wrong("mistake_08_sigmoid_missing", "class_sigmoid_squared", "σ′ of the output missing"),
    wrong("mistake_08_list_missing", "list_network_sgd", "σ′ of the output missing"),
    wrong("mistake_08_softmax_added", "class_typed_onehot", "p(1−p) on top of the fused p − y"),
    wrong("mistake_08_bce_added", "col_planar", "σ′ on top of the fused p − y"),
    wrong("mistake_09_diagonal", "layers_separate_softmax", "the diagonal of the softmax Jacobian only"),
    wrong("mistake_09_diagonal_inline", "class_momentum", "the diagonal of the softmax Jacobian only"),
    alone(
        "mistake_09_elementwise",
        "closures",
        "tanh; softmax, cross-entropy, mean over N; one-hot",
        "the diagonal of the softmax Jacobian only",
        make="W1, b1, W2, b2 = np.ones((I, H)), np.zeros(H), np.ones((H, K)), np.zeros(K)",
        loss="value_and_grad(W1, b1, W2, b2, X, Y)[0]",
        tensors=variables(*TWO),
        backward="_, (dW1, db1, dW2, db2) = value_and_grad(W1, b1, W2, b2, X, Y)",
        data="onehot",
        name="value_and_grad",
    ),
    wrong("mistake_09_twice", "layers_ordered_dict", "softmax twice, the way back knows of one"),
    wrong(
        "mistake_09_twice_consistent",
        "layers_separate_softmax",
        "softmax twice, forward and backward: consistent but unwise",
        "asked",
        note="unwise, not wrong",
    ),
    wrong("mistake_09_axis", "fn_softmax_dict", "softmax over axis 0"),
    wrong(
        "mistake_09_axis_consistent",
        "layers_separate_softmax",
        "softmax over axis 0, forward and backward: consistent but unwise",
        "asked",
        note="unwise, not wrong",
    ),
    wrong("mistake_09_overflow", "class_momentum", "no shift by the maximum", "overflow"),
    wrong("mistake_09_overflow_loops", "net_linear_softmax_loops", "no shift by the maximum", "overflow"),
)

HIDDEN = (
    wrong("mistake_10_gradient_itself", "layers_ordered_dict", "the mask is the sign of the gradient"),
    wrong("mistake_10_dout", "net_affine_cache", "the mask is the sign of the gradient"),
    wrong(
        "mistake_10_next_layer",
        "class_three_layers_leaky",
        "the mask of the next layer",
        sizes=SQUARE,
        note="equal hidden widths",
    ),
    alone(
        "mistake_10_relu_of_output",
        "function of loss and gradients",
        "ReLU twice; linear + ½ squared error summed over K, mean over N",
        "the mask of the next layer",
        make="Ws, bs = init(I, H, K)",
        loss="cost(Ws, bs, X, Y)",
        tensors={f"{t}[{i}]": f"d{t}[{i}]" for i in range(3) for t in ("Ws", "bs")},
        backward="dWs, dbs = backward(Ws, bs, X, Y)",
        data="real",
        name="backward",
        note="both hidden layers have the same width",
    ),
    wrong("mistake_10_leaky_constant", "layers_leaky_cast", "the slope as a constant", constant={"slope": 0.1}),
    wrong("mistake_10_leaky_logits", "fn_bce_logits", "the slope as a constant", constant={"slope": 0.01}),
    wrong("mistake_11_prime_of_activation", "class_sigmoid_squared", "σ′ at the activation instead of the sum"),
    wrong("mistake_11_nonlin_of_sum", "class_plus_sign", "z(1 − z) with the sum instead of the activation"),
    wrong("mistake_11_tanh_of_output", "layers_update_inside", "1 − tanh² at the activation"),
    wrong("mistake_11_tanh_of_input", "layers_separate_softmax", "1 − z² with the sum instead of the activation"),
)

STATE = (
    wrong("mistake_12_plus_equals", "layers_sequential", "+= without setting to zero", "again"),
    wrong("mistake_12_kept_nablas", "list_matrix_batch", "the sums live on the object", "again"),
    wrong("mistake_12_first_inputs", "class_momentum", "X of the first forward is kept for ever", "again"),
    alone(
        "mistake_12_stale_validation",
        "network class",
        "tanh; softmax + cross-entropy, mean over N",
        "the validation forward overwrites what backward reads",
        "again",
        make="net = Classifier(I, H, K)",
        loss="net.loss(X, Y)",
        tensors={f"net.{name}": "" for name in TWO},
        step="net.train_step(X, Y, lr)",
        name="Classifier",
        note="the first batch is kept for validation, so only the second step is wrong",
    ),
    wrong(
        "mistake_13_probabilities",
        "layers_book_softmax",
        "no copy: the probabilities are overwritten by the gradient",
        "changes",
        backward="head.backward(head.output, Y); dense2.backward(head.dinputs); "
        "activation1.backward(dense2.dinputs); dense1.backward(activation1.dinputs)",
        watch="head.output",
    ),
    wrong(
        "mistake_13_targets",
        "step_plus_logistic",
        "no copy: the targets are overwritten by the error",
        "changes",
        watch="Y",
    ),
    wrong("mistake_13_hidden", "fn_tuple_tanh", "h is squared in place before dW2 uses it"),
    alone(
        "mistake_13_pixels",
        "function of loss and gradients",
        "no hidden layer; linear + squared error, one output, mean over N",
        "the inputs are divided in place, at every call again",
        "changes",
        make="w, b = np.zeros(I), 0.0",
        loss="mse_and_grads(w, b, X.copy(), Y)[0]",
        tensors=variables("w", "b"),
        backward="_, dw, db = mse_and_grads(w, b, X, Y)",
        data="real column",
        watch="X",
        name="mse_and_grads",
    ),
    wrong("mistake_14_missing", "net_affine_cache", "λW missing", constant={"λ": 0.05, "share of W": -0.05}),
    wrong(
        "mistake_14_half_missing",
        "net_two_layer_inline",
        "λW where the loss λW² has no half",
        constant={"λ": 0.05, "share of W": -0.05},
    ),
    wrong(
        "mistake_14_doubled",
        "fn_pairs_three_deep",
        "2λW where the loss has the half",
        constant={"λ": 0.05, "share of W": 0.05},
    ),
    wrong(
        "mistake_14_biases",
        "net_fully_connected",
        "λb, and the loss has no biases in it",
        constant={"λ": 0.05, "share of b": 0.05},
    ),
    wrong(
        "mistake_14_divided",
        "net_linear_softmax_loops",
        "λW/N where the loss has ½λW²",
        constant={"λ": 0.05, "share of W": 0.05 / 7 - 0.05},
    ),
    wrong(
        "mistake_14_not_divided",
        "col_l2",
        "λW where the loss has λ/(2N) W²",
        constant={"λ": 0.7, "share of W": 0.7 - 0.1},
    ),
)

DATA = (
    alone(
        "mistake_15_flat_targets",
        "network class",
        "no hidden layer; one sigmoid output, binary cross-entropy, mean over N",
        "(n, 1) − (n,) gives (n, n)",
        make="net = LogisticRegression(I)",
        loss="net.loss(X, Y)",
        tensors={"net.w": "", "net.b": ""},
        step="net.train_step(X, Y, lr)",
        data="flat",
        name="LogisticRegression",
        note="the weights become (I, N) after the step",
    ),
    wrong("mistake_15_labels_subtracted", "col_softmax", "label numbers subtracted from probabilities"),
    wrong("mistake_15_labels_column", "closure_dense", "label numbers subtracted from probabilities"),
    alone(
        "mistake_15_broadcast_regression",
        "network class",
        "ReLU; one linear output + squared error, mean over N",
        "(n, 1) − (n,) gives (n, n) in loss and gradient",
        make="net = OneOutput(I, H)",
        loss="net.loss(X, Y)",
        tensors=entries(*TWO, params="net.params"),
        backward="grads = net.gradients(X, Y)",
        data="real column",
        name="OneOutput",
        note="right if the targets were (n, 1); with (n,) both the loss and the gradient are of other things",
    ),
    wrong("mistake_15_shuffled", "step_globals", "rows of X shuffled, y not"),
    wrong("mistake_15_shifted", "scalar_loops", "targets one row late in the gradient"),
    wrong("mistake_16_not_applied", "net_fully_connected", "dropout's mask not applied on the way back"),
    wrong("mistake_16_drawn_again", "layers_book_dropout_binary", "dropout's mask drawn again on the way back"),
    wrong(
        "mistake_16_not_scaled", "fn_dropout_mask_given", "mask without 1/keep on the way back", constant={"keep": 0.8}
    ),
    wrong(
        "mistake_16_not_scaled_columns", "col_dropout", "mask without 1/keep on the way back", constant={"keep": 0.5}
    ),
)

OPTIMIZER = (
    wrong("mistake_17_no_correction", "step_adam", "Adam without bias correction", "step"),
    alone(
        "mistake_17_no_correction_class",
        "network class",
        "no hidden layer; softmax + cross-entropy, mean over N",
        "Adam without bias correction",
        "step",
        make="net = Softmax(I, K); optimizer = Adam(net, lr=0.1)",
        loss="net.loss_and_grads(X, Y)[0]",
        tensors={"net.W": "grads['W']", "net.b": "grads['b']"},
        backward="_, grads = net.loss_and_grads(X, Y)",
        step="_, grads = net.loss_and_grads(X, Y); optimizer.step(grads)",
        optimizer="adam",
        settings={"eps": 1e-8},
        name="Softmax",
    ),
    wrong("mistake_17_starts_at_zero", "layers_book_l2_adam", "Adam's count starts at 0: a division by 0", "step"),
    wrong("mistake_17_eps_inside", "step_adam", "ε inside the root", "step"),
    wrong("mistake_17_eps_inside_rmsprop", "layers_separate_softmax", "ε inside the root", "step"),
    wrong("mistake_17_decay_per_epoch", "layers_book_softmax", "decay counted in epochs of 10 steps", "step"),
    wrong("mistake_17_coupled", "layers_three_deep_adamw", "decay through the gradient, called AdamW", "step"),
)

SMOOTH = "f = lambda x: 1.0 + np.sum(np.tanh(x)); x = np.linspace(-1.0, 1.0, 6).reshape(2, 3); g = 1 - np.tanh(x) ** 2"
TINY = "f = lambda x: 1e-5 * np.sum(x**2); x = np.linspace(0.5, 1.0, 6).reshape(2, 3); g = -2e-5 * x"
KINKED = "f = lambda x: np.sum(np.maximum(x, 0.0)); x = np.array([0.05, -0.03, 0.4]); g = (x > 0) * 1.0"
RIGHT_CHECKER = Pass(
    "right/checker_central.py",
    "gradient check",
    "central differences in float64, relative, kinks left out",
    SMOOTH,
    "gradient_check(f, x, g)",
    {},
    name="gradient_check",
    shows="accepts",
)


def checker(file: str, what: str, shows: str, case: str, call: str) -> Pass:
    """A gradient check with a case that it judges wrongly."""
    name = call.split("(")[0]
    common = _common(file, what, shows)
    return replace(RIGHT_CHECKER, make=case, loss=call, name=name, twin=RIGHT_CHECKER.file, **common)


CHECKERS = (
    checker("mistake_18_float32", "differences in float32", "rejects", SMOOTH, "gradient_check(f, x, g)"),
    checker("mistake_18_small_step", "h = 1e-14", "rejects", SMOOTH, "check_grad(f, x, g)"),
    checker("mistake_18_absolute", "absolute tolerance", "accepts", TINY, "gradients_agree(f, x, g)"),
    checker("mistake_18_kink", "h = 0.1 steps over kinks", "rejects", KINKED, "grad_ok(f, x, g)"),
)

PAIRS = (
    wrong("pairs/mistake_02_03_function", "fn_softmax_dict", "sign, and 1/N missing", constant={"factor": -7}),
    wrong("pairs/mistake_03_14_affine", "net_affine_cache", "1/N missing, and λW missing", constant={"λ": 0.05}),
    wrong("pairs/mistake_06_08_columns", "col_planar", "σ′ on top of p − y, and db1 averaged twice"),
    wrong(
        "pairs/mistake_01_07_layers",
        "layers_update_inside",
        "error carried back by updated weights, and biases never updated",
        constant={"learning rate": 0.1},
    ),
)

WRONG = (*ORDER, *SCALE, *SHAPE, *OUTPUT, *HIDDEN, *STATE, *DATA, *OPTIMIZER, *CHECKERS, *PAIRS)
