"""A page without a browser: signs in by the link, sends what a page sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from marrowscope.review.database.connection import Database
from marrowscope.review.pictures.sprite_sheets import SheetStore
from marrowscope.review.server.asgi_app import review_app
from marrowscope.review.server.people import ALL_ROLES, ensure_person
from marrowscope.review.server.service import Service

BASE = "http://127.0.0.1:8765"
HOSTS = frozenset(("127.0.0.1", "localhost"))


def local_service(database: Database, name: str = "anna") -> Service:
    """The service of one person with all roles."""
    with database.writing() as connection:
        person = ensure_person(connection, name, ALL_ROLES)
    return Service(database, SheetStore(database, None), person, hosts=HOSTS)


class Page:
    """Requests as the page sends them."""

    def __init__(self, service: Service, signed_in: bool = True) -> None:
        self.service = service
        self.client = TestClient(review_app(service), base_url=BASE)
        self.csrf = ""
        if signed_in and service.local is not None:
            self.client.get("/", params={"token": service.token})
            self.csrf = self.client.get("/api/session").json()["csrf"]

    def get(self, path: str, status: int = 200, **query: object) -> Any:
        """JSON of an answer."""
        answer = self.client.get(path, params={key: str(value) for key, value in query.items()})
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, data: object = None, status: int = 200, **query: object) -> Any:
        """JSON of the answer to JSON."""
        answer = self.send("POST", path, data, **query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def send(self, method: str, path: str, data: object = None, **query: object) -> Response:
        """The answer to JSON."""
        params = {key: str(value) for key, value in query.items()}
        headers = {"X-CSRF-Token": self.csrf}
        return self.client.request(
            method, path, json={} if data is None else data, headers=headers, params=params
        )


@contextmanager
def page_of(database: Database, name: str = "anna") -> Iterator[Page]:
    """A signed-in page of one person."""
    page = Page(local_service(database, name))
    with page.client:
        yield page


def laboratory_service(database: Database) -> Service:
    """The service of a laboratory, where people sign in by name."""
    return Service(database, SheetStore(database, None), hosts=HOSTS)
