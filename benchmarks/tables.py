"""Tables for a terminal or for a page."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from peers import Peer, cores


def table(rows: Sequence[Sequence[str]], *, markdown: bool = False) -> str:
    """The first row is the header; the first column is text, the others are numbers."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        for row in rows
    ]
    if not markdown:
        return "\n".join("  ".join(line).rstrip() for line in lines)
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def machine(peers: Mapping[str, Peer]) -> str:
    """The machine and the versions of everyone who is installed; then who is not."""
    versions = {name: text for peer in peers.values() if peer.available() for name, text in peer.versions().items()}
    with suppress(PackageNotFoundError):
        versions["onnxruntime"] = version("onnxruntime")
    missing = {package for peer in peers.values() if not peer.available() for package in peer.packages}
    lines = [
        f"{processor()}, {cores()} cores, as many threads for everyone; {platform.system()} {platform.machine()}",
        f"Python {sys.version.split()[0]}, " + ", ".join(f"{name} {text}" for name, text in versions.items()),
    ]
    if missing:
        lines.append(f"not installed: {', '.join(sorted(missing))}")
    return "\n".join(lines)
