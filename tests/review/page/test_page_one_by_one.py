"""Cells one after another, a key for each, and nothing that tells what the model thinks."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.review_site import BLAST, EACH, NAMES, NEXT, RED, ReviewSite

if TYPE_CHECKING:
    from playwright.sync_api import Page

CELLS = EACH * len(NAMES)


@pytest.fixture
def page(site: ReviewSite) -> Iterator["Page"]:
    with site.page() as found:
        yield found


def reading_of(site: ReviewSite, page: "Page", smear: int) -> dict[str, Any]:
    """The first reading, once all is saved."""
    page.wait_for_selector(".save-state.saved")
    data = page.request.get(f"{site.address}/api/smears/{smear}").json()
    found: dict[str, Any] = data["readings"][0]
    return found


def labels(site: ReviewSite, page: "Page", smear: int) -> list[str]:
    """Decided labels, in the order in which they were decided."""
    reading = reading_of(site, page, smear)
    data = page.request.get(f"{site.address}/api/readings/{reading['id']}/cells").json()
    columns = data["columns"]
    stamped = zip(columns["stamp"], columns["label"], columns["removed"], strict=True)
    return [
        "none" if removed else data["codes"][label]
        for stamp, label, removed in sorted(stamped)
        if stamp and (removed or label >= 0)
    ]


@pytest.fixture
def smear(site: ReviewSite, page: "Page") -> int:
    made = site.new_smear()
    site.show(page, "one", made, ".one .crop img")
    return made


def test_each_key_decides_a_cell_and_shows_the_next(
    site: ReviewSite, page: "Page", smear: int
) -> None:
    for key in ("b", "p", "Delete", "0", "y"):
        page.keyboard.press(key)
    expect(page.locator(".keys-side h1")).to_contain_text(f"6 of {CELLS}; 5 decided")
    assert labels(site, page, smear) == [BLAST, NEXT, "none", "?", RED]


def test_nothing_on_the_page_tells_what_the_model_thinks(page: "Page", smear: int) -> None:
    expect(page.locator(".verdict")).to_have_text("not decided")
    assert page.locator(".probabilities").count() == 0
    page.keyboard.press("Enter")  # would confirm a proposal
    expect(page.locator(".keys-side h1")).to_contain_text("0 decided")
    page.get_by_label("show the proposal").check()
    expect(page.locator(".verdict .said")).to_have_text("suggested")
    page.wait_for_selector(".probabilities")


def test_back_and_a_better_answer(site: ReviewSite, page: "Page", smear: int) -> None:
    for key in ("b", "Backspace", "p", "b"):
        page.keyboard.press(key)
    assert labels(site, page, smear) == [NEXT, BLAST]


def test_undo_goes_back_to_the_cell(site: ReviewSite, page: "Page", smear: int) -> None:
    page.keyboard.press("b")
    page.keyboard.press("p")
    page.keyboard.press("Control+z")
    expect(page.locator(".keys-side h1")).to_contain_text("2 of")
    assert labels(site, page, smear) == [BLAST]


def test_the_order_is_the_same_after_a_reload_and_goes_on_where_it_was(
    page: "Page", smear: int
) -> None:
    page.keyboard.press("b")
    page.keyboard.press("b")
    page.wait_for_selector(".save-state.saved")
    before = page.locator(".large-cell img").get_attribute("src")
    page.reload()
    page.wait_for_selector(".large-cell img")
    expect(page.locator(".keys-side h1")).to_contain_text("3 of")
    assert page.locator(".large-cell img").get_attribute("src") == before


def test_a_comment_can_be_typed_without_deciding(
    site: ReviewSite, page: "Page", smear: int
) -> None:
    page.keyboard.press("Control+m")
    page.keyboard.type("bp")
    page.keyboard.press("Enter")
    page.keyboard.press("b")
    assert labels(site, page, smear) == [BLAST]


def test_the_target_is_told_when_it_is_reached(page: "Page", smear: int) -> None:
    page.get_by_label("wanted").fill("2")
    page.get_by_label("wanted").press("Enter")
    page.locator(".keypad button", has_text="promyelocyte").click()
    assert page.locator(".reached").count() == 0
    page.locator(".keypad button", has_text="promyelocyte").click()
    expect(page.locator(".reached")).to_contain_text("2 cells decided")
