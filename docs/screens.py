"""Draws the pictures of docs/explain.md and writes docs/step.html: python docs/screens.py (playwright, chromium)"""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from chainrule.explain import explain
from chainrule.explain.exercise import LECTURE, Exercise, parse_exercise, read_exercise
from chainrule.explain.worksheet import Sheet, page

ROOT = Path(__file__).parent
WIDE, NARROW, PAPER = (1280, 720), (640, 860), (760, 1040)


def written(exercise: Exercise, path: Path) -> Path:
    explain(exercise.net, exercise.X, exercise.y, exercise.optimizer, title=exercise.title).save(path)
    return path


if __name__ == "__main__":
    lecture, example = parse_exercise(LECTURE), read_exercise(ROOT.parent / "examples" / "step.toml")
    step = written(lecture, ROOT / "step.html")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        other = written(example, Path(folder) / "other.html")
        sheet = Path(folder) / "sheet.html"
        sheet.write_text(page([Sheet.make(lecture)], solved=False), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for name, file, address, size, scheme in (
            ("explain-first", step, "", WIDE, "light"),
            ("explain-why", step, "#dW1.0.1", WIDE, "light"),
            ("explain-all", other, "#all", WIDE, "light"),
            ("explain-dark", other, "#dx.2.1", WIDE, "dark"),
            ("explain-narrow", other, "#dW2.1.0", NARROW, "light"),
            ("worksheet", sheet, "", PAPER, "light"),
        ):
            shown = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
            shown.goto(f"{file.as_uri()}{address}")
            shown.wait_for_timeout(300)
            shown.screenshot(path=ROOT / "images" / f"{name}.png")
            shown.close()
        browser.close()
