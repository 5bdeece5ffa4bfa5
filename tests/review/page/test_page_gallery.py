"""A smear is reviewed in the gallery: by keys, by mouse, and with nothing lost."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.review_site import BLAST, EACH, LATER, NAMES, NEXT, RED, ReviewSite

if TYPE_CHECKING:
    from playwright.sync_api import Page

IN_CLASS = EACH - 2  # the other two are below the threshold of the count


class Gallery:
    """The page, and what the server has of it."""

    def __init__(self, site: ReviewSite, page: "Page", smear: int) -> None:
        self.site, self.page, self.smear = site, page, smear
        site.show(page, "gallery", smear, ".tile")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def number(self, view: str) -> int:
        return int(self.page.locator(f'.rail [data-class="{view}"] .number').inner_text())

    def title(self) -> str:
        return self.page.locator(".cells h1").inner_text()

    def view(self, name: str) -> None:
        self.page.click(f'.rail [data-class="{name}"]')

    def saved(self) -> dict[int, str]:
        """Labels of the first reading in the server, once the page says that all is saved."""
        self.page.wait_for_selector(".save-state.saved")
        reading = self.get(f"/api/smears/{self.smear}")["readings"][0]["id"]
        data = self.get(f"/api/readings/{reading}/cells")
        columns = data["columns"]
        return {
            cell: "none" if removed else data["codes"][label]
            for cell, label, removed in zip(
                columns["id"], columns["label"], columns["removed"], strict=True
            )
            if removed or label >= 0
        }

    def events(self) -> int:
        """How many events the labels come from."""
        reading = self.get(f"/api/smears/{self.smear}")["readings"][0]["id"]
        return len({*self.get(f"/api/readings/{reading}/cells")["columns"]["stamp"]} - {0})

    def differential(self) -> dict[str, Any]:
        reading = self.get(f"/api/smears/{self.smear}")["readings"][0]["id"]
        return self.get(f"/api/readings/{reading}/differential")

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self.page.request.get(self.site.address + path).json()
        return found


@pytest.fixture
def gallery(site: ReviewSite) -> Iterator[Gallery]:
    with site.page() as page:
        yield Gallery(site, page, site.new_smear())


def test_it_opens_on_the_first_class_with_the_least_certain_cell_under_the_cursor(
    gallery: Gallery,
) -> None:
    assert gallery.title().startswith(f"blast {IN_CLASS} cells")
    cursor = gallery.page.locator(".tile.cursor")
    assert "suggested, 55 %" in (cursor.get_attribute("aria-label") or "")
    assert gallery.page.locator(".tile.open").count() == IN_CLASS


def test_a_key_moves_the_cell_and_the_cursor_goes_on(gallery: Gallery) -> None:
    gallery.press("p", "p")
    assert (gallery.number(BLAST), gallery.number(NEXT)) == (IN_CLASS - 2, IN_CLASS + 2)
    assert gallery.page.locator(".tile.cursor").count() == 1
    assert list(gallery.saved().values()) == [NEXT, NEXT]
    gallery.view(NEXT)
    assert gallery.page.locator(".tile.decided.changed").count() == 2


def test_a_whole_class_is_confirmed_and_the_next_one_comes(gallery: Gallery) -> None:
    gallery.view(NEXT)
    gallery.press("Shift+Enter")
    assert gallery.title().startswith("myelocyte")
    labels = gallery.saved()
    assert list(labels.values()) == [NEXT] * IN_CLASS
    gallery.view(NEXT)
    assert gallery.page.locator(".tile.decided:not(.changed)").count() == IN_CLASS


def test_blasts_are_not_confirmed_unseen_but_when_they_are_selected(gallery: Gallery) -> None:
    gallery.press("Shift+Enter")
    assert "Blasts are not confirmed unseen" in gallery.page.inner_text(".notices")
    assert gallery.saved() == {}
    gallery.press("Control+a", "Enter")
    assert list(gallery.saved().values()) == [BLAST] * IN_CLASS


def test_what_the_count_did_not_classify_is_looked_at_cell_by_cell(gallery: Gallery) -> None:
    gallery.view("open")
    assert gallery.page.locator(".tile").count() == 2 * len(NAMES)
    gallery.press("Shift+Enter")
    assert gallery.saved() == {}
    gallery.press("Control+a", "Enter")
    assert sorted(gallery.saved().values()) == sorted([*NAMES] * 2)


def test_undo_and_redo_go_to_the_cell_that_they_change(gallery: Gallery) -> None:
    gallery.press("Shift+ArrowRight", "m")
    assert gallery.number(LATER) == IN_CLASS + 2
    gallery.view(RED)
    gallery.press("Control+z")
    assert gallery.title().startswith("blast")
    assert gallery.number(LATER) == IN_CLASS
    assert gallery.saved() == {}
    gallery.press("Control+y")
    assert list(gallery.saved().values()) == [LATER, LATER]


def test_cells_are_selected_by_click_shift_and_ctrl(gallery: Gallery) -> None:
    tiles = gallery.page.locator(".tile")
    tiles.nth(1).click()
    tiles.nth(4).click(modifiers=["Shift"])
    assert gallery.page.locator(".tile.selected").count() == 4
    tiles.nth(2).click(modifiers=["Control"])
    assert gallery.page.locator(".tile.selected").count() == 3
    tiles.nth(6).click()
    assert gallery.page.locator(".tile.selected").count() == 1


def test_a_frame_selects_what_it_touches_and_a_drag_to_a_class_moves_it(gallery: Gallery) -> None:
    page = gallery.page
    tiles = [page.locator(".tile").nth(place).bounding_box() for place in (2, 5)]
    assert tiles[0] is not None
    assert tiles[1] is not None
    page.mouse.move(tiles[0]["x"] + 30, tiles[0]["y"] + 30)
    page.mouse.down()
    page.mouse.move(tiles[1]["x"] + 40, tiles[1]["y"] + 60, steps=4)
    page.mouse.up()
    assert page.locator(".tile.selected").count() == 4
    target = page.locator(f'.rail [data-class="{RED}"]').bounding_box()
    assert target is not None
    page.mouse.move(tiles[1]["x"] + 40, tiles[1]["y"] + 40)
    page.mouse.down()
    page.mouse.move(target["x"] + 80, target["y"] + 10, steps=5)
    assert "4 cells" in page.inner_text(".carried")
    page.mouse.up()
    assert gallery.number(RED) == IN_CLASS + 4
    assert list(gallery.saved().values()) == [RED] * 4


def test_one_cell_is_dragged_without_being_selected_first(gallery: Gallery) -> None:
    page = gallery.page
    tile = page.locator(".tile").nth(5)
    label = tile.get_attribute("id")
    tile.drag_to(page.locator(f'.rail [data-class="{LATER}"]'))
    assert list(gallery.saved()) == [int((label or "").removeprefix("cell-"))]
    assert gallery.number(LATER) == IN_CLASS + 1


def test_a_finger_selects_by_tapping_and_assigns_by_the_bar(site: ReviewSite) -> None:
    tablet = site.signed_in(viewport={"width": 1024, "height": 768}, has_touch=True)
    page = tablet.new_page()
    gallery = Gallery(site, page, site.new_smear())
    page.locator(".tile").nth(1).tap()
    page.locator(".tile").nth(2).tap()
    assert page.locator(".tile.selected").count() == 3  # the one under the cursor, too
    page.locator(".assign button", has_text=NEXT).tap()
    assert list(gallery.saved().values()) == [NEXT] * 3
    tablet.close()


def test_after_a_click_on_a_button_the_next_key_still_means_the_cells(gallery: Gallery) -> None:
    gallery.page.locator(".assign button", has_text=NEXT).click()
    gallery.press("Enter")
    assert sorted(gallery.saved().values()) == [BLAST, NEXT]


def test_space_shows_the_cell_large_and_keys_go_on_working(gallery: Gallery) -> None:
    gallery.press("Space")
    gallery.page.wait_for_selector(".zoom .probabilities")
    gallery.page.wait_for_selector(".zoom .context img")
    gallery.press("p")
    assert gallery.number(NEXT) == IN_CLASS + 1
    gallery.press("Escape")
    assert gallery.page.locator(".zoom").count() == 0


def test_the_live_count_is_the_one_of_the_server(gallery: Gallery) -> None:
    def shown() -> list[str]:
        words = gallery.page.locator(".summary dd").all_inner_texts()
        return [word.split()[0] for word in words]

    def served() -> list[str]:
        found = gallery.differential()
        return [
            str(found["reviewed"]),
            str(found["countable"]),
            f"{found['me']['value']:.1f}",
            f"{found['blasts']['percent']:.1f}",
        ]

    assert shown() == served()
    gallery.press("Control+a", "y", "Delete", "0")
    gallery.view("open")
    gallery.press("Enter", "m")
    gallery.saved()
    assert shown() == served()


def test_removed_cells_can_be_brought_back(gallery: Gallery) -> None:
    gallery.press("Delete", "Delete")
    assert list(gallery.saved().values()) == ["none", "none"]
    gallery.view("removed")
    gallery.page.locator(".assign button", has_text="it is a cell").click()
    assert list(gallery.saved().values()) == ["none"]


def test_orders_and_likeness(gallery: Gallery) -> None:
    def cells() -> list[int]:
        found = gallery.page.locator(".tile").evaluate_all(
            "tiles => tiles.sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map((tile) => tile.id)"
        )
        return [int(one.removeprefix("cell-")) for one in found]

    uncertain = cells()
    gallery.page.select_option("select[aria-label=order]", "certain")
    assert cells() == uncertain[::-1]
    gallery.page.select_option("select[aria-label=order]", "size")
    assert cells() == sorted(cells(), reverse=True)  # the fixture's nuclei grow with the number
    gallery.page.locator(".tile").nth(3).click()
    chosen = cells()[3]
    gallery.press("Control+l")
    gallery.page.wait_for_selector("text=by likeness")
    assert cells()[0] == chosen


def test_after_a_reload_all_is_there_and_can_be_undone(gallery: Gallery) -> None:
    gallery.press("p", "m")
    gallery.saved()
    gallery.page.reload()
    gallery.page.wait_for_selector(".tile")
    assert (gallery.number(NEXT), gallery.number(LATER)) == (IN_CLASS + 1, IN_CLASS + 1)
    gallery.press("Control+z")
    assert list(gallery.saved().values()) == [NEXT]


def test_without_a_network_work_goes_on_and_arrives_once(gallery: Gallery) -> None:
    page = gallery.page
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.url.endswith("/events") else None)
    page.route("**/events", lambda route: route.abort())
    gallery.press("p", "p", "p")
    page.wait_for_selector(".save-state.offline")
    assert "3 actions kept here" in page.inner_text(".save-state")
    page.reload()
    page.wait_for_selector(".tile")
    assert gallery.number(NEXT) == IN_CLASS + 3
    page.unroute("**/events")
    page.wait_for_selector(".save-state.saved")
    assert list(gallery.saved().values()) == [NEXT] * 3
    seq = gallery.get(
        f"/api/readings/{gallery.get(f'/api/smears/{gallery.smear}')['readings'][0]['id']}/cells"
    )
    assert len({*seq["columns"]["stamp"]} - {0}) == 3  # three events, none of them twice
    assert len(sent) >= 2


def test_an_answer_that_was_lost_does_not_count_twice(gallery: Gallery) -> None:
    page = gallery.page
    lost: list[int] = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)  # the server has committed; the page never hears of it
        route.abort()

    page.route("**/events", lose)
    gallery.press("Delete")
    page.wait_for_selector(".save-state.saved")
    assert lost == [200]
    gallery.press("Control+z")
    assert gallery.saved() == {}


def test_opening_the_link_again_does_not_stop_the_first_window(
    gallery: Gallery, site: ReviewSite
) -> None:
    again = gallery.page.context.new_page()
    again.goto(f"{site.address}/?token={site.service.token}")
    again.wait_for_selector("table.list")
    again.close()
    gallery.press("p")
    assert list(gallery.saved().values()) == [NEXT]
    site.problems[:] = [one for one in site.problems if "403" not in one]  # of the old token


def test_keys_can_be_changed_and_stay_changed(gallery: Gallery) -> None:
    page = gallery.page
    gallery.press("+")
    page.locator(".class-keys button", has_text="erythroblast").last.click()
    gallery.press("9")
    page.locator("dialog button", has_text="close").click()
    gallery.press("9")
    assert list(gallery.saved().values()) == [RED]
    page.reload()
    page.wait_for_selector(".tile")
    gallery.press("9")
    assert list(gallery.saved().values()) == [RED, RED]


def test_a_comment_is_kept_and_typing_it_moves_no_cell(gallery: Gallery) -> None:
    gallery.press("Control+m")
    gallery.page.keyboard.type("promyelocyte?")
    gallery.press("Enter", "ArrowRight", "ArrowLeft")
    assert gallery.saved() == {}
    gallery.page.wait_for_selector(".tile .remark")
    expect(gallery.page.locator("#comment")).to_have_value("promyelocyte?")
