"""The worklist: newest first, searched, in pages."""

from collections.abc import Iterator

import pytest

from marrowscope.review.database.connection import Database
from marrowscope.review.sources.smear_record import add_smear
from support.review_client import Page, page_of
from support.review_smears import record


@pytest.fixture
def page(database: Database) -> Iterator[Page]:
    for name in ("Müller 17", "50 % off", "Meier"):
        add_smear(database, record(name=name), None)
    with page_of(database) as made:
        yield made


def names(data: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["name"] for one in data["smears"]]


def test_the_newest_comes_first_and_the_rest_in_pages(page: Page) -> None:
    assert names(page.get("/api/smears")) == ["Meier", "50 % off", "Müller 17"]
    piece = page.get("/api/smears", limit=2)
    assert piece["next"] == 2
    assert names(page.get("/api/smears", limit=2, after=2)) == ["Müller 17"]


def test_it_is_searched_by_name_without_signs_that_mean_more(page: Page) -> None:
    assert names(page.get("/api/smears", q="meier")) == ["Meier"]
    assert names(page.get("/api/smears", q="%")) == ["50 % off"]
    assert names(page.get("/api/smears", q="_")) == []


def test_it_is_filtered_by_state_and_reader(page: Page) -> None:
    page.post("/api/smears/1/readings", {"role": "first"}, 201)
    assert names(page.get("/api/smears", state="in review")) == ["Müller 17"]
    assert names(page.get("/api/smears", reader=1)) == ["Müller 17"]
    assert names(page.get("/api/smears", reader=2)) == []


def test_one_smear_names_its_sources_and_not_where_they_lie(page: Page) -> None:
    found = page.get("/api/smears/1")
    assert found["sources"] == ["Müller 17.parquet"]
    assert found["model"] == {"name": "a-model", "sha256": "ab" * 32}
    assert found["cells"] == 6
    assert page.get("/api/smears/9", 404)["error"] == "smear 9: no such smear"
