"""No barrier that axe-core knows of, on any screen, light or dark, large or on a tablet; all fits."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from support.review_site import ReviewSite

SIZES = {"desk": (1366, 768), "tablet": (1024, 768), "upright": (768, 1024)}
SCREENS = {"gallery": ".tile", "one": ".crop img", "field": ".scale-bar", "agreement": "table",
           "sign": ".box li", "trail": "tbody tr"}  # fmt: skip


@pytest.fixture(scope="module")
def smear(site: ReviewSite) -> int:
    return site.new_smear()


def barriers(page: Any) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"][:3]]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_screens_have_no_barrier(site: ReviewSite, smear: int, theme: str) -> None:
    context = site.signed_in(color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    found: dict[str, list[str]] = {}
    for screen, wait_for in SCREENS.items():
        site.show(page, screen, smear, wait_for)
        found[screen] = barriers(page)
    site.show(page, "gallery", smear, ".tile")
    page.keyboard.press("Space")
    page.wait_for_selector(".zoom")
    found["zoom"] = barriers(page)
    page.keyboard.press("Escape")
    page.keyboard.press("+")
    page.wait_for_selector("dialog[open]")
    found["keys"] = barriers(page)
    for place, wait_for in (("/", "table.list"), ("/#/users", "tbody tr")):
        page.goto(site.address + place)
        page.wait_for_selector(wait_for)
        found[place] = barriers(page)
    context.close()
    assert {screen: ones for screen, ones in found.items() if ones} == {}


@pytest.mark.parametrize("size", SIZES)
def test_screens_fit(site: ReviewSite, smear: int, size: str) -> None:
    width, height = SIZES[size]
    context = site.signed_in(viewport={"width": width, "height": height})
    page = context.new_page()
    wide = {}
    for screen, wait_for in SCREENS.items():
        site.show(page, screen, smear, wait_for)
        wide[screen] = page.evaluate("document.documentElement.scrollWidth")
    site.show(page, "gallery", smear, ".tile")
    seen = page.locator(".tile").evaluate_all(
        """(tiles, [width, height]) => tiles.filter((tile) => { const box = tile.getBoundingClientRect();
            return box.left >= 0 && box.right <= width && box.top >= 0 && box.bottom <= height; }).length""",
        [width, height],
    )
    classes = page.locator(".rail").bounding_box()
    context.close()
    assert {screen: found for screen, found in wide.items() if found > width} == {}
    assert seen == 8
    assert classes is not None  # the classes are always there
    assert classes["height"] > 400


def test_the_theme_of_the_system_can_be_overruled(site: ReviewSite) -> None:
    context = site.signed_in(color_scheme="dark")
    page = context.new_page()
    page.goto(f"{site.address}/")
    ground = "getComputedStyle(document.body).backgroundColor"
    page.wait_for_selector(".theme")
    dark = page.evaluate(ground)
    page.click(".theme")
    light = page.evaluate(ground)
    page.reload()
    page.wait_for_selector(".theme")
    assert page.evaluate(ground) == light
    assert light != dark
    context.close()
