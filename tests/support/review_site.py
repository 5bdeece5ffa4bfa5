"""A review server on this machine with phantom smears, and a browser that is signed in there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import uvicorn
from argon2 import PasswordHasher
from sqlalchemy import insert

from marrowscope.cells import PROBABILITY
from marrowscope.io.image_encoding import encode_png
from marrowscope.morphology import CODES
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.review.database.connection import open_database
from marrowscope.review.database.event_chain import now
from marrowscope.review.database.schema_upgrade import upgrade_schema
from marrowscope.review.database.tables import person
from marrowscope.review.pictures.sprite_sheets import SheetStore
from marrowscope.review.server.asgi_app import review_app
from marrowscope.review.server.people import ALL_ROLES, ensure_person
from marrowscope.review.server.service import Service
from marrowscope.review.sources.smear_record import FIELDS, FieldRecord, SmearRecord, add_smear

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

# Three classes next to each other in maturation, one of another lineage; the first are blasts.
BLAST, NEXT, LATER, RED = "BLA", "PMO", "MYB", "EBO"
NAMES = {BLAST: "blast", NEXT: "promyelocyte", LATER: "myelocyte", RED: "erythroblast"}
EACH = 10  # cells per class
PASSWORD = "a long enough word"
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_SIDE, _ACROSS = 125, 8  # px of a cell, cells in a row of the field
_MICRONS = 21.6 / _SIDE
_WIDTH, _HEIGHT = _ACROSS * _SIDE, 4 * EACH // _ACROSS * _SIDE
_numbers = count(1)


@cache
def _field() -> tuple[bytes, pl.DataFrame]:
    """A field of phantom cells side by side: its file, and where they are."""
    image = np.empty((_HEIGHT, _WIDTH, 3), np.uint8)
    rows = []
    for number, code in enumerate(code for code in NAMES for _ in range(EACH)):
        y, x = (_SIDE * place for place in divmod(number, _ACROSS))
        image[y : y + _SIDE, x : x + _SIDE] = draw_cell(code, number, _SIDE).image
        box = {"x0": x + 20.0, "y0": y + 20.0, "x1": x + 105.0, "y1": y + 105.0}
        rows.append({"x": x + _SIDE / 2, "y": y + _SIDE / 2, **box})
    return encode_png(image), pl.DataFrame(rows)


def smear_record(folder: Path) -> SmearRecord:
    """Forty cells of one field, ten of each class, of which the last two of each are below the
    threshold of the count; within a class the first is the surest."""
    data, places = _field()
    picture = folder / "field.png"
    if not picture.exists():
        picture.write_bytes(data)
    number = next(_numbers)
    answers = [code for code in NAMES for _ in range(EACH)]
    sure = [0.9 - 0.05 * place for _ in NAMES for place in range(EACH)]
    shares = np.zeros((len(answers), len(CODES)), np.float32)
    for row, (code, share) in enumerate(zip(answers, sure, strict=True)):
        shares[row] = (1 - share) / (len(CODES) - 1)
        shares[row, CODES.index(code)] = share
    cells = places.with_columns(
        pl.Series("cell_id", [f"s{number}-c{row}" for row in range(len(answers))]),
        pl.lit(str(picture)).alias("path"),
        pl.lit("field.png").alias("field_id"),
        pl.lit(True).alias("in_field"),
        pl.lit(_MICRONS).alias("microns_per_pixel"),
        pl.Series("nuclear_area", [40.0 + row for row in range(len(answers))]),
        pl.Series("predicted", answers),
        pl.Series("confidence", sure),
        pl.Series("role", (["counted"] * (EACH - 2) + ["not classified"] * 2) * len(NAMES)),
        *(pl.Series(PROBABILITY + code, shares[:, at]) for at, code in enumerate(CODES)),
    )
    return SmearRecord(
        f"smear {number}", FIELDS, (str(folder),), f"site {number}", cells,
        (FieldRecord("field.png", str(picture), 0, 0, _WIDTH, _HEIGHT),), _MICRONS,
        ("a-model", "ab" * 32), remarks=("The model knows 4 of 21 classes",),
    )  # fmt: skip


@dataclass
class ReviewSite:
    """The server with one browser."""

    folder: Path
    service: Service
    address: str
    browser: "Browser"
    problems: list[str] = field(default_factory=list)
    _shared: list["Page"] = field(default_factory=list)

    def new_smear(self) -> int:
        """Id of a smear that nobody has read."""
        return add_smear(self.service.database, smear_record(self.folder), None)[0]

    def context(self, **options: Any) -> "BrowserContext":
        """A browser that was never here; ``problems`` gets what its pages complain of."""
        options.setdefault("viewport", {"width": 1366, "height": 768})
        context = self.browser.new_context(**options)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("console", self._hear)
        return context

    def _hear(self, message: "ConsoleMessage") -> None:
        # A request that a test cuts off is no fault of the page.
        if message.type == "error" and "net::ERR_FAILED" not in message.text:
            self.problems.append(f"{message.text} {message.location}")

    def signed_in(self, **options: Any) -> "BrowserContext":
        """A browser that came by the link."""
        context = self.context(**options)
        context.request.get(f"{self.address}/?token={self.service.token}")
        return context

    @contextmanager
    def page(self) -> Iterator["Page"]:
        """A page that tests share as long as they leave its preferences as they were."""
        if not self._shared:
            self._shared.append(self.signed_in().new_page())
        page = self._shared[0]
        try:
            yield page
        finally:
            page.unroute_all()
            page.mouse.move(0, 0)
            if page.evaluate("localStorage.length"):
                self._shared.clear()
                page.context.close()

    def show(self, page: "Page", screen: str, smear: int, wait_for: str = "main") -> None:
        """Go to a screen of a smear."""
        page.goto(f"{self.address}/#/smear/{smear}/{screen}")
        page.wait_for_selector(f'.where[data-smear="{smear}"]')
        page.wait_for_selector(wait_for)


@contextmanager
def started_site(
    folder: Path, browser: "Browser", people: dict[str, str] | None = None
) -> Iterator[ReviewSite]:
    """Serve from a thread of this process until the tests are through.

    ``people`` (names and their roles) makes it the server of a laboratory, where everybody signs
    in with ``PASSWORD``; without, it is one person's.
    """
    database = open_database(folder / "reviews.sqlite")
    upgrade_schema(database)
    local = None
    with database.writing() as connection:
        if people is None:
            local = ensure_person(connection, "anna", ALL_ROLES)
        for name, roles in (people or {}).items():
            connection.execute(
                insert(person).values(
                    name=name, display=name.title(), roles=roles, active=True, created=now(),
                    password_hash=_QUICK.hash(PASSWORD),
                )
            )  # fmt: skip
    hosts = frozenset(("127.0.0.1",))
    service = Service(database, SheetStore(database, folder / "pictures"), local, hosts=hosts)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        review_app(service), log_config=None, access_log=False, lifespan="off",
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        yield ReviewSite(folder, service, address, browser)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
        database.close()
