"""Every route, asked by nobody and by each role: who may not is told so, and nothing breaks."""

import re

import pytest
from httpx2 import Response

from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_cycle import begin_reading
from marrowscope.review.server.endpoint import Endpoint
from marrowscope.review.server.people import ALL_ROLES
from marrowscope.review.server.route_table import ENDPOINTS
from marrowscope.review.server.sessions import begin_session
from support.review_client import Page, laboratory_service
from support.review_smears import new_person, new_smear

NOBODY = "nobody"


@pytest.fixture
def pages(database: Database) -> dict[str, Page]:
    """A page for each role, and one of nobody; somebody else has a reading of smear 1."""
    service = laboratory_service(database)
    begin_reading(database, new_smear(database), "first", new_person(database, "anna"))
    made = {NOBODY: Page(service, signed_in=False)}
    for role in ALL_ROLES:
        cookie = begin_session(database, new_person(database, f"a {role}", role))
        made[role] = Page(service, signed_in=False)
        made[role].client.cookies.set(service.cookie, cookie)
        made[role].csrf = made[role].client.get("/api/session").json()["csrf"]
    return made


def asked(page: Page, endpoint: Endpoint) -> Response:
    names = {"arrangement": "class", "name": "0_0.jpg", "format": "cells.csv", "level": "0"}
    path = re.sub(r"\{(\w+)\}", lambda found: names.get(found[1], "1"), endpoint.path)
    return page.send(endpoint.method, path)


@pytest.mark.parametrize("role", [NOBODY, *ALL_ROLES])
def test_routes_answer_those_who_may(pages: dict[str, Page], role: str) -> None:
    page = pages[role]
    for endpoint in ENDPOINTS:
        if endpoint.path in ("/api/logout", "/api/login"):
            continue
        answer = asked(page, endpoint)
        told = (endpoint.name, role, answer.text)
        assert answer.status_code < 500, told
        if endpoint.roles is None:
            assert answer.status_code == 200, told
        elif role == NOBODY:
            assert answer.status_code == 401, told
        elif role not in endpoint.roles:
            assert answer.status_code == 403, told
            assert answer.json()["error"] == "your roles do not allow this", told
        else:
            assert "your roles do not allow this" not in answer.text, told


def test_a_reader_sees_nothing_of_the_readings_of_others(pages: dict[str, Page]) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.path.startswith("/api/readings/"):
            answer = asked(pages["reader"], endpoint)
            assert answer.status_code in (404, 422), (endpoint.name, answer.text)


def test_no_route_is_there_twice_and_each_says_what_it_does() -> None:
    names = [one.name for one in ENDPOINTS]
    assert len(names) == len(set(names))
    assert all(one.summary.endswith(".") for one in ENDPOINTS)


def test_only_the_session_and_the_sign_in_are_for_everybody() -> None:
    assert {one.path for one in ENDPOINTS if one.roles is None} == {"/api/session", "/api/login"}
