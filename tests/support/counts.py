"""Counts of smears made from phantom fields and answers as a classifier could give them."""

from functools import lru_cache

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import PROBABILITY
from marrowscope.counting.smear_count import CountedField, SlideOverview, SmearCount
from marrowscope.differential.count_roles import role
from marrowscope.differential.differential_count import differential
from marrowscope.differential.held_out_answers import held_out_from_table
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.models.card import Card
from marrowscope.morphology import CODES, TOLERATED, CountRole
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import PhantomField, draw_field
from marrowscope.slides.slide import CorruptTile
from support.smear_parts import smear_parts

PIXEL = 0.08625
PARTS = {CountRole.COUNTED: "counted", CountRole.NOT_CLASSIFIED: "not classified"}


@lru_cache(maxsize=4)
def drawn(number: int, width: int, height: int, density: float) -> tuple[PhantomField, ...]:
    library = CellLibrary(PIXEL, 0)
    return tuple(
        draw_field(FieldSettings(width=width, height=height, cells_per_mm2=density), seed, library)
        for seed in range(number)
    )


def answers(labels: list[str], known: tuple[str, ...], seed: int) -> NDArray[np.float32]:
    """Probabilities of a classifier that is mostly right and mixes up neighbours."""
    random = np.random.default_rng(seed)
    place = {code: number for number, code in enumerate(known)}
    logits = random.normal(0, 1.1, (len(labels), len(known)))
    for row, label in enumerate(labels):
        if label in place:
            logits[row, place[label]] += random.normal(4.5, 1.6)
        for pair in TOLERATED:
            if label in pair:
                (other,) = pair - {label}
                if other in place:
                    logits[row, place[other]] += 1.5
    shares = np.exp(logits)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float32)


def table_of(labels: list[str], known: tuple[str, ...], seed: int) -> pl.DataFrame:
    values = answers(labels, known, seed)
    return pl.DataFrame(
        {
            **{PROBABILITY + code: values[:, place] for place, code in enumerate(known)},
            "predicted": [known[place] for place in values.argmax(axis=1)],
            "confidence": values.max(axis=1),
        }
    )


def a_card(known: tuple[str, ...] = CODES, **changes: object) -> Card:
    images = dict.fromkeys(known, 40)
    facts: dict[str, object] = {
        "name": "a-model",
        "architecture": "sequential",
        "outputs": known,
        "known": known,
        "weights_sha256": "ab" * 32,
        "version": "0.1.0",
        "data": {"images": images, "synthetic": False, "source": "test cells"},
    }
    return Card(**{**facts, **changes})  # type: ignore[arg-type]


def a_count(
    fields: int = 2,
    width: int = 900,
    height: int = 760,
    known: tuple[str, ...] = CODES,
    corrected: bool = True,
    slide: bool = False,
    name: str = "smear-17",
    target: int = 500,
    renamed: dict[str, str] | None = None,
    density: float = 2500.0,
) -> SmearCount:
    """A count of phantom fields, as of a slide or of single field images.

    ``renamed`` gives classes the names of a user's own scheme.
    """
    tables, pictures, crops = [], [], {}
    for number, field in enumerate(drawn(fields, width, height, density)):
        x, y = (1000 + number * width, 500) if slide else (0, 0)
        own = f"x{x}-y{y}" if slide else f"field_{number:02d}.jpg"
        rows = field.cells
        cells = rows.select(
            cell_id=pl.format("{}#{}", pl.lit(own), pl.col("instance")),
            slide_id=pl.lit(name),
            field_id=pl.lit(own),
            x=pl.col("x") + x, y=pl.col("y") + y,
            x0=pl.col("x0").cast(pl.Float64) + x, y0=pl.col("y0").cast(pl.Float64) + y,
            x1=pl.col("x1").cast(pl.Float64) + x, y1=pl.col("y1").cast(pl.Float64) + y,
            nuclear_area=pl.lit(60.0), score=pl.lit(0.9), touches_border=pl.col("touches_border"),
            kind=pl.lit("cell"),
        )  # fmt: skip
        cells = pl.concat(
            [cells, table_of(rows["label"].to_list(), known, number)], how="horizontal"
        )
        tables.append(cells)
        padded = cv2.copyMakeBorder(field.image, 125, 125, 125, 125, cv2.BORDER_REPLICATE)
        for cell, cx, cy in rows.select("instance", "x", "y").iter_rows():
            left, top = int(cx), int(cy)
            crops[f"{own}#{cell}"] = padded[top : top + 250, left : left + 250]
        scale = min(1.0, 1200 / max(width, height))
        small = cv2.resize(field.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pictures.append((own, x, y, encode_jpeg(np.ascontiguousarray(small), 85)))
    cells = pl.concat(tables)
    if renamed:
        cells = cells.with_columns(pl.col("predicted").replace(renamed)).rename(
            {PROBABILITY + old: PROBABILITY + new for old, new in renamed.items()}
        )
        known = tuple(renamed.get(code, code) for code in known)
    roles = {code: PARTS.get(role(code), "not counted") for code in known}
    cells = cells.with_columns(
        role=pl.when("touches_border")
        .then(pl.lit("left out"))
        .otherwise(pl.col("predicted").replace_strict(roles, return_dtype=pl.String))
    )
    held_out = None
    if corrected:
        labels = [code for code in known for _ in range(40)]
        table = table_of(labels, known, 99).with_columns(label=pl.Series(labels))
        held_out = held_out_from_table(table)
    result = differential(
        cells, held_out, known, flags=("touches_border",), target=target, replicates=200
    )
    counted = [
        CountedField(
            number, own, x, y, width, height, len(table),
            table.join(cells.filter(pl.col("role") == "counted"), on="cell_id", how="semi").height,
            picture,
        )
        for number, ((own, x, y, picture), table) in enumerate(zip(pictures, tables, strict=True))
    ]  # fmt: skip
    return SmearCount(
        name=name,
        sources=(f"{name}.svs",) if slide else tuple(own for own, *_ in pictures),
        microns_per_pixel=PIXEL,
        cells=cells,
        thumbnails=thumbnails(cells, crops),
        differential=result,
        fields=tuple(counted),
        planned=fields + 3,
        overview=SlideOverview(*smear_parts((240, 420))) if slide else None,
        corrupt=(CorruptTile(0, 512, 1024, 256, 256, "the tile is damaged"),) if slide else (),
        card=a_card(known),
        engine="torch float32",
        held_out_source="held-out.parquet" if corrected else None,
        remarks=("Fewer cells than wanted.", "Pixel size as stated by the user."),
        seconds=12.3,
    )


def thumbnails(cells: pl.DataFrame, crops: dict[str, NDArray[np.uint8]]) -> dict[str, bytes]:
    rows = cells.filter(pl.col("role") != "left out").sort("confidence", descending=True)
    kept = {}
    for part in rows.partition_by("predicted", maintain_order=True):
        for cell in {*part["cell_id"][:12], *part["cell_id"][-12:]}:
            kept[cell] = encode_jpeg(np.ascontiguousarray(crops[cell]))
    return kept
