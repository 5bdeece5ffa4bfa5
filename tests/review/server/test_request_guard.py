"""Only the holder of the token is answered, and only what our own page sends is done."""

from collections.abc import Iterator

import pytest

from marrowscope.review.database.connection import Database
from marrowscope.review.server.request_guard import HEADERS
from support.review_client import Page, local_service
from support.review_smears import new_smear


@pytest.fixture
def page(database: Database) -> Iterator[Page]:
    new_smear(database)
    made = Page(local_service(database))
    with made.client:
        yield made


@pytest.fixture
def stranger(page: Page) -> Page:
    """Somebody else on the same machine."""
    return Page(page.service, signed_in=False)


def test_without_the_token_nothing_is_told(stranger: Page) -> None:
    told = stranger.get("/api/smears", 401)
    assert told == {"error": "open the link that the command printed", "code": "not-signed-in"}
    session = stranger.get("/api/session")
    assert (session["signed_in"], session["user"], session["csrf"]) == (False, None, None)


def test_a_wrong_token_signs_nobody_in(stranger: Page) -> None:
    answer = stranger.client.get("/", params={"token": "x"})
    assert answer.status_code == 401
    assert not stranger.client.cookies


def test_the_link_signs_in_and_leaves_no_token_in_the_address(stranger: Page) -> None:
    token = stranger.service.token
    answer = stranger.client.get("/", params={"token": token}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert stranger.get("/api/smears")["smears"][0]["name"] == "smear"


def test_scripts_use_the_token_alone(stranger: Page) -> None:
    headers = {"Authorization": f"Bearer {stranger.service.token}"}
    answer = stranger.client.post("/api/smears/1/readings", json={"role": "first"}, headers=headers)
    assert answer.status_code == 201
    headers = {"Authorization": "Bearer wrong"}
    assert stranger.client.get("/api/smears", headers=headers).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8765", "[", ""])
def test_another_host_name_is_refused_even_with_the_cookie(page: Page, host: str) -> None:
    answer = page.client.get("/api/smears", headers={"Host": host})
    assert answer.status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-CSRF-Token": "wrong"},
        {"X-CSRF-Token": "right", "Origin": "http://evil.example"},
        {"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_a_page_of_another_site_sends_is_not_done(page: Page, headers: dict[str, str]) -> None:
    sent = {key: page.csrf if value == "right" else value for key, value in headers.items()}
    answer = page.client.post("/api/smears/1/readings", json={"role": "first"}, headers=sent)
    assert answer.status_code == 403
    assert page.get("/api/smears/1")["readings"] == []


def test_every_answer_carries_the_headers(page: Page, stranger: Page) -> None:
    for answer in (
        page.client.get("/"),
        page.client.get("/api/smears"),
        page.client.get("/api/smears/99"),
        page.client.get("/no/such/route"),
        stranger.client.get("/api/smears"),
        page.client.get("/api/smears", headers={"Host": "evil.example"}),
    ):
        assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_a_body_that_is_too_large_is_not_read(page: Page) -> None:
    answer = page.client.post(
        "/api/smears/1/readings", content=b" " * 2_000_001, headers={"X-CSRF-Token": page.csrf}
    )
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "text/plain", 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"role": 1}', "application/json", 422),
        (b'{"role": "\\ud800"}', "application/json", 422),
        (b'{"role": "third"}', "application/json", 422),
        (b'{"role": "second", "share": "much"}', "application/json", 422),
        (b'{"role": "first", "reader": 99999999999}', "application/json", 422),
    ],
)
def test_a_body_that_is_none_is_one_line(
    page: Page, content: bytes, kind: str, status: int
) -> None:
    answer = page.client.post(
        "/api/smears/1/readings", content=content,
        headers={"X-CSRF-Token": page.csrf, "Content-Type": kind},
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server/service.py", "/page/%2e%2e/server/service.py", "/page/..%2fservice.py",
        "/page//etc/passwd", "/api/smears/1/sheets/class/..%2f..%2fx.jpg",
        "/api/smears/99999999999999999999", "/api/cells/99999999999999999999/crop.jpg",
        "/api/smears/1/tiles/99999999/0_0.jpg", "/api/fields/1/tiles/0/0_x.jpg", "/elsewhere",
    ],
)  # fmt: skip
def test_no_path_of_a_browser_is_opened(page: Page, path: str) -> None:
    answer = page.client.get(path)
    assert answer.status_code == 404, answer.text


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "x"}, {"after": "1" * 40}, {"state": "lost"}, {"q": "\0"}]
)
def test_a_wrong_query_is_one_line(page: Page, query: dict[str, str]) -> None:
    assert page.client.get("/api/smears", params=query).status_code == 422
