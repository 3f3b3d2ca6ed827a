"""The page of a step on a phone, on paper and by the keyboard alone, and the addresses of its steps and cells."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain import trace_step
from pages import address, cell, small_trace


def test_enter_leads_into_the_panel_and_escape_back_to_the_cell(show):
    page, focus = show(small_trace(), "#all"), "document.activeElement.dataset.key ?? document.activeElement.id"
    cell(page, "dW1", 0, 0).focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focus) == "why"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#why') !== null")
    assert page.evaluate("state.cell.key") == "dW1"
    page.keyboard.press("Escape")
    assert page.evaluate(focus) == "dW1"
    assert page.locator("#why.open").count() == 1
    page.keyboard.press("Escape")
    assert page.locator("#why.open").count() == 0


def test_on_a_phone_what_a_step_brings_is_in_view(show):
    page = show(small_trace(), "#x", viewport={"width": 390, "height": 844})
    for step in small_trace().walk[1:]:
        page.locator("#next").click()
        for figure in page.locator("figure.now").all():
            box = figure.bounding_box()
            assert 0 <= box["x"] <= 391 - min(box["width"], 360), step.key


def test_paper_is_white_where_the_screen_is_dark(show):
    page = show(small_trace(), "#all")
    page.emulate_media(color_scheme="dark", media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark", media="screen")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"


def test_gradients_lie_under_their_values_whatever_the_columns_are_called(show):
    net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3, dtype=np.float64)
    X, y = np.linspace(-1, 1, 12).reshape(4, 3), np.array(["Adelie", "Chinstrap", "Adelie", "Chinstrap"])
    page = show(trace_step(net, X, y), "#all")
    for value, gradient in (("W2", "dW2"), ("z2", "dz2"), ("z1", "dz1")):
        lefts = [cell(page, key, 1, 1).bounding_box()["x"] for key in (value, gradient)]
        assert lefts[0] == pytest.approx(lefts[1], abs=0.5), (value, lefts)


def test_a_malformed_address_is_the_start_and_a_link_tells_no_more_than_its_step(show):
    page = show(small_trace())
    for address_of in ("#dW1.-1.0", "#dW1.1.5e-1", "#dW1.1", "#nothing.0.0"):
        page.evaluate(f"goTo('{address_of}')")
        assert page.locator("#why.open").count() == 0, address_of
    page.evaluate("goTo('#z1/dW1.0.0')")
    assert page.locator("#why.open").count() == 0
    page.evaluate("goTo('#z1/z1.0.0')")
    assert page.locator("#why.open").count() == 1


def test_show_all_gives_way_to_the_step_where_it_was_asked_for(show):
    page = show(small_trace(), "#dz2")
    page.locator("#show-all").click()
    assert address(page) == "#all"
    page.locator("#show-all").click()
    assert address(page) == "#dz2"


def test_a_small_step_whose_columns_have_names_is_shown_whole_on_a_projector(show):
    net = cr.Network([cr.Dense(4), cr.ReLU(), cr.Dense(2)], cr.SoftmaxCrossEntropy(), n_in=3, dtype=np.float64)
    net.info["columns"] = ["bill length", "flipper length", "mass"]
    X, y = np.linspace(-1, 1, 12).reshape(4, 3).round(1), np.array(["Adelie", "Chinstrap", "Adelie", "Chinstrap"])
    page = show(trace_step(net, X, y), "#all")
    assert not page.evaluate("track.classList.contains('few') || track.scrollWidth > main.clientWidth")
    named = page.locator('figure[data-keys="x"] thead th').first
    assert named.get_attribute("title") == "bill length"
