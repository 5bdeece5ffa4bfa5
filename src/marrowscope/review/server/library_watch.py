"""A folder into which slides are put: each becomes a smear of the worklist."""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.review.database.connection import Database
from marrowscope.review.readings.reading_cycle import FAILED
from marrowscope.review.server.counting_queue import fail_smear
from marrowscope.review.sources.smear_record import (
    add_smear,
    announce_smear,
    find_smear,
)
from marrowscope.review.sources.source_choice import Uncounted, choose_source

_log = logging.getLogger("marrowscope.review")
_EVERY = 30.0  # seconds
_SETTLED = 10.0  # seconds without a change, after which a file is taken to be whole


class LibraryWatch:
    """Looks into the folder now and then; what is new goes into the worklist."""

    def __init__(self, database: Database, folder: Path, enqueue: Callable[[int], None]) -> None:
        """Watch a folder.

        Args:
            database: of the reviews.
            folder: in which every file, and every folder, is a source.
            enqueue: counts a smear.
        """
        self._database, self._folder, self._enqueue = database, folder, enqueue
        self._seen: set[tuple[str, int, float]] = set()
        self._ended = threading.Event()

    def start(self) -> None:
        """Look from now on, in the background."""
        threading.Thread(target=self._run, name="library", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def look(self, settled: float = _SETTLED) -> None:
        """Take what is new and did not change for so many seconds."""
        for path in sorted(self._folder.iterdir()):
            if path.name.startswith(".") or path.name.startswith("upload-"):
                continue
            try:
                changed = _changed(path)
                key = path.name, path.stat().st_size, changed
            except OSError:  # it is being moved
                continue
            if key not in self._seen and time.time() - changed >= settled:
                self._seen.add(key)
                self._take(path, key)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.look()
            except Exception:
                _log.exception("the library could not be looked into")
            self._ended.wait(_EVERY)

    def _take(self, path: Path, key: tuple[str, int, float]) -> None:
        try:
            found = choose_source(path)
        except InputError as error:
            content = hashlib.sha256(repr(key).encode("utf-8", "surrogateescape")).hexdigest()
            with self._database.writing() as connection:
                if find_smear(connection, content) is not None:
                    return
                number = announce_smear(
                    connection, path.name, "slide", (str(path),), content, None, FAILED
                )
            fail_smear(self._database, number, str(error))
            return
        for one in found:
            if not isinstance(one, Uncounted):
                add_smear(self._database, one, None)
                continue
            with self._database.writing() as connection:
                if find_smear(connection, one.content) is not None:
                    continue
                number = announce_smear(
                    connection, one.name, one.kind, (str(one.path),), one.content, None
                )
            self._enqueue(number)


def _changed(path: Path) -> float:
    """When a file, or anything in a folder, changed last."""
    times = [path.stat().st_mtime]
    if path.is_dir():
        times += [os.stat(one).st_mtime for one in path.rglob("*")]
    return max(times)
