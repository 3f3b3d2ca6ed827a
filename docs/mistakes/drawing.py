"""Small SVG pictures: arrays as heat maps, right beside yours with the wrong cells outlined, and lines of a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, isfinite, log10

import numpy as np

Array = np.ndarray
CELL, ROW, GAP = 54, 22, 2
LEFT, BETWEEN = 16, 34
CHART = (250, 170)
TOLD = 1e-9  # of a cell: less is rounding
# The colours of the explain page. The card has a background of its own, so that it reads on any page.
STYLE = """
svg{color-scheme:light dark;font-family:"Segoe UI",Roboto,"Helvetica Neue","Liberation Sans",sans-serif;font-size:12px}
.card{fill:#fbfaf7;stroke:#d8d5cc}.k{fill:#f3f1eb}.n{fill:#1c1c1f;text-anchor:end;font-variant-numeric:tabular-nums}
.h{fill:#1c1c1f;font-weight:600}.s{fill:#5d5d64}.e{text-anchor:end}.m{text-anchor:middle}.r{stroke:#5d5d64;stroke-width:1}
.p{fill:#d2691e}.q{fill:#2f6fb7}.w{fill:none;stroke:#b3123a;stroke-width:2;stroke-dasharray:4 2}.a{stroke:#d8d5cc}
.l{fill:none;stroke-width:2}.l0{stroke:#0e7a64}.l1{stroke:#b3123a}.t0{fill:#0e7a64}.t1{fill:#b3123a}
@media(prefers-color-scheme:dark){.card{fill:#141518;stroke:#35373e}.k{fill:#1f2126}.n,.h{fill:#eeeef0}.s{fill:#a5a5ae}
.r{stroke:#a5a5ae}.p{fill:#d9773a}.q{fill:#4d8fdc}.w{stroke:#ff7a98}.a{stroke:#35373e}
.l0{stroke:#58cdb4}.l1{stroke:#ff7a98}.t0{fill:#58cdb4}.t1{fill:#ff7a98}}
""".replace("\n", "")


def wrong_cells(right: Array, yours: Array) -> Array:
    """Where yours is not right; everywhere where it has another shape."""
    if right.shape != yours.shape:
        return np.ones(yours.shape, bool)
    largest = max(abs(right).max(initial=0.0), abs(yours).max(initial=0.0))
    return abs(yours - right) > TOLD * np.maximum(abs(yours), abs(right)) + 1e-13 * largest


def decimals(largest: float) -> int:
    """So many that the largest has three digits."""
    return max(0, 2 - floor(log10(largest))) if largest else 0


def number(value: float, places: int) -> str:
    """With a minus as wide as a plus, and no −0."""
    text = f"{value:.{places}f}"
    return text.lstrip("-") if not float(text) else text.replace("-", "−")


def heat(x: float, y: float, array: Array, outlined: Array, scale: float, places: int, rule: int) -> list[str]:
    """The cells of a matrix; `rule` rows of it stand under a thin line: the bias."""
    parts = []
    for i, j in np.ndindex(array.shape):
        below = i >= len(array) - rule
        left, top = x + j * (CELL + GAP), y + i * (ROW + GAP) + (4 if below else 0)
        value = float(array[i, j])
        box = f'href="#c" x="{left}" y="{top}"'
        parts.append(f'<use class="k" {box}/>')
        share = min(abs(value), scale) / scale * 0.46 if isfinite(value) and scale else 0
        if share >= 0.005:
            parts.append(f'<use class="{"p" if value > 0 else "q"}" {box} opacity="{share:.2f}"/>')
        if outlined[i, j]:
            parts.append(f'<use class="w" href="#o" x="{left}" y="{top}"/>')
        parts.append(f'<text class="n" x="{left + CELL - 5}" y="{top + 15}">{number(value, places)}</text>')
    if rule:
        line = y + (len(array) - rule) * (ROW + GAP) + 1
        parts.append(f'<path class="r" d="M{x} {line}h{width_of(array) - GAP}"/>')
    return parts


def width_of(array: Array) -> int:
    return array.shape[1] * (CELL + GAP)


def height_of(array: Array, rule: int) -> int:
    return len(array) * (ROW + GAP) + (4 if rule else 0)


def lanes(figures: Sequence[tuple[str, Array, Array, int]], names: tuple[str, str]) -> tuple[list[str], int, int]:
    """(title, right, yours, rows of the bias) one below the other, right on the left; parts, width and height."""
    second = LEFT + max(width_of(right) for _, right, _, _ in figures) + BETWEEN
    parts = [
        f'<text class="h t{n}" x="{(LEFT, second)[n]}" y="24">{escape(name)}</text>' for n, name in enumerate(names)
    ]
    y = 34
    for title, right, yours, rule in figures:
        scale = float(abs(right).max(initial=0.0)) or 1.0
        places = decimals(scale)
        parts += [f'<text class="s" x="{x}" y="{y + 13}">{escape(title)}</text>' for x in (LEFT, second)]
        parts += heat(LEFT, y + 20, right, np.zeros(right.shape, bool), scale, places, rule)
        parts += heat(second, y + 20, yours, wrong_cells(right, yours), scale, places, rule)
        y += 26 + max(height_of(right, rule), height_of(yours, rule)) + 8
    return parts, second + max(width_of(yours) for _, _, yours, _ in figures), y


def chart(
    x: float,
    y: float,
    title: str,
    under: str,
    lines: Mapping[str, Sequence[tuple[float, float]]],
    ends: tuple[float, float] | None = None,
) -> list[str]:
    """Lines over a logarithmic axis from `ends` or what is there; x as given. A name beside each line's end."""
    width, height = CHART
    values = ends or [v for line in lines.values() for _, v in line if isfinite(v) and v > 0]
    low, high = log10(min(values)), log10(max(values))
    high = max(high, low + 0.1)
    first = min(a for line in lines.values() for a, _ in line)
    last = max(a for line in lines.values() for a, _ in line)

    def at(a: float, v: float) -> str:
        across, down = (a - first) / (last - first), (high - log10(v)) / (high - low)
        return f"{x + 44 + across * (width - 44):.1f} {y + down * height:.1f}"

    parts = [f'<text class="h" x="{x}" y="{y - 22}">{escape(title)}</text>']
    for v in (10**low, 10**high):
        at_y = at(first, v).split()[1]
        parts += [
            f'<path class="a" d="M{x + 44} {at_y}H{x + width}"/>',
            f'<text class="s e" x="{x + 40}" y="{float(at_y) + 4:.1f}">{tick(v)}</text>',
        ]
    for n, (name, line) in enumerate(lines.items()):
        path = "L".join(at(a, v) for a, v in line if isfinite(v) and v > 0)
        parts.append(f'<path class="l l{n}" d="M{path}"/>')
        parts.append(f'<text class="t{n}" x="{x + 44 + 90 * n}" y="{y + height + 34}">{escape(name)}</text>')
    return [*parts, f'<text class="s" x="{x + 44}" y="{y + height + 17}">{escape(under)}</text>']


def tick(value: float) -> str:
    if 100 <= value < 1e4:
        return f"{value:.0f}"
    if 1e-3 <= value < 100:
        return f"{value:.2g}"
    digits, power = f"{value:.0e}".split("e")
    return f"{digits}e{int(power)}".replace("-", "−")


def picture(parts: Sequence[str], width: float, height: float, said: str) -> str:
    """One SVG on a card, with what it shows as its title."""
    size = f'width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" {size} role="img">'
        f"<title>{escape(said)}</title><style>{STYLE}</style><defs>"
        f'<rect id="c" width="{CELL}" height="{ROW}" rx="3"/>'
        f'<rect id="o" x="1" y="1" width="{CELL - 2}" height="{ROW - 2}" rx="3"/></defs>'
        f'<rect class="card" x=".5" y=".5" width="{width - 1:g}" height="{height - 1:g}" rx="8"/>'
        f"{''.join(parts)}</svg>\n"
    )
