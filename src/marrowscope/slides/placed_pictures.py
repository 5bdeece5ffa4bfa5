"""Pictures in which cells have places: each is opened once for many of its cells.

A table of cells in a field would decode the field anew for every cell. The pictures that were
asked for last are kept instead: fields as pixels, slides open. Threads that ask for one that is
being opened wait for it. A file that has changed since is opened again.
"""

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode_noted
from marrowscope.io.image_file import ImageError, read_bytes
from marrowscope.slides.open_slide import open_source
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import Source, SourceKind, identify_source

KEPT_BYTES = 256_000_000  # of pixels; the largest field takes 192 MB
_KEPT = 8  # pictures
_INDEX = "Slidedat.ini"  # of a MIRAX slide, beside which lie the pixels


@dataclass(frozen=True, eq=False)
class PlacedPicture:
    """A picture with the places of many cells.

    Attributes:
        digest: SHA-256 of the file.
        notes: what was converted.
        pixels: of a field, (H, W, 3) uint8 RGB; None of a slide.
        slide: of which regions are read; None of a field that is stored whole.
    """

    digest: str
    notes: tuple[str, ...]
    pixels: NDArray[np.uint8] | None
    slide: Slide | None = None

    def require_sound(self, left: int, top: int, side: int) -> None:
        """Refuse a square in px of which a part cannot be read.

        Raises:
            ImageError: it lies on such a tile, in whole or in part.
        """
        if self.slide is None:
            return
        for tile in self.slide.corrupt:
            beside = tile.x >= left + side or tile.x + tile.width <= left
            above = tile.y >= top + side or tile.y + tile.height <= top
            if tile.level == 0 and not (beside or above):
                raise ImageError(self.slide.name, str(tile))


_Key: TypeAlias = tuple[str, float, int, int, int, int]


class _Shelf:
    """The pictures that were asked for last, also while they are being opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, Future[PlacedPicture]] = OrderedDict()

    def get(self, key: _Key, opened: Callable[[], PlacedPicture]) -> PlacedPicture:
        with self._lock:
            known = self._kept.get(key)
            if known is None:
                mine: Future[PlacedPicture] = Future()
                self._kept[key] = mine
            else:
                self._kept.move_to_end(key)
        if known is not None:
            return known.result()
        try:
            mine.set_result(opened())
        except BaseException as error:
            mine.set_exception(error)
            with self._lock:  # it may be there, or readable, the next time
                self._kept.pop(key, None)
            raise
        self._make_room()
        return mine.result()

    def _make_room(self) -> None:
        with self._lock:
            while len(self._kept) > 1 and (len(self._kept) > _KEPT or self._bytes() > KEPT_BYTES):
                self._kept.popitem(last=False)

    def _bytes(self) -> int:
        done = [one.result() for one in self._kept.values() if one.done() and not one.exception()]
        return sum(0 if one.pixels is None else one.pixels.nbytes for one in done)


_shelf = _Shelf()


def _renew_after_fork() -> None:
    global _shelf
    _shelf = _Shelf()  # another thread may have held the lock, or been about to open one


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)


def placed_picture(path: str, microns_per_pixel: float) -> PlacedPicture:
    """The picture at a path, from those that are kept if it is among them.

    Args:
        path: of a field image or a slide, as ``detect`` and ``count`` take them.
        microns_per_pixel: of level 0.

    Raises:
        ImageError: it is missing, damaged, or no picture.
    """
    try:
        state = os.stat(path)
    except (OSError, ValueError):  # also a zero byte in the name
        read_bytes(Path(path))  # says what is wrong
        raise
    facts = state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino
    key = (path, microns_per_pixel, *facts)
    try:
        return _shelf.get(key, lambda: _opened(path, microns_per_pixel))
    except InputError as error:
        reason = error.reason if isinstance(error, ImageError) else str(error)
        raise ImageError(path, reason.removeprefix(f"{path}: ")) from None


def picture_digest(source: Source) -> str:
    """SHA-256 of the file of a slide; of a MIRAX slide of what tells it from others."""
    path = source.files[0]
    beside = path.with_suffix("") / _INDEX
    told = beside if beside.is_file() else path
    with told.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _opened(path: str, microns_per_pixel: float) -> PlacedPicture:
    source = _source(Path(path))
    if source is None or source.kind is SourceKind.FIELD_IMAGES:
        data = read_bytes(Path(path))
        decoded = decode_noted(data, path)
        return PlacedPicture(hashlib.sha256(data).hexdigest(), decoded.notes, decoded.pixels)
    slide = open_source(source, microns_per_pixel)
    digest = picture_digest(source)
    if not slide.fields:
        return PlacedPicture(digest, (), None, slide)
    return PlacedPicture(digest, (), slide.read_region(0, 0, *slide.size), slide)


def _source(path: Path) -> Source | None:
    """What it is; None of what cannot be a slide, which the decoder of images says better."""
    try:
        return identify_source(path)
    except InputError:
        if path.is_dir():
            raise
        return None
