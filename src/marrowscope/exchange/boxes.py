"""Boxes of cells as annotation tools write them: the plain data that every reader gives back.

Coordinates are px of the picture (level 0 of a slide), and (0, 0) is the corner of the first pixel,
as in COCO, QuPath and DICOM. A cell table counts from the centre of the first pixel, half a pixel
less (``marrowscope.exchange.box_cells``).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from marrowscope.io.regular_file import read_regular

MAX_TEXT = 512_000_000  # bytes of one annotation file, unpacked


@dataclass(frozen=True)
class Box:
    """One annotated object.

    Attributes:
        picture: absolute path of the picture; the annotation file where it names none.
        x0, y0, x1, y1: corners in px, half open; of a point all four are the point. Shares of the
            picture's width and height where ``relative``.
        name: of its class, as written in the file; None without one.
        place: where it stands, for messages: ``object 3 of a.xml``.
        fault: why it cannot be used; None when it can.
        note: what a reader should know of it.
        split: ``train``, ``val`` or ``test`` where file or folder say so.
        centre: x and y in px, where it is not the middle of the box: of an outline, of a point.
        relative: whether the corners are shares of the picture.
        cell_id: of the cell, where the file carries it.
        microns_per_pixel: of the picture, where the file carries it.
        object_id: by which QuPath knows it.
    """

    picture: str
    x0: float
    y0: float
    x1: float
    y1: float
    name: str | None
    place: str
    fault: str | None = None
    note: str | None = None
    split: str | None = None
    centre: tuple[float, float] | None = None
    relative: bool = False
    cell_id: str | None = None
    microns_per_pixel: float | None = None
    object_id: str | None = None

    @property
    def is_point(self) -> bool:
        """Whether it has no extent because it is a point, not because it is wrong."""
        return self.centre is not None and self.x0 == self.x1 and self.y0 == self.y1


@dataclass(frozen=True)
class BoxSet:
    """All boxes of a file or folder.

    Attributes:
        format: ``COCO``, ``YOLO``, ``VOC`` or ``GeoJSON``.
        boxes: in the order of the files.
        sizes: width and height in px that the files state, by picture.
        pictures: that are annotated, those without a box too.
        notes: what was decided or left aside, one sentence each.
    """

    format: str
    boxes: tuple[Box, ...]
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def faulty(picture: str, place: str, fault: str, name: str | None = None) -> Box:
    """A box of which only this is known: that there is one, and what is wrong with it."""
    return Box(picture, 0.0, 0.0, 0.0, 0.0, name, place, fault)


def joined(sets: list[BoxSet]) -> BoxSet:
    """Several sets as one, in their order; at least one."""
    sizes: dict[str, tuple[int, int]] = {}
    for one in sets:
        sizes |= one.sizes
    return BoxSet(
        " and ".join(dict.fromkeys(one.format for one in sets)),
        tuple(box for one in sets for box in one.boxes),
        sizes,
        tuple(picture for one in sets for picture in one.pictures),
        tuple(dict.fromkeys(note for one in sets for note in one.notes)),
    )


def read_text(path: Path) -> bytes:
    """The content of an annotation file.

    Raises:
        InputError: it cannot be read, is not a regular file, or is larger than 512 MB.
    """
    return read_regular(path, MAX_TEXT)


def inside(base: Path, name: str) -> Path | None:
    """Absolute path of a file that a list in ``base`` names; None when it leads out of there.

    A list from elsewhere must not make us read what its author has no business with.
    """
    name = name.replace("\\", "/")
    if not name.strip() or "\0" in name or "://" in name:
        return None
    if name.startswith("/") or (len(name) > 1 and name[1] == ":"):
        return None
    top = os.path.abspath(base)
    path = os.path.abspath(os.path.join(top, name))
    return Path(path) if os.path.commonpath([top, path]) == top else None


def find_picture(bases: list[Path], name: str) -> Path | None:
    """The first file of this name below one of the folders; None when it leads out of them all.

    Where there is none, the place where it was first looked for.
    """
    places = [place for base in bases if (place := inside(base, name)) is not None]
    return next((place for place in places if place.is_file()), places[0] if places else None)
