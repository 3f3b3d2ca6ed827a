"""The correct passes, with how each is called."""

from __future__ import annotations

from passes.entry import Pass


def layer_tensors(*layers: str, w: str = "weights", b: str = "biases", d: str = "d") -> dict[str, str]:
    """Parameters and gradients kept as attributes of layer objects."""
    return {f"{layer}.{name}": f"{layer}.{d}{name}" for layer in layers for name in (w, b)}


def attributes(*names: str, of: str = "net") -> dict[str, str]:
    """`net.W1` with its gradient `net.dW1`."""
    return {f"{of}.{name}": f"{of}.d{name}" for name in names}


def entries(*names: str, params: str = "params", grads: str = "grads", prefix: str = "") -> dict[str, str]:
    """`params["W1"]` with its gradient `grads["W1"]`, or `grads["dW1"]` with a prefix."""
    return {f"{params}['{name}']": f"{grads}['{prefix}{name}']" for name in names}


def variables(*names: str) -> dict[str, str]:
    """A plain variable `W1` with its gradient `dW1`."""
    return {name: f"d{name}" for name in names}


TWO = ("W1", "b1", "W2", "b2")
PARAMS = (
    "rng = np.random.default_rng(0); "
    "params = {'W1': rng.normal(size=(I, H)), 'b1': np.zeros(H), 'W2': rng.normal(size=(H, K)), 'b2': np.zeros(K)}"
)
COLUMNS = (
    "X, Y = X.T, Y.T; parameters = {'W1': np.ones((H, I)), 'b1': np.zeros((H, 1)), "
    "'W2': np.ones((K, H)), 'b2': np.zeros((K, 1))}"
)
SAMPLES = "data = [(x.reshape(-1, 1), t.reshape(-1, 1)) for x, t in zip(X, Y)]"

# Layer objects without a model around them: the reader chains them.
CHAIN = "dense1 = Layer_Dense(I, H); activation1 = Activation_ReLU(); dense2 = Layer_Dense(H, K)"
FORWARD = "dense1.forward(X); activation1.forward(dense1.output); dense2.forward(activation1.output)"
BACK = "; dense2.backward(head.dinputs); activation1.backward(dense2.dinputs); dense1.backward(activation1.dinputs)"
SOFTMAX = "Activation_Softmax_Loss_CategoricalCrossentropy()"
SOFTMAX_BACK = "head.forward(dense2.output, Y); head.backward(head.output, Y)" + BACK
UPDATE = "; optimizer.update_params(dense1); optimizer.update_params(dense2)"
TIMED = "; optimizer.pre_update_params()" + UPDATE + "; optimizer.post_update_params()"

BOOK = (
    Pass(
        "right/layers_book_softmax.py",
        "layer objects",
        "ReLU; softmax + cross-entropy, mean over N; labels or one-hot",
        f"{CHAIN}; head = {SOFTMAX}; optimizer = Optimizer_SGD(learning_rate=0.1, decay=0.1, momentum=0.9)",
        f"{FORWARD}; head.forward(dense2.output, Y)",
        layer_tensors("dense1", "dense2"),
        backward=f"{FORWARD}; {SOFTMAX_BACK}",
        step=f"{FORWARD}; {SOFTMAX_BACK}{TIMED}",
        optimizer="momentum",
        settings={"mu": 0.9, "decay": 0.1},
    ),
    Pass(
        "right/layers_book_l2_adam.py",
        "layer objects",
        "ReLU; softmax + cross-entropy, mean over N; λW² and λb² without the half",
        "dense1 = Layer_Dense(I, H, 0.01, 0.02); activation1 = Activation_ReLU(); dense2 = Layer_Dense(H, K, 0.03); "
        f"head = {SOFTMAX}; optimizer = Optimizer_Adam(0.1, decay=0.1)",
        f"{FORWARD}; head.forward(dense2.output, Y) + regularization_loss(dense1) + regularization_loss(dense2)",
        layer_tensors("dense1", "dense2"),
        backward=f"{FORWARD}; {SOFTMAX_BACK}",
        step=f"{FORWARD}; {SOFTMAX_BACK}{TIMED}",
        optimizer="adam",
        settings={"decay": 0.1},
    ),
    Pass(
        "right/layers_book_dropout_binary.py",
        "layer objects",
        "ReLU, dropout 0.3; sigmoid + binary cross-entropy, mean over N·K",
        "dense1 = Layer_Dense(I, H); activation1 = Activation_ReLU(); dropout = Layer_Dropout(0.3, seed=5); "
        "dense2 = Layer_Dense(H, K); sigmoid = Activation_Sigmoid(); head = Loss_BinaryCrossentropy()",
        "dense1.forward(X); activation1.forward(dense1.output); dropout.forward(activation1.output); "
        "dense2.forward(dropout.output); sigmoid.forward(dense2.output); head.calculate(sigmoid.output, Y)",
        layer_tensors("dense1", "dense2"),
        backward="dense1.forward(X); activation1.forward(dense1.output); dropout.forward(activation1.output); "
        "dense2.forward(dropout.output); sigmoid.forward(dense2.output); head.backward(sigmoid.output, Y); "
        "sigmoid.backward(head.dinputs); dense2.backward(sigmoid.dinputs); dropout.backward(dense2.dinputs); "
        "activation1.backward(dropout.dinputs); dense1.backward(activation1.dinputs)",
        data="multilabel",
        note="random: the layer keeps its own generator, seeded when it is made",
    ),
    Pass(
        "right/layers_book_regression.py",
        "layer objects",
        "ReLU; linear + squared error, mean over N·K",
        f"{CHAIN}; linear = Activation_Linear(); head = Loss_MeanSquaredError(); optimizer = Optimizer_Adagrad(0.1)",
        f"{FORWARD}; linear.forward(dense2.output); head.calculate(linear.output, Y)",
        layer_tensors("dense1", "dense2"),
        backward=f"{FORWARD}; linear.forward(dense2.output); head.backward(linear.output, Y); "
        "linear.backward(head.dinputs); dense2.backward(linear.dinputs); activation1.backward(dense2.dinputs); "
        "dense1.backward(activation1.dinputs)",
        step=f"{FORWARD}; linear.forward(dense2.output); head.backward(linear.output, Y); "
        "linear.backward(head.dinputs); dense2.backward(linear.dinputs); activation1.backward(dense2.dinputs); "
        f"dense1.backward(activation1.dinputs){UPDATE}",
        optimizer="adagrad",
        data="real",
    ),
)

LAYERS = (
    Pass(
        "right/layers_separate_softmax.py",
        "layer objects",
        "tanh; softmax by its Jacobian, cross-entropy, mean over N",
        "net = Model(I, H, K); optimizer = RMSProp(0.1)",
        "net.loss(X, Y)",
        layer_tensors("net.layers[0]", "net.layers[2]"),
        backward="net.backward(X, Y)",
        step="net.backward(X, Y); optimizer.update(net.layers)",
        optimizer="rmsprop",
        data="onehot",
        name="Model",
    ),
    Pass(
        "right/layers_sequential.py",
        "layer objects",
        "sigmoid; linear + ½ sum of squared errors over N and K",
        "net = build_model(I, H, K)",
        "net.loss(X, Y)",
        layer_tensors("net.layers[0]", "net.layers[2]", w="W", b="b"),
        backward="net.loss(X, Y); net.backward()",
        step="net.loss(X, Y); net.backward(); net.update(lr)",
        rate=0.01,
        data="real",
        name="build_model",
    ),
    Pass(
        "right/layers_ordered_dict.py",
        "layer objects",
        "ReLU; softmax + cross-entropy, mean over N",
        "net = TwoLayerNet(I, H, K)",
        "net.loss(X, Y)",
        entries(*TWO, params="net.params"),
        backward="grads = net.gradient(X, Y)",
        name="TwoLayerNet",
    ),
    Pass(
        "right/layers_leaky_cast.py",
        "layer objects",
        "leaky ReLU 0.1; softmax + cross-entropy, mean over N; gradients cast to float32",
        "net = Model(I, H, K)",
        "net.loss(X, Y)",
        layer_tensors("net.layers[0]", "net.layers[2]"),
        backward="net.loss(X, Y); net.backward()",
        tolerance=1e-5,
        name="Model",
        note="float32 parameters, promoted by the check; the gradients are cast back to float32, hence the tolerance",
    ),
    Pass(
        "right/layers_update_inside.py",
        "layer objects",
        "tanh; tanh + squared error, mean over N·K",
        "net = Network(I, H, K)",
        "net.loss(X, Y)",
        {f"net.layers[{i}].{t}": "" for i in (0, 2) for t in ("weights", "bias")},
        step="net.train_step(X, Y, lr)",
        data="unit",
        name="Network",
    ),
    Pass(
        "right/layers_three_deep_adamw.py",
        "layer objects",
        "ReLU twice; softmax + cross-entropy, mean over N",
        "net = Net((I, H, J, K)); optimizer = AdamW(0.1, weight_decay=0.05)",
        "net.loss(net.forward(X), Y)",
        layer_tensors("net.layers[0]", "net.layers[2]", "net.layers[4]", w="w", b="b"),
        backward="net.forward(X); net.backward(Y)",
        step="net.forward(X); net.backward(Y); optimizer.step(net.layers)",
        optimizer="adamw",
        settings={"eps": 1e-8, "weight_decay": 0.05},
        name="Net",
    ),
)

NETS = (
    Pass(
        "right/net_affine_cache.py",
        "params and grads",
        "ReLU; softmax + cross-entropy, mean over N; ½λW²",
        "net = TwoLayerNet(I, H, K, reg=0.05)",
        "net.loss(X, Y)[0]",
        entries(*TWO, params="net.params"),
        backward="_, grads = net.loss(X, Y)",
        name="TwoLayerNet",
    ),
    Pass(
        "right/net_two_layer_inline.py",
        "params and grads",
        "ReLU; softmax + cross-entropy, mean over N; λW² without the half",
        "net = TwoLayerNet(I, H, K)",
        "net.loss(X, Y, reg=0.05)[0]",
        entries(*TWO, params="net.params"),
        backward="_, grads = net.loss(X, Y, reg=0.05)",
        name="TwoLayerNet",
    ),
    Pass(
        "right/net_fully_connected.py",
        "params and grads",
        "ReLU and seeded dropout, twice; softmax + cross-entropy, mean over N; ½λW²",
        "net = FullyConnectedNet([H, J], I, K, dropout=0.7, reg=0.05, seed=4)",
        "net.loss(X, Y)[0]",
        entries(*TWO, "W3", "b3", params="net.params"),
        backward="_, grads = net.loss(X, Y)",
        name="FullyConnectedNet",
    ),
    Pass(
        "right/net_linear_softmax.py",
        "params and grads",
        "no hidden layer, no bias; softmax + cross-entropy, mean over N; λW² without the half",
        "W = np.zeros((I, K))",
        "softmax_loss_vectorized(W, X, Y, 0.05)[0]",
        {"W": "dW"},
        backward="_, dW = softmax_loss_vectorized(W, X, Y, 0.05)",
        name="softmax_loss_vectorized",
    ),
    Pass(
        "right/net_linear_softmax_loops.py",
        "params and grads",
        "no hidden layer, no bias; softmax + cross-entropy, mean over N; ½λW²",
        "W = np.zeros((I, K))",
        "softmax_loss_naive(W, X, Y, 0.05)[0]",
        {"W": "dW"},
        backward="_, dW = softmax_loss_naive(W, X, Y, 0.05)",
        name="softmax_loss_naive",
    ),
)

CLASSES = (
    Pass(
        "right/class_sigmoid_squared.py",
        "network class",
        "sigmoid; sigmoid + ½ sum of squared errors",
        "net = NeuralNetwork(I, H, K)",
        "net.costFunction(X, Y)",
        {f"net.{name}": "d" + name for name in TWO},
        backward="dW1, db1, dW2, db2 = net.costFunctionPrime(X, Y)",
        data="unit",
        name="NeuralNetwork",
    ),
    Pass(
        "right/class_bce_flat.py",
        "network class",
        "ReLU; one sigmoid output, flat, binary cross-entropy, mean over N",
        "net = BinaryClassifier(I, H)",
        "net.loss(net.forward(X), Y)",
        attributes("W1", "b1", "w2", "b2"),
        backward="net.forward(X); net.backward(X, Y)",
        step="net.step(X, Y, lr)",
        data="flat",
        name="BinaryClassifier",
    ),
    Pass(
        "right/class_bce_column.py",
        "network class",
        "tanh; one sigmoid output (n, 1), binary cross-entropy, mean over N",
        "net = Network(I, H)",
        "net.forward(X); net.loss(Y)",
        attributes(*TWO),
        backward="net.forward(X); net.backward(Y)",
        step="net.forward(X); net.backward(Y); net.update(lr)",
        data="binary",
        name="Network",
    ),
    Pass(
        "right/class_mse_mean_all.py",
        "network class",
        "tanh; linear + squared error, mean over N·K",
        "net = MLPRegressor((I, H, J, K))",
        "net.loss(X, Y)",
        {f"net.{t}[{i}]": f"{g}[{i}]" for i in range(3) for t, g in (("coefs", "gW"), ("intercepts", "gb"))},
        backward="gW, gb = net.gradients(X, Y)",
        data="real",
        name="MLPRegressor",
    ),
    Pass(
        "right/class_plus_sign.py",
        "network class",
        "sigmoid, no biases; sigmoid + ½ sum of squared errors; y − p with +=",
        "net = NeuralNetwork(I, H, K)",
        "net.loss(X, Y)",
        {"net.syn0": "", "net.syn1": ""},
        step="net.train_step(X, Y, lr)",
        data="unit",
        name="NeuralNetwork",
        note="train_step returns the mean absolute error, not the loss",
    ),
    Pass(
        "right/class_typed_onehot.py",
        "network class",
        "tanh; softmax + cross-entropy, mean over N; one-hot",
        "net = MultiLayerPerceptron(I, H, K)",
        "net.loss(X, Y)",
        {f"net.{name}": f"grads.{name}" for name in TWO},
        backward="grads = net.backward(X, Y)",
        data="onehot",
        name="MultiLayerPerceptron",
    ),
    Pass(
        "right/class_three_layers_leaky.py",
        "network class",
        "leaky ReLU 0.05 twice; linear + squared error summed over K, mean over N",
        "net = Net(I, H, J, K)",
        "net.loss(net.forward(X), Y)",
        attributes(*TWO, "W3", "b3"),
        backward="net.forward(X); net.backward(Y)",
        data="real",
        name="Net",
    ),
    Pass(
        "right/class_momentum.py",
        "network class",
        "sigmoid; softmax + cross-entropy, mean over N; one-hot",
        "net = MomentumNet(I, H, K)",
        "net.loss(net.forward(X), Y)",
        entries(*TWO, params="net.params"),
        backward="net.forward(X); grads = net.backward(Y)",
        step="net.step(X, Y, lr)",
        optimizer="momentum",
        settings={"mu": 0.9},
        data="onehot",
        name="MomentumNet",
    ),
)

FUNCTIONS = (
    Pass(
        "right/fn_softmax_dict.py",
        "function of loss and gradients",
        "ReLU; softmax + cross-entropy, mean over N",
        "params = init_params(I, H, K)",
        "loss_and_grads(params, X, Y)[0]",
        entries(*TWO),
        backward="_, grads = loss_and_grads(params, X, Y)",
        step="_, grads = loss_and_grads(params, X, Y); params = sgd(params, grads, lr)",
        name="loss_and_grads",
    ),
    Pass(
        "right/fn_tuple_tanh.py",
        "function of loss and gradients",
        "tanh; sigmoid + binary cross-entropy summed over K, mean over N",
        "w1, b1, w2, b2 = np.ones((I, H)), np.zeros(H), np.ones((H, K)), np.zeros(K)",
        "compute_loss_and_gradients(w1, b1, w2, b2, X, Y)[0]",
        variables("w1", "b1", "w2", "b2"),
        backward="_, (dw1, db1, dw2, db2) = compute_loss_and_gradients(w1, b1, w2, b2, X, Y)",
        data="multilabel",
        name="compute_loss_and_gradients",
    ),
    Pass(
        "right/fn_flat_theta.py",
        "function of loss and gradients",
        "sigmoid; sigmoid + binary cross-entropy over one-hot labels, summed over K, mean over N; λ/(2N) W², not b",
        "theta = np.ones(H * (I + 1) + K * (H + 1))",
        "nn_cost_function(theta, I, H, K, X, Y, 0.5)[0]",
        {"theta": "grad"},
        backward="_, grad = nn_cost_function(theta, I, H, K, X, Y, 0.5)",
        name="nn_cost_function",
        note="all parameters in one flat vector, biases in the first column",
    ),
    Pass(
        "right/fn_bce_logits.py",
        "function of loss and gradients",
        "leaky ReLU 0.01; sigmoid + binary cross-entropy from logits, sum over N",
        "params = init(I, H)",
        "loss_fn(params, X, Y)[0]",
        entries(*TWO),
        backward="_, grads = loss_fn(params, X, Y)",
        data="binary",
        name="loss_fn",
    ),
    Pass(
        "right/fn_dropout_mask_given.py",
        "function of loss and gradients",
        "ReLU, dropout with a given mask; linear + ½ squared error summed over K, mean over N",
        f"{PARAMS}; mask = make_mask(N, H)",
        "loss_and_grads(params, X, Y, mask)[0]",
        entries(*TWO),
        backward="_, grads = loss_and_grads(params, X, Y, mask)",
        data="real",
        name="loss_and_grads",
        note="needs a mask (N, H) as a fourth argument; make_mask gives one",
    ),
    Pass(
        "right/fn_dropout_mask_after.py",
        "function of loss and gradients",
        "ReLU, dropout with a given mask; linear + ½ squared error summed over K, mean over N",
        f"{PARAMS}; mask = make_mask(N, H)",
        "loss_and_grads(params, X, Y, mask)[0]",
        entries(*TWO),
        backward="_, grads = loss_and_grads(params, X, Y, mask)",
        data="real",
        name="loss_and_grads",
        note="looks like a ReLU mask of the wrong array and is right; needs a mask (N, H)",
    ),
    Pass(
        "right/fn_mse_float32.py",
        "function of loss and gradients",
        "tanh; linear + squared error, mean over N·K; all in float32",
        "params = [np.ones((I, H)), np.zeros(H), np.ones((H, K)), np.zeros(K)]",
        "loss_and_gradients(params, X, Y)[0]",
        {f"params[{i}]": f"grads[{i}]" for i in range(4)},
        backward="_, grads = loss_and_gradients(params, X, Y)",
        data="real",
        tolerance=1e-2,
        nudge=1e-2,
        name="loss_and_gradients",
        note="the loss is rounded to float32, so its differences are good to a percent only",
    ),
    Pass(
        "right/fn_pairs_three_deep.py",
        "function of loss and gradients",
        "tanh twice; softmax + cross-entropy, mean over N; ½λW²; one-hot",
        "params = init_random_params(0.5, (I, H, J, K))",
        "objective(params, X, Y, 0.05)",
        {f"params[{i}][{j}]": f"grads[{i}][{j}]" for i in range(3) for j in range(2)},
        backward="grads = objective_grad(params, X, Y, 0.05)",
        data="onehot",
        name="objective_grad",
    ),
    Pass(
        "right/closure_dense.py",
        "closures",
        "ReLU; softmax + cross-entropy, mean over N",
        "params = [(np.ones((I, H)), np.zeros(H)), (np.ones((H, K)), np.zeros(K))]",
        "loss_and_grads(params, X, Y)[0]",
        {f"params[{i}][{j}]": f"grads[{i}][{j}]" for i in range(2) for j in range(2)},
        backward="_, grads = loss_and_grads(params, X, Y)",
        name="loss_and_grads",
    ),
    Pass(
        "right/closure_make_mlp.py",
        "closures",
        "sigmoid; linear + ½ sum of squared errors",
        PARAMS,
        "loss(params, X, Y)",
        entries(*TWO),
        backward="grads = grad(params, X, Y)",
        data="real",
        name="grad",
    ),
)

STEPS = (
    Pass(
        "right/step_globals.py",
        "training step",
        "ReLU; softmax + cross-entropy, mean over N",
        "",
        "loss(X, Y)",
        dict.fromkeys(TWO, ""),
        step="train_step(X, Y, lr)",
        name="train_step",
        note="the parameters are globals of 4-5-3",
    ),
    Pass(
        "right/step_adam.py",
        "training step",
        "tanh; linear + squared error summed over K, mean over N",
        "state = init_state(I, H, K)",
        "loss(state['params'], X, Y)",
        entries(*TWO, params="state['params']"),
        backward="grads = gradients(state['params'], X, Y)",
        step="train_step(state, X, Y, lr)",
        optimizer="adam",
        settings={"eps": 1e-8},
        data="real",
        name="train_step",
    ),
    Pass(
        "right/step_mazur.py",
        "training step",
        "sigmoid; sigmoid + ½ sum of squared errors; biases frozen",
        "",
        "loss(X, Y)",
        {"W1": "", "W2": ""},
        step="train_step(X, Y, lr)",
        rate=0.5,
        data="own",
        name="train_step",
        note="2-2-2 and one row: DATA() gives it; the biases, one a layer, are constants",
    ),
    Pass(
        "right/step_squared_sum.py",
        "training step",
        "ReLU, no biases; linear + sum of squared errors",
        "w1, w2 = np.ones((I, H)), np.ones((H, K))",
        "loss_of(X, Y, w1, w2)",
        {"w1": "", "w2": ""},
        step="step(X, Y, w1, w2, learning_rate=lr)",
        rate=1e-3,
        data="real",
        name="step",
        note="changes its arguments w1 and w2 in place",
    ),
    Pass(
        "right/step_plus_logistic.py",
        "training step",
        "sigmoid; softmax + cross-entropy, mean over N; one-hot; y − p with +=",
        "net = LogisticNet(I, H, K)",
        "net.loss(X, Y)",
        {f"net.{name}": "" for name in "VcUd"},
        step="net.fit_batch(X, Y, lr)",
        data="onehot",
        name="LogisticNet",
        note="W1, b1, W2, b2 are called V, c, U, d",
    ),
)

COLUMN = (
    Pass(
        "right/col_planar.py",
        "columns are samples",
        "tanh; sigmoid + binary cross-entropy summed over K, mean over N",
        "X, Y = X.T, Y.T; parameters = initialize_parameters(I, H, K)",
        "compute_cost(forward_propagation(X, parameters)[0], Y)",
        entries(*TWO, params="parameters", prefix="d"),
        backward="A2, cache = forward_propagation(X, parameters); "
        "grads = backward_propagation(parameters, cache, X, Y)",
        step="A2, cache = forward_propagation(X, parameters); "
        "grads = backward_propagation(parameters, cache, X, Y); update_parameters(parameters, grads, lr)",
        data="multilabel",
        name="backward_propagation",
    ),
    Pass(
        "right/col_deep.py",
        "columns are samples",
        "ReLU twice; sigmoid + binary cross-entropy summed over K, mean over N",
        "X, Y = X.T, Y.T; parameters = initialize_parameters_deep([I, H, J, K])",
        "compute_cost(L_model_forward(X, parameters)[0], Y)",
        entries(*TWO, "W3", "b3", params="parameters", prefix="d"),
        backward="AL, caches = L_model_forward(X, parameters); grads = L_model_backward(AL, Y, caches)",
        data="multilabel",
        name="L_model_backward",
    ),
    Pass(
        "right/col_l2.py",
        "columns are samples",
        "ReLU; sigmoid + binary cross-entropy summed over K, mean over N; λ/(2N) W²",
        COLUMNS,
        "compute_cost_with_regularization(forward_propagation(X, parameters)[0], Y, parameters, 0.7)",
        entries(*TWO, params="parameters", prefix="d"),
        backward="A2, cache = forward_propagation(X, parameters); "
        "grads = backward_propagation_with_regularization(X, Y, cache, parameters, 0.7)",
        data="multilabel",
        name="backward_propagation_with_regularization",
        note="grads also holds dZ2, dA1 and dZ1; there is no function that makes the parameters",
    ),
    Pass(
        "right/col_softmax.py",
        "columns are samples",
        "ReLU; softmax over axis 0 + cross-entropy, mean over N; labels",
        "X = X.T; W1, b1, W2, b2 = init_params(I, H, K)",
        "get_loss(forward_prop(W1, b1, W2, b2, X)[-1], Y)",
        variables(*TWO),
        backward="Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X); "
        "dW1, db1, dW2, db2 = backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y)",
        step="Z1, A1, Z2, A2 = forward_prop(W1, b1, W2, b2, X); "
        "dW1, db1, dW2, db2 = backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y); "
        "W1, b1, W2, b2 = update_params(W1, b1, W2, b2, dW1, db1, dW2, db2, lr)",
        name="backward_prop",
    ),
    Pass(
        "right/col_dropout.py",
        "columns are samples",
        "tanh, dropout seeded inside; sigmoid + binary cross-entropy summed over K, mean over N",
        COLUMNS,
        "compute_cost(forward_propagation_with_dropout(X, parameters)[0], Y)",
        entries(*TWO, params="parameters", prefix="d"),
        backward="A2, cache = forward_propagation_with_dropout(X, parameters); "
        "grads = backward_propagation_with_dropout(X, Y, parameters, cache)",
        data="multilabel",
        name="backward_propagation_with_dropout",
    ),
)

LISTS = (
    Pass(
        "right/list_network_sgd.py",
        "lists of matrices",
        "sigmoid; sigmoid + ½ squared error summed over K, mean over N; one sample at a time",
        f"{SAMPLES}; net = Network([I, H, J, K])",
        "net.total_cost(data)",
        {f"net.{t}[{i}]": "" for i in range(3) for t in ("weights", "biases")},
        step="net.update_mini_batch(data, lr)",
        data="unit",
        name="Network",
        note="a mini-batch is a list of (x, y) columns",
    ),
    Pass(
        "right/list_cross_entropy.py",
        "lists of matrices",
        "sigmoid; sigmoid + binary cross-entropy summed over K, mean over N; λ/(2N) W² by shrinking the weights",
        f"{SAMPLES}; net = Network2([I, H, K])",
        "net.total_cost(data, 0.7)",
        {f"net.{t}[{i}]": "" for i in range(2) for t in ("weights", "biases")},
        step="net.update_mini_batch(data, lr, 0.7, len(data))",
        data="multilabel",
        name="Network2",
        note="the penalty is in the update, not in backprop; a mini-batch is a list of (x, y) columns",
    ),
    Pass(
        "right/list_matrix_batch.py",
        "lists of matrices",
        "ReLU twice; linear + ½ squared error summed over K, mean over N",
        "net = MLP((I, H, J, K))",
        "net.loss(X, Y)",
        {f"net.{t}[{i}]": f"{g}[{i}]" for i in range(3) for t, g in (("weights", "gw"), ("biases", "gb"))},
        backward="gw, gb = net.backprop(X, Y)",
        data="real",
        name="MLP",
    ),
)

SCALARS = (
    Pass(
        "right/scalar_loops.py",
        "scalar loops",
        "tanh; linear + squared error summed over K, mean over N; lists of numbers",
        "X, Y = X.tolist(), Y.tolist(); w1, w2 = np.ones((I, H)).tolist(), np.ones((H, K)).tolist(); "
        "b1, b2 = [0.0] * H, [0.0] * K",
        "loss(w1, b1, w2, b2, X, Y)",
        variables("w1", "b1", "w2", "b2"),
        backward="dw1, db1, dw2, db2 = gradients(w1, b1, w2, b2, X, Y)",
        data="real",
        name="gradients",
        note="takes and returns nested lists",
    ),
    Pass(
        "right/scalar_neurons.py",
        "scalar loops",
        "sigmoid; sigmoid + ½ sum of squared errors, one row",
        "row, expected = X[0].tolist(), Y[0].tolist(); network = initialize_network(I, H, K)",
        "half_squared_error(network, row, expected)",
        {f"network[{i}][{j}]['weights']": "" for i, n in ((0, 5), (1, 3)) for j in range(n)},
        step="train_row(network, row, expected, lr)",
        data="unit",
        name="train_row",
        note="neurons are dicts, the bias is the last weight, one row at a time",
    ),
    Pass(
        "right/scalar_logistic.py",
        "scalar loops",
        "no hidden layer; one sigmoid output, binary cross-entropy, mean over N",
        "w, b = np.zeros(I), 0.0",
        "cost_and_gradient(w, b, X, Y)[0]",
        variables("w", "b"),
        backward="_, dw, db = cost_and_gradient(w, b, X, Y)",
        data="flat",
        name="cost_and_gradient",
    ),
)

RIGHT = (*BOOK, *LAYERS, *NETS, *CLASSES, *FUNCTIONS, *STEPS, *COLUMN, *LISTS, *SCALARS)
