"""A signed smear → the count that reports are written from, made of the reviewed cells."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import select

from marrowscope._about import __version__
from marrowscope.cells import probability_codes
from marrowscope.counting.smear_count import CountedField, SmearCount
from marrowscope.counting.thumbnails import Thumbnails
from marrowscope.differential.count_roles import CellRole, cell_role, name
from marrowscope.differential.differential_count import differential
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.models.card import Card
from marrowscope.morphology import CODES, in_display_order
from marrowscope.preprocessing import MICRONS_PER_PIXEL, resize
from marrowscope.review.database.connection import Database
from marrowscope.review.database.tables import cell, field, person, signature, smear
from marrowscope.review.pictures.cell_crops import picture_path, pictures_of, read_crops
from marrowscope.review.readings.final_labels import final_labels, final_readings
from marrowscope.review.refusals import NotFoundError
from marrowscope.review.signing.reviewed_cells import reviewed_cells
from marrowscope.slides.placed_pictures import placed_picture

_LONGEST = 1_200  # px of a field's picture
_SHOWN = 12  # changes that are listed in words


@dataclass(frozen=True)
class ReviewedCount:
    """A count of reviewed cells.

    Attributes:
        count: from which every report is written.
        time: of the signature.
        path: of the slide, where there is one.
    """

    count: SmearCount
    time: str


def reviewed_count(database: Database, number: int, pictures: bool = True) -> ReviewedCount:
    """The count that a signature stands for.

    Args:
        database: of the reviews.
        number: id of the signature.
        pictures: whether pictures of cells and fields are read, for pages.

    Raises:
        NotFoundError: no such signature.
    """
    with database.reading() as connection:
        signed = connection.execute(select(signature).where(signature.c.id == number)).one_or_none()
        if signed is None:
            raise NotFoundError(f"signature {number}: no such signature")
        facts = connection.execute(select(smear).where(smear.c.id == signed.smear_id)).one()
        chosen = final_readings(connection, facts.id, signed.reading_id)
        table = reviewed_cells(connection, facts.id, final_labels(connection, chosen))
        signer = connection.execute(
            select(person.c.display).where(person.c.id == signed.person_id)
        ).scalar_one()
        fields = connection.execute(
            select(field).where(field.c.smear_id == facts.id).order_by(field.c.id)
        ).all()
        last = select(signature.c.version).where(signature.c.smear_id == facts.id)
        newest = max(connection.execute(last).scalars())
        lying = pictures_of(connection, cell.c.smear_id == facts.id) if pictures else []
    cells = _counted_cells(table)
    counted = SmearCount(
        name=facts.name,
        sources=tuple(json.loads(facts.sources)),
        microns_per_pixel=facts.microns_per_pixel or MICRONS_PER_PIXEL,
        cells=cells,
        thumbnails=_thumbnails(cells, lying),
        differential=differential(cells.filter(pl.col("role") != "left out"), known=CODES),
        fields=tuple(_fields(fields, cells, facts)) if pictures else (),
        planned=len(fields),
        overview=None,
        corrupt=(),
        card=_card(facts, table),
        engine=f"reviewed by people with marrowscope {signed.software}",
        held_out_source=None,
        remarks=tuple(_remarks(signed, signer, newest, table)) + tuple(json.loads(facts.remarks)),
        seconds=0.0,
    )
    return ReviewedCount(counted, signed.time)


def _counted_cells(table: pl.DataFrame) -> pl.DataFrame:
    """The final label in the place of the answer, sure; what is no cell is left out."""
    roles = {code: cell_role(code).value for code in table["label"].drop_nulls().unique()}
    return table.with_columns(
        model_predicted=pl.col("predicted"),
        predicted=pl.col("label"),
        confidence=pl.when(pl.col("label").is_not_null()).then(1.0).cast(pl.Float32),
        role=pl.col("label").replace_strict(
            roles, default=CellRole.LEFT_OUT.value, return_dtype=pl.String
        ),
        kind=pl.when(pl.col("review") == "no cell").then(pl.lit("no cell")).otherwise(
            pl.lit("cell")
        ),
        field_id=pl.col("field_id").fill_null(""),
    )  # fmt: skip


def _thumbnails(cells: pl.DataFrame, lying: list[Any]) -> dict[str, bytes]:
    """Pictures of a few cells of each class; those that changed count as less sure."""
    where = {one.cell: one for one in lying}
    kept = Thumbnails()
    for row, uid, code, before in cells.select(
        "row", "cell_id", "predicted", "model_predicted"
    ).iter_rows():
        sure = 1.0 if code == before else 0.5
        if code is None or row not in where or not kept.wanted(code, sure):
            continue
        crop = read_crops([where[row]])[row]
        if not isinstance(crop, str):
            kept.offer(code, sure, uid, crop)
    return kept.kept()


def _fields(rows: Any, cells: pl.DataFrame, facts: Any) -> list[CountedField]:
    """Fields with their pictures, as far as these can be read."""
    found = []
    for order, row in enumerate(rows):
        own = cells.filter(pl.col("field_id") == row.name)
        path = row.path or (own["path"].drop_nulls().first() if own.height else None)
        if path is None:
            continue
        try:
            picture = placed_picture(
                picture_path(facts.root, str(path)), facts.microns_per_pixel or MICRONS_PER_PIXEL
            )
        except InputError:
            continue
        if picture.pixels is not None:
            pixels = picture.pixels
        elif picture.slide is not None and row.width and row.height:
            pixels = picture.slide.read_region(row.x, row.y, row.width, row.height)
        else:
            continue
        height, width = pixels.shape[:2]
        scale = min(1.0, _LONGEST / max(height, width))
        small = resize(pixels, round(height * scale), round(width * scale))
        counted = own.filter(pl.col("role") == CellRole.COUNTED.value).height
        found.append(
            CountedField(
                order, row.name, row.x, row.y, row.width or width, row.height or height,
                own.height, counted, encode_jpeg(small, 85),
            )
        )  # fmt: skip
    return found


def _card(facts: Any, table: pl.DataFrame) -> Card:
    """What is known of the model whose answers were reviewed."""
    codes = tuple(probability_codes(table)) or CODES
    return Card(
        name=facts.model_name or "no model",
        architecture="reviewed by people",
        outputs=codes,
        known=CODES,
        weights_sha256=facts.model_hash or "",
        version=__version__,
    )


def _remarks(signed: Any, signer: str, newest: int, table: pl.DataFrame) -> list[str]:
    time = signed.time[:16].replace("T", " ")
    lines = [f"Signed by {signer} on {time} UTC, version {signed.version}: {signed.meaning}."]
    if signed.version < newest:
        lines.insert(0, f"Superseded by version {newest} of this report.")
    if signed.reason:
        lines.append(f"This version amends version {signed.version - 1}: {signed.reason}")
    shown = table.filter(pl.col("review") != "left out")
    readers = ", ".join(sorted(shown["annotator"].drop_nulls().unique()))
    decided = shown.filter(pl.col("label").is_not_null())
    answered = decided.filter(pl.col("predicted").is_not_null())
    changed = answered.filter(pl.col("label") != pl.col("predicted"))
    removed = shown.filter(pl.col("review") == "no cell").height
    lines.append(
        f"Every cell was looked at by {readers or 'nobody'}: {changed.height} of {answered.height} "
        f"answers of the model were changed, {removed} places removed as no cells, "
        f"{decided.height - answered.height} cells labelled without an answer."
    )
    pairs = Counter(changed.select("predicted", "label").iter_rows())
    if pairs:
        told = [
            f"{name(before)} to {name(after)} {number}"
            for (before, after), number in pairs.most_common(_SHOWN)
        ]
        rest = sum(pairs.values()) - sum(number for _, number in pairs.most_common(_SHOWN))
        lines.append("Changed: " + ", ".join(told) + (f", others {rest}." if rest else "."))
        lines.append("Before and after: " + "; ".join(_before_after(answered)) + ".")
    return lines


def _before_after(answered: pl.DataFrame) -> list[str]:
    """Numbers of the classes that the review changed."""
    before, after = Counter(answered["predicted"].to_list()), Counter(answered["label"].to_list())
    return [
        f"{name(code)} {before[code]} → {after[code]}"
        for code in in_display_order({*before, *after})
        if before[code] != after[code]
    ]
