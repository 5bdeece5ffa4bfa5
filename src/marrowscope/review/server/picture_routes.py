"""Routes of pictures: sheets of cells, single cells and what is around them, tiles of fields."""

from typing import Any

import numpy as np
from sqlalchemy import Connection, select
from starlette.responses import Response

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.review.database.tables import cell, field, smear
from marrowscope.review.pictures.appearance_likeness import describe, most_alike
from marrowscope.review.pictures.cell_crops import picture_path, pictures_of, read_crops
from marrowscope.review.pictures.sprite_sheets import (
    BY_CLASS,
    BY_PLACE,
    CELLS,
    COLUMNS,
    ROWS,
    SIDE,
    sheets_of,
)
from marrowscope.review.pictures.tile_pyramid import (
    OVERLAP,
    TILE,
    picture_size,
    read_rectangle,
    read_tile,
)
from marrowscope.review.readings.blinding import require_unblinded
from marrowscope.review.readings.event_request import FieldError
from marrowscope.review.readings.reading_access import cells_in_scope
from marrowscope.review.refusals import NotFoundError
from marrowscope.review.server.endpoint import READERS, Endpoint
from marrowscope.review.server.http_call import FOREVER, Call, json_response
from marrowscope.review.server.reading_routes import viewed
from marrowscope.slides.placed_pictures import placed_picture

_JPEG = "image/jpeg"
_QUALITY = 92
_SIDES = (100, 2_000)  # px of the surroundings of a cell


def sheet(call: Call) -> Response:
    """A hundred cells in one picture."""
    number = call.number("smear")
    arrangement = call.request.path_params["arrangement"]
    place, _, digest = call.request.path_params["name"].removesuffix(".jpg").partition(".")
    if arrangement not in (BY_CLASS, BY_PLACE) or not place.isdigit() or len(place) > 9:
        raise NotFoundError("no such sheet")
    if arrangement == BY_CLASS:
        with call.database.reading() as connection:
            require_unblinded(connection, call.person.id, number)
    data, whole = call.service.sheets.get(number, arrangement, int(place), digest)
    return _picture(data, FOREVER if whole else "no-store")


def crop(call: Call) -> Response:
    """The standard crop of a cell."""
    number = call.number("cell")
    with call.database.reading() as connection:
        found = pictures_of(connection, cell.c.id == number)
    if not found:
        raise NotFoundError(f"cell {number}: no such cell")
    pixels = read_crops(found)[number]
    if isinstance(pixels, str):
        raise NotFoundError(pixels, "no-picture")
    return _picture(encode_jpeg(pixels, _QUALITY), FOREVER)


def context(call: Call) -> Response:
    """A cell with what lies around it."""
    side = call.whole("side", 800, *_SIDES) or 800
    number = call.number("cell")
    with call.database.reading() as connection:
        found = pictures_of(connection, cell.c.id == number)
    if not found:
        raise NotFoundError(f"cell {number}: no such cell")
    image = found[0].image
    if image is None or image.place is None:
        raise NotFoundError("the cell lies in no field", "no-picture")
    try:
        picture = placed_picture(image.path, image.microns_per_pixel or MICRONS_PER_PIXEL)
        x, y = (round(value) - side // 2 for value in image.place)
        pixels = read_rectangle(picture, x, y, side, side, 1)
    except InputError as error:
        raise NotFoundError(str(error), "no-picture") from None
    return _picture(encode_jpeg(pixels, _QUALITY), FOREVER)


def images(call: Call) -> Response:
    """Fields and slide of a smear, as a deep-zoom viewer takes them."""
    number = call.number("smear")
    with call.database.reading() as connection:
        row = connection.execute(select(smear).where(smear.c.id == number)).one_or_none()
        if row is None:
            raise NotFoundError(f"smear {number}: no such smear")
        fields = connection.execute(
            select(field).where(field.c.smear_id == number).order_by(field.c.id)
        ).all()
        slide = _slide_path(connection, number)
    pixel = row.microns_per_pixel or MICRONS_PER_PIXEL
    listed: list[dict[str, Any]] = []
    if slide is not None:
        listed.append(_image_data(None, row.name, f"/api/smears/{number}/tiles/", slide, pixel))
    listed += [
        _image_data(
            one.id,
            one.name,
            f"/api/fields/{one.id}/tiles/",
            picture_path(row.root, one.path),
            pixel,
        )
        for one in fields
        if one.path is not None
    ]
    plan = [
        [one.x, one.y, one.width, one.height, order] for order, one in enumerate(fields)
    ] if slide is not None else []  # fmt: skip
    return json_response({"images": listed, "layers": {"plan": plan, "zones": None}}, call=call)


def slide_tile(call: Call) -> Response:
    """A tile of a slide."""
    number = call.number("smear")
    with call.database.reading() as connection:
        path = _slide_path(connection, number)
        pixel = connection.execute(
            select(smear.c.microns_per_pixel).where(smear.c.id == number)
        ).scalar_one_or_none()
    if path is None:
        raise NotFoundError(f"smear {number}: has no slide")
    return _tile(call, path, pixel)


def field_tile(call: Call) -> Response:
    """A tile of a field image."""
    number = call.number("field")
    asked = (
        select(field.c.path, smear.c.root, smear.c.microns_per_pixel)
        .join(smear, smear.c.id == field.c.smear_id)
        .where(field.c.id == number)
    )
    with call.database.reading() as connection:
        row = connection.execute(asked).one_or_none()
    if row is None or row.path is None:
        raise NotFoundError(f"field {number}: has no picture of its own")
    return _tile(call, picture_path(row.root, row.path), row.microns_per_pixel)


def likeness(call: Call) -> Response:
    """Cells that look like one of them."""
    asked = call.whole("cell", None, 1, 2**53)
    limit = call.whole("limit", 500, 1, 20_000) or 500
    if asked is None:
        raise FieldError("`cell` is missing")
    with call.database.reading() as connection:
        view = viewed(call, connection)
        rows = connection.execute(
            select(cell.c.id, cell.c.by_place, cell.c.probabilities)
            .where(cells_in_scope(view.reading))
            .order_by(cell.c.by_place)
        ).all()
    places = {row.id: place for place, row in enumerate(rows)}
    if asked not in places:
        raise NotFoundError(f"cell {asked}: not in this reading")
    described = _descriptions(call, view.reading.smear)[[row.by_place for row in rows]]
    answers = None if view.withheld else _answers([row.probabilities for row in rows])
    order, alike = most_alike(described, places[asked], answers)
    return json_response({
        "by": "appearance" if answers is None else "appearance and answers",
        "cells": [rows[place].id for place in order[:limit]],
        "similarity": [round(float(value), 4) for value in alike[:limit]],
    }, call=call)  # fmt: skip


def _descriptions(call: Call, number: int) -> np.ndarray:
    """Descriptions of all cells of a smear in the order of their place, from the sheets."""
    store = call.service.sheets
    with call.database.reading() as connection:
        sheets = sheets_of(connection, number, BY_PLACE)
    key = number, sheets[-1].digest if sheets else ""
    known = call.service.descriptions.get(key)
    if known is not None:
        return known
    parts = []
    for one in sheets:
        data, _ = store.get(number, BY_PLACE, one.number, one.digest)
        pixels = decode(data).reshape(ROWS, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2)
        parts.append(describe(pixels.reshape(CELLS, SIDE, SIDE, 3)))
    described = np.concatenate(parts) if parts else np.empty((0, 48), np.float32)
    call.service.remember_descriptions(key, described)
    return described


def _answers(stored: list[bytes | None]) -> np.ndarray | None:
    length = max((len(one) for one in stored if one is not None), default=0) // 4
    if not length:
        return None
    nothing = np.full(length, np.nan, np.float32).tobytes()
    return np.frombuffer(b"".join(one or nothing for one in stored), np.float32).reshape(-1, length)


def _slide_path(connection: Connection, number: int) -> str | None:
    """The slide in which the cells of a smear have places; None of fields and crops."""
    asked = (
        select(cell.c.path, smear.c.root)
        .join(smear, smear.c.id == cell.c.smear_id)
        .where(cell.c.smear_id == number, cell.c.in_field, smear.c.kind == "slide")
        .limit(1)
    )
    row = connection.execute(asked).one_or_none()
    return None if row is None or row.path is None else picture_path(row.root, row.path)


def _image_data(number: int | None, name: str, url: str, path: str, pixel: float) -> dict[str, Any]:
    try:
        width, height = picture_size(path, pixel)
    except InputError as error:
        return {"field": number, "name": name, "error": str(error)}
    return {
        "field": number, "name": name, "width": width, "height": height, "tile": TILE,
        "overlap": OVERLAP, "url": url, "format": "jpg", "microns_per_pixel": pixel,
    }  # fmt: skip


def _tile(call: Call, path: str, pixel: float | None) -> Response:
    level = int(call.request.path_params["level"])
    column, _, row = call.request.path_params["name"].removesuffix(".jpg").partition("_")
    if not (column.isdigit() and row.isdigit()) or max(len(column), len(row)) > 9 or level > 64:
        raise NotFoundError("no such tile")
    try:
        data = read_tile(path, pixel or MICRONS_PER_PIXEL, level, int(column), int(row))
    except NotFoundError:
        raise
    except InputError as error:
        raise NotFoundError(str(error), "no-picture") from None
    return _picture(data, "private, max-age=86400")


def _picture(data: bytes, kept: str) -> Response:
    return Response(data, headers={"Cache-Control": kept}, media_type=_JPEG)


ENDPOINTS = (
    Endpoint(
        "GET", "/api/smears/{smear}/sheets/{arrangement}/{name}", sheet, READERS,
        "A hundred cells in one picture; its address is in the answer of cells.", gives=_JPEG,
    ),
    Endpoint(
        "GET", "/api/cells/{cell}/crop.jpg", crop, READERS, "The standard crop of a cell.",
        gives=_JPEG,
    ),
    Endpoint(
        "GET", "/api/cells/{cell}/context.jpg", context, READERS,
        "A cell with what lies around it.", {"side": "px, 100 to 2000"}, gives=_JPEG,
    ),
    Endpoint(
        "GET", "/api/smears/{smear}/images", images, READERS,
        "Fields and slide of a smear, for a deep-zoom viewer.",
    ),
    Endpoint(
        "GET", "/api/smears/{smear}/tiles/{level}/{name}", slide_tile, READERS,
        "A tile of a slide.", gives=_JPEG,
    ),
    Endpoint(
        "GET", "/api/fields/{field}/tiles/{level}/{name}", field_tile, READERS,
        "A tile of a field image.", gives=_JPEG,
    ),
    Endpoint(
        "GET", "/api/readings/{reading}/likeness", likeness, READERS,
        "Cells that look like one of them.", {"cell": "id", "limit": "how many"},
    ),
)  # fmt: skip
