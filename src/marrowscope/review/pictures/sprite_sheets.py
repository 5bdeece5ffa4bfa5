"""A hundred cells → one picture, which a page loads in one go and keeps for ever."""

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import Connection, func, select

from marrowscope.io.atomic import replacing
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.preprocessing import resize
from marrowscope.review.database.connection import Database
from marrowscope.review.database.tables import cell, smear
from marrowscope.review.pictures.cell_crops import no_picture, pictures_of, read_crops
from marrowscope.review.refusals import NotFoundError

COLUMNS, ROWS, SIDE = 10, 10, 96
CELLS = COLUMNS * ROWS
BY_CLASS, BY_PLACE = "class", "place"
_QUALITY = 82
_KEPT = 200  # sheets in memory, about 40 MB


@dataclass(frozen=True)
class Sheet:
    """One sheet: its number, and a digest that changes with its cells and where they lie."""

    arrangement: str
    number: int
    digest: str

    @property
    def name(self) -> str:
        """Of its file."""
        return f"{self.arrangement}/{self.number}.{self.digest}.jpg"


def sheets_of(connection: Connection, smear_id: int, arrangement: str) -> list[Sheet]:
    """All sheets of a smear: by answer and certainty, or by place, which tells of no class."""
    facts = select(smear.c.created, smear.c.content, smear.c.root).where(smear.c.id == smear_id)
    created, content, root = connection.execute(facts).one()
    asked = select(func.count()).where(cell.c.smear_id == smear_id)
    number = connection.execute(asked).scalar_one()
    found = []
    for place in range(-(-number // CELLS)):
        told = (
            f"{created} {content} {root} {arrangement} {place} {min(CELLS, number - CELLS * place)}"
        )
        digest = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        found.append(Sheet(arrangement, place, digest))
    return found


class SheetStore:
    """Makes sheets when they are first asked for, and keeps them in memory and in a folder."""

    def __init__(self, database: Database, folder: Path | None) -> None:
        """Keep sheets in a folder, or in memory alone."""
        self._database, self._folder = database, folder
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], bytes] = OrderedDict()
        self._being_made: dict[tuple[int, str], threading.Lock] = {}

    def get(self, smear_id: int, arrangement: str, number: int, digest: str) -> tuple[bytes, bool]:
        """A sheet as JPEG, and whether all its pictures could be read.

        Raises:
            NotFoundError: there is no such sheet, or not any more.
        """
        key = smear_id, Sheet(arrangement, number, digest).name
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known, True
            turn = self._being_made.setdefault(key, threading.Lock())
        with turn:
            data, whole = self._load(smear_id, Sheet(arrangement, number, digest))
            with self._lock:
                self._being_made.pop(key, None)
                if whole:
                    self._kept[key] = data
                    while len(self._kept) > _KEPT:
                        self._kept.popitem(last=False)
        return data, whole

    def _load(self, smear_id: int, sheet: Sheet) -> tuple[bytes, bool]:
        path = None if self._folder is None else self._folder / str(smear_id) / sheet.name
        with self._database.reading() as connection:
            if sheet not in sheets_of(connection, smear_id, sheet.arrangement):
                raise NotFoundError("no such sheet; ask for the cells again")
            if path is not None and path.is_file():
                return path.read_bytes(), True
            places, wanted = _cells_of(connection, smear_id, sheet)
            pictures = pictures_of(connection, wanted)
        image = np.full((ROWS * SIDE, COLUMNS * SIDE, 3), 255, np.uint8)
        crops, whole = read_crops(pictures), True
        for one in pictures:
            row, column = divmod(places[one.cell], COLUMNS)
            crop = crops[one.cell]
            if isinstance(crop, str):
                whole = whole and one.image is None
                small = no_picture(SIDE)
            else:
                small = resize(crop, SIDE, SIDE)
            image[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = small
        data = encode_jpeg(image, _QUALITY)
        if whole and path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(data)
        return data, whole


def _cells_of(connection: Connection, smear_id: int, sheet: Sheet) -> tuple[dict[int, int], object]:
    """Slot by cell, and the condition that its cells fulfil."""
    rank = cell.c.by_class if sheet.arrangement == BY_CLASS else cell.c.by_place
    first = sheet.number * CELLS
    wanted = (cell.c.smear_id == smear_id) & (rank >= first) & (rank < first + CELLS)
    asked = select(cell.c.id, rank).where(wanted)
    return {one: place - first for one, place in connection.execute(asked)}, wanted
