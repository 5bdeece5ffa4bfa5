"""What comes in by the page: counters, slides, single cells."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from marrowscope.io.image_encoding import encode_png
from marrowscope.review.database.connection import Database
from support.review_client import Page, local_service
from support.review_smears import event


@pytest.fixture
def page(database: Database) -> Iterator[Page]:
    made = Page(local_service(database))
    with made.client:
        yield made


@pytest.fixture
def library(page: Page, tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    page.service.library, page.service.enqueue = folder, lambda number: None
    return folder


def field(side: int) -> bytes:
    return encode_png(np.full((side, side, 3), 200, np.uint8))


def put(page: Page, data: bytes, name: str, status: int) -> dict[str, object]:
    headers = {"X-CSRF-Token": page.csrf}
    answer = page.client.post("/api/library", params={"name": name}, content=data, headers=headers)
    assert answer.status_code == status, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_a_counter_counts_by_keys_alone(page: Page) -> None:
    made = page.post("/api/smears", {"kind": "manual", "name": "bench 3"}, 201)
    page.post(f"/api/smears/{made['id']}/readings", {"role": "first"}, 201)
    pressed = [event("add", field=None, code=code) for code in ("NGS", "NGS", "EBO")]
    answer = page.post("/api/readings/1/events", {"events": pressed, "differential": True})
    assert answer["differential"]["countable"] == 3
    page.post("/api/readings/1/events", {"events": [event("undo", of=pressed[1]["id"])]})
    assert page.get("/api/readings/1/differential")["countable"] == 2
    assert set(page.get("/api/readings/1/cells")["columns"]["sheet"]) == {-1}
    assert page.post("/api/smears", {"kind": "slide", "name": "x"}, 422)


def test_a_field_is_put_into_the_library_and_waits_to_be_counted(
    page: Page, tmp_path: Path
) -> None:
    assert put(page, field(900), "field.png", 409)["code"] == "no-library"
    waiting: list[int] = []
    page.service.library, page.service.enqueue = tmp_path, waiting.append
    assert put(page, field(900), "field 1.png", 201) == {"smear": 1}
    assert waiting == [1]
    assert page.get("/api/smears/1")["state"] == "new"
    (kept,) = tmp_path.rglob("*.png")
    assert kept.name == "field 1.png"


@pytest.mark.parametrize(
    "name", ["../field.png", "/etc/field.png", "a/b.png", ".png", "field", "", "f\n.png"]
)
def test_names_that_are_paths_are_refused(page: Page, library: Path, name: str) -> None:
    put(page, field(900), name, 422)
    assert list(library.iterdir()) == []


def test_what_is_no_slide_leaves_nothing(page: Page, library: Path) -> None:
    told = str(put(page, b"text", "notes.txt", 400)["error"])
    assert "notes.txt" in told
    assert str(library) not in told
    assert list(library.iterdir()) == []


def test_a_model_answers_for_one_cell(page: Page) -> None:
    headers = {"X-CSRF-Token": page.csrf}
    assert page.client.post("/api/predict", content=field(250), headers=headers).status_code == 409
    page.service.predict = lambda pixels: {"predicted": "BLA", "shape": list(pixels.shape)}
    answer = page.client.post("/api/predict", content=field(250), headers=headers)
    assert answer.json() == {"predicted": "BLA", "shape": [250, 250, 3]}
    assert page.client.post("/api/predict", content=b"x", headers=headers).status_code == 400
