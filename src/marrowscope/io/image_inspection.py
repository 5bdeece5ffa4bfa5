"""Image files in, facts or the damage found out: whether all of an image is there and sound."""

import re
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from marrowscope.io.file_signatures import HEAD_BYTES, file_format
from marrowscope.io.image_decoding import decode_noted, joined_notes
from marrowscope.io.image_file import ImageError, one_line, read_bytes, require_size
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.orientation import exif_orientation
from marrowscope.io.piece_damage import damage_of_pieces
from marrowscope.io.pillow_decoding import header_notes, open_image, pixels_and_notes
from marrowscope.io.quiet_decoders import quiet_decoders
from marrowscope.io.tiff_picture import find_picture
from marrowscope.io.truncation import find_missing_bytes, is_later_page_truncated, missing_in_page

# What libjpeg and libtiff say on standard error. Of the former only the first kind means damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG", "Inconsistent progression")
_SCAN = b"\xff\xda"
# Markers (ITU-T T.81, table B.1) that have no place behind the beginning of the first scan.
_NO_MARKER = re.compile(rb"\xff[\x01-\xc3\xc5-\xcb\xcd-\xcf\xd8\xde\xdf\xf0-\xfd]")
_LIBJPEG = re.compile(
    rb"Corrupt JPEG|Premature end|Inconsistent progression|Invalid SOS|Unknown Adobe|Warning: unk"
)


@dataclass(frozen=True)
class ImageFacts:
    """What the header says; width and height in px after the EXIF orientation is applied.

    ``note`` says how the image is converted on reading, None when it is 8-bit RGB already.
    """

    width: int
    height: int
    format: str
    note: str | None


def inspect(source: bytes | Path, name: str = "image") -> ImageFacts:
    """Read the header, and make sure that all the pixels are there and undamaged.

    JPEGs are decoded at an eighth of their size for that: the whole stream is read, only most of
    the inverse transform is skipped. Of damage in the stream, which decoders fill with whatever
    colours come out, libjpeg says so; then the image is refused, which ``decode`` does not do.

    Args:
        source: a file or its content.
        name: how errors call the content.

    Raises:
        ImageError: not an image, too large, or damaged.
    """
    if isinstance(source, Path):
        return inspect(read_bytes(source), str(source))
    with quiet_decoders():
        return _inspect(source, name)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in px as the image is decoded, from the header alone.

    Raises:
        ImageError: not an image, too large, or so damaged that this cannot be said.
    """
    try:
        if not path.is_file() or not path.stat().st_size:  # would be waited for without end
            raise ValueError("not a file")
        with quiet_decoders(), path.open("rb") as stream:
            if file_format(stream.read(HEAD_BYTES)) == "TIFF":
                width, height, turned = _size_in_tiff(stream)
            else:
                stream.seek(0)
                with Image.open(stream) as image:
                    width, height = image.size
                    # Of a PNG the EXIF block is not looked for: it may lie behind all the pixels.
                    exif = image.format in ("JPEG", "MPO", "WEBP") or "exif" in image.info
                    turned = exif and exif_orientation(image) >= 5
    except Exception:  # a damaged header makes Pillow raise whatever it stumbles on
        facts = inspect(path)  # says it better, or reads it after all
        return facts.width, facts.height
    require_size(width, height, str(path))
    return (height, width) if turned else (width, height)


def _size_in_tiff(stream: BinaryIO) -> tuple[int, int, bool]:
    """Width, height, and whether they change places."""
    with mmap(stream.fileno(), 0, access=ACCESS_READ) as data:
        picture = find_picture(data)
        if picture is None:
            raise ValueError("no size")
        page = picture.pages[0]
        return page.width, page.height, picture.orientation >= 5


def _inspect(source: bytes, name: str) -> ImageFacts:
    kind = file_format(source)
    if kind == "JPEG":
        facts = _jpeg_facts(open_image(source, name), name)
        _check_jpeg(source, name)
        return facts
    unseen = _unseen(source, name) if kind == "TIFF" else []
    missing = None if kind == "TIFF" else find_missing_bytes(source)
    if missing is not None:
        raise ImageError(name, missing)
    decoded = decode_noted(source, name)
    notes = [*decoded.notes, *unseen]
    height, width = decoded.pixels.shape[:2]
    return ImageFacts(width, height, decoded.format, joined_notes(notes))


def _unseen(data: bytes, name: str) -> list[str]:
    """What a decoder of TIFF does not look at: whether all bytes are there, of other pages too."""
    try:
        picture = find_picture(data)
    except ValueError as error:  # a stack, or cut off
        raise ImageError(name, str(error)) from None
    for page in () if picture is None else picture.pages:
        missing = missing_in_page(data, page) or damage_of_pieces(data, page)
        if missing is not None:
            raise ImageError(name, missing)
    return ["a later page is truncated"] if is_later_page_truncated(data) else []


def require_sound_jpeg(data: bytes, name: str) -> None:
    """Refuse a JPEG in whose stream something is damaged; other formats pass.

    Raises:
        ImageError: libjpeg says so.
    """
    if file_format(data) == "JPEG":
        with quiet_decoders():
            _check_jpeg(data, name)


def _check_jpeg(data: bytes, name: str) -> None:
    try:
        # At an eighth of the size, which takes a least size to be asked for.
        simplejpeg.decode_jpeg(data, "RGB", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError:  # or it cannot do such files: rare ways of sampling colour, some of CMYK
        pass
    else:
        return
    coded = np.frombuffer(data, np.uint8)
    with capture_native_stderr(
        _LIBJPEG
    ) as lines:  # of many threads one at a time, but few images come here
        pixels = cv2.imdecode(coded, cv2.IMREAD_REDUCED_COLOR_8)
    if pixels is None:
        raise ImageError(name, "damaged or truncated JPEG")
    damage = [line for line in lines if line.startswith(_JPEG_DAMAGE)]
    if damage:
        raise ImageError(name, f"damaged JPEG ({damage[0].removeprefix('Corrupt JPEG data: ')})")
    # OpenCV stops at the last pixel; whoever reads on to the end meets such a marker and gives up.
    if _NO_MARKER.search(data, data.find(_SCAN)):
        pixels_and_notes(open_image(data, name), name)


def _jpeg_facts(image: Image.Image, name: str) -> ImageFacts:
    try:
        width, height = image.size[::-1] if exif_orientation(image) >= 5 else image.size
        return ImageFacts(width, height, "JPEG", joined_notes(header_notes(image)))
    except Exception as error:  # a damaged header makes Pillow raise whatever it stumbles on
        raise ImageError(name, f"damaged header ({one_line(error)})") from None
