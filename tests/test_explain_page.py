"""The page of a step in a real browser: its walk, keyboard, themes, paper, and that it asks nobody."""

import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import render, trace_step
from chainrule.explain.exercise import read_exercise
from chainrule.explain.worksheet import Sheet
from chainrule.explain.worksheet import page as worksheets
from pages import CONTRAST, address, cell, lecture_trace, shown_terms, small_trace

ROOT = Path(__file__).parent.parent

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


def test_back_returns_from_a_jump_and_not_through_every_step_of_the_walk(show):
    page = show(lecture_trace(), "#dz1")
    before = page.evaluate("history.length")
    page.keyboard.press("ArrowRight")
    cell(page, "dW1", 0, 1).click()
    assert page.evaluate("history.length") == before  # the walk and a cell of the page leave nothing behind
    page.locator('button[data-go="dz1.1.1"]').click()
    page.locator('#steps button[data-step="2"]').click()
    assert page.evaluate("history.length") == before + 2
    assert address(page) == "#a1"
    page.go_back()
    page.wait_for_function("location.hash === '#dW1/dz1.1.1' && $('why').innerText.includes('dz1[1, 1]')")
    page.go_back()
    page.wait_for_function("location.hash === '#dW1.0.1' && $('why').innerText.includes('dW1[0, 1]')")
    page.go_forward()
    page.wait_for_function("location.hash === '#dW1/dz1.1.1' && $('why').innerText.includes('dz1[1, 1]')")


# Keyboard, screen reader, themes, sizes, paper


def test_tab_stops_once_in_each_array_and_home_and_end_go_along_the_row(show):
    page = show(small_trace(), "#all")
    grids = page.get_by_role("grid")
    stops = grids.evaluate_all("all => all.map((grid) => grid.querySelectorAll('[tabindex=\"0\"]').length)")
    assert set(stops) == {1}
    cell(page, "W1", 1, 1).click()
    for key, at in (("End", "3"), ("Home", "0"), ("ArrowRight", "1"), ("ArrowDown", "1")):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.j") == at
    assert page.evaluate("document.activeElement.dataset.i") == "2"
    assert page.locator('td[data-key="W1"][tabindex="0"]').count() == 1
    assert page.locator('td[data-key="W1"][tabindex="0"]').get_attribute("data-i") == "2"


def test_the_walk_is_told_once_and_pointing_tells_nothing(show):
    page = show(lecture_trace())
    page.evaluate(
        """window.told = [];
           new MutationObserver(() => told.push($("said").textContent)).observe($("said"), { childList: true })"""
    )
    page.keyboard.press("ArrowRight")
    assert page.get_by_role("status").count() == 1
    page.locator("#theme").click()
    cell(page, "x", 1, 0).hover()
    cell(page, "x", 0, 0).click()
    assert page.evaluate("told.filter(Boolean)") == [
        "Step 2 of 13, forward: Dense 3: weighted sums",
        "An input of this row, as it is given.",
    ]


def test_walking_keeps_the_focus_where_it_is_and_asks_nothing(show):
    page, focus = show(lecture_trace(), "#dW1"), "document.activeElement.dataset.key ?? document.activeElement.id"
    cell(page, "dW1", 1, 1).click()
    page.keyboard.press("PageDown")
    assert address(page) == "#db1"
    assert page.evaluate(focus) == "dW1"
    page.wait_for_timeout(100)  # the pointer rests above a cell that is drawn again
    assert page.locator("#why.open").count() == 0
    page.keyboard.press("Enter")
    assert address(page) == "#db1/dW1.1.1"
    page.keyboard.press("PageUp")
    page.keyboard.press("PageUp")  # it is blank now
    assert page.evaluate(focus) == "dW1"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "∂L/∂W₁, not known yet"
    page.locator("#theme").click()
    assert page.evaluate(focus) == "theme"
    page.set_viewport_size({"width": 500, "height": 900})
    page.evaluate("goTo('#z1.0.0')")
    page.evaluate("cellOf('z1', 0, 0).focus(); $('overview').querySelector('[data-stage=\"3\"]').click()")
    assert page.evaluate(focus) == "next"  # what had it is not shown


def test_a_long_name_is_there_in_full(show):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    net.info["columns"] = ["length of the bill", 'length of the "wing"']
    page = show(cr.explain(net, np.eye(2), [0, 1]).html)
    heads = page.locator('figure[data-keys="x"] th[scope="col"]')
    assert heads.all_inner_texts() == ["leng…bill", 'leng…ing"']
    assert heads.evaluate_all("all => all.map((head) => head.title)") == net.info["columns"]
    assert page.get_by_role("columnheader", name='length of the "wing"').count() == 1
    assert page.get_by_role("rowheader", name="length of the bill").count() == 2  # W₁ and its gradient
    assert page.locator("figure th[scope='col'][title='1']").count() == 0


def test_what_a_cell_shows_is_in_its_name(show):
    page = show(small_trace(), "#all")
    without = page.locator("#track td.c").evaluate_all(
        "all => all.filter((cell) => !cell.innerText.trim() || !cell.ariaLabel.includes(cell.innerText.trim())).length"
    )
    assert without == 0
    after = cell(page, "W1_after", 0, 1)
    assert after.get_attribute("data-move") in after.get_attribute("aria-label")
    shown = page.evaluate("getComputedStyle(cellOf('W1_after', 0, 1), '::before').content")
    assert shown.strip('"') in ("attr(data-move)", after.get_attribute("data-move"))


def test_a_finger_asks_too(show):
    page = show(small_trace(), "#all", viewport={"width": 640, "height": 360}, has_touch=True, is_mobile=True)
    asked = page.locator("td.c:visible").first
    assert asked.bounding_box()["height"] >= 24
    asked.tap()
    assert page.locator("#why.open").count() == 1
    assert address(page).startswith("#all/")


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", ["#all", "#all/dW1.0.1", "#W1_after.1.1", ""])
def test_every_text_has_a_contrast_of_4_5(show, scheme, where):
    page = show(small_trace(), where, color_scheme=scheme)
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
                document.body.scrollHeight, innerHeight,
                Math.min(...Array.from(track.querySelectorAll("td.c"),
                                       (cell) => parseFloat(getComputedStyle(cell).fontSize))),
                cellOf("x", 1, 0).getBoundingClientRect().top - cellOf("x", 0, 0).getBoundingClientRect().top,
                $("why").scrollHeight - $("why").clientHeight]"""
        )
        assert size[0] <= size[1] + 1, step.key
        assert size[2] <= size[3] + 1, step.key
        assert size[4] <= size[5], step.key
        assert size[6] >= 12, step.key
        assert size[7] >= 24, step.key  # from one target to the next: WCAG 2.5.8
        assert size[8] <= 10, (step.key, "its story is cut off")
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
    page.set_viewport_size({"width": 390, "height": 844})
    sizes = page.locator("#steps button").evaluate_all("all => all.map((b) => [b.offsetWidth, b.offsetHeight])")
    assert min(map(min, sizes)) >= 24
    page.set_viewport_size({"width": 700, "height": 900})
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


@pytest.mark.parametrize("solved", [False, True])
def test_a_worksheet_is_one_a4_with_the_names_of_rows_and_columns(show, solved):
    sheet = Sheet.make(read_exercise(ROOT / "examples" / "step.toml"))  # the 3-4-2 step
    page = show(worksheets([sheet], solved=solved))
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    weights = page.locator("figure").nth(1)
    assert weights.locator('th[scope="row"]').all_inner_texts() == ["age", "size", "fur", ""]  # the last is the bias
    assert weights.locator('th[scope="col"]').all_inner_texts() == ["1", "2", "3", "4"]
    assert page.locator("figure").last.locator('th[scope="col"]').all_inner_texts() == ["cat", "dog"]
    two = show(worksheets([sheet, sheet], solved=solved)).pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", two)) == 2


# Large layers, names


def first_paint(page):
    """Milliseconds from the page's start to the first of its text; once more where others may have held it up."""
    entry = "performance.getEntriesByName('first-contentful-paint')[0]"
    for _ in range(10):
        found = page.wait_for_function(f"{entry} && {entry}.startTime").json_value()
        if found < 1000:
            break
        page.reload()
    return found


def test_a_wide_layer_paints_within_a_second_and_its_window_moves(show):
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(1000), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), n_in=784)
    trace = trace_step(net, rng.normal(size=(4, 784)), np.arange(4))
    page = show(trace, "#all")
    assert first_paint(page) < 1000
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
    assert 7 <= len(values) <= 13  # the largest terms, the others together, the sum
    assert f"the other {785 - len(values) + 2}" in page.locator("#why").inner_text()
    assert round(sum(values[:-1]) - values[-1], max(len(text.partition(".")[2]) for text in texts)) == 0
    not_adding = """Array.from({ length: 400 }, (_, n) => ["z1", n % 4, 2 * n]).concat(
      Array.from({ length: 400 }, (_, n) => ["dx", n % 4, n])).filter(([key, i, j]) => {
        const value = entry(key, i, j), { list, rest, digits } = shortened(products(key, i, j), value);
        const [total, ...parts] = [value, rest, ...list.map((p) => p.value)].map((v) => Number(v.toFixed(digits)));
        return digits > 8 || Math.abs(parts.reduce((sum, v) => sum + v, 0) - total) > 0.1 * 10 ** -digits; })"""
    assert page.evaluate(not_adding) == []  # of 800 sums of as many terms, each number rounded as it is shown
    for asked in (f"dW1.{i}.{j}", "dx.3.700", "db1.0.999"):  # any number is nudged, and while one points at it
        key, *at = asked.split(".")
        at = tuple(map(int, at))
        page.evaluate("where => goTo(where)", f"#all/{asked}")
        quotient = page.locator("#why .nudge td").nth(1).inner_text()
        assert float(quotient[2:].replace("−", "-")) == pytest.approx(trace[key][at], abs=2e-7)
        took = (
            "([key, i, j]) => Math.min(...Array.from({ length: 5 }, () => {"
            " const start = performance.now(); nudged(key, i, j); return performance.now() - start; }))"
        )
        assert page.evaluate(took, [key, *at]) < 500


def test_of_a_layer_too_large_for_the_page_every_number_shown_is_right(show):
    rng = np.random.default_rng(0)
    net = cr.Network([cr.Dense(1500), cr.ReLU(), cr.Dense(10)], cr.SoftmaxCrossEntropy(), n_in=1500)
    trace = trace_step(net, rng.normal(size=(40, 1500)), np.arange(40) % 10, cr.Adam())
    text = render(trace)
    assert len(text) < 8e6
    page = show(text, "#all")
    assert first_paint(page) < 1000
    assert "the page has the first 64 × 64" in page.locator('.map[data-key="W1"] small').inner_text()
    shown = [key for key, tensor in trace.tensors.items() if tensor.shown]
    for key in shown:
        number = page.evaluate("(key) => entry(key, 0, 0)", key)
        assert number == pytest.approx(trace[key][0, 0], rel=1e-5, abs=1e-9), key
    far = page.evaluate(
        "[entry('z1', 30, 1400), entry('dx', 30, 1400), entry('dW1', 1400, 1300), entry('W1', 1400, 1300)]"
    )
    assert far[:3] == pytest.approx([trace["z1"][30, 1400], trace["dx"][30, 1400], trace["dW1"][1400, 1300]], rel=1e-5)
    assert np.isnan(far[3])  # beyond its corner
    dots = page.locator("#track td.c").filter(has_text="·")
    assert dots.count() == 0
    page.evaluate("goTo('#all/dW1.1400.1300')")
    assert page.locator("#why .nudge").count() == 1  # takes the row that W2 has in the page
    page.evaluate("goTo('#all/dx.1.1')")  # takes all of W1
    assert "No nudge here: the page has only the first rows" in page.locator("#why").inner_text()


def test_names_from_the_users_data_stay_text(show):
    net = cr.Network([cr.Dense(3)], cr.SoftmaxCrossEntropy(), n_in=2, dtype=np.float64)
    net.info["columns"] = ["<img src=x onerror=alert(1)>", "</script><script>alert(2)</script>"]
    page = show(cr.explain(net, np.eye(2), [0, 1], title="<i>x</i>").html, "#all")
    cell(page, "dW1", 0, 0).click()
    assert "<img src=x" in page.locator("#why").inner_text()
    assert page.locator("img, main b.bold, h1 i").count() == 0
    assert page.locator("h1").inner_text() == "<i>x</i>"
