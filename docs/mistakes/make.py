"""Writes the pages of the mistakes and their pictures: python docs/mistakes/make.py [NUMBER ...]

Words come from pages.toml, names and formulas from the catalogue, numbers from runs.py, and what `chainrule diagnose`
prints from running it; without a NUMBER also what it prints on docs/diagnose.md and README.md. The index is
written each time.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import ndiff
from pathlib import Path
from statistics import median
from textwrap import dedent

import drawing
import numpy as np
import runs
from runs import HERE, ROOT, Page, Pass, pages

from chainrule.check.rules.catalogue import OBSERVATIONS, RULES

Curves = Mapping[float, Sequence[Sequence[Sequence[float]]]]  # by rate: right and wrong, from several starts
UNSETTLED = "unsettled"
CHAOS = "Unsettled: from a start that differs by a part in 10¹⁰ it ends elsewhere."
POINTS = 60  # of a line in a chart
COMMAND = "chainrule diagnose"
INDEX = """\
# The mistakes

The mistakes that hand-written backward passes are known for, in the order in which
[`chainrule diagnose`](../diagnose.md) numbers them. Each page but the last, which is
about the check itself, has a wrong line and the right one, the gradient beside the right gradient, what training looks
like with it, and what the command prints for a whole file.

| | mistake | how it shows |
|---|---|---|
{rows}

The files are passes of the [corpus](../../tests/passes) that the command is tested on. In the pictures, positive
numbers are orange, negative ones blue, and wrong cells have a dashed outline; a bias stands below its weights, under a
line. `python docs/mistakes/make.py` writes these pages; a test compares them with what it would write.
"""


def said_by(*words: str) -> str:
    """What `chainrule diagnose` prints, with these words behind it, at the root of the repository."""
    command = [
        sys.executable,
        "-m",
        "chainrule",
        "diagnose",
        *words,
        "--seconds",
        "600",
    ]  # a busy machine prints the same
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return (done.stdout + done.stderr).rstrip()


def said_of(page: Page) -> str:
    return said_by(str(page.shown.relative_to(ROOT)))


def commands(text: str) -> list[tuple[str, str]]:
    """Each `$ chainrule diagnose …` of a page: its words, and what the page says that it prints."""
    return re.findall(rf"```console\n\$ {COMMAND} ([^\n]+)\n(.*?)```", text, re.S)


def filled(text: str) -> str:
    """A page with what its commands print."""
    for words, told in commands(text):
        shown = f"```console\n$ {COMMAND} {words}\n"
        text = text.replace(f"{shown}{told}```", f"{shown}{said_by(*words.split())}\n```")
    return text


def changes(page: Page) -> str:
    """The wrong lines with a minus, the right ones with a plus."""
    wrong, right = (dedent(lines).strip("\n").splitlines() for lines in (page.wrong, page.right))
    return "\n".join(line.rstrip() for line in ndiff(wrong, right) if line[0] != "?")


def write(page: Page, folder: Path, printed: str) -> tuple[str, str]:
    """The page and its picture, as text."""
    right = page.repaired(folder)
    shown = page.shown.relative_to(ROOT)
    both = (right, page.entry)
    curves = {rate: [runs.trainings(entry, right, rate, page.steps) for entry in both] for rate in page.rates}
    sections = [
        f"# {page.number}. {page.title}",
        page.lead.strip(),
        f"```diff\n{changes(page)}\n```",
        f"![{page.alt}](images/{page.name}.svg)",
        f"## {page.heading}\n\n{page.training.strip()}",
        *([table(page, curves)] if curves else []),
        f"## What the command says\n\nThe file is [{shown.name}](../../{shown}).",
        f"```python\n{page.shown.read_text(encoding='utf-8').strip()}\n```",
        f"```console\n$ {COMMAND} {shown}\n{printed}\n```",
        *([page.after.strip()] if page.after else []),
        *others(page.number),
        neighbours(page.number),
    ]
    return "\n\n".join(sections) + "\n", picture(page, right, curves)


def table(page: Page, curves: Curves) -> str:
    """The loss at the end, by learning rate."""
    rates = " | ".join(f"rate {rate:g}" for rate in curves)
    rows = [
        f"| {name} | " + " | ".join(end(losses[n]) for losses in curves.values()) + " |"
        for n, name in enumerate(("right", "wrong"))
    ]
    start = next(iter(curves.values()))[0][0][0]
    before = f"The loss after {page.steps} steps from the same start, where it is {digits(start)}:"
    after = f"\n\n{CHAOS}" if any(UNSETTLED in row for row in rows) else ""
    return f"{before}\n\n| | {rates} |\n|---|{'---|' * len(curves)}\n" + "\n".join(rows) + after


def end(trainings: Sequence[Sequence[float]]) -> str:
    """The last loss, with three digits or two where the trainings end near each other, or that there is none."""
    last = [losses[-1] for losses in trainings]
    gone = [not loss < runs.HOPELESS for loss in last]
    if all(gone) and len({len(losses) for losses in trainings}) == 1:
        return f"diverges (step {len(trainings[0]) - 1})"
    if any(gone) or max(last) - min(last) > 0.1 * max(last):
        return UNSETTLED
    return digits(last[0]) if max(last) - min(last) < 1e-3 * max(last) else f"≈ {digits(median(last), 2)}"


def digits(value: float, many: int = 3) -> str:
    return f"{value:#.{many}g}".rstrip(".")


def others(number: int) -> list[str]:
    """Every form of this mistake that the catalogue knows, once for each formula."""
    found = {rule.formula: rule for rule in reversed([*RULES, *OBSERVATIONS]) if rule.mistake == number}
    rules = list(reversed(found.values()))
    if len(rules) < 2:
        return []
    rights = Counter(rule.right for rule in rules)
    common, many = rights.most_common(1)[0]
    shared = many > 3 and many >= len(rules) - 1  # said once for many, where at most one row differs
    said = f" Right is {common}{', but for one' if len(rights) > 1 else ''}." if shared or len(rights) == 1 else ""
    belongs = {right: "" if shared and right == common else right for right in rights}
    rows = [(rule.name, rule.formula, *([belongs[rule.right]] if len(rights) > 1 else [])) for rule in rules]
    heads = ["", "stands there", *(["belongs there"] if len(rights) > 1 else [])]
    lines = [heads, ["---"] * len(heads), *([cell.replace("|", r"\|") for cell in row] for row in rows)]
    shown = "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("*", r"\*")
    return ["## Forms that are known", f"⟦…⟧ marks what is wrong.{said}", shown]


def neighbours(number: int) -> str:
    """Links to the page before, the index and the page after."""
    known = {page.number: page for page in pages()}
    ends = [f"[← {known[number - 1].title}]({known[number - 1].name}.md)"] if number - 1 in known else []
    ends += ["[all](README.md)"]
    ends += [f"[{known[number + 1].title} →]({known[number + 1].name}.md)"] if number + 1 in known else []
    return " · ".join(ends)


def picture(page: Page, right: Pass, curves: Curves) -> str:
    if page.kind == "check":
        return check_picture(page)
    names = ("right", "yours")
    if page.kind == "moves":
        first = [runs.moves(entry, 6, 5) for entry in (right, page.entry)]
        figures = [("step ÷ rate: steps 1 to 6 of five weights", *first, 0)]
    else:
        first_call = runs.replace(page, kind="gradients") if page.kind == "again" else page
        figures = runs.figures(page, runs.gradients(first_call, right), runs.gradients(page, page.entry))
        names = ("right", "yours, second call") if page.kind == "again" else names
    parts, width, height = drawing.lanes(figures, names)
    rate = page.rates[len(page.rates) // 2]
    lines = {name: sampled(trained[0]) for name, trained in zip(("right", "yours"), curves[rate])}
    parts += drawing.chart(width + 24, 46, "loss", f"{page.steps} steps at rate {rate:g}", lines)
    return drawing.picture(parts, width + 24 + drawing.CHART[0] + 18, max(height, drawing.CHART[1] + 94), page.alt)


def sampled(losses: Sequence[float]) -> list[tuple[float, float]]:
    """Some of the points, the first and the last among them."""
    every = max(1, (len(losses) - 1) // POINTS)
    kept = [*range(0, len(losses) - 1, every), len(losses) - 1]
    return [(float(step), losses[step]) for step in kept if losses[step] < runs.HOPELESS]


def check_picture(page: Page) -> str:
    steps = [10.0**-k for k in np.arange(1, 14.25, 0.5)]
    lines = {name: runs.check_errors(kind, steps) for name, kind in (("float64", np.float64), ("float32", np.float32))}
    lines = {name: [(-h, min(error, 1.0)) for h, error in line] for name, line in lines.items()}  # 1: no digit is right
    title, under = "worst relative error of central differences", "h from 0.1 (left) to 1e−14"
    parts = drawing.chart(24, 46, title, under, lines, (1e-10, 1.0))
    return drawing.picture(parts, drawing.CHART[0] + 60, drawing.CHART[1] + 94, page.alt)


def index() -> str:
    rows = [f"| {page.number} | [{page.title}]({page.name}.md) | {page.short} |" for page in pages()]
    return INDEX.format(rows="\n".join(rows))


if __name__ == "__main__":
    asked = {int(word) for word in sys.argv[1:]}
    for other in () if asked else (ROOT / "README.md", ROOT / "docs" / "diagnose.md"):
        other.write_text(filled(other.read_text(encoding="utf-8")), encoding="utf-8")
    (HERE / "README.md").write_text(index(), encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        for one in pages():
            if not asked or one.number in asked:
                text, image = write(one, Path(temporary), said_of(one))
                (HERE / f"{one.name}.md").write_text(text, encoding="utf-8")
                (HERE / "images" / f"{one.name}.svg").write_text(image, encoding="utf-8")
                print(one.name)
