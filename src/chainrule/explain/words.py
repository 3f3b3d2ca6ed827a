"""Why a number is what it is, in a sentence. {row} and {column} are filled in with the names of the cell's axes."""

from __future__ import annotations

from chainrule.explain.trace import Equation, Step, Trace

CELLS: dict[str, str | tuple[str, str]] = {  # by the line a layer states; of two sentences the second is for a 0
    "y = x @ W + b": (
        "What {column} gets for {row}, added up: every input times the weight that leads from it to here, and the bias."
    ),
    "dW = x.T @ dy": (
        "This weight carries {row} into {column}, once for every row of the batch. Each row asks for "
        "its own change, its input times the gradient of what it fed; the gradient is the sum of what they "
        "ask for."
    ),
    "db = dy.sum(axis=0)": (
        "This bias is added to {column} for every row, with factor 1. What remains of the sum over "
        "the rows is the column of gradients."
    ),
    "dx = dy @ W.T": (
        "This number feeds every unit of the next layer, each through another weight, so it answers for "
        "all of them: one term for each unit."
    ),
    "y = np.maximum(x, 0)": (
        "The number is positive, so ReLU passes it on as it is: open.",
        "The number is not positive, so ReLU passes on 0: shut.",
    ),
    "dx = dy * (x > 0)": (
        "The unit was open for this row, so the gradient passes through unchanged.",
        "The unit was shut for this row: moving its number a little does not change the loss, so the gradient is 0.",
    ),
    "y = x * mask": (
        "Dropout kept this number and scaled it by 1/keep.",
        "Dropout set this number to 0.",
    ),
    "dx = dy * mask": (
        "The number was kept, so its gradient passes, scaled in the same way.",
        "The number was dropped, so it cannot change the loss.",
    ),
    "centred = x - x.mean(axis=1, keepdims=True)": "The number less the mean of its row.",
    "rstd = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + epsilon)": (
        "One over the standard deviation of the row; ε keeps it finite."
    ),
    "xhat = centred * rstd": "The number in standard deviations of its row.",
    "y = xhat * gamma + beta": "Scaled by this column's γ and shifted by its β.",
    "dgamma = (dy * xhat).sum(axis=0)": "γ multiplies this column in every row: one term for each.",
    "dbeta = dy.sum(axis=0)": "β is added to this column in every row, with factor 1.",
    "dxhat = dy * gamma": "The gradient comes back through the scaling.",
    "dx = rstd * (dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=1, keepdims=True))": (
        "The number acts in three ways: directly, through the mean of its row, and through the row's variance."
    ),
    "y = softmax(x)": "e to the number, over the sum of such powers along the row.",
    "dx = y * (dy - (dy * y).sum(axis=1, keepdims=True))": (
        "Every output of the row depends on this number, so all their gradients enter: the whole "
        "Jacobian, not its diagonal."
    ),
    "y = np.where(x > 0, x, slope * x)": "A positive number passes as it is, a negative one times the slope.",
    "dx = dy * np.where(x > 0, 1, slope)": (
        "What comes back, unchanged where the number was positive, else times the slope: never quite shut."
    ),
    "y = np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))": (
        "A positive number passes as it is; a negative one bends towards −α and never gets below."
    ),
    "dx = dy * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))": (
        "What comes back, unchanged where the number was positive; else times the slope α·eˣ, which dies away below 0."
    ),
    "y = scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))": (
        "A positive number times the scale; a negative one bends towards −scale·α. The two constants keep mean and "
        "variance from layer to layer."
    ),
    "dx = dy * scale * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))": (
        "What comes back, times the scale; where the number was negative also times α·eˣ, which dies away."
    ),
    "phi = (1 + erf(x / sqrt(2))) / 2": "The share of a normal distribution that lies below this number.",
    "y = x * phi": "The number times Φ, the share that lies below it: large ones pass, very negative ones become 0.",
    "dx = dy * (phi + x * np.exp(-(x**2) / 2) / sqrt(2 * pi))": (
        "What comes back, times the slope of x·Φ(x). By the product rule: Φ, and x times the bell curve, Φ's slope."
    ),
    "t = np.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3))": "A tanh that comes close to 2Φ − 1 and needs no erf.",
    "y = x * (1 + t) / 2": "The number times (1 + t)/2, which rises from 0 to 1: GELU by way of tanh.",
    "du = sqrt(2 / pi) * (1 + 3 * 0.044715 * x**2)": "The slope of what stands inside the tanh.",
    "dx = dy * ((1 + t) + x * (1 - t**2) * du) / 2": (
        "What comes back, times the slope of x·(1 + t)/2. By the product rule: (1 + t)/2, and x times the slope of the "
        "tanh, 1 − t², times that of what is inside it."
    ),
    "s = sigmoid(x)": "The gate of this number, between 0 and 1.",
    "y = x * s": "The number times its own gate: large ones pass, very negative ones become 0.",
    "dx = dy * (s + y * (1 - s))": (
        "What comes back, times the slope of x·σ(x). By the product rule: the gate s, and x times its slope s·(1 − s)."
    ),
    "t = np.tanh(softplus(x))": "The gate of this number: the tanh of its softplus, between 0 and 1.",
    "y = x * t": "The number times its own gate: large ones pass, very negative ones become 0.",
    "dx = dy * (t + x * (1 - t**2) * sigmoid(x))": (
        "What comes back, times the slope of x·t(x). By the product rule: the gate t, and x times its slope, which is "
        "1 − t² times that of softplus, σ(x)."
    ),
    "y = softplus(x)": "log(1 + eˣ): a ReLU without its corner.",
    "dx = dy * sigmoid(x)": "What comes back, times the slope of softplus, which is σ(x): a gate that opens smoothly.",
    "y = np.tanh(x)": "The number squeezed between −1 and 1.",
    "dx = dy * (1 - y**2)": (
        "What comes back, times the slope of tanh, 1 − y²: near −1 and 1 the unit is saturated, and little passes."
    ),
    "y = 1 / (1 + np.exp(-x))": "The number squeezed between 0 and 1.",
    "dx = dy * y * (1 - y)": (
        "What comes back, times the slope of the sigmoid, y·(1 − y): at most a quarter, and little near 0 and 1."
    ),
    "e = z - t": "How far the output is above its target.",
    "e = t - z": "How far the output is below its target.",
    "q = (1 - smoothing) * one_hot(t, z.shape[1]) + smoothing / z.shape[1]": (
        "The target with a part of its 1 shared among all classes, so that no output has to become infinite."
    ),
    "p = p - lr * g": "Against the gradient, because that way the loss falls: before, less η times the gradient.",
}
MOVES: dict[str, str] = {  # by the line an optimizer states
    "g = g * clip_norm / norm": "All gradients together were longer than the limit: each is shortened alike.",
    "p = p - lr * weight_decay * p": "Every weight first shrinks by the share η·λ of itself.",
    "v = momentum * v + g": "The velocity: what is left of the last one, and the gradient.",
    "v = momentum * v - lr * g": "The velocity: what is left of the last one, less η times the gradient.",
    "p = p - lr * v": "Before, less η times the velocity: the way of the last gradients goes on.",
    "p = p - lr * g - lr * momentum * v": "Before, less η times the gradient, and the velocity's next step.",
    "p = p + v": "Before, plus the velocity.",
    "p = p + momentum * v - lr * g": "Before, plus the step that the velocity would make next: a look ahead.",
    "c = c + g**2": "The squares of all gradients so far. It only grows, so steps get shorter.",
    "c = rho * c + (1 - rho) * g**2": "The running mean of the gradients' squares: the last ones count most.",
    "m = beta1 * m + (1 - beta1) * g": "The running mean of the gradients: the last ones count most.",
    "v = beta2 * v + (1 - beta2) * g**2": "The running mean of the gradients' squares: how large they usually are.",
    "p = p - lr * g / (np.sqrt(c) + epsilon)": (
        "Before, less η times the gradient over the root of c: steep directions are walked as carefully as flat ones."
    ),
    "p = p - lr * m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + epsilon)": (
        "Before, less η times the mean gradient over its usual size. Both means started at 0: 1 − βᵗ makes up for it."
    ),
    "p = p - lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + epsilon)": (
        "Before, less η times the mean gradient over its usual size; the factor makes up for means that started at 0."
    ),
}
KEYS = {
    "p": "What the network predicts for {row}: e to the number, over the sum of such powers along the row.",
    "l": "How wrong the prediction is for {row}.",
    "L": "The loss is the mean over the rows: add up, then divide by N. Penalties on the weights come on top.",
    "dl": "Prediction less target: how the row's own loss changes with this number.",
}
DIVISION = (
    "{own} over N: the loss is a mean over N rows, so each row's error counts 1/N. This is the only division by N in "
    "the step."
)
BACK = "What comes back, times the slope of the function at this number."
MOVED = "Before, less the step that the optimizer makes of the gradient."
GENERIC = "What the line of the source gives here."

STEPS = {
    "start": (
        "Inputs, weights and targets are given. Everything else follows from them, one figure at a time: "
        "values from left to right, gradients back, and then the weights move."
    ),
    "p": "Outputs become predictions.",
    "l": "Prediction meets target, row by row.",
    "L": "One number for the whole batch: this is what training makes smaller.",
    "dl": "How each row's own loss changes with the outputs. Before the mean is taken, every row stands for itself.",
    "division": (
        "The loss is the mean over the rows, so their gradients are divided by N. It happens here and nowhere else."
    ),
    "update": "Each parameter moves against its gradient.",
}
LINES = {
    "y = x @ W + b": "Every row of the batch meets every unit: inputs times weights, added up, plus the bias.",
    "dW = x.T @ dy": (
        "For each weight: the inputs it was multiplied with, times the gradients of what it produced, "
        "added up over the rows. The rows have to be on the inside of the product, hence the transpose."
    ),
    "db = dy.sum(axis=0)": "The bias was added to every row, so its gradient is the column sum.",
    "dx = dy @ W.T": (
        "Each input fed every unit, so it collects one term from each of them. The layer before receives this."
    ),
    "y = np.maximum(x, 0)": "Entry by entry: positive numbers pass, the others become 0.",
    "dx = dy * (x > 0)": "Entry by entry: the gradient passes where the number was positive, and stops elsewhere.",
}


TITLES = {  # of a stop, by the line it shows
    "y = x @ W + b": "{layer}: weighted sums",
    "dW = x.T @ dy": "{layer}: gradient of the weights",
    "db = dy.sum(axis=0)": "{layer}: gradient of the biases",
    "dx = dy @ W.T": "{layer}: gradient of its inputs",
    "y = xhat * gamma + beta": "{layer}: scale and shift",
}


def layer_title(stated: str, layer: str) -> str:
    """What a stop at a layer is called."""
    known = TITLES.get(stated)
    if known:
        return known.format(layer=layer)
    name = stated.partition(" = ")[0]
    if name == "y":
        return f"Through {layer}"
    return f"Back through {layer}" if name == "dx" else f"{layer}: {name}"


def cell_words(equation: Equation, trace: Trace) -> str | tuple[str, str]:
    """The sentence for a cell of the equation."""
    if equation.key in KEYS:
        words = KEYS[equation.key]
        if equation.key == "p" and "softmax" not in equation.text:
            words = "What the network predicts for {row}, from this output."
        if equation.key == "L" and not equation.text.startswith("l.sum() / n"):
            words = "The loss is the sum over the rows, not their mean. Penalties on the weights come on top."
        if equation.key == "dl" and equation.text != "p - t":
            words = "How the row's own loss changes with this number, before the mean over the rows is taken."
        return words
    if trace.divides_by_n(equation):
        own = "Prediction less target" if trace.equations["dl"].text == "p - t" else "The row's own gradient"
        return DIVISION.replace("{own}", own)
    if equation.stated in CELLS:
        return CELLS[equation.stated]
    if equation.stated in MOVES:
        return MOVES[equation.stated]
    if trace.tensors[equation.key].symbol.after:
        return MOVED
    return BACK if equation.stated.startswith("dx = dy *") else GENERIC


def step_words(step: Step, trace: Trace) -> str:
    """What happens at a stop of the walk."""
    if step.key in STEPS:
        return STEPS[step.key]
    if step.phase == "update":
        return STEPS["update"]
    equation = trace.equations.get(step.key)
    if equation is None:
        return "This layer states no equation for it."
    if trace.divides_by_n(equation):
        return STEPS["division"]
    if equation.stated in LINES:
        return LINES[equation.stated]
    words = cell_words(equation, trace)
    return words if isinstance(words, str) else words[0]
