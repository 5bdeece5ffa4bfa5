"""What a server consists of: database, pictures, and how people are known."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marrowscope.review.database.connection import Database
from marrowscope.review.pictures.sprite_sheets import SheetStore
from marrowscope.review.server.people import Person
from marrowscope.review.server.try_limit import TryLimit

_KEPT = 4  # smears
LARGEST_BODY = 2_000_000  # bytes of a request with JSON

# The picture of one cell, (H, W, 3) uint8 RGB → class, confidence and probabilities.
Predictor: TypeAlias = Callable[[NDArray[np.uint8]], dict[str, Any]]


@dataclass
class Service:
    """Everything that handlers need.

    Attributes:
        database: of the reviews.
        sheets: pictures of cells.
        local: the one user of a laptop, with all roles; None in a laboratory, where people sign in.
        token: of the link that the command printed; also for scripts.
        cookie: name of the cookie.
        hosts: names by which the server may be asked; empty: any, as behind a proxy.
        four_eyes: whether the signer has to be somebody else than the only reader.
        secure: whether cookies are sent over HTTPS only.
        enqueue: counts a smear in the background; None: nothing is counted here.
        tries: of passwords.
        library: folder into which slides are put; None: none can be sent.
        predict: answers for the picture of one cell, (H, W, 3) uint8 RGB; None: without a model.
        progress: of smears that are being counted: done, total, and what is done.
        descriptions: how the cells of some smears look, by smear and digest.
    """

    database: Database
    sheets: SheetStore
    local: Person | None = None
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    cookie: str = "marrowscope_session"
    hosts: frozenset[str] = frozenset()
    four_eyes: bool = False
    secure: bool = False
    tries: TryLimit = field(default_factory=TryLimit)
    library: Path | None = None
    enqueue: Callable[[int], None] | None = None
    predict: Predictor | None = None
    progress: dict[int, tuple[int, int | None, str]] = field(default_factory=dict)
    descriptions: dict[tuple[int, str], NDArray[np.float32]] = field(default_factory=dict)

    def remember_descriptions(self, key: tuple[int, str], found: NDArray[np.float32]) -> None:
        """Keep how the cells of the smears look that were asked for last."""
        self.descriptions[key] = found
        while len(self.descriptions) > _KEPT:
            self.descriptions.pop(next(iter(self.descriptions)), None)
