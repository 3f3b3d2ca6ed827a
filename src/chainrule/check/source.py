"""Reading their file: a module, or the function and class cells of a notebook. Only the probing process does this."""

from __future__ import annotations

import ast
import json
import linecache
import sys
import traceback
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from chainrule.errors import InputError

NAME = "their_code"


def read_source(path: Path) -> str:
    """The Python text of a .py file or of a notebook's cells. InputError where there is none."""
    if path.suffix not in (".py", ".ipynb"):
        raise InputError(f"{path}: expected a .py file or an .ipynb notebook")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from None
    return text if path.suffix == ".py" else _notebook(path, text)


def _notebook(path: Path, text: str) -> str:
    """Imports, functions, classes and plain constants of its code cells; what trains or plots is left out."""
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: expected a notebook with cells, and it is none") from None
    return "\n\n".join(kept for code in codes if (kept := _definitions(code)))


def _definitions(code: str) -> str:
    lines = [line if not line.lstrip().startswith(("%", "!", "?")) else "" for line in code.splitlines()]
    plain = "\n".join(lines)
    try:
        tree = ast.parse(plain)
    except SyntaxError:
        return ""
    return "\n".join(text for node in tree.body if _is_definition(node) and (text := _with_decorators(plain, node)))


def _with_decorators(code: str, node: ast.stmt) -> str:
    first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    return "\n".join(code.splitlines()[first - 1 : node.end_lineno])


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
        return True
    if not isinstance(node, ast.Assign):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        calls = [n for n in ast.walk(node.value) if isinstance(n, ast.Call)]
        return all(isinstance(n.func, ast.Attribute) for n in calls)  # np.array(...), rng.normal(...)
    return True


def load_source(path: Path) -> ModuleType:
    """The file as a module that is not ``__main__``. InputError with its own error, shortened, and the line."""
    text = read_source(path)
    module = ModuleType(NAME)
    module.__file__ = str(path)
    sys.modules[NAME] = module
    sys.path.insert(0, str(path.resolve().parent))
    shown = str(path)
    linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)  # so that its source can be read
    try:
        exec(compile(text, shown, "exec"), module.__dict__)
    except SystemExit:
        pass  # a script that ends itself has defined what it defines
    except BaseException as error:
        raise InputError(f"{path}: does not run: {describe(error, shown)}") from None
    return module


def describe(error: BaseException, file: str) -> str:
    """Their own error in one line: type, message, and the last line of their file that it passed."""
    message = " ".join(str(error).split())
    message = message if len(message) <= 160 else message[:157] + "..."
    line = error.lineno if isinstance(error, SyntaxError) else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line = frame.lineno
    where = "" if line is None else f" (line {line})"
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"


def defined(module: ModuleType) -> tuple[dict[str, type], dict[str, FunctionType]]:
    """Classes and functions that the module defines itself."""
    own: list[tuple[str, Any]] = [
        (k, v) for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__
    ]
    classes = {name: value for name, value in own if isinstance(value, type)}
    functions = {name: value for name, value in own if isinstance(value, FunctionType)}
    return classes, functions
