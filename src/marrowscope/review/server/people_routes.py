"""Routes of a laboratory: signing in and out, people and their roles, assignments."""

from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from marrowscope.review.database.event_chain import Actor, append_event, now, system_chain
from marrowscope.review.database.tables import person, smear
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_cycle import lock_smear
from marrowscope.review.refusals import ConflictError, ForbiddenError, NotFoundError
from marrowscope.review.server.endpoint import ADMINS, EVERYBODY, SIGNED_IN, SIGNERS, Endpoint
from marrowscope.review.server.http_call import (
    Call,
    NotSignedInError,
    id_field,
    json_response,
    text_field,
)
from marrowscope.review.server.passwords import hash_password, is_password, require_password
from marrowscope.review.server.people import ADMIN, ALL_ROLES, Person, find_person, person_of
from marrowscope.review.server.sessions import (
    begin_session,
    end_session,
    end_sessions_of,
    set_cookie,
)

_NAME, _PASSWORD = 100, 1_000


def login(call: Call) -> Response:
    """Sign in by name and password."""
    service = call.service
    if service.local is not None:
        raise ForbiddenError("open the link that the command printed", "local")
    data = call.json()
    name, password = text_field(data, "name", _NAME), text_field(data, "password", _PASSWORD)
    client = call.request.client
    keys = f"name {name}", f"address {client.host if client else ''}"
    service.tries.require(*keys)
    with call.database.reading() as connection:
        row = connection.execute(select(person).where(person.c.name == name)).one_or_none()
    right = is_password(row.password_hash if row is not None and row.active else None, password)
    _note(call, "login" if right else "login refused", {"name": name}, row.id if row else None)
    if not right or row is None:
        service.tries.failed(*keys)
        raise NotSignedInError("name or password is wrong", "wrong-password")
    cookie = begin_session(call.database, row.id)
    response = json_response({"user": person_of(row).to_dict()})
    set_cookie(response, service, cookie)
    return response


def script_token(call: Call) -> Response:
    """A token for scripts, which acts for the person as long as it is used."""
    if call.service.local is not None:
        return json_response({"token": call.service.token}, 201)
    require_password(call.service, call.person, text_field(call.json(), "password", _PASSWORD))
    return json_response({"token": begin_session(call.database, call.person.id)}, 201)


def logout(call: Call) -> Response:
    """Sign out."""
    cookie = call.request.cookies.get(call.service.cookie)
    if cookie:
        end_session(call.database, cookie)
    response = json_response({"signed_in": False})
    response.delete_cookie(call.service.cookie, path="/")
    return response


def people(call: Call) -> Response:
    """All people, with their roles."""
    with call.database.reading() as connection:
        rows = connection.execute(select(person).order_by(person.c.name)).all()
    return json_response({"users": [_data(person_of(row)) for row in rows]})


def new_user(call: Call) -> Response:
    """Make a person known."""
    data = call.json()
    values = {
        "name": text_field(data, "name", _NAME),
        "display": text_field(data, "display", 200),
        "password_hash": hash_password(text_field(data, "password", _PASSWORD)),
        "roles": _roles(data),
        "active": True,
        "created": now(),
    }
    try:
        with call.database.writing() as connection:
            made = person_of(
                connection.execute(insert(person).values(values).returning(person)).one()
            )
            told = {"user": made.id, "name": made.name, "roles": values["roles"]}
            _append(connection, "new user", told, call.person.id)
    except IntegrityError:
        raise ConflictError(f"{values['name']}: somebody has this name", "taken") from None
    return json_response(_data(made), 201)


def change_user(call: Call) -> Response:
    """Change name shown, roles or password of a person, or whether one may sign in."""
    data, number = call.json(), call.number("user")
    values: dict[str, Any] = {}
    if "display" in data:
        values["display"] = text_field(data, "display", 200)
    if "roles" in data:
        values["roles"] = _roles(data)
    if "active" in data:
        if not isinstance(data["active"], bool):
            raise FieldError("`active` is neither true nor false")
        values["active"] = data["active"]
    if "password" in data:
        values["password_hash"] = hash_password(text_field(data, "password", _PASSWORD))
    if not values:
        raise FieldError("nothing to change")
    with call.database.writing() as connection:
        if find_person(connection, number) is None:
            raise NotFoundError(f"user {number}: no such user")
        connection.execute(update(person).where(person.c.id == number).values(values))
        _require_admin(connection)
        told = {"user": number, **{key: values[key] for key in values if key != "password_hash"}}
        _append(connection, "changed user", told, call.person.id)
        found = find_person(connection, number)
    if "password_hash" in values or values.get("active") is False:
        end_sessions_of(call.database, number)
    assert found is not None
    return json_response(_data(found))


def change_password(call: Call) -> Response:
    """Change one's own password."""
    data = call.json()
    if call.service.local is not None:
        raise ForbiddenError("there are no passwords on one machine", "local")
    require_password(call.service, call.person, text_field(data, "old", _PASSWORD))
    stored = hash_password(text_field(data, "new", _PASSWORD))
    with call.database.writing() as connection:
        connection.execute(
            update(person).where(person.c.id == call.person.id).values(password_hash=stored)
        )
        _append(connection, "changed password", {"user": call.person.id}, call.person.id)
    end_sessions_of(call.database, call.person.id)
    response = json_response({"changed": True})
    set_cookie(response, call.service, begin_session(call.database, call.person.id))
    return response


def assign(call: Call) -> Response:
    """Give a smear to a reader, or to nobody."""
    number, to = call.number("smear"), id_field(call.json(), "user")
    with call.database.writing() as connection:
        held = lock_smear(connection, number)
        if to is not None and find_person(connection, to) is None:
            raise NotFoundError(f"user {to}: no such user")
        connection.execute(
            update(smear).where(smear.c.id == number).values(assigned_to=to, changed=now())
        )
        append_event(connection, held.chain_id, "assign", {"to": to}, Actor(call.person.id, number))
    return json_response({"smear": number, "assigned": to})


def _roles(data: dict[str, Any]) -> str:
    roles = data.get("roles")
    if not isinstance(roles, list) or not roles or not all(one in ALL_ROLES for one in roles):
        raise FieldError(f"`roles` is no list of {', '.join(ALL_ROLES)}")
    return " ".join(role for role in ALL_ROLES if role in roles)


def _require_admin(connection: Connection) -> None:
    """Somebody must be able to give roles."""
    rows = connection.execute(select(person.c.roles).where(person.c.active)).scalars()
    if not any(ADMIN in roles.split() for roles in rows):
        raise ConflictError("nobody would be left who keeps users", "last-admin")


def _data(one: Person) -> dict[str, Any]:
    return {**one.to_dict(), "active": one.active}


def _append(connection: Connection, kind: str, content: dict[str, Any], by: int | None) -> None:
    append_event(connection, system_chain(connection), kind, content, Actor(by))


def _note(call: Call, kind: str, content: dict[str, Any], by: int | None) -> None:
    with call.database.writing() as connection:
        _append(connection, kind, content, by)


_USER = {"name": "to sign in with", "display": "shown to others", "password": "10 letters or more",
         "roles": "list of viewer, reader, signer, admin"}  # fmt: skip
ENDPOINTS = (
    Endpoint(
        "POST", "/api/login", login, EVERYBODY, "Sign in.", {},
        {"name": "of the person", "password": "of the person"},
    ),
    Endpoint(
        "POST", "/api/token", script_token, SIGNED_IN, "A token for scripts.", {},
        {"password": "of the person, in a laboratory"},
    ),
    Endpoint("POST", "/api/logout", logout, SIGNED_IN, "Sign out."),
    Endpoint(
        "POST", "/api/password", change_password, SIGNED_IN, "Change one's own password.", {},
        {"old": "the present one", "new": "10 letters or more"},
    ),
    Endpoint("GET", "/api/users", people, SIGNED_IN, "All people with their roles."),
    Endpoint("POST", "/api/users", new_user, ADMINS, "Make a person known.", {}, _USER),
    Endpoint(
        "PATCH", "/api/users/{user}", change_user, ADMINS, "Change a person.", {},
        {**_USER, "active": "false: may not sign in"},
    ),
    Endpoint(
        "POST", "/api/smears/{smear}/assign", assign, SIGNERS, "Give a smear to a reader.", {},
        {"user": "id, or null for nobody"},
    ),
)  # fmt: skip
