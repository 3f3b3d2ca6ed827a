"""What the tests of pages in a browser share: steps to show, and how to find a cell."""

import numpy as np

import chainrule as cr
from chainrule.check.catalogue import data_for, example, network_with
from chainrule.explain import trace_step
from chainrule.explain.exercise import LECTURE, parse_exercise

EXAMPLES = [example(kind) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under = [255, 255, 255]) => {
    canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (e) => (e ? rgb(getComputedStyle(e).backgroundColor, ground(e.parentElement)) : [255, 255, 255]);
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || e.closest(".sr, button:disabled, script, style")) continue;
    const under = ground(e), a = light(rgb(getComputedStyle(e).color, under)), b = light(under);
    const text = `${e.tagName} ${e.className} ${e.textContent.slice(0, 20)}`;
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text]);
  }
  return found;
}"""


def lecture_trace():
    exercise = parse_exercise(LECTURE)
    return trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer, exercise.title)


def small_trace():
    """The 3-4-2 step."""
    rng = np.random.default_rng(3)
    net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3, dtype=np.float64)
    return trace_step(net, rng.normal(size=(4, 3)).round(1), [0, 1, 1, 0], cr.SGD(lr=0.5))


def step_with(part, optimizer=None):
    """A step of a network with this layer or loss."""
    net = network_with(part)
    return trace_step(net, *data_for(net.loss), optimizer)


def one_row_trace():
    net = cr.Network([cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    net["W1"][...] = [[0.2, 0.8], [-0.9, 0.3]]
    return trace_step(net, np.array([[0.5, -1.0]]), [1], cr.SGD(lr=0.5))


def cell(page, key, i, j):
    return page.locator(f'td[data-key="{key}"][data-i="{i}"][data-j="{j}"]').first


def address(page):
    return page.evaluate("location.hash")


def shown_terms(page):
    numbers = page.locator("#why .terms .n").all_inner_texts()
    return [float(number.replace("−", "-")) for number in numbers], numbers
