"""The packages of `check` import in one direction, so that each can be read knowing those before it alone."""

import ast
from pathlib import Path

import chainrule.check

FOLDER = Path(chainrule.check.__file__).parent
ORDER = ("reading", "calling", "networks", "probing", "reference", "evidence", "rules", "report", "verdict")


def against_the_order(package: str, text: str) -> list[str]:
    """What a module of this package imports of `check` from a later package, or from the top."""
    names = [node.module or "" for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]
    inside = [name.split(".") for name in names if name.startswith("chainrule.check")]
    earlier = ORDER[: ORDER.index(package) + 1]
    return [".".join(name) for name in inside if len(name) < 3 or name[2] not in earlier]


def test_packages_import_those_before_them():
    assert {path.name for path in FOLDER.iterdir() if (path / "__init__.py").exists()} == set(ORDER)
    wrong = {
        str(file.relative_to(FOLDER)): found
        for package in ORDER
        for file in (FOLDER / package).rglob("*.py")
        if (found := against_the_order(package, file.read_text(encoding="utf-8")))
    }
    assert not wrong


def test_an_import_against_the_order_is_seen():
    assert against_the_order("reading", "from chainrule.check.calling.walk import places")
    assert not against_the_order("calling", "from chainrule.check.reading import names")
