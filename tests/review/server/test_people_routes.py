"""People sign in by name; who they are, and what they may, is kept by an administrator."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher

from marrowscope.review.database.chain_audit import audit
from marrowscope.review.database.connection import Database
from marrowscope.review.database.tables import login_session, person
from marrowscope.review.server import passwords
from marrowscope.review.server.passwords import hash_password
from support.review_client import Page, laboratory_service
from support.review_smears import new_person, new_smear

PASSWORD = "a long enough word"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with little work, for the tests' sake."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_HASHER", quick)


@pytest.fixture
def page(database: Database) -> Iterator[Page]:
    """Nobody is signed in; there is an administrator."""
    number = new_person(database, "admin", "admin signer")
    with database.writing() as connection:
        connection.execute(
            sa.update(person)
            .where(person.c.id == number)
            .values(password_hash=hash_password(PASSWORD))
        )
    made = Page(laboratory_service(database), signed_in=False)
    with made.client:
        yield made


def sign_in(page: Page, name: str = "admin", password: str = PASSWORD) -> Page:
    page.post("/api/login", {"name": name, "password": password})
    page.csrf = page.get("/api/session")["csrf"]
    return page


def test_signing_in_and_out(page: Page, database: Database) -> None:
    assert page.get("/api/smears", 401)["error"] == "sign in first"
    sign_in(page)
    assert page.get("/api/session")["user"]["name"] == "admin"
    cookie = page.client.cookies[page.service.cookie]
    with database.reading() as connection:
        kept = connection.execute(sa.select(login_session.c.digest)).scalars().all()
    assert cookie not in kept
    page.post("/api/logout")
    page.client.cookies.set(page.service.cookie, cookie)
    assert page.get("/api/smears", 401)["code"] == "not-signed-in"


def test_a_new_sign_in_gets_a_new_cookie(page: Page) -> None:
    cookie = f"{page.service.cookie}=chosen-by-somebody-else"
    sent = {"name": "admin", "password": PASSWORD}
    answer = page.client.post("/api/login", json=sent, headers={"Cookie": cookie})
    assert answer.status_code == 200
    assert "chosen-by-somebody-else" not in answer.headers["set-cookie"]


def test_wrong_passwords_and_unknown_names_are_answered_alike_and_noted(
    page: Page, database: Database
) -> None:
    wrong = page.post("/api/login", {"name": "admin", "password": "another word"}, 401)
    unknown = page.post("/api/login", {"name": "nobody", "password": "another word"}, 401)
    assert wrong == unknown
    found = audit(database)
    assert found.whole
    assert found.events == 2


def test_after_ten_wrong_passwords_one_has_to_wait(page: Page) -> None:
    for _ in range(10):
        page.post("/api/login", {"name": "admin", "password": "another word"}, 401)
    answer = page.send("POST", "/api/login", {"name": "admin", "password": PASSWORD})
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 301


def test_an_administrator_keeps_users(page: Page) -> None:
    sign_in(page)
    user = {"name": "anna", "display": "Dr. Anna", "password": PASSWORD, "roles": ["reader"]}
    made = page.post("/api/users", user, 201)
    assert (made["name"], made["roles"], made["active"]) == ("anna", ["reader"], True)
    assert page.post("/api/users", user, 409)["code"] == "taken"
    anna = sign_in(Page(page.service, signed_in=False), "anna")
    assert anna.get("/api/users", 200)["users"][0]["name"] == "admin"
    changed = page.send("PATCH", f"/api/users/{made['id']}", {"roles": ["viewer"]})
    assert changed.json()["roles"] == ["viewer"]
    assert anna.post("/api/smears/1/readings", {"role": "first"}, 403)
    page.send("PATCH", f"/api/users/{made['id']}", {"active": False})
    assert anna.get("/api/smears", 401)
    assert page.post("/api/login", {"name": "anna", "password": PASSWORD}, 401)


@pytest.mark.parametrize(
    "change",
    [{"roles": []}, {"roles": ["king"]}, {"roles": "admin"}, {"active": 1}, {"password": "short"},
     {"display": ""}, {}],
)  # fmt: skip
def test_a_wrong_change_is_one_line(page: Page, change: dict[str, object]) -> None:
    sign_in(page)
    assert page.send("PATCH", "/api/users/1", change).status_code == 422


def test_the_last_administrator_stays(page: Page) -> None:
    sign_in(page)
    for change in ({"roles": ["viewer"]}, {"active": False}):
        answer = page.send("PATCH", "/api/users/1", change)
        assert (answer.status_code, answer.json()["code"]) == (409, "last-admin")
    assert page.get("/api/session")["user"]["roles"] == ["signer", "admin"]


def test_a_changed_password_ends_other_sessions(page: Page) -> None:
    other = sign_in(Page(page.service, signed_in=False))
    sign_in(page)
    assert page.post("/api/password", {"old": "wrong word", "new": "x" * 12}, 403)
    page.post("/api/password", {"old": PASSWORD, "new": "another long word"})
    assert page.get("/api/smears")["smears"] == []
    assert other.get("/api/smears", 401)
    sign_in(other, password="another long word")


def test_signing_asks_for_the_password(page: Page, database: Database) -> None:
    new_smear(database)
    sign_in(page)
    assert page.post("/api/smears/1/sign", {"meaning": "seen"}, 422)
    told = page.post("/api/smears/1/sign", {"meaning": "seen", "password": "wrong word"}, 403)
    assert told["code"] == "wrong-password"
    told = page.post("/api/smears/1/sign", {"meaning": "seen", "password": PASSWORD}, 409)
    assert told["code"] == "no-reading"


def test_a_script_gets_a_token_for_a_password(page: Page) -> None:
    sign_in(page)
    token = page.post("/api/token", {"password": PASSWORD}, 201)["token"]
    script = Page(page.service, signed_in=False)
    headers = {"Authorization": f"Bearer {token}"}
    assert script.client.get("/api/smears", headers=headers).status_code == 200
    headers = {"Authorization": "Bearer wrong"}
    assert script.client.get("/api/smears", headers=headers).status_code == 401


def test_smears_are_given_to_readers(page: Page, database: Database) -> None:
    new_smear(database)
    sign_in(page)
    assert page.post("/api/smears/1/assign", {"user": 1})["assigned"] == 1
    assert page.get("/api/smears", reader=1)["smears"][0]["assigned"] == 1
    assert page.post("/api/smears/1/assign", {"user": 9}, 404)
    assert page.post("/api/smears/1/assign", {"user": None})["assigned"] is None
