"""The page of a diagnosis: their gradients as a lane, wrong cells outlined, the wrong terms."""

import re

import pytest

from chainrule.check.report.page import page_of
from chainrule.cli import main
from chainrule.errors import InputError
from pages import CONTRAST
from two_layers import NET, UNDIVIDED, UNKNOWN


def test_the_page_is_written_and_its_head_says_the_verdict(code, diagnosed, tmp_path, capsys):
    main(["diagnose", code(UNDIVIDED), "--html", str(tmp_path / "step.html")])
    assert "Saved to" in capsys.readouterr().out
    assert "mistake 3" in (tmp_path / "step.html").read_text()
    asked_less = diagnosed(UNDIVIDED).page(hint=1).html
    assert "mistake 3" not in asked_less
    assert '"tell":false' in asked_less
    with pytest.raises(InputError, match="hint 1; ask for that or more"):
        diagnosed(UNDIVIDED).page(hint=0)
    with pytest.raises(InputError, match="no network known here gives its loss"):
        page_of(diagnosed(UNKNOWN))
    with pytest.raises(SystemExit):
        main(["diagnose", code(UNKNOWN), "--html", str(tmp_path / "none.html")])
    assert "no page for" in capsys.readouterr().err
    assert not (tmp_path / "none.html").exists()


TRANSPOSED = NET.replace("dz2 @ self.W2.T * (self.h > 0)", "dz2 @ self.W2.T")  # the mask of ReLU is missing


def test_wrong_cells_have_an_outline_and_a_name_and_right_ones_have_none(show, diagnosed):
    page = show(diagnosed(TRANSPOSED).page(), "#all")
    lane = page.locator('figure[data-lane="yours"]')
    assert lane.count() == 2
    wrong = lane.locator("td.wrong")
    assert 0 < wrong.count() <= 16
    assert lane.first.locator("td.wrong").count() == wrong.count()  # W2 and b2 are right
    outline = "e => getComputedStyle(e).outlineStyle"
    assert set(wrong.evaluate_all(f"all => all.map({outline})")) == {"dashed"}
    assert all("yours" in label and label.endswith(", differs") for label in labels(wrong))
    right = lane.locator("td.c:not(.wrong)")
    assert right.count() >= 10
    assert "dashed" not in right.evaluate_all(f"all => all.map({outline})")
    assert not any("differs" in label for label in labels(right))
    assert page.get_by_role("grid", name=re.compile("yours")).count() == 2
    captions = lane.locator("figcaption").all_inner_texts()
    assert f"{wrong.count()} differ" in captions[0]
    assert "right" in captions[1]
    assert "mistake" in page.locator("#verdict").inner_text()


def labels(cells):
    return cells.evaluate_all("all => all.map((e) => e.getAttribute('aria-label'))")


def test_a_right_pass_has_no_outline_and_says_so(show, diagnosed):
    page = show(diagnosed(NET).page())
    assert page.locator('figure[data-lane="yours"] td.c').count() > 20
    assert page.locator("td.wrong").count() == 0
    assert page.locator("#verdict").inner_text() == "The gradient is right."
    assert "no cell of yours differs" in page.locator("#why").inner_text()


def test_the_page_opens_at_a_wrong_cell_and_shows_the_wrong_terms(show, diagnosed):
    page = show(diagnosed(UNDIVIDED).page())
    assert page.locator("#count").inner_text().startswith("All")
    assert page.locator("td.selected").count() == 1
    assert "the outlined terms are there 5 times over (there are 5 rows)" in page.locator(".wrong-term").inner_text()
    right, yours = page.locator(".terms tr.wrong .n"), page.locator(".terms tr.wrong .own")
    assert right.count() == yours.count() == 5
    twin = page.locator("td.twin")
    box, panel = twin.bounding_box(), page.locator("#why").bounding_box()
    assert box["y"] + box["height"] <= panel["y"]  # theirs is not under the panel
    page.locator('td[data-key="dW1"][data-i="1"][data-j="1"]').first.hover()
    assert "dW1[1, 1]" in page.locator("#why").inner_text()


def test_another_array_in_the_place_of_a_factor_is_named(show, diagnosed):
    page = show(diagnosed(TRANSPOSED).page())
    assert "it has ∂L/∂a₁ where ∂L/∂z₁ belongs" in page.locator(".wrong-term").inner_text()


def test_at_a_lower_hint_the_panel_names_no_term(show, diagnosed):
    page = show(diagnosed(UNDIVIDED).page(hint=2))
    assert re.fullmatch(r"Yours is \S+, off by \S+\.", page.locator(".wrong-term").inner_text())
    assert page.locator(".terms tr.wrong").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_lane_has_contrast_and_is_walked_with_the_keyboard(show, diagnosed, scheme):
    page = show(diagnosed(TRANSPOSED).page())
    page.emulate_media(color_scheme=scheme)
    assert [(round(ratio, 2), text) for ratio, text in page.evaluate(CONTRAST) if ratio < 4.5] == []
    page.locator('figure[data-lane="yours"] td.wrong').first.focus()
    page.keyboard.press("ArrowRight")
    assert "yours, input 1, unit 2" in page.evaluate("document.activeElement.getAttribute('aria-label')")


def test_a_wrong_cell_has_as_many_digits_as_tell_it_from_the_right_one(show, diagnosed):
    code = NET.replace("return {", "g = {") + '        g["W1"] = g["W1"] + 1e-5\n        return g\n'
    page = show(diagnosed(code).page(), "#all")
    wrong = page.locator('figure[data-lane="yours"] td.wrong')
    assert wrong.count() >= 12
    for own in wrong.all()[:12]:
        key, i, j = (own.get_attribute(f"data-{n}") for n in ("key", "i", "j"))
        right = page.locator(f'.gradients td[data-key="{key}"][data-i="{i}"][data-j="{j}"]').first
        assert own.inner_text() != right.inner_text()
    others = page.locator('figure[data-lane="yours"]').nth(1).locator("td.c").all_inner_texts()
    assert len({len(text.lstrip("−")) for text in others}) == 1  # right cells keep the digits of their figure


def test_the_page_has_the_rate_that_was_found(diagnosed):
    lines = "dW1, db1 = X.T @ dz1, dz1.sum(0)\n        dW2, db2 = self.h.T @ dz2, dz2.sum(0)\n"
    update = "".join(f"        self.{n} = self.{n} - 0.5 * d{n}\n" for n in ("W1", "b1", "W2", "b2"))
    head, _, _ = NET.replace("def backward", "def train_step").partition("return {")
    code = (head + lines + update).replace("dz2 = (self.p", "dz2 = (self.forward(X)")
    found = diagnosed(code)
    assert (found.verdict, found.rate) == ("correct", pytest.approx(0.5)), str(found)
    page = found.page()
    marks = re.findall(r'"wrong":\[(.*?)\]\]', page.html)
    assert len(marks) == 4
    assert not any("1" in one for one in marks)
