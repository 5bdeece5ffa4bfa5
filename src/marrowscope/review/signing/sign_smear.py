"""A count is signed: frozen with name, time, model, software; then only amended, with a reason."""

import hashlib
import json
from collections.abc import Mapping

from sqlalchemy import Connection, func, insert, select, update

from marrowscope._about import __version__
from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import Actor, canonical, now, writing_chain
from marrowscope.review.database.label_rows import LabelRow, write_label_rows
from marrowscope.review.database.tables import cell, reading, signature, smear
from marrowscope.review.readings.final_labels import (
    FinalLabel,
    counted_labels,
    final_labels,
    final_readings,
    reasons_against_signing,
)
from marrowscope.review.readings.reading_access import AMENDMENT, find_reading, readings_of
from marrowscope.review.readings.reading_count import ReadingCount, count_as_data
from marrowscope.review.readings.reading_cycle import AMENDED, SIGNED, lock_smear, set_state
from marrowscope.review.refusals import ConflictError, NotFoundError


def sign_smear(
    database: Database, smear_id: int, person: int, meaning: str, four_eyes: bool = False
) -> int:
    """Sign the count of a smear; its readings end with that. Returns the id of the signature.

    Args:
        database: of the reviews.
        smear_id: of the smear.
        person: who signs.
        meaning: of the signature, in words.
        four_eyes: whether somebody else must have read it.

    Raises:
        NotFoundError: no such smear.
        ConflictError: it is signed already, or something is open; ``reasons`` says what.
    """
    with database.writing() as connection:
        held = lock_smear(connection, smear_id)
        if held.state == SIGNED:
            raise ConflictError("the smear is signed; amend it", "signed")
        chosen = final_readings(connection, smear_id)
        reasons = reasons_against_signing(connection, chosen)
        readers = {one.reader for one in readings_of(connection, smear_id)}
        if four_eyes and readers == {person}:
            raise ConflictError("somebody else than the only reader has to sign", "four-eyes")
        if reasons:
            raise ConflictError("; ".join(reasons), "unfinished", reasons=reasons)
        labels = final_labels(connection, chosen)
        time = now()
        connection.execute(
            update(reading)
            .where(reading.c.smear_id == smear_id, reading.c.submitted.is_(None))
            .values(submitted=time)
        )
        facts = connection.execute(select(smear).where(smear.c.id == smear_id)).one()
        versions = select(func.count()).where(signature.c.smear_id == smear_id)
        version = connection.execute(versions).scalar_one() + 1
        frozen = canonical(count_as_data(_counted(labels)))
        digest = labels_hash(connection, smear_id, labels)
        content = {
            "version": version, "meaning": meaning, "labels": digest,
            "count": hashlib.sha256(frozen.encode()).hexdigest(), "software": __version__,
            "model": facts.model_name, "weights": facts.model_hash,
        }  # fmt: skip
        with writing_chain(connection, held.chain_id) as chain:
            number = chain.append(
                "sign", content, Actor(person, smear_id, chosen.base.id), time=time
            )
            head = chain.head
        made = connection.execute(
            insert(signature)
            .values(
                smear_id=smear_id, reading_id=chosen.base.id, person_id=person, time=time,
                version=version, meaning=meaning, reason=_reason(connection, chosen.base.id),
                count=frozen, labels_hash=digest, software=__version__,
                model_name=facts.model_name, model_hash=facts.model_hash, number=number,
                chain_head=head,
            )
            .returning(signature.c.id)
        )  # fmt: skip
        set_state(connection, smear_id, SIGNED)
        return int(made.scalar_one())


def amend_smear(database: Database, smear_id: int, person: int, reason: str) -> int:
    """Begin to amend a signed count: a reading with its labels; returns the id of that reading.

    Raises:
        NotFoundError: no such smear.
        ConflictError: it is not signed.
    """
    with database.writing() as connection:
        held = lock_smear(connection, smear_id)
        if held.state != SIGNED:
            raise ConflictError("the smear is not signed", "not-signed")
        labels = final_labels(connection, final_readings(connection, smear_id))
        versions = select(func.count()).where(
            reading.c.smear_id == smear_id, reading.c.role == AMENDMENT
        )
        made = connection.execute(
            insert(reading)
            .values(
                smear_id=smear_id, role=AMENDMENT, reader_id=person, blinded=False, scope="all",
                version=connection.execute(versions).scalar_one() + 1, started=now(),
            )
            .returning(reading.c.id)
        )  # fmt: skip
        number = int(made.scalar_one())
        copied = {cell_id: LabelRow(one.state, one.comment) for cell_id, one in labels.items()}
        content = {
            "reason": reason,
            "changes": [[cell_id, None, row.state] for cell_id, row in copied.items() if row.state],
            "comments": [
                [cell_id, None, row.comment] for cell_id, row in copied.items() if row.comment
            ],
        }
        with writing_chain(connection, held.chain_id) as chain:
            at = chain.append("amend", content, Actor(person, smear_id, number))
        kept = {cell_id: (row, at) for cell_id, row in copied.items() if row.state or row.comment}
        write_label_rows(connection, number, person, kept)
        set_state(connection, smear_id, AMENDED)
        return number


def labels_hash(connection: Connection, smear_id: int, labels: Mapping[int, FinalLabel]) -> str:
    """SHA-256 over the final label of every cell, by which a signature knows what was signed."""
    digest = hashlib.sha256()
    asked = select(cell.c.id, cell.c.uid).where(cell.c.smear_id == smear_id).order_by(cell.c.id)
    for number, uid in connection.execute(asked):
        if number in labels:
            digest.update(json.dumps([uid, labels[number].state]).encode())
    return digest.hexdigest()


def _counted(labels: dict[int, FinalLabel]) -> ReadingCount:
    classes: dict[str, int] = {}
    for code in counted_labels(labels).values():
        classes[code] = classes.get(code, 0) + 1
    removed = sum(one.state == "-" for one in labels.values())
    return ReadingCount(classes, len(labels), 0, 0, removed, 0)


def _reason(connection: Connection, reading_id: int) -> str | None:
    """Why an amendment was begun."""
    if find_reading(connection, reading_id).role != AMENDMENT:
        return None
    from marrowscope.review.database.tables import event

    asked = select(event.c.content).where(event.c.reading_id == reading_id, event.c.kind == "amend")
    return str(json.loads(connection.execute(asked).scalar_one())["reason"])


def signed_smear(connection: Connection, number: int) -> int:
    """The smear that a signature is of.

    Raises:
        NotFoundError: no such signature.
    """
    asked = select(signature.c.smear_id).where(signature.c.id == number)
    found = connection.execute(asked).scalar_one_or_none()
    if found is None:
        raise NotFoundError(f"signature {number}: no such signature")
    return int(found)
