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
    "p = p - lr * g": "Against the gradient, because that way the loss falls: before, less η times the gradient.",
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
ELEMENTWISE_BACK = "What comes back, times the slope of the function at this number."
GENERIC = "The sum of the terms beside it."

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
    if trace.tensors[equation.key].symbol.after:
        return "Before, less the step that the optimizer makes of the gradient."
    return ELEMENTWISE_BACK if equation.stated.startswith("dx = dy *") else GENERIC


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
