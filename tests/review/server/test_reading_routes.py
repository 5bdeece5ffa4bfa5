"""The way of a reader through the interface: cells come, events go, the count follows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from marrowscope.io.image_decoding import decode
from marrowscope.review.database.connection import Database
from marrowscope.review.server import picture_routes, reading_routes
from marrowscope.review.server.endpoint import READERS
from support.review_client import Page, local_service
from support.review_smears import event, new_smear


@pytest.fixture
def page(database: Database, tmp_path: Path) -> Iterator[Page]:
    """With a smear of 120 cells that have pictures; the shade of cell n is 20 n, modulo 256."""
    new_smear(database, 120, tmp_path)
    made = Page(local_service(database))
    with made.client:
        yield made


@pytest.fixture
def other(page: Page) -> Page:
    """A second person on the same database."""
    return Page(local_service(page.service.database, "berta"))


def columns(page: Page, reading: int) -> dict[str, list[object]]:
    found: dict[str, list[object]] = page.get(f"/api/readings/{reading}/cells")["columns"]
    return found


def test_beginning_twice_gives_the_same_reading(page: Page) -> None:
    first = page.post("/api/smears/1/readings", {"role": "first"}, 201)
    again = page.post("/api/smears/1/readings", {"role": "first"}, 200)
    assert first == again
    assert (first["role"], first["cells"], first["decided"]) == ("first", 120, 0)
    assert page.get("/api/smears/1")["state"] == "in review"


def test_cells_come_in_columns_of_one_length(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    data = page.get("/api/readings/1/cells")
    table = data["columns"]
    assert {len(values) for name, values in table.items() if name != "box"} == {120}
    assert len(table["box"]) == 480
    assert [data["codes"][place] for place in table["predicted"][:4]] == [
        "BLA",
        "NGS",
        "EBO",
        "BLA",
    ]
    assert data["codes"][-1] == "?"
    assert set(table["label"]) == {-1}
    assert (data["count"], data["next"], len(data["sheets"])) == (120, None, 2)


def test_cells_come_in_pieces(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    got: list[int] = []
    after: int | None = 0
    while after is not None:
        piece = page.get("/api/readings/1/cells", after=after, limit=50)
        got += piece["columns"]["id"]
        after = piece["next"]
    assert got == list(range(1, 121))


def test_a_sheet_shows_each_cell_in_its_slot(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    data = page.get("/api/readings/1/cells")
    sheets = [page.client.get(url) for url in data["sheets"]]
    assert all("immutable" in one.headers["cache-control"] for one in sheets)
    pictures = [decode(one.content) for one in sheets]
    side, across = data["sheet"]["side"], data["sheet"]["columns"]
    for row in (0, 1, 50, 119):
        sheet, slot = data["columns"]["sheet"][row], data["columns"]["slot"][row]
        y, x = (side * place + side // 2 for place in divmod(slot, across))
        assert abs(int(pictures[sheet][y, x, 0]) - 20 * row % 256) < 4


def test_a_sheet_that_is_not_there_is_none(page: Page) -> None:
    assert page.client.get("/api/smears/1/sheets/class/7.abc.jpg").status_code == 404
    assert page.client.get("/api/smears/1/sheets/other/0.abc.jpg").status_code == 404


def test_what_is_decided_is_counted_at_once(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    before = page.get("/api/readings/1/differential")
    sent = {"events": [event("label", cells=[1, 4], code="PMO")], "since": 0, "differential": True}
    answer = page.post("/api/readings/1/events", sent)
    assert answer["results"][0]["cells"] == [[1, "PMO", False], [4, "PMO", False]]
    assert answer["others"] == []
    counts = {one["code"]: one["count"] for one in answer["differential"]["classes"]}
    assert (counts["BLA"], counts["PMO"]) == (38, 2)
    assert before["blasts"]["count"] == 40
    assert answer["differential"]["reviewed"] == 2
    table = page.get("/api/readings/1/cells")
    assert table["codes"][table["columns"]["label"][0]] == "PMO"
    assert table["columns"]["stamp"][0] == answer["seq"] == table["seq"]
    assert page.get("/api/readings/1/changes", since=answer["seq"] - 1)["cells"] == [
        [1, "PMO", False, answer["seq"], 1], [4, "PMO", False, answer["seq"], 1]
    ]  # fmt: skip


def test_all_about_one_cell(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    sent = [event("label", cells=[2], code="NGB"), event("comment", cells=[2], text="bent")]
    page.post("/api/readings/1/events", {"events": sent})
    found = page.get("/api/cells/2", reading=1)
    assert found["probabilities"][0][0] == "NGS"
    assert (found["label"], found["comment"]) == ("NGB", "bent")
    assert [(one["kind"], one["old"], one["new"]) for one in found["history"]] == [
        ("label", None, "NGB"), ("comment", None, "bent")
    ]  # fmt: skip
    crop = page.client.get(found["crop"])
    assert decode(crop.content).shape == (250, 250, 3)
    assert page.get("/api/cells/999", 404, reading=1)["code"] == "not-found"
    assert page.get("/api/cells/2", 422)["error"] == "`reading` is missing"


def test_a_picture_that_is_gone_is_told_and_not_kept(page: Page, tmp_path: Path) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    for path in tmp_path.glob("c*.png"):
        path.unlink()
    sheet = page.client.get(page.get("/api/readings/1/cells")["sheets"][0])
    assert (sheet.status_code, sheet.headers["cache-control"]) == (200, "no-store")
    assert page.get("/api/cells/1/crop.jpg", 404)["code"] == "no-picture"


def test_the_second_reader_is_told_nothing_of_model_and_first_reader(
    page: Page, other: Page
) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    sent = [event("label", cells=[1, 2, 3], code="PMO"), event("remove", cells=[4])]
    page.post("/api/readings/1/events", {"events": sent})
    second = other.post("/api/smears/1/readings", {"role": "second"}, 201)
    assert second["blinded"]
    number = second["id"]
    data = other.get(f"/api/readings/{number}/cells")
    assert data["blinded"]
    assert not {"predicted", "confidence", "uncertainty"} & set(data["columns"])
    assert set(data["columns"]["label"]) == {-1}
    assert all("/place/" in url for url in data["sheets"])
    cell = other.get("/api/cells/1", reading=number)
    assert not {"probabilities", "predicted", "confidence", "model"} & set(cell)
    assert (cell["history"], cell["uid"]) == ([], None)
    for path in (
        "/api/readings/1", "/api/readings/1/cells", "/api/readings/1/changes",
        "/api/readings/1/differential", "/api/readings/1/order", "/api/cells/1?reading=1",
        f"/api/readings/{number}/order?by=uncertain",
    ):  # fmt: skip
        assert other.client.get(path).status_code == 403, path
    by_class = page.get("/api/readings/1/cells")["sheets"][0]
    assert other.client.get(by_class).status_code == 403
    smear = other.get("/api/smears/1")
    assert smear["blasts"] is None
    first = smear["readings"][0]
    assert (first["decided"], first["cells"]) == (None, None)
    assert other.get("/api/smears")["smears"][0]["blasts"] is None
    assert other.get(f"/api/readings/{number}/differential")["countable"] == 0
    alike = other.get(f"/api/readings/{number}/likeness", cell=1)
    assert alike["by"] == "appearance"
    confirm = {"events": [event("confirm", cells=[1])]}
    refused = other.post(f"/api/readings/{number}/events", confirm)["results"][0]
    assert refused["status"] == "refused"


def test_the_reading_of_somebody_else_is_read_by_signers_and_not_written(
    page: Page, other: Page
) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    assert other.get("/api/readings/1")["mine"] is False
    sent = {"events": [event("label", cells=[1], code="PMO")]}
    assert other.post("/api/readings/1/events", sent, 403)["code"] == "not-yours"
    assert other.post("/api/readings/1/submit", {}, 403)["code"] == "not-yours"


def test_orders(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    orders = {
        by: page.get("/api/readings/1/order", by=by)["cells"]
        for by in ("random", "uncertain", "place", "size")
    }
    assert all(sorted(one) == list(range(1, 121)) for one in orders.values())
    assert orders["random"] == page.get("/api/readings/1/order", by="random")["cells"]
    assert orders["random"] != orders["place"]
    assert page.get("/api/readings/1/order", 422, by="name")["code"] == "wrong-field"


def test_cells_that_look_alike_come_first(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first", "blinded": True}, 201)
    alike = page.get("/api/readings/1/likeness", cell=3, limit=8)
    # Cell 3 has shade 40; every 64th cell has the same one.
    assert alike["cells"][0] == 3
    assert 67 in alike["cells"]
    assert alike["similarity"] == sorted(alike["similarity"], reverse=True)


def test_a_reading_is_submitted_when_every_cell_is_decided(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    told = page.post("/api/readings/1/submit", {}, 409)
    assert (told["code"], told["unreviewed"]) == ("unfinished", 120)
    every = event("confirm", cells=list(range(1, 121)), force=True)
    page.post("/api/readings/1/events", {"events": [every]})
    assert page.post("/api/readings/1/submit")["submitted"] is not None
    sent = {"events": [event("label", cells=[1], code="PMO")]}
    assert page.post("/api/readings/1/events", sent, 409)["code"] == "submitted"
    assert page.post("/api/readings/1/reopen", {"reason": " "}, 422)
    assert page.post("/api/readings/1/reopen", {"reason": "wrong slide"})["submitted"] is None


def test_cells_and_labels_are_for_readers_alone() -> None:
    for one in (*reading_routes.ENDPOINTS, *picture_routes.ENDPOINTS):
        assert one.roles == READERS, one.name
