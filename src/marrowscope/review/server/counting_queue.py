"""Smears that are not counted yet are counted one after the other, in the background."""

import json
import logging
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from sqlalchemy import select, update

from marrowscope.errors import InputError
from marrowscope.progress import Advance, Stage
from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import Actor, append_event, now
from marrowscope.review.database.tables import smear
from marrowscope.review.readings.reading_cycle import COUNTING, FAILED, NEW
from marrowscope.review.refusals import ConflictError, NotFoundError
from marrowscope.review.sources.smear_record import SmearRecord, fill_smear

_log = logging.getLogger("marrowscope.review")
_Progress = dict[int, tuple[int, int | None, str]]


# Finds and classifies the cells of a source. It gets the kind (``slide``, ``fields`` or ``crops``),
# the path, a folder for the report, which it makes itself, and what is told how far it is.
Counter: TypeAlias = Callable[[str, Path, Path, Stage], SmearRecord]


class CountingQueue:
    """A thread that counts smears in the order in which they came."""

    def __init__(
        self, database: Database, count: Counter, folder: Path, progress: _Progress
    ) -> None:
        """Begin; what an earlier server had not finished comes first.

        Args:
            database: of the reviews.
            count: what counts.
            folder: for reports.
            progress: where it is written how far a smear is.
        """
        self._database, self._count, self._folder = database, count, folder
        self._progress = progress
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        with database.reading() as connection:
            asked = select(smear.c.id).where(smear.c.state.in_((NEW, COUNTING)))
            for number in connection.execute(asked.order_by(smear.c.id)).scalars():
                self.add(number)
        self._thread = threading.Thread(target=self._work, name="counting", daemon=True)
        self._thread.start()

    def add(self, number: int) -> None:
        """Count a smear when those before it are counted."""
        self._progress[number] = (0, None, "waiting")
        self._waiting.put(number)

    def finish(self) -> None:
        """Count what waits, then end."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (number := self._waiting.get()) is not None:
            try:
                self._count_one(number)
            except Exception:
                _log.exception("smear %s could not be counted", number)
                fail_smear(
                    self._database, number, "an error in the program; the server's log says which"
                )
            self._progress.pop(number, None)

    def _count_one(self, number: int) -> None:
        with self._database.writing() as connection:
            row = connection.execute(
                update(smear)
                .where(smear.c.id == number, smear.c.state.in_((NEW, COUNTING)))
                .values(state=COUNTING, failure=None, changed=now())
                .returning(smear.c.kind, smear.c.sources)
            ).one_or_none()
        if row is None:
            return
        try:
            record = self._count(
                row.kind, Path(json.loads(row.sources)[0]), self._folder / str(number),
                self._stage(number),
            )  # fmt: skip
        except InputError as error:
            fail_smear(self._database, number, str(error))
            return
        fill_smear(self._database, number, record)

    def _stage(self, number: int) -> Stage:
        def begin(description: str, /) -> Advance:
            self._progress[number] = (0, None, description)

            def advance(count: int = 1, /, *, total: int | None = None) -> None:
                done, of, what = self._progress.get(number, (0, None, description))
                self._progress[number] = (done + count, of if total is None else total, what)

            return advance

        return begin


def fail_smear(database: Database, number: int, reason: str) -> None:
    """Write down why a smear could not be counted."""
    with database.writing() as connection:
        chain_id = connection.execute(
            update(smear)
            .where(smear.c.id == number)
            .values(state=FAILED, failure=reason, changed=now())
            .returning(smear.c.chain_id)
        ).scalar_one()
        append_event(connection, chain_id, "failed", {"reason": reason}, Actor(None, number))


def renew(database: Database, number: int, person: int) -> None:
    """Let a smear be counted again that failed.

    Raises:
        NotFoundError: no such smear.
        ConflictError: it did not fail.
    """
    with database.writing() as connection:
        asked = select(smear.c.state, smear.c.chain_id).where(smear.c.id == number)
        row = connection.execute(asked.with_for_update()).one_or_none()
        if row is None:
            raise NotFoundError(f"smear {number}: no such smear")
        if row.state != FAILED:
            raise ConflictError("only a count that failed can be tried again", "not-failed")
        connection.execute(
            update(smear).where(smear.c.id == number).values(state=NEW, failure=None, changed=now())
        )
        append_event(connection, row.chain_id, "retry", {}, Actor(person, number))
