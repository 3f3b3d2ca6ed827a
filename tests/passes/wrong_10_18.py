"""Wrong passes, mistakes 10 to 18 and pairs: hidden layers, state, penalty, data, dropout, optimizers, checks."""

from __future__ import annotations

from dataclasses import replace

from passes.calls import TWO, entries, variables
from passes.entry import Pass
from passes.wrongs import SQUARE, alone, common, wrong

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
    return replace(RIGHT_CHECKER, make=case, loss=call, name=name, twin=RIGHT_CHECKER.file, **common(file, what, shows))


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

SECOND = (*HIDDEN, *STATE, *DATA, *OPTIMIZER, *CHECKERS, *PAIRS)
