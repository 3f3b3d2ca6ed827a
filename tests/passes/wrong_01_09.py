"""Wrong passes, mistakes 1 to 9: order, sign, scale, shapes, biases, outputs."""

from __future__ import annotations

from passes.calls import TWO, variables
from passes.wrongs import SQUARE, alone, wrong

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

FIRST = (*ORDER, *SCALE, *SHAPE, *OUTPUT)
