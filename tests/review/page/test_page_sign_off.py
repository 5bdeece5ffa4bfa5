"""A smear on its way through a laboratory: two readers, an adjudicator, a signature, an amendment."""

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from support.review_site import BLAST, EACH, LATER, NAMES, NEXT, PASSWORD, ReviewSite, started_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CELLS = EACH * len(NAMES)
PEOPLE = {"anna": "reader", "ben": "reader", "clara": "reader signer", "dora": "admin"}


@pytest.fixture(scope="module")
def laboratory(
    chromium: "Browser", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ReviewSite]:
    with started_site(tmp_path_factory.mktemp("laboratory"), chromium, PEOPLE) as site:
        yield site
    # Wrong passwords, unfinished readings and what one may not do are answered with a status.
    refused = ("401", "403", "409")
    assert [one for one in site.problems if not any(status in one for status in refused)] == []


@pytest.fixture
def enter(laboratory: ReviewSite) -> Iterator[Callable[[str], "Page"]]:
    """Sign in as somebody, in a browser of one's own."""
    contexts = []

    def signed_in(name: str) -> "Page":
        contexts.append(laboratory.context())
        page = contexts[-1].new_page()
        page.goto(f"{laboratory.address}/")
        page.get_by_label("name").fill(name)
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="sign in").click()
        page.wait_for_selector(".worklist, .users")
        return page

    yield signed_in
    for context in contexts:
        context.close()


def decide_all(page: "Page", *keys: str) -> None:
    """Select everything and press keys, then move single cells by further ones."""
    page.wait_for_selector(".tile")
    page.click('.rail [data-class="all"]')
    page.keyboard.press("Control+a")
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(".save-state.saved")


def submit(page: "Page") -> None:
    page.get_by_role("link", name="Sign", exact=True).click()
    page.get_by_role("button", name="submit the reading").click()
    expect(page.locator(".box").first).to_contain_text("Submitted")


def received(page: "Page") -> list[str]:
    """Bodies of all JSON that the browser gets from now on."""
    bodies: list[str] = []

    def keep(response: Any) -> None:
        if "json" in response.headers.get("content-type", ""):
            bodies.append(response.text())

    page.on("response", keep)
    return bodies


def test_from_the_first_reading_to_an_amended_signature(
    laboratory: ReviewSite, enter: Callable[[str], "Page"]
) -> None:
    smear = laboratory.new_smear()

    # The first reader confirms what the model says, but for three cells.
    anna = enter("anna")
    laboratory.show(anna, "sign", smear)
    anna.get_by_role("button", name="submit the reading").click()
    expect(anna.locator(".message-line")).to_contain_text("40")  # are not decided yet
    anna.get_by_role("link", name="Gallery").click()
    decide_all(anna, "Enter")
    anna.click(f'.rail [data-class="{BLAST}"]')
    anna.keyboard.press("Shift+ArrowRight")
    anna.keyboard.press("Shift+ArrowRight")
    anna.keyboard.press("p")
    anna.wait_for_selector(".save-state.saved")
    submit(anna)
    anna.goto(f"{laboratory.address}/#/users")
    expect(anna.locator(".box", has_text="Your readings").locator("td").first).to_have_text(
        re.compile("^4[34]$")  # one more by another test
    )

    # The second reader sees neither model nor first reader, calls all the same, two otherwise.
    ben = enter("ben")
    laboratory.show(ben, "agreement", smear)
    bodies = received(ben)
    ben.get_by_role("button", name="read it as second reader").click()
    ben.wait_for_selector(".tile")
    expect(ben.locator(".where")).to_contain_text("second reading, blinded")
    assert ben.locator(".tile .sure").count() == 0
    ben.click(".tile >> nth=0")
    ben.wait_for_timeout(300)  # details of a cell are asked for when one rests there
    assert ben.locator(".probabilities").count() == 0
    for key, first in (("b", 0), ("p", EACH), ("m", 2 * EACH), ("y", 3 * EACH)):
        # Cells lie in the order of the field, so ten after ten are of one class.
        ids = [first + 1 + place for place in range(EACH)]
        assert ids[0] >= 1
        ben.keyboard.press("Home")
        for _ in range(EACH - 1):
            ben.keyboard.press("Shift+ArrowRight")
        ben.keyboard.press(key)
    ben.wait_for_selector(".save-state.saved")
    assert not [body for body in bodies if '"predicted"' in body or '"probabilities"' in body]
    assert not [body for body in bodies if "anna" in body.lower() and '"columns"' in body]
    submit(ben)

    # A third one compares, decides where they differ, and signs.
    clara = enter("clara")
    laboratory.show(clara, "agreement", smear, ".measures")
    expect(clara.locator(".measures")).to_contain_text(f"{CELLS - 3} of {CELLS} cells")
    clara.get_by_role("button", name="decide the disagreements").click()
    clara.wait_for_selector(".tile")
    clara.click('.rail [data-class="all"]')
    assert clara.locator(".tile").count() == 3
    for votes in clara.locator(".tile .code").all_inner_texts():
        assert sorted(votes.split(" / ")) == [BLAST, NEXT]
    decide_all(clara, "p")
    submit(clara)
    clara.get_by_label("password").fill("not the password")
    clara.get_by_role("button", name="sign", exact=True).click()
    expect(clara.locator(".message-line")).to_contain_text("password")
    clara.get_by_label("password").fill(PASSWORD)
    clara.get_by_role("button", name="sign", exact=True).click()
    expect(clara.locator("article")).to_contain_text("Clara")
    count = clara.request.get(f"{laboratory.address}/api/smears/{smear}/signatures").json()
    classes = {one["code"]: one["count"] for one in count["signatures"][0]["count"]["classes"]}
    assert (classes[BLAST], classes[NEXT]) == (EACH - 3, EACH + 3)
    with clara.expect_popup() as report:
        clara.get_by_role("link", name="report", exact=True).click()
    expect(report.value.locator("body")).to_contain_text("promyelocyte")

    # Something is found later: a new version with a reason; the old one stays.
    clara.get_by_label("reason").fill("a myelocyte was overlooked")
    clara.get_by_role("button", name="amend").click()
    expect(clara.locator(".where")).to_contain_text("amendment")
    clara.click(f'.rail [data-class="{NEXT}"]')
    clara.keyboard.press("m")
    clara.wait_for_selector(".save-state.saved")
    clara.get_by_role("link", name="Sign", exact=True).click()
    clara.get_by_label("password").fill(PASSWORD)
    clara.get_by_role("button", name="sign", exact=True).click()
    expect(clara.locator(".message-line")).to_have_text("Signed.")
    expect(clara.locator("article")).to_have_count(2)
    expect(clara.locator("article").first).to_contain_text("a myelocyte was overlooked")
    count = clara.request.get(f"{laboratory.address}/api/smears/{smear}/signatures").json()
    versions = {one["version"]: one["count"] for one in count["signatures"]}
    amended = {one["code"]: one["count"] for one in versions[2]["classes"]}
    assert (amended[NEXT], amended[LATER]) == (EACH + 2, EACH + 1)

    # All of it is in the trail, and the trail is whole.
    clara.get_by_role("link", name="Trail").click()
    clara.get_by_role("button", name="verify the chains").click()
    expect(clara.locator("[role=status]").last).to_contain_text("whole")
    said = clara.locator(".trail tbody").inner_text()
    for word in ("Anna", "Ben", "Clara", "amend", "sign"):
        assert word in said


def test_somebody_who_only_looks_after_users_reads_nothing(
    laboratory: ReviewSite, enter: Callable[[str], "Page"]
) -> None:
    smear = laboratory.new_smear()
    dora = enter("dora")
    dora.goto(f"{laboratory.address}/#/users")
    dora.get_by_label("sign-in name").fill("emil")
    dora.get_by_label("name as shown").fill("Emil")
    dora.get_by_label("first password").fill("another long word")
    dora.get_by_label("reader (reads)").check()
    dora.get_by_role("button", name="add").click()
    expect(dora.locator("tbody")).to_contain_text("Emil")
    dora.goto(f"{laboratory.address}/#/smear/{smear}/gallery")
    dora.wait_for_selector("main.message")
    assert dora.locator(".tile").count() == 0


def test_a_wrong_password_says_so_and_signing_out_ends_it(
    laboratory: ReviewSite, enter: Callable[[str], "Page"]
) -> None:
    page = laboratory.context().new_page()
    page.goto(f"{laboratory.address}/")
    page.get_by_label("name").fill("anna")
    page.get_by_label("password").fill("wrong")
    page.get_by_role("button", name="sign in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    page.context.close()
    ben = enter("ben")
    ben.get_by_role("button", name="sign out").click()
    ben.wait_for_selector("input[name=password]")
    assert ben.request.get(f"{laboratory.address}/api/smears").status == 401


def test_work_is_not_lost_when_the_session_ends_in_the_midst_of_it(
    laboratory: ReviewSite, enter: Callable[[str], "Page"]
) -> None:
    smear = laboratory.new_smear()
    page = enter("anna")
    laboratory.show(page, "gallery", smear, ".tile")
    page.context.clear_cookies()
    page.keyboard.press("p")
    page.wait_for_selector("input[name=password]")
    page.get_by_label("name").fill("anna")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="sign in").click()
    page.wait_for_selector(".tile")
    page.wait_for_selector(".save-state.saved")
    reading = page.request.get(f"{laboratory.address}/api/smears/{smear}").json()["readings"][0]
    assert reading["decided"] == 1
