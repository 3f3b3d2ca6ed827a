"""The page of a step in a real browser: its walk, its panel, keyboard, themes, paper, and that it asks nobody."""

import re
import shutil

import numpy as np
import pytest

import chainrule as cr
from chainrule.check.catalogue import data_for, example, network_with
from chainrule.explain import render, trace_step
from chainrule.explain.exercise import LECTURE, parse_exercise
from chainrule.optimizers import OPTIMIZERS

CHROMIUM = shutil.which("chromium")
sync_api = pytest.importorskip("playwright.sync_api", reason="the browser is driven with playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
WIDE = {"width": 1280, "height": 720}


def lecture_trace():
    exercise = parse_exercise(LECTURE)
    return trace_step(exercise.net, exercise.X, exercise.y, exercise.optimizer, exercise.title)


def small_trace():
    """The 3-4-2 step."""
    rng = np.random.default_rng(3)
    net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3, dtype=np.float64)
    return trace_step(net, rng.normal(size=(4, 3)).round(1), [0, 1, 1, 0], cr.SGD(lr=0.5))


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Open a trace or a page at an address; complaints and requests that leave the file fail the test at its end."""
    complaints, contexts = [], []

    def show(trace, address="", viewport=WIDE, **settings):
        path = tmp_path / "step.html"
        path.write_text(trace if isinstance(trace, str) else render(trace), encoding="utf-8")
        context = browser.new_context(viewport=viewport, **settings)
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


def cell(page, key, i, j):
    return page.locator(f'td[data-key="{key}"][data-i="{i}"][data-j="{j}"]').first


def address(page):
    return page.evaluate("location.hash")


# The walk


def test_it_opens_at_the_first_step_with_nothing_told(show):
    page = show(lecture_trace())
    assert page.locator("#count").inner_text() == "Step 1 of 13"
    assert cell(page, "W1", 0, 1).inner_text() == "0.8"
    for key in ("z1", "a1", "p", "l", "L", "da1", "dz1", "dW1", "db1", "dx"):
        assert cell(page, key, 0, 0).inner_text() == ""
    cell(page, "z1", 0, 0).hover()
    assert page.locator("#why.open").count() == 0


def test_the_walk_goes_forward_to_the_loss_divides_by_n_goes_back_and_updates(show):
    page, seen = show(lecture_trace()), []
    while page.locator("#next").is_enabled():
        page.keyboard.press("ArrowRight")
        seen.append(address(page)[1:])
        now = page.locator("figure.now").get_attribute("data-keys")
        assert seen[-1] in now.split()
    assert seen == ["z1", "a1", "p", "l", "L", "dl", "da1", "dz1", "dW1", "db1", "dx", "W1_after"]
    page.locator("#back").click()
    assert address(page) == "#dx"
    assert page.locator("#step-title").inner_text() == "Dense 3: gradient of its inputs"
    assert page.locator("#step-formula math").count() == 1
    page.keyboard.press("Home")
    assert cell(page, "z1", 0, 0).inner_text() == ""
    page.locator("#show-all").click()
    assert page.locator("td.blank").count() == 0
    assert address(page) == "#all"
    page.locator("#show-all").click()
    assert page.locator("td.blank").count() > 50
    page.locator('#steps button[data-step="7"]').click()
    assert page.locator("#step-title").inner_text() == "The division by N"
    assert page.locator("#step-formula").inner_text().replace("\n", "").endswith("4")
    assert page.locator('#steps button[aria-current="step"]').count() == 1


@pytest.mark.parametrize("where", ["#dW1", "#dW1.0.2", "#all", "#all/dW1.0.2", "#dz1/z1.1.1"])
def test_every_step_and_cell_has_an_address(show, where):
    page = show(lecture_trace(), where)
    assert page.evaluate("address()") == where
    assert page.locator("td.selected").count() == where.count(".") // 2
    if "." in where:
        key, i, j = re.search(r"(\w+)\.(\d)\.(\d)", where).groups()
        assert f"{key}[{i}, {j}]" in page.locator("#why").inner_text()


def test_an_address_that_is_none_opens_the_first_step(show):
    page = show(lecture_trace(), "#nothing.9.9")
    assert page.locator("#count").inner_text() == "Step 1 of 13"


# The panel


def test_pointing_at_a_cell_answers_in_a_fixed_order(show):
    page = show(lecture_trace(), "#dW1")
    cell(page, "dW1", 0, 1).hover()
    panel = page.locator("#why")
    order = (".say", ".formula", ".formula.numbers", ".terms", ".shapes", ".nudge", ".code")
    places = [
        page.evaluate(f"[...document.querySelectorAll('#why *')].indexOf($('why').querySelector('{k}'))") for k in order
    ]
    assert -1 not in places
    assert places == sorted(places)
    assert "This weight carries input 1 into unit 2" in panel.inner_text()
    assert "dW1 = x.T @ dz1" in panel.inner_text()
    assert "B is summed away" in panel.locator(".shapes").inner_text().replace("\n", " ")
    assert page.locator(".source-cell").count() == 8
    assert address(page) == "#dW1"
    cell(page, "dW1", 0, 1).click()
    assert address(page) == "#dW1.0.1"
    cell(page, "dW1", 1, 1).hover()
    assert "dW1[0, 1]" in panel.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#why.open").count() == 0
    assert address(page) == "#dW1"


def test_relu_says_open_or_shut(show):
    page = show(lecture_trace(), "#dz1.0.0")
    assert "open" in page.locator("#why .say").inner_text()
    cell(page, "dz1", 0, 1).click()
    assert "shut" in page.locator("#why .say").inner_text()


def test_a_number_among_the_terms_leads_to_its_cell(show):
    page = show(lecture_trace(), "#dW1.0.1")
    page.locator('button[data-go="dz1.1.1"]').click()
    assert address(page) == "#dW1/dz1.1.1"
    assert "dz1[1, 1]" in page.locator("#why").inner_text()


def shown_terms(page):
    numbers = page.locator("#why .terms .n").all_inner_texts()
    return [float(number.replace("−", "-")) for number in numbers], numbers


@pytest.mark.parametrize("trace", [lecture_trace, small_trace])
def test_the_displayed_arithmetic_adds_up(show, trace):
    trace = trace()
    page, checked = show(trace, "#all"), 0
    for key in trace.equations:
        if not trace.tensors[key].shown:
            continue
        for i, j in np.ndindex(trace[key].shape):
            page.evaluate("([key, i, j]) => ask({key, i, j}, false)", [key, i, j])
            values, texts = shown_terms(page)
            digits = max(len(text.partition(".")[2]) for text in texts)
            assert digits <= 8
            assert round(sum(values[:-1]) - values[-1], digits) == 0, (key, i, j, texts)
            assert values[-1] == pytest.approx(trace[key][i, j], abs=0.6 * 10**-digits)
            text = page.locator("#why").inner_text()
            assert not re.search(r"−0(\.0+)?(?![\d.])", text), (key, i, j, text)
            checked += 1
    assert checked > 70


def test_an_argument_has_one_pair_of_brackets(show):
    net = network_with(cr.ReLU())
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], cr.SGD())
    page, key = show(trace, "#all"), next(name for name in trace.equations if name.startswith("a"))
    texts = []
    for i, j in np.ndindex(trace[key].shape):
        page.evaluate("([key, i, j]) => ask({key, i, j}, false)", [key, i, j])
        texts += page.locator("#why math").all_text_contents()
    assert any("(−" in text for text in texts)
    assert not any("((" in text for text in texts), texts


PARTS = [(example(kind), cr.SGD()) for kind in (*cr.LAYERS.values(), *cr.LOSSES.values())]
PARTS += [(cr.Tanh(), kind()) for kind in OPTIMIZERS.values()]
PARTS += [(cr.ReLU(), cr.SGD(momentum=0.9, nesterov=True)), (cr.ReLU(), cr.Adam(weight_decay=0.1, clip_norm=0.01))]


@pytest.mark.parametrize(("part", "optimizer"), PARTS, ids=repr)
def test_the_page_computes_the_same_terms_and_explains_every_cell(show, part, optimizer):
    net = network_with(part)
    X, y = data_for(net.loss)
    trace = trace_step(net, X[:4], y[:4], optimizer)
    page = show(trace, "#all")
    sums = page.evaluate(
        """() => Object.fromEntries(Object.keys(EQUATIONS).map((key) => [key, Array.from(valuesOf(key), (value, n) => {
             const i = Math.floor(n / columnsOf(key)), j = n % columnsOf(key);
             if (TENSORS[key].shown) { explanation(key, i, j); latexOf(key, i, j); }
             return products(key, i, j).reduce((sum, product) => sum + product.value, 0); })]))"""
    )
    assert set(sums) == set(trace.equations)
    for key, values in sums.items():
        np.testing.assert_allclose(np.reshape(values, trace[key].shape), trace[key], rtol=1e-12, atol=1e-12)
    assert "undefined" not in page.evaluate("document.body.innerText")
    assert "NaN" not in page.evaluate("document.body.innerText")


def test_the_formula_can_be_copied_as_latex(show):
    page = show(lecture_trace(), "#dW1.1.0")
    page.evaluate("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    page.locator("#copy").click()
    assert page.locator("#copy").inner_text() == "Copied"
    latex = page.evaluate("window.copied")
    assert latex.startswith(r"\frac{\partial L}{\partial w_{12}} = x_{1,2}\cdot \frac{\partial L}{\partial z_{1,1}}+")
    assert latex.count("{") == latex.count("}")
    assert latex.isascii()


def test_the_panel_does_not_cover_the_number_that_is_asked_about(show):
    page = show(small_trace(), "#all")
    for asked in (cell(page, "W2_after", 3, 1), cell(page, "b1_after", 0, 2), cell(page, "dW2", 3, 0)):
        asked.hover()
        assert page.locator("#why.open").count() == 1
        box, panel = asked.bounding_box(), page.locator("#why").bounding_box()
        assert box["y"] + box["height"] <= panel["y"]
        page.keyboard.press("Escape")


# Keyboard, screen reader, themes, sizes, paper


def test_the_keyboard_is_enough(show):
    page = show(lecture_trace(), "#dW1")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.key") == "dW1":
            break
    assert page.evaluate("document.activeElement.dataset.key") == "dW1"
    assert "dW1[0, 0]" in page.locator("#why").inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert "dW1[1, 1]" in page.locator("#why").inner_text()
    assert address(page) == "#dW1.1.1"
    page.keyboard.press("PageDown")
    assert address(page) == "#db1"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowLeft")
    assert address(page) == "#dW1"


def test_roles_and_labels(show):
    page = show(small_trace(), "#all/dW1.0.1")
    assert page.get_by_role("button", name="Next").count() == 1
    assert page.get_by_role("navigation", name="Steps").count() == 1
    assert page.get_by_role("complementary", name="Why this number").count() == 1
    assert page.get_by_role("grid").count() >= 12
    assert page.get_by_role("gridcell", name="∂L/∂W₁, input 1, unit 2: 0.80").count() == 1
    unnamed = page.evaluate(
        """[...document.querySelectorAll("button, canvas, [tabindex='0'], table, nav, aside, main, section.stage")]
           .filter((e) => !(e.getAttribute("aria-label") || e.innerText.trim() || e.querySelector("caption")))
           .map((e) => e.outerHTML)"""
    )
    assert unnamed == []
    assert page.locator("h1").count() == 1
    assert page.locator("html").get_attribute("lang") == "en"


CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (colour, under = [255, 255, 255]) => {
    canvas.fillStyle = `rgb(${under})`; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (c) => c.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (e) => (e ? rgb(getComputedStyle(e).backgroundColor, ground(e.parentElement)) : [255, 255, 255]);
  const found = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.getClientRects().length || e.closest(".sr, button:disabled, script, style")) continue;
    const under = ground(e), a = light(rgb(getComputedStyle(e).color, under)), b = light(under);
    const text = `${e.tagName} ${e.className} ${e.textContent.slice(0, 20)}`;
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), text]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["#all", "#all/dW1.0.1", "#W1_after.1.1", ""])
def test_every_text_has_a_contrast_of_4_5(show, scheme, where):
    page = show(small_trace(), where, color_scheme=scheme)
    page.wait_for_timeout(200)  # the cells' colours move for a moment
    found = page.evaluate(CONTRAST)
    assert len(found) > 60
    assert [(round(ratio, 2), text) for ratio, text in found if ratio < 4.5] == []


def test_dark_and_light(show):
    page = show(lecture_trace(), color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    light = page.evaluate(ground)
    page.locator("#theme").click()
    assert page.evaluate(ground) == dark != light


@pytest.mark.parametrize("trace", [lecture_trace, small_trace])
def test_a_small_step_fits_a_projector_without_scrolling(show, trace):
    trace = trace()
    page = show(trace)
    for step in trace.walk:
        page.evaluate("key => goTo('#' + key)", step.key)
        size = page.evaluate(
            """[track.scrollWidth, main.clientWidth - 48, track.scrollHeight,
                $("why").getBoundingClientRect().top - main.getBoundingClientRect().top,
                document.body.scrollHeight, innerHeight]"""
        )
        assert size[0] <= size[1] + 1, step.key
        assert size[2] <= size[3] + 1, step.key
        assert size[4] <= size[5], step.key
        assert page.locator("#overview").is_hidden()
    page.evaluate("goTo('#dW1.0.1')")
    assert cell(page, "dW1", 0, 1).is_visible()
    bottom = page.evaluate("cellOf('dW1', 2, 0).getBoundingClientRect().bottom - $('why').getBoundingClientRect().top")
    assert bottom <= 0


def test_each_gradient_stands_exactly_under_what_it_belongs_to(show):
    trace = small_trace()
    page = show(trace, "#all")
    for key, tensor in trace.tensors.items():
        if tensor.gradient_of is None or not tensor.shown or key == "dl":
            continue
        assert tensor.values.shape == trace[tensor.gradient_of].shape
        for i, j in np.ndindex(tensor.values.shape):
            above, below = cell(page, tensor.gradient_of, i, j).bounding_box(), cell(page, key, i, j).bounding_box()
            assert abs(above["x"] - below["x"]) < 1.5, (key, i, j)
            assert above["y"] < below["y"]


def test_a_narrow_window_shows_one_layer_at_a_time(show):
    page = show(small_trace(), "#all", viewport={"width": 700, "height": 900})
    assert page.locator("#overview").is_visible()
    assert page.locator(".stage:not(.away):not(.entering)").count() <= 2
    page.locator('#overview button[data-stage="3"]').click()
    assert cell(page, "W2", 0, 0).is_visible()
    assert not cell(page, "W1", 0, 0).is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 700
    page.evaluate("goTo('#dW2.0.0')")
    assert cell(page, "dW2", 0, 0).is_visible()
    assert cell(page, "a1", 0, 0).is_visible()  # what enters the layer stays beside it


@pytest.mark.parametrize("where", ["", "#all", "#dW1.0.1", "#all/W1_after.0.1"])
@pytest.mark.parametrize("trace", [lecture_trace, small_trace])
def test_it_prints_on_one_a4(show, where, trace):
    page = show(trace(), where)
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    width, height = map(float, re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf).groups())
    assert (round(width), round(height)) == (842, 595)
    page.emulate_media(media="print")
    assert page.locator(".buttons").is_hidden()


# Large layers, names, somebody's gradients


def test_a_wide_layer_paints_within_a_second_and_its_window_moves(show):
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(1000), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), n_in=784)
    trace = trace_step(net, rng.normal(size=(4, 784)), np.arange(4))
    page = show(trace, "#all")
    page.wait_for_timeout(300)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    assert paint < 1000
    page.evaluate("goTo('#dW1')")
    heat = page.locator('.map[data-key="W1"] canvas')
    box = heat.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    shown = page.locator('td[data-key="dW1"]').first
    i, j = int(shown.get_attribute("data-i")), int(shown.get_attribute("data-j"))
    assert 350 < i < 440
    assert 450 < j < 550
    assert page.evaluate("([i, j]) => entry('dW1', i, j)", [i, j]) == pytest.approx(trace["dW1"][i, j], rel=1e-6)
    page.locator('.map[data-key="W1"] canvas').focus()
    page.keyboard.press("ArrowRight")
    assert int(page.locator('td[data-key="dW1"]').first.get_attribute("data-j")) == j + 5
    page.evaluate("goTo('#z1.0.7')")
    values, texts = shown_terms(page)
    assert len(values) == 13  # the largest terms, the others together, the sum
    assert "the other 774" in page.locator("#why").inner_text()
    assert round(sum(values[:-1]) - values[-1], max(len(text.partition(".")[2]) for text in texts)) == 0


def test_names_from_the_users_data_stay_text(show):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    net.info["columns"] = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>"]
    page = show(cr.explain(net, np.eye(2), [0, 1], title="<i>x</i>").html, "#all")
    cell(page, "dW1", 0, 0).click()
    assert "<img src=x" in page.locator("#why").inner_text()
    assert page.locator("img, main b.bold, h1 i").count() == 0
    assert page.locator("h1").inner_text() == "<i>x</i>"


def test_somebodys_wrong_cells_are_outlined_and_the_wrong_term_named(show):
    trace = small_trace()
    theirs = trace["dW1"].copy()
    row = int(np.argmax(np.abs(trace["x"][:, 1] * trace["dz1"][:, 2])))
    theirs[1, 2] -= 2 * trace["x"][row, 1] * trace["dz1"][row, 2]
    page = show(render(trace, yours={"W1": theirs, "b1": trace["db1"][0]}, verdict="one <sign>"), "#all")
    assert page.locator("#verdict").inner_text() == "one <sign>"
    wrong = page.locator("td.wrong")
    assert wrong.count() == 1
    assert (wrong.get_attribute("data-i"), wrong.get_attribute("data-j")) == ("1", "2")
    wrong.click()
    assert page.locator(".terms tr.wrong th").inner_text() == f"row {row + 1}"
    assert "has its sign turned" in page.locator(".wrong-term").inner_text()
    cell(page, "dW1", 0, 0).click()
    assert page.locator(".wrong-term").count() == 0
