"""What a reader may not see: the server withholds it, not only the page.

Whoever has an open blinded reading of a smear sees no answer of the model and no label of anybody
else in it, by any route, until that reading is submitted.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, exists, select

from marrowscope.review.database.tables import reading
from marrowscope.review.readings.reading_access import OpenReading, find_reading
from marrowscope.review.refusals import ForbiddenError, NotFoundError


@dataclass(frozen=True)
class ReadingView:
    """A reading as one person may see it.

    Attributes:
        reading: that is looked at.
        own: whether the person is its reader.
        withheld: whether answers of the model are kept back.
        writable: whether the person may write to it while it is open.
    """

    reading: OpenReading
    own: bool
    withheld: bool
    writable: bool


def is_blinded(connection: Connection, person: int, smear: int) -> bool:
    """Whether somebody has an open blinded reading of a smear."""
    asked = select(
        exists().where(
            reading.c.smear_id == smear, reading.c.reader_id == person, reading.c.blinded,
            reading.c.submitted.is_(None),
        )
    )  # fmt: skip
    return bool(connection.execute(asked).scalar_one())


def require_unblinded(connection: Connection, person: int, smear: int) -> None:
    """Refuse what would show a blinded reader the work of others.

    Raises:
        ForbiddenError: the person has an open blinded reading of the smear.
    """
    if is_blinded(connection, person, smear):
        raise ForbiddenError("withheld until your reading of this smear is submitted", "blinded")


def view_reading(connection: Connection, number: int, person: int, signer: bool) -> ReadingView:
    """A reading, if a person may see it: its reader, and signers who are not blinded.

    Args:
        connection: to the database.
        number: id of the reading.
        person: id of the person.
        signer: whether the person may sign, and so see the work of readers.

    Raises:
        NotFoundError: there is none, or the person may not know of it.
        ForbiddenError: it is withheld until the person's own reading is submitted.
    """
    found = find_reading(connection, number)
    own = found.reader == person
    if not own:
        if not signer:
            raise NotFoundError(f"reading {number}: no such reading")
        require_unblinded(connection, person, found.smear)
    open_and_blinded = found.blinded and found.submitted is None
    return ReadingView(
        found,
        own,
        open_and_blinded or is_blinded(connection, person, found.smear),
        own or (signer and found.role in ("adjudication", "amendment")),
    )
