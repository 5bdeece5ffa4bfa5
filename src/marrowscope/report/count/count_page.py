"""Count and figures → the page as HTML text, in an edition for screens and one for paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.counting.smear_count import CountedField, SmearCount
from marrowscope.differential.count_roles import name as class_name
from marrowscope.differential.sentences import RATIO_CONVENTION, sentences
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.morphology import CODES
from marrowscope.preprocessing import resize
from marrowscope.report.count.cell_gallery import class_galleries
from marrowscope.report.count.class_table import has_correction, table_rows
from marrowscope.report.count.field_overlays import CellBox, cell_boxes, legend
from marrowscope.report.count.headline_tiles import headline_tiles
from marrowscope.report.html import data_uri, image_uri, page_environment
from marrowscope.report.page_text import writable


@dataclass(frozen=True)
class Edition:
    """What a page shows of many pictures, and how large.

    Attributes:
        paper: no links to enlarge, everything opened.
        each: cells at either end of a class in the gallery.
        fields: pictures of fields.
        field_side, cell_side: longest side in px to which pictures are shrunk; None: as they are.
    """

    paper: bool
    each: int
    fields: int
    field_side: int | None
    cell_side: int | None


SCREEN = Edition(False, 8, 40, None, None)
PAPER = Edition(True, 6, 12, 800, 180)


@dataclass(frozen=True)
class _Picture:
    field: CountedField
    uri: str
    boxes: tuple[CellBox, ...]
    line: float


def render_count(
    count: SmearCount, issued: datetime, figures: Mapping[str, bytes], edition: Edition = SCREEN
) -> str:
    """The page: no script, no font, no image from anywhere else.

    Args:
        count: of one smear.
        issued: when it is written.
        figures: PNG by name: ``intervals`` if there are cells, ``smear`` if there is a slide.
        edition: for screens or for paper.
    """
    result = count.differential
    pictures = _pictures(count, edition)
    numbers = {field.name: field.order + 1 for field in count.fields}
    known = set(count.card.known)
    return (
        _environment(edition)
        .get_template("count.html")
        .render(
            count=count,
            result=result,
            issued=issued.strftime("%Y-%m-%d %H:%M %Z").strip(),
            edition=edition,
            figures={name: _figure_uri(name, data) for name, data in figures.items()},
            rows=table_rows(result),
            corrected=has_correction(result),
            sentences=sentences(result),
            convention=RATIO_CONVENTION,
            tiles=headline_tiles(count),
            pictures=pictures,
            legend=legend({box.style.key for picture in pictures for box in picture.boxes}),
            shelves=class_galleries(count.cells, count.thumbnails, edition.each),
            numbers=numbers,
            drawn={picture.field.name for picture in pictures},
            unknown=[class_name(code) for code in result.unknown],
            trained=[(class_name(code), number) for code, number in _trained(count).items()],
            classes=len(known),
            of=len(CODES),
            synthetic=count.card.data.get("synthetic") is True,
            research_use_only=RESEARCH_USE_ONLY,
            version=__version__,
        )
    )


def _environment(edition: Edition) -> Environment:
    environment = page_environment(finalize=_writable, trim_blocks=True, lstrip_blocks=True)
    side = edition.cell_side
    environment.filters["cell_uri"] = lambda jpeg: data_uri(_shrunk(jpeg, side), "jpeg")
    return environment


def _pictures(count: SmearCount, edition: Edition) -> tuple[_Picture, ...]:
    by_field = {
        str(key): rows
        for (key,), rows in count.cells.partition_by("field_id", as_dict=True).items()
    }
    nothing = count.cells.clear()
    return tuple(
        _Picture(
            field,
            data_uri(_shrunk(field.picture, edition.field_side), "jpeg"),
            cell_boxes(field, by_field.get(field.name, nothing)),
            max(field.width, field.height) / 400,
        )
        for field in count.fields[: edition.fields]
    )


def _trained(count: SmearCount) -> dict[str, int]:
    images = count.card.data.get("images", {})
    return {code: int(number) for code, number in images.items()}


def _shrunk(jpeg: bytes, side: int | None) -> bytes:
    if side is None:
        return jpeg
    image = decode(jpeg)
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return jpeg
    height, width = (max(1, round(scale * length)) for length in image.shape[:2])
    return encode_jpeg(resize(image, height, width), 85)


def _figure_uri(name: str, data: bytes) -> str:
    """The overview is mostly a photograph: as JPEG it takes a tenth of the space."""
    return image_uri(decode(data), 88) if name == "smear" else data_uri(data, "png")


def _writable(value: Any) -> Any:
    """Text without control characters and half letters, which no page can show."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return writable(value)
