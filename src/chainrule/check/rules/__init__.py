"""The catalogue of mistakes. A rule of your own is one object: see `rule`, and `add` it.

`rule` says what a rule is, `lines` are parts of wrong lines, and each `mistakes_*` holds the rules of some numbers;
what is no line of the pass is an observation, in `observed_*`. `catalogue` is all of them. A `case` is what their
code gave beside a reference: rules are tried on it, by `search` alone or in pairs. `permuted` solves for an order of
the targets.
"""

from chainrule.check.rules.rule import Observation, Rule, add

__all__ = ["Observation", "Rule", "add"]
