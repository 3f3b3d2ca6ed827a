"""Reading their file: a module, or the function and class cells of a notebook. Only the probing process does this."""

from __future__ import annotations

import ast
import io
import json
import linecache
import re
import sys
import tokenize
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from chainrule.check.reading import fitting, script
from chainrule.errors import InputError

NAME = "their_code"
SCRIPT = "__script__"  # the name under which a module without a network keeps its training loop
LONGEST = 160  # characters of a message of theirs
NUMBERS = {"np", "numpy", "math", "random"}  # a constant may call these, and names made from them
GUARD = 'put it under `if __name__ == "__main__":`'


def load_source(path: Path) -> ModuleType:
    """The file as a module that is not ``__main__``. InputError with its own error, shortened, and the line."""
    if path.suffix not in (".py", ".ipynb"):
        raise InputError(f"{path}: expected a .py file or an .ipynb notebook")
    module = ModuleType(NAME)
    module.__file__ = str(path)
    sys.modules[NAME] = module
    sys.path.insert(0, str(path.resolve().parent))
    text = _text(path)
    if path.suffix == ".ipynb":
        _run_cells(module, path, text)
    else:
        tree = _parsed(path, str(path), text)
        if (loop := script.find(tree)) is not None:  # it would train
            vars(module)[SCRIPT] = loop
            tree = script.needed(tree, loop)
        else:
            fitting.parted(tree)
        _run(module, path, str(path), text, tree)
    return module


def _text(path: Path) -> str:
    """The text in the encoding that it declares. InputError where it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if b"\0" in data:
        raise InputError(f"{path}: holds binary data or UTF-16, where Python text was expected")
    if not data.strip():
        raise InputError(f"{path}: is empty")
    declared = re.search(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", b"\n".join(data.splitlines()[:2]), re.MULTILINE)
    encoding = "utf-8-sig" if declared is None else declared[1].decode("ascii", "replace")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError:
        raise InputError(f"{path}: declares an unknown encoding: {encoding}") from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        how = "save it as UTF-8, or declare what it is: # -*- coding: latin-1 -*-"
        raise InputError(f"{path}: is not {encoding.removesuffix('-sig').upper()} (line {line}); {how}") from None


def _parsed(path: Path, shown: str, text: str) -> ast.Module:
    try:
        return ast.parse(text, shown)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{path}: {describe(error, shown)}") from None


def _run(module: ModuleType, path: Path, shown: str, text: str, tree: ast.Module) -> None:
    """Execute in the module, so that its source can be read afterwards."""
    linecache.cache[shown] = (len(text), None, text.splitlines(keepends=True), shown)
    try:
        exec(compile(tree, shown, "exec"), module.__dict__)
    except SystemExit as end:  # a script that ends itself has defined what it defines
        if not any(defined(module)):
            said = f"defines no class and no function before it ends itself: {describe(end, shown)}"
            raise InputError(f"{path}: {said}; {GUARD}") from None
    except BaseException as error:
        raise InputError(f"{path}: does not run: {describe(error, shown)}{_advice(error)}") from None


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"; install {error.name} beside chainrule, or leave the import out"
    if isinstance(error, EOFError):
        return f"; does it ask with input()? Nobody answers here: {GUARD}"
    if isinstance(error, FileNotFoundError):
        return f"; run the command where that file is, or {GUARD.replace('it', 'what reads it', 1)}"
    return ""


# notebooks


def _run_cells(module: ModuleType, path: Path, text: str) -> None:
    """Imports, functions, classes and plain constants of the code cells; what trains, plots or prints is left out."""
    cells = list(_parsed_cells(path, text))
    whole = ast.Module([node for _, _, tree in cells for node in tree.body], [])
    if (loop := script.find(whole)) is not None:
        vars(module)[SCRIPT] = loop
        owner = {id(node): i for i, (_, _, tree) in enumerate(cells) for node in ast.walk(tree)}
        at = 0
        for node in script.needed(whole, loop).body:
            at = owner.get(id(node), at)  # an argument as an assignment is of no cell
            _run(module, path, *cells[at][:2], ast.Module([node], []))
        return
    fitting.parted(*(tree for _, _, tree in cells))
    known = set(NUMBERS)
    for shown, plain, tree in cells:
        for node in tree.body:
            constant = isinstance(node, ast.Assign) and _is_constant(node, known)
            if not constant and not isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)):
                continue
            try:
                _run(module, path, shown, plain, ast.Module([node], []))
            except InputError:
                if not constant:
                    raise
                continue  # it needs what another cell computes
            if constant:
                known |= {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def _parsed_cells(path: Path, text: str) -> Iterator[tuple[str, str, ast.Module]]:
    """What each cell is called, its Python, and the tree of it."""
    for number, code in _cells(path, text):
        shown = f"{path}, cell {number}"
        plain = without_magic(code)
        try:
            yield shown, plain, ast.parse(plain, shown)
        except (SyntaxError, ValueError) as error:
            if re.search(r"^\s*(def|class)\s", plain, re.MULTILINE):
                raise InputError(f"{path}: {describe(error, shown)}") from None


def _cells(path: Path, text: str) -> list[tuple[int, str]]:
    """The code cells, counted from 1. InputError where the file is no notebook or has none."""
    try:
        cells = json.loads(text)["cells"]
        codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except json.JSONDecodeError as error:
        raise InputError(f"{path}: is no notebook: broken JSON at line {error.lineno}") from None
    except (KeyError, TypeError, RecursionError):
        raise InputError(f"{path}: expected a notebook with cells (format 4), and it is none") from None
    if not any(code.strip() for code in codes):
        raise InputError(f"{path}: has no code cells")
    return list(enumerate(codes, start=1))


def without_magic(code: str) -> str:
    """The cell as Python: lines for the shell or IPython stand as ``pass``; a cell in another language is empty."""
    if code.lstrip().startswith("%%"):
        first, _, rest = code.lstrip().partition("\n")
        python = re.match(r"%%(time|timeit|capture|prun)\b", first) is not None
        return "\n" + without_magic(rest) if python else ""
    found, magic = [], re.compile(r"^(\s*)([%!?]|[\w., ]+=\s*[!%](?!=)|[\w.]+\?{1,2}\s*$)")
    inside = _inside_strings(code)
    for number, line in enumerate(code.splitlines(), start=1):
        match = None if number in inside else magic.match(line)
        found.append(line if match is None else f"{match[1]}pass")
    return "\n".join(found)


def _inside_strings(code: str) -> set[int]:
    """Lines that begin inside a text or a bracket, where % is no magic."""
    lines, depth = set[int](), 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            if token.type == tokenize.STRING:
                lines |= set(range(token.start[0] + 1, token.end[0] + 1))
            if depth:
                lines.add(token.start[0])
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
    except (tokenize.TokenError, SyntaxError):
        pass  # magic is no Python: what was read until there counts
    return lines


def _is_constant(node: ast.Assign, known: set[str]) -> bool:
    """A literal, or numbers made with NumPy: np.array(...), rng.normal(...)."""
    calls = [n for n in ast.walk(node.value) if isinstance(n, ast.Call)]
    return all(isinstance(n.func, ast.Attribute) and _root(n.func) in known for n in calls)


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def describe(error: BaseException, file: str) -> str:
    """Their own error in one line: type, message, and the last line of their file that it passed."""
    message = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    message = message if len(message) <= LONGEST else message[: LONGEST - 3] + "..."
    place = (file, error.lineno) if isinstance(error, SyntaxError) else (file, None)
    for frame in traceback.extract_tb(error.__traceback__):
        if file and (frame.filename == file or frame.filename.startswith(f"{file}, cell ")):
            place = (frame.filename, frame.lineno)
    cell = re.search(r", cell \d+$", place[0])
    where = "" if place[1] is None else f" ({cell[0][2:] + ', ' if cell else ''}line {place[1]})"
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"


def raised_in(error: BaseException, file: str) -> bool:
    """Whether it came out of their file, and not out of a call that does not suit it."""
    return any(frame.filename.split(", cell ")[0] == file for frame in traceback.extract_tb(error.__traceback__))


def defined(module: ModuleType) -> tuple[dict[str, type], dict[str, FunctionType]]:
    """Classes and functions that the module defines itself."""
    own: list[tuple[str, Any]] = [
        (k, v) for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__
    ]
    classes = {name: value for name, value in own if isinstance(value, type)}
    functions = {name: value for name, value in own if isinstance(value, FunctionType)}
    return classes, functions
