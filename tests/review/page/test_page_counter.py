"""The counter beside a microscope: keys, no pictures; it holds at its target."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.review_site import BLAST, LATER, NAMES, NEXT, RED, ReviewSite

if TYPE_CHECKING:
    from playwright.sync_api import Page


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
def counter(site: ReviewSite, page: "Page") -> int:
    page.goto(f"{site.address}/")
    page.get_by_role("button", name="count at the microscope").click()
    page.wait_for_selector(".counter")
    return int(page.url.split("/smear/")[1].split("/")[0])


def test_the_counter_counts_keys_and_takes_one_back(
    site: ReviewSite, page: "Page", counter: int
) -> None:
    for key in "bbpym":
        page.keyboard.press(key)
    page.keyboard.press("Backspace")
    expect(page.locator(".counter .total")).to_have_text("4")
    expect(page.locator(".last")).to_have_text(f"{BLAST} {BLAST} {NEXT} {RED}")
    assert sorted(labels(site, page, counter)) == sorted([BLAST, BLAST, NEXT, RED, "none"])
    page.reload()
    expect(page.locator(".counter .total")).to_have_text("4")


def test_the_counter_holds_at_its_target(page: "Page", counter: int) -> None:
    page.get_by_label("wanted").fill("3")
    page.get_by_label("wanted").press("Enter")
    page.locator("h1").click()
    for key in "mmmm":
        page.keyboard.press(key)
    expect(page.locator(".counter .total")).to_have_text("3")
    page.get_by_role("button", name="count on").click()
    page.keyboard.press("m")
    expect(page.locator(".counter .total")).to_have_text("4")
    cell = page.locator(".shares tbody tr").first
    expect(cell).to_contain_text(NAMES[LATER])
    expect(cell).to_contain_text("100.0")
