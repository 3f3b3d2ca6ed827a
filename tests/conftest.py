import json
import os
import shutil
import signal

os.environ.setdefault("SCIPY_ARRAY_API", "1")  # read when SciPy is imported; some of scikit-learn's checks need it

from functools import cache

import numpy as np
import pytest
from palmerpenguins import load_penguins

import chainrule as cr
from chainrule.check import diagnose as diagnosing
from chainrule.check.probing.examine import examine
from chainrule.check.reading.source import load_source
from chainrule.cli import main
from chainrule.data import digits
from chainrule.explain import Trace, render


def _kernels():
    try:
        from chainrule.backends.compiled import current_isa

        return current_isa()
    except (ImportError, cr.InputError):
        return None


needs_kernels = pytest.mark.skipif(
    _kernels() is None or os.environ.get("CHAINRULE_BACKEND") == "reference",
    reason="the compiled kernels are not here, or not wanted",
)
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
TIGHT = 1e-12  # float64: two ways to the same number
WIDE = {"width": 1280, "height": 720}  # a projector
CHECK = 1e-7  # a gradient against differences of the loss


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="also run the tests that take minutes")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--slow"):
        skip = pytest.mark.skip(reason="slow; run with --slow")
        for item in items:
            if "slow" in item.keywords:
                item.add_marker(skip)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def small():
    """A small classifier of 3 classes with 5 inputs, and 40 rows for it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    net = cr.Network([cr.Dense(7), cr.Tanh(), cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=5, dtype=np.float64)
    return net, X, np.arange(40) % 3


@pytest.fixture(scope="session")
def digit_rows():
    """The digits in random order, pixels from 0 to 1."""
    X, y = digits()
    rows = np.random.default_rng(0).permutation(len(y))
    return X[rows] / 16, y[rows]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        main([str(word) for word in words])
        return capsys.readouterr().out

    return run


@pytest.fixture
def refused(capsys):
    """Run words that are refused; the one line on stderr."""

    def refused(*words):
        with pytest.raises(SystemExit) as stopped:
            main([str(word) for word in words])
        assert stopped.value.code == 2
        captured = capsys.readouterr()
        (line,) = [line for line in captured.err.splitlines() if line.startswith("chainrule: ")]
        assert "Traceback" not in captured.err
        return line

    return refused


@pytest.fixture
def penguins(folder):
    frame = load_penguins()
    frame.to_csv("penguins.csv", index=False)
    return frame


def scores(output):
    return {stick["name"]: stick["score"] for stick in json.loads(output)["yardsticks"]}


@pytest.fixture
def code(tmp_path):
    def write(text, name="theirs.py"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


# The machine may be busy. What ends in time has tests of its own.
cr.diagnose.__kwdefaults__["seconds"] = 600.0


@pytest.fixture(scope="module")
def diagnosed(tmp_path_factory):
    """The diagnosis of a text, made once."""
    folder = tmp_path_factory.mktemp("code")

    @cache
    def diagnosis(text):
        path = folder / f"code{len(list(folder.iterdir()))}.py"
        path.write_text(text)
        return cr.diagnose(path)

    return diagnosis


@pytest.fixture
def probed(tmp_path, monkeypatch):
    """The diagnosis of a text that is run in this process, which is quicker, and without a limit of time."""

    def probe(path, name, mapping, seconds, own=None):
        with np.errstate(all="ignore"):
            return examine(load_source(path), name, mapping, own)

    monkeypatch.setattr(diagnosing, "probe", probe)

    def run(text, file="theirs.py", name="", **options):
        (tmp_path / file).write_text(text)
        return diagnosing.diagnose(f"{tmp_path / file}{name}", **options)

    return run


@pytest.fixture(scope="session")
def browser():
    sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven with playwright")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a trace, a page or its text at an address; complaints and requests that leave the file fail the test at its
    end. Colours change at once, as for people who ask for less motion: what a test reads is what stays."""
    complaints, contexts = [], []

    def show(given, address="", viewport=WIDE, **settings):
        path = tmp_path / "step.html"
        page = render(given) if isinstance(given, Trace) else getattr(given, "html", given)
        path.write_text(page, encoding="utf-8")
        context = browser.new_context(viewport=viewport, reduced_motion="reduce", **settings)
        context.set_default_timeout(300_000)  # the machine may be busy
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.on("request", lambda request: request.url.startswith("file://") or complaints.append(request.url))
        page.goto(f"{path.as_uri()}{address}")
        return page

    yield show
    for context in contexts:
        context.close()
    assert complaints == []
