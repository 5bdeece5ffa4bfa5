"""Rows of the database → the standard crops of their cells."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from marrowscope.cell_pixels import CellImage, read_cell
from marrowscope.errors import InputError
from marrowscope.preprocessing import INPUT_SIZE
from marrowscope.review.database.tables import cell, smear


@dataclass(frozen=True)
class PictureOfCell:
    """Where the picture of a cell lies.

    Attributes:
        cell: id.
        image: path, pixel size and place; None of a cell that was counted without a picture.
    """

    cell: int
    image: CellImage | None


def pictures_of(connection: Connection, condition: Any) -> list[PictureOfCell]:
    """Where pictures lie, of cells that fulfil a condition on ``cell``; by their id."""
    asked = (
        select(
            cell.c.id, cell.c.path, cell.c.x, cell.c.y, cell.c.in_field,
            cell.c.microns_per_pixel, smear.c.root,
        )
        .join(smear, smear.c.id == cell.c.smear_id)
        .where(condition)
        .order_by(cell.c.id)
    )  # fmt: skip
    return [PictureOfCell(row.id, _image(row)) for row in connection.execute(asked)]


def _image(row: Any) -> CellImage | None:
    if row.path is None:
        return None
    place = (row.x, row.y) if row.in_field and row.x is not None and row.y is not None else None
    return CellImage(picture_path(row.root, row.path), row.microns_per_pixel, place)


def picture_path(root: str, path: str) -> str:
    """Where a picture lies: as it is, or below the root of its smear."""
    return os.path.join(root, path)


def read_crops(
    found: Iterable[PictureOfCell],
) -> dict[int, NDArray[np.uint8] | str]:
    """The standard crop of each cell, (250, 250, 3) uint8 RGB; or why there is none."""
    crops: dict[int, NDArray[np.uint8] | str] = {}
    for one in found:
        if one.image is None:
            crops[one.cell] = "counted without a picture"
            continue
        try:
            crops[one.cell] = read_cell(one.image)
        except InputError as error:
            crops[one.cell] = str(error)
    return crops


@cache
def no_picture(side: int = INPUT_SIZE) -> NDArray[np.uint8]:
    """What stands in the place of a picture that cannot be read: grey with a cross."""
    image = np.full((side, side, 3), 228, np.uint8)
    edge = side // 4
    for start, end in (((edge, edge), (side - edge, side - edge)),
                       ((edge, side - edge), (side - edge, edge))):  # fmt: skip
        cv2.line(image, start, end, (150, 150, 150), max(1, side // 40), cv2.LINE_AA)
    return image
