"""Draws docs/images/train.svg from a real run of `chainrule train`: python docs/picture.py"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 116
ROOT = Path(__file__).parent

if __name__ == "__main__":
    # one stream, so that the progress bar stands where a terminal shows it
    command = [sys.executable, "-m", "chainrule", "train"]
    terminal = os.environ | {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            command, cwd=folder, env=terminal, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
        )
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print("[bold green]$[/bold green] chainrule train")
    console.print(Text.from_ansi(done.stdout.decode()))
    console.save_svg(str(ROOT / "images" / "train.svg"), title="chainrule train")
