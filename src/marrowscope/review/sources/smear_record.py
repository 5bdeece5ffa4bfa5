"""A smear with its cells, as it goes into the database."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select, update

from marrowscope.cells import PROBABILITY, probability_codes
from marrowscope.morphology import in_display_order
from marrowscope.review.database.connection import Database
from marrowscope.review.database.event_chain import Actor, append_event, new_chain, now
from marrowscope.review.database.tables import cell, smear
from marrowscope.review.database.tables import field as field_table
from marrowscope.review.readings.reading_cycle import COUNTED, NEW

SLIDE, FIELDS, CROPS, TABLE, MANUAL = "slide", "fields", "crops", "table", "manual"
_AT_ONCE = 5_000
_BAND = 250  # px: cells are ordered in bands of this height

_OPTIONAL = {
    "field_id": pl.String, "path": pl.String, "x": pl.Float64, "y": pl.Float64, "x0": pl.Float64,
    "y0": pl.Float64, "x1": pl.Float64, "y1": pl.Float64, "in_field": pl.Boolean,
    "microns_per_pixel": pl.Float64, "nuclear_area": pl.Float64, "predicted": pl.String,
    "confidence": pl.Float64, "role": pl.String, "label": pl.String,
}  # fmt: skip


@dataclass(frozen=True)
class FieldRecord:
    """A field: its name, its picture if it has one of its own, and its rectangle in px."""

    name: str
    path: str | None
    x: int
    y: int
    width: int | None
    height: int | None


@dataclass(frozen=True)
class SmearRecord:
    """A smear that was counted, or cells that were put together otherwise.

    Attributes:
        name: for people.
        kind: one of ``slide``, ``fields``, ``crops``, ``table``, ``manual``.
        sources: paths that it comes from.
        content: digest by which it is known when it is opened again.
        cells: cell table with ``cell_id`` and whatever else there is; absolute paths.
        fields: in the order of counting.
        microns_per_pixel: of the slide or the fields.
        model: name and hash of the weights.
        report_folder: of the count.
        remarks: what must be said beside the numbers.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    content: str
    cells: pl.DataFrame
    fields: tuple[FieldRecord, ...] = ()
    microns_per_pixel: float | None = None
    model: tuple[str, str] | None = None
    report_folder: str | None = None
    remarks: tuple[str, ...] = field(default=())


def add_smear(database: Database, record: SmearRecord, person: int | None) -> tuple[int, bool]:
    """Put a smear into the database, or find it there.

    One that is there keeps its cells; where its pictures lie is taken from the record.

    Returns:
        Its id, and whether it is new.
    """
    with database.writing() as connection:
        known = find_smear(connection, record.content)
        if known is not None:
            connection.execute(
                update(smear)
                .where(smear.c.id == known)
                .values(root=_root(record), sources=json.dumps(list(record.sources)))
            )
            return known, False
        made = announce_smear(
            connection, record.name, record.kind, record.sources, record.content, person
        )
        _fill(connection, made, record)
        return made, True


def find_smear(connection: Connection, content: str) -> int | None:
    """Id of the smear with a digest."""
    asked = select(smear.c.id).where(smear.c.content == content).order_by(smear.c.id)
    return connection.execute(asked).scalars().first()


def announce_smear(
    connection: Connection,
    name: str,
    kind: str,
    sources: Sequence[str],
    content: str | None,
    person: int | None,
    state: str = NEW,
) -> int:
    """Make a smear without cells, which are still to be counted; returns its id."""
    chain_id, time = new_chain(connection), now()
    made = connection.execute(
        insert(smear)
        .values(
            chain_id=chain_id, name=name[:300], kind=kind, sources=json.dumps(list(sources)),
            root="", content=content, state=state, codes="[]", remarks="[]", created=time,
            changed=time,
        )
        .returning(smear.c.id)
    )  # fmt: skip
    number = int(made.scalar_one())
    append_event(
        connection, chain_id, "new", {"name": name, "kind": kind, "content": content},
        Actor(person, number),
    )  # fmt: skip
    return number


def fill_smear(database: Database, smear_id: int, record: SmearRecord) -> None:
    """Give a smear that was announced its cells."""
    with database.writing() as connection:
        _fill(connection, smear_id, record)


def _fill(connection: Connection, smear_id: int, record: SmearRecord) -> None:
    table = _completed(record.cells)
    codes = probability_codes(table)
    others = {*table["predicted"].unique().to_list(), *table["label"].unique().to_list()}
    named = [*codes, *in_display_order({one for one in others if one} - set(codes))]
    root = _root(record)
    connection.execute(delete(field_table).where(field_table.c.smear_id == smear_id))
    places = _add_fields(connection, smear_id, record, root)
    for rows in _cell_rows(smear_id, table, codes, places, root):
        connection.execute(insert(cell), rows)
    model = record.model or (None, None)
    chain_id = connection.execute(
        update(smear)
        .where(smear.c.id == smear_id)
        .values(
            state=COUNTED, failure=None, root=root, codes=json.dumps(named),
            microns_per_pixel=record.microns_per_pixel, model_name=model[0], model_hash=model[1],
            report_folder=record.report_folder, remarks=json.dumps(list(record.remarks)),
            changed=now(),
        )
        .returning(smear.c.chain_id)
    ).scalar_one()  # fmt: skip
    content = {
        "cells": table.height, "model": record.model and record.model[0],
        "weights": record.model and record.model[1], "answers": _answers_digest(table),
    }  # fmt: skip
    append_event(connection, chain_id, "cells", content, Actor(None, smear_id))


def _completed(cells: pl.DataFrame) -> pl.DataFrame:
    """All columns that the database has; a label stands in for the answer of a model."""
    table = cells.with_columns(
        pl.lit(None, kind).alias(name) if name not in cells.columns else pl.col(name).cast(kind)
        for name, kind in _OPTIONAL.items()
    )
    if table["predicted"].null_count() == table.height:
        table = table.with_columns(predicted=pl.col("label"))
    return table.with_columns(pl.col("in_field").fill_null(False))


def _add_fields(
    connection: Connection, smear_id: int, record: SmearRecord, root: str
) -> dict[str, tuple[int, int]]:
    """Id and place in the order of every field, by name."""
    places = {}
    for order, one in enumerate(record.fields):
        made = connection.execute(
            insert(field_table)
            .values(
                smear_id=smear_id, name=one.name, path=_below(root, one.path), x=one.x, y=one.y,
                width=one.width, height=one.height,
            )
            .returning(field_table.c.id)
        )  # fmt: skip
        places[one.name] = int(made.scalar_one()), order
    return places


def _cell_rows(
    smear_id: int,
    table: pl.DataFrame,
    codes: list[str],
    fields: dict[str, tuple[int, int]],
    root: str,
) -> Iterator[list[dict[str, Any]]]:
    shares = _probabilities(table, codes)
    margins = _margins(shares)
    by_place, by_class = _place_ranks(table, fields), _class_ranks(table)
    names = ("x", "y", "x0", "y0", "x1", "y1", "in_field", "microns_per_pixel", "nuclear_area",
             "predicted", "confidence", "role")  # fmt: skip
    rows = []
    for place, row in enumerate(table.iter_rows(named=True)):
        known = shares is not None and not np.isnan(shares[place]).any()
        rows.append({
            **{name: row[name] for name in names},
            "smear_id": smear_id,
            "field_id": fields.get(row["field_id"], (None, 0))[0],
            "uid": row["cell_id"],
            "by_place": int(by_place[place]),
            "by_class": int(by_class[place]),
            "path": _below(root, row["path"]),
            "margin": float(margins[place]) if known else None,
            "probabilities": shares[place].tobytes() if known and shares is not None else None,
            "given_label": row["label"],
        })  # fmt: skip
        if len(rows) == _AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _probabilities(table: pl.DataFrame, codes: list[str]) -> NDArray[np.float32] | None:
    if not codes:
        return None
    columns = [pl.col(PROBABILITY + code).cast(pl.Float32) for code in codes]
    return np.ascontiguousarray(table.select(columns).to_numpy(), np.float32)


def _margins(shares: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Difference of the two largest probabilities."""
    if shares is None:
        return np.empty(0, np.float32)
    if shares.shape[1] < 2:
        return np.ones(len(shares), np.float32)
    best = np.sort(shares, axis=1)[:, -2:]
    return np.asarray(best[:, 1] - best[:, 0], np.float32)


def _place_ranks(table: pl.DataFrame, fields: dict[str, tuple[int, int]]) -> NDArray[np.int64]:
    """Rank of each cell by its place, of images of single cells in an order that tells nothing.

    The names of images often say their class; a blinded reader may not learn it by the order.
    """
    keys = [
        (fields.get(name, (0, 0))[1], int(y // _BAND), float(x), uid)
        if lies and x is not None and y is not None
        else (len(fields), 0, 0.0, hashlib.sha256(uid.encode()).hexdigest())
        for name, lies, x, y, uid in table.select(
            "field_id", "in_field", "x", "y", "cell_id"
        ).iter_rows()
    ]
    return _ranks(sorted(range(len(keys)), key=keys.__getitem__))


def _class_ranks(table: pl.DataFrame) -> NDArray[np.int64]:
    """Rank of each cell by answer, within one by confidence, the least certain first."""
    order = {code: place for place, code in enumerate(in_display_order(
        {code for code in table["predicted"].to_list() if code}))}  # fmt: skip
    keys = [
        (order.get(code, len(order)), 0.0 if sure is None else float(sure))
        for code, sure in table.select("predicted", "confidence").iter_rows()
    ]
    return _ranks(sorted(range(len(keys)), key=keys.__getitem__))


def _ranks(order: list[int]) -> NDArray[np.int64]:
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _answers_digest(table: pl.DataFrame) -> str:
    """By which it can be told later whether answers of the model are those that came in."""
    digest = hashlib.sha256()
    for uid, predicted, confidence in table.select(
        "cell_id", "predicted", "confidence"
    ).iter_rows():
        digest.update(f"{uid}\t{predicted}\t{confidence!r}\n".encode())
    return digest.hexdigest()


def _root(record: SmearRecord) -> str:
    """The folder below which all pictures of a smear lie; empty where there is none."""
    paths = {one.path for one in record.fields if one.path}
    if "path" in record.cells.columns:
        paths |= {one for one in record.cells["path"].unique().to_list() if one}
    folders = {os.path.dirname(os.path.abspath(path)) for path in paths if "://" not in path}
    try:
        return os.path.commonpath(folders) if folders else ""
    except ValueError:  # on two drives of Windows
        return ""


def _below(root: str, path: str | None) -> str | None:
    """A path as seen from the root; as it is, where it lies elsewhere."""
    if path is None or not root:
        return path
    try:
        return Path(os.path.abspath(path)).relative_to(root).as_posix()
    except ValueError:
        return path
