"""The page on which people check counted cells is served, and its database is checked."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.api.arguments import AnyPath, Say, optional_path, path_list
from marrowscope.api.cell_tables import index
from marrowscope.api.classifier import Model, as_model
from marrowscope.api.smear_counting import count
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.review.server.counting_queue import Counter
    from marrowscope.review.sources.smear_record import SmearRecord


@dataclass(frozen=True)
class ReviewAudit:
    """What an examination of a database of reviews found.

    Attributes:
        chains: of events: one for each smear, and one for what concerns none.
        events: in all chains.
        signatures: of counts.
        head: hash of all that was done. Who notes it elsewhere can tell later whether whole chains
            were replaced.
        problems: one line each; none where all is as it was written.
    """

    chains: int
    events: int
    signatures: int
    head: str
    problems: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was changed or removed."""
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        """As data for JSON."""
        return {"whole": self.whole, **asdict(self)}


def audit_reviews(database: AnyPath) -> ReviewAudit:
    """Check that a database holds what was done: chains of events, labels and signatures.

    Args:
        database: SQLite file, or ``postgresql://USER@HOST/NAME``. It may be in use.

    Raises:
        InputError: the extra is missing, or it is no database of reviews.
    """
    require_extra("review", "checking a database of reviews")
    from marrowscope.review.database.chain_audit import audit
    from marrowscope.review.database.schema_upgrade import open_existing

    opened = open_existing(database)
    try:
        found = audit(opened)
    finally:
        opened.close()
    return ReviewAudit(found.chains, found.events, found.signatures, found.head, found.problems)


def review_smears(
    sources: AnyPath | Sequence[AnyPath],
    *,
    database: AnyPath | None = None,
    reader: str | None = None,
    model: Model | AnyPath | None = None,
    microns_per_pixel: float | None = None,
    port: int | None = None,
    browser: bool = True,
    say: Say | None = None,
) -> None:
    """Serve the page on which cells are checked, on this machine alone, until interrupted.

    Args:
        sources: report folders of counts, cell tables, folders of crops or fields, slides. What is
            not counted yet is counted in the background.
        database: SQLite file; None: beside the first source.
        reader: name of the person; None: of the user of this machine.
        model: for sources that are not counted yet; None: the default model.
        microns_per_pixel: of fields and slides that do not state it.
        port: at 127.0.0.1; None: 8765, or the next one that is free.
        browser: open the page.
        say: is told the link.

    Raises:
        InputError: the extra is missing, a source cannot be opened, the database cannot be used, or
            the port is in use.
    """
    require_extra("review", "the review page")
    import webbrowser

    from marrowscope.review.server.local_server import opened_review, serve_locally

    paths = path_list(sources)
    if not paths:
        raise InputError("`sources` is an empty list; name a report, a table, a folder or a slide")

    def announce(link: str) -> None:
        if say is not None:
            say(link)
        if browser:
            webbrowser.open(link)

    chosen = _LazyModel(model)
    counter = _source_counter(chosen, microns_per_pixel)
    with opened_review(paths, optional_path(database), reader, counter, chosen.answer) as service:
        serve_locally(service, port, announce)


def serve_reviews(
    database: str,
    library: AnyPath,
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    names: Sequence[str] = (),
    https: bool = False,
    four_eyes: bool = False,
    model: Model | AnyPath | None = None,
    microns_per_pixel: float | None = None,
    say: Say | None = None,
) -> None:
    """Serve the page to a laboratory, where people sign in by name, until interrupted.

    Args:
        database: ``postgresql://USER@HOST/NAME``, or the path of an SQLite file.
        library: folder of slides; what is put into it is counted in the background.
        host: address to listen at.
        port: at it.
        names: host names by which browsers may ask, as of a proxy in front.
        https: browsers come by HTTPS, through a proxy; cookies are sent by no other way then.
        four_eyes: somebody else than the only reader has to sign.
        model: for what is not counted yet; None: the default model.
        microns_per_pixel: of fields and slides that do not state it.
        say: is told the address, and on the first start a password.

    Raises:
        InputError: the extra is missing, the database or the folder cannot be used, or the port is
            in use.
    """
    require_extra("review", "the review server")
    from marrowscope.review.server.laboratory_server import (
        LaboratorySettings,
        opened_laboratory,
        serve_laboratory,
    )

    told = say if say is not None else lambda line: None
    chosen = _LazyModel(model)
    counter = _source_counter(chosen, microns_per_pixel)
    settings = LaboratorySettings(host, port, tuple(names), https, four_eyes)
    with opened_laboratory(
        database, Path(library), counter, chosen.answer, settings, told
    ) as service:
        serve_laboratory(service, settings, told)


class _LazyModel:
    """The default model is loaded when it is first needed; another one at once."""

    def __init__(self, named: Model | AnyPath | None) -> None:
        self._loaded = None if named is None else as_model(named)
        self._lock = Lock()

    def get(self) -> Model:
        """The model; one thread computes with it at a time."""
        with self._lock:
            if self._loaded is None:
                self._loaded = as_model(None)
            return self._loaded

    def answer(self, pixels: NDArray[np.uint8]) -> dict[str, Any]:
        """What the model says of one cell."""
        (row,) = self.get().predict(pixels).iter_rows(named=True)
        if row["error"] is not None:
            raise InputError(f"the picture: {row['error']}")
        shares = {code: row[f"p_{code}"] for code in self.get().classes}
        return {
            "predicted": row["predicted"], "confidence": row["confidence"],
            "probabilities": shares, "model": self.get().name,
        }  # fmt: skip


def _source_counter(model: _LazyModel, microns_per_pixel: float | None) -> "Counter":
    """What counts sources in the background."""
    from marrowscope.review.sources.cell_table_source import smears_of_table
    from marrowscope.review.sources.report_folder import read_report_folder
    from marrowscope.review.sources.smear_record import CROPS

    def counted(kind: str, path: Path, folder: Path, progress: Stage) -> "SmearRecord":
        if kind == CROPS:
            table = index(path, microns_per_pixel=microns_per_pixel, progress=progress)
            table = model.get().predict(table, microns_per_pixel, progress=progress)
            table = table.drop("slide_id", strict=False)  # one folder is one smear
            (made,) = smears_of_table(table, path.name, (str(path),), str(path), kind)
            return replace(made, model=(model.get().name, model.get().card.weights_sha256))
        count(
            path,
            model.get(),
            microns_per_pixel=microns_per_pixel,
            output=folder,
            progress=progress,
        )
        return read_report_folder(folder)

    return counted
