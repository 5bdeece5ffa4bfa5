"""The interface describes itself, whole and without anything from elsewhere."""

import re

from marrowscope.review.database.connection import Database
from marrowscope.review.server.api_document import document_page, openapi
from marrowscope.review.server.route_table import ENDPOINTS
from support.review_client import page_of


def test_every_route_is_described_with_its_parameters() -> None:
    found = openapi(ENDPOINTS)
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert len(operations) == len(ENDPOINTS)
    assert len({one["operationId"] for one in operations}) == len(ENDPOINTS)
    for path, methods in found["paths"].items():
        for one in methods.values():
            named = {given["name"] for given in one["parameters"] if given["in"] == "path"}
            assert named == set(re.findall(r"\{(\w+)\}", path))
    assert found["paths"]["/api/session"]["get"]["security"] == []


def test_the_page_names_every_route_and_needs_nothing_from_elsewhere(database: Database) -> None:
    with page_of(database) as page:
        text = page.client.get("/docs").text
        assert page.client.get("/api/openapi.json").json()["openapi"].startswith("3.")
    assert text == document_page(ENDPOINTS)
    assert all(one.path in text for one in ENDPOINTS)
    assert not re.search(r"https?://|<script|style=", text)
