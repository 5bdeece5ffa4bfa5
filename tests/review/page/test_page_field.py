"""The field with its cells: what is drawn where, reclassified, added, taken out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.review_site import EACH, NAMES, NEXT, RED, ReviewSite

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Where a cell lies on the screen: the picture is fitted into its frame, the wider side filling it.
_WHERE = """([x, y, width, height]) => {
    const box = document.querySelector(".holder").getBoundingClientRect();
    const zoom = Math.min(box.width / width, box.height / height);
    return [box.left + (box.width - width * zoom) / 2 + x * zoom,
            box.top + (box.height - height * zoom) / 2 + y * zoom];
}"""


class Viewer:
    """The screen of one smear."""

    def __init__(self, site: ReviewSite, page: "Page") -> None:
        self.site, self.page, self.smear = site, page, site.new_smear()
        site.show(page, "field", self.smear, ".scale-bar")

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.page.request.get(self.site.address + path).json()
        return found

    def cells(self) -> dict[str, Any]:
        self.page.wait_for_selector(".save-state.saved")
        reading = self.get(f"/api/smears/{self.smear}")["readings"][0]["id"]
        return self.get(f"/api/readings/{reading}/cells")

    def click(self, x: float, y: float) -> None:
        """Click a place of the picture."""
        image = self.get(f"/api/smears/{self.smear}/images")["images"][0]
        place = self.page.evaluate(_WHERE, [x, y, image["width"], image["height"]])
        self.page.mouse.click(*place)


@pytest.fixture
def viewer(site: ReviewSite) -> Iterator[Viewer]:
    with site.page() as page:
        yield Viewer(site, page)


def test_a_click_chooses_a_cell_and_a_key_reclassifies_it(viewer: Viewer) -> None:
    viewer.click(125 / 2, 125 / 2)  # the first cell
    expect(viewer.page.locator(".verdict")).to_contain_text("blast")
    viewer.page.keyboard.press("p")
    data = viewer.cells()
    label = data["columns"]["label"]
    assert data["codes"][label[0]] == NEXT
    assert label[1:] == [-1] * (EACH * len(NAMES) - 1)
    viewer.page.keyboard.press("Control+z")
    assert viewer.cells()["columns"]["label"][0] == -1


def test_a_missed_cell_is_added_where_it_lies(viewer: Viewer) -> None:
    viewer.page.keyboard.press("Insert")
    viewer.click(500, 300)
    expect(viewer.page.locator(".assign")).to_contain_text("A missed cell")
    viewer.page.keyboard.press("y")
    viewer.page.wait_for_selector(".save-state.saved")
    columns = viewer.cells()["columns"]
    assert columns["added"] == [0] * EACH * len(NAMES) + [1]
    assert viewer.cells()["codes"][columns["label"][-1]] == RED
    assert columns["x"][-1] == pytest.approx(500, abs=2)
    assert columns["y"][-1] == pytest.approx(300, abs=2)
    viewer.page.keyboard.press("Control+z")
    viewer.page.wait_for_selector(".save-state.saved")
    assert viewer.cells()["columns"]["removed"][-1] == 1


def test_what_is_no_cell_is_taken_out_and_confirmed_cells_are_kept(viewer: Viewer) -> None:
    viewer.page.keyboard.press("ArrowRight")
    viewer.page.keyboard.press("Delete")
    viewer.page.keyboard.press("ArrowRight")
    viewer.page.keyboard.press("Enter")
    columns = viewer.cells()["columns"]
    assert sum(columns["removed"]) == 1
    assert sum(label >= 0 for label in columns["label"]) == 1


def test_a_cell_of_the_gallery_is_found_in_its_field(site: ReviewSite) -> None:
    smear = site.new_smear()
    with site.page() as page:
        site.show(page, "gallery", smear, ".tile")
        page.locator(".cell-panel button", has_text="in the field").click()
        page.wait_for_selector(".scale-bar")
        expect(page.locator(".verdict")).to_contain_text("blast")


def test_outlines_are_on_one_canvas(viewer: Viewer) -> None:
    painted = viewer.page.evaluate(
        """() => { const canvas = document.querySelector("canvas.outlines");
        const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        let count = 0;
        for (let at = 3; at < pixels.length; at += 4) if (pixels[at] > 100) count += 1;
        return count; }"""
    )
    assert painted > 40 * 100
    viewer.page.get_by_label("cells", exact=True).uncheck()
    viewer.page.wait_for_timeout(100)
    painted = viewer.page.evaluate(
        """() => { const canvas = document.querySelector("canvas.outlines");
        return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean); }"""
    )
    assert painted is False
