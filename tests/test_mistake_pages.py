"""The pages of the mistakes are what their script writes: words, names, numbers, pictures, and what is printed."""

import inspect
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.check.rules.catalogue import OBSERVATIONS, RULES
from chainrule.cli_diagnose import diagnose_command
from passes.adapters import Run, distance, numeric, start
from passes.catalogue import BY_FILE

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "mistakes"
sys.path.insert(0, str(FOLDER))
import make  # noqa: E402 - a script, and no package
from runs import Page, pages  # noqa: E402

LINKED = [FOLDER / "README.md", ROOT / "docs" / "diagnose.md", *sorted(FOLDER.glob("[0-9]*.md"))]
PAGES = {page.number: page for page in pages()}
NUMBER = re.compile(r"(?:(?<![\w.])|(?<=[ML]))[-−]?\d+(?:\.\d+)?(?:e[-+−]?\d+)?")
ROUNDING = 4.0  # pixels, in the picture of it: less than a factor of two
NOTHING = 1e-11  # an error of rounding, of which no two machines have the same
SETTLED = re.compile(r"^ *\S+ +\S+ +[\d×]+ +\d\.\de-1\d .*$", re.M)  # a row of a tensor that is right


def alike(written: str, again: str, within: float = 0.0) -> bool:
    """Equal but for spaces and the last digit of each number with a fraction, or for `within`."""
    texts = [SETTLED.sub("", text) for text in (written, again)]
    if len({" ".join(NUMBER.sub("#", text).split()) for text in texts}) > 1:
        return False
    return all(_near(a, b, within) for a, b in zip(*(NUMBER.findall(text) for text in texts)))


def _near(a: str, b: str, within: float) -> bool:
    x, y = (float(text.replace("−", "-")) for text in (a, b))
    mantissa, _, power = a.partition("e")
    digit = 10.0 ** (int(power.replace("−", "-") or 0) - len(mantissa.partition(".")[2])) if "." in mantissa else 0
    return abs(x - y) <= max(1.01 * digit, within if "." in a else 0) + (NOTHING if power or "e" in b else 0)


def printed_on(text: str) -> str:
    """What a page says that the command prints."""
    return re.search(r"```console\n\$ [^\n]+\n(.*?)\n```", text, re.S).group(1)


def on_disk(page: Page) -> str:
    return (FOLDER / f"{page.name}.md").read_text(encoding="utf-8")


def picture_of(page: Page) -> str:
    return (FOLDER / "images" / f"{page.name}.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", PAGES)
def test_a_page_is_what_its_script_writes(number: int, tmp_path: Path) -> None:
    page = PAGES[number]
    text, image = make.write(page, tmp_path, printed_on(on_disk(page)))
    assert alike(on_disk(page), text), "run docs/mistakes/make.py"
    assert alike(picture_of(page), image, ROUNDING if page.kind == "check" else 0.0)
    assert len(image) < 25_000


@pytest.mark.slow
@pytest.mark.parametrize("number", PAGES)
def test_a_page_shows_what_the_command_prints(number: int) -> None:
    assert alike(printed_on(on_disk(PAGES[number])), make.said_of(PAGES[number])), "run docs/mistakes/make.py"


def test_another_word_digit_or_cell_is_noticed(tmp_path: Path) -> None:
    page = PAGES[6]
    text, image = make.write(page, tmp_path, printed_on(on_disk(page)))
    assert alike(text, text.replace("  ", " "))
    for old, new in (("bias", "weight"), ("−0.291", "−0.391"), ('class="w"', 'class="k"')):
        assert old in image + text
        assert not (alike(image, image.replace(old, new, 1)) and alike(text, text.replace(old, new, 1)))
    table = "W1  dW1  5×4  1.2e+00  [0, 3]  -0.00402157  0.0188295"
    assert not alike(table, table.replace("0.0188295", "0.0198295"))
    assert not alike(table, table.replace("5×4", "5×3"))
    assert alike("W1  dW1  5×4  3.2e-16  [0, 3]  0.1  0.1", "W1  dW1  5×4  1.1e-16  [4, 3]  0.2  0.2")


def test_another_curve_of_rounding_is_noticed() -> None:
    image = picture_of(PAGES[18])
    first, second = re.findall(r'd="(M[^"]*L[^"]*)"', image)
    assert not alike(image, image.replace(second, first), ROUNDING)


@pytest.mark.parametrize("number", [number for number, page in PAGES.items() if page.kind != "check"])
def test_the_right_lines_make_the_pass_right(number: int, tmp_path: Path) -> None:
    """The file with its wrong lines replaced has the gradient that the differences of its loss have."""
    entry = PAGES[number].repaired(tmp_path)
    values = start(entry)
    assert distance(numeric(entry, values), Run(entry, values).gradients()) <= entry.tolerance


def test_the_check_with_right_lines_rejects_what_the_wrong_one_accepts(tmp_path: Path) -> None:
    page = PAGES[18]
    right = page.repaired(tmp_path)
    assert Run(page.entry).value(page.entry.loss)
    assert not Run(right).value(right.loss)
    assert Run(replace(right, make=BY_FILE["right/checker_central.py"].make)).value(right.loss)


def test_every_mistake_has_a_page_and_the_index_leads_to_it() -> None:
    assert list(PAGES) == list(range(1, 19))
    assert {rule.mistake for rule in (*RULES, *OBSERVATIONS)} <= set(PAGES)
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == make.index()
    assert {path.name for path in FOLDER.glob("*.md")} == {"README.md", *(f"{page.name}.md" for page in pages())}
    assert {path.stem for path in (FOLDER / "images").iterdir()} == {page.name for page in pages()}


@pytest.mark.parametrize("path", LINKED, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s:]*)(?:#([^)]+))?\)", path.read_text(encoding="utf-8")):
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), target
        if anchor and file.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.M)
            assert anchor in [re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-") for heading in headings]


SHOWN = [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/diagnose.md")]
COMMANDS = [found for text in SHOWN for found in make.commands(text)]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "told"), COMMANDS)
def test_the_pages_show_what_their_commands_print(words: str, told: str) -> None:
    if "sklearn" in words:
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    assert alike(told, make.said_by(*words.split())), "run docs/mistakes/make.py"


def test_scikit_learn_s_gradient_for_several_outputs_is_mistake_3() -> None:
    """Issue 8349 of scikit-learn, and its factor K; the penalty's gradient is right."""
    pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    found = cr.diagnose(str(ROOT / "examples" / "sklearn_8349.py"))
    assert found.numbers == [3]
    assert found.mistakes[0].key == "k-missing"
    assert {round(row.theirs / row.right, 6) for row in found.tables if row.label[0] == "b"} == {3}
    assert "ΣW²/N" in found.reference


def test_the_page_of_diagnose_names_every_option_and_its_python_runs(tmp_path: Path, monkeypatch) -> None:
    text = (ROOT / "docs" / "diagnose.md").read_text(encoding="utf-8")
    for name, parameter in inspect.signature(diagnose_command).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY:
            assert f"--{ {'mapping': 'map', 'as_json': 'json'}.get(name, name) }" in text
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    right = (ROOT / "tests" / "passes" / "right" / "fn_tuple_tanh.py").read_text(encoding="utf-8")
    wrong = right.replace("(1 - h * h)", "(1 - h) ** 2")
    assert wrong != right
    monkeypatch.chdir(tmp_path)
    Path("network.py").write_text(wrong, encoding="utf-8")
    Path("right.py").write_text(right, encoding="utf-8")
    assert "no known mistake explains it" in str(cr.diagnose("network.py"))
    names: dict[str, object] = {}
    try:
        exec(code.replace("print(", "found = ("), names)
        assert cr.diagnose("right.py").verdict == "correct"
    finally:
        RULES[:] = [rule for rule in RULES if rule.key != "tanh-bracket"]
    (told,) = re.findall(r"```\n(Mistake .*?)```", text, re.S)
    assert told in str(names["found"])
