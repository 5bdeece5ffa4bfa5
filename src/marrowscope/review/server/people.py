"""Who may do what."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select

from marrowscope.review.database.event_chain import now
from marrowscope.review.database.tables import person

VIEWER, READER, SIGNER, ADMIN = "viewer", "reader", "signer", "admin"
ALL_ROLES = (VIEWER, READER, SIGNER, ADMIN)


@dataclass(frozen=True)
class Person:
    """Somebody who is known.

    Attributes:
        id: of the row.
        name: by which one signs in.
        display: shown to others, and on reports.
        roles: of ``ALL_ROLES``. ``viewer`` sees the worklist and what is signed, ``reader`` reads,
            ``signer`` assigns, adjudicates and signs, ``admin`` keeps users and the library.
        active: whether one may sign in.
    """

    id: int
    name: str
    display: str
    roles: frozenset[str]
    active: bool = True

    def may(self, *roles: str) -> bool:
        """Whether one of the roles is among those of the person."""
        return not self.roles.isdisjoint(roles)

    def to_dict(self) -> dict[str, object]:
        """As data for JSON."""
        roles = [role for role in ALL_ROLES if role in self.roles]
        return {"id": self.id, "name": self.name, "display": self.display, "roles": roles}


def person_of(row: Row[tuple[object, ...]]) -> Person:
    """A person from a row of the table."""
    return Person(row.id, row.name, row.display, frozenset(row.roles.split()), row.active)


def find_person(connection: Connection, number: int) -> Person | None:
    """A person by id."""
    row = connection.execute(select(person).where(person.c.id == number)).one_or_none()
    return None if row is None else person_of(row)


def ensure_person(connection: Connection, name: str, roles: tuple[str, ...]) -> Person:
    """A person by name, who is made when there is none; for the one user of a laptop."""
    row = connection.execute(select(person).where(person.c.name == name)).one_or_none()
    if row is not None:
        return person_of(row)
    made = connection.execute(
        insert(person)
        .values(name=name, display=name, roles=" ".join(roles), active=True, created=now())
        .returning(person)
    )
    return person_of(made.one())
