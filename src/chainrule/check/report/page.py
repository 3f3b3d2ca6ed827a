"""A diagnosis as a page: the step of their network, with their gradients as a lane of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from chainrule.check.probing.probes import CHECKER
from chainrule.check.report.as_network import as_gradients, network_of
from chainrule.check.report.words import headline
from chainrule.errors import InputError
from chainrule.explain import Page, render
from chainrule.explain.trace import trace_step
from chainrule.optimizers import SGD

if TYPE_CHECKING:
    from chainrule.check.report.diagnosis import Diagnosis

OUTLINES = "--html: the page outlines wrong cells, which is hint 1; ask for that or more"


def page_of(d: Diagnosis, hint: int = 4) -> Page:
    """The page; its header says as much as `hint` allows. InputError where no network of ours computes the same."""
    if d.spec is None or d.small is None:
        raise InputError(f"no page for {d.subject}: {_why(d)}")
    try:
        net = network_of(d.spec, d.small)
    except InputError as error:
        raise InputError(f"no page for {d.subject}: {error}") from None
    if hint < 1:
        raise InputError(OUTLINES)
    trace = trace_step(net, d.small.X, d.small.t, _update(d), title=f"One step of {d.subject}")
    return Page(render(trace, as_gradients(dict(d.small.grads), net), headline(d, hint), tell=hint >= 3), trace)


def _update(d: Diagnosis) -> SGD:
    """Their rate, where it is known or was found."""
    return SGD(float(f"{d.rate:.9g}")) if d.rate is not None and 0 < d.rate < math.inf else SGD()


def _why(d: Diagnosis) -> str:
    """Why there is no step to show."""
    if d.probes == (CHECKER,):
        return "it makes no training step that could be shown"
    if d.spec is None:
        return "no network known here gives its loss, and every number of the page is explained by one"
    return "on a few rows with short numbers it gives no gradient"
