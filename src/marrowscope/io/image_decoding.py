"""Image files in, (H, W, 3) uint8 RGB out: safe decoding of images from anywhere.

What a file is, is decided by its content, not by its name. JPEG, PNG, TIFF, BMP, WebP, GIF,
JPEG 2000 and AVIF are read; everything comes out as (H, W, 3) uint8 RGB, and what was done on the
way is said in notes:

- greyscale is repeated into three channels; CMYK and CIELAB are converted; a palette is resolved;
- transparency is laid on white, the colour of empty background; an alpha channel that is 0
  everywhere is ignored (``transparency``);
- of more than 8 bits per channel the 8 highest that are used are kept: 0 stays black and the top of
  the range is white, whatever values this image takes (``sample_depth``);
- a colour profile is applied (``colour_profile``), and an EXIF orientation;
- of a TIFF with several pages the picture is taken (``tiff_picture``).

Refused before any pixel is decoded: files over 512 MB, images over 64 megapixels, stacks and
animations, numbers of which nobody can say which is white.

Undamaged colour JPEGs are decoded by simplejpeg, which lets other threads work meanwhile and copies
nothing; Pillow and OpenCV give the same pixels (all three hold libjpeg-turbo). Where it finds
anything wrong Pillow decides, which prints nothing about damaged data, as OpenCV does. TIFF pages
of which Pillow would keep a part are read by ``tiff_samples``, 16-bit colour in PNG by OpenCV.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from marrowscope.io.colour_profile import to_srgb
from marrowscope.io.file_signatures import file_format
from marrowscope.io.image_file import ImageError, one_line, read_bytes, require_size
from marrowscope.io.orientation import exif_orientation, oriented
from marrowscope.io.pillow_decoding import JPEG, header_notes, open_image, pixels_and_notes
from marrowscope.io.quiet_decoders import quiet_decoders
from marrowscope.io.sample_colours import rgb_of_samples
from marrowscope.io.tiff_compressions import NONE, left_to_pillow
from marrowscope.io.tiff_pages import CutOffError, first_page_at
from marrowscope.io.tiff_picture import TiffPicture, find_picture
from marrowscope.io.tiff_samples import UnreadableLayoutError, stored_samples
from marrowscope.io.tiff_tags import COMPRESSION
from marrowscope.io.truncation import find_missing_bytes

_BIG_ENDIAN_BIGTIFF = b"MM\0+"  # which Pillow does not know


@dataclass(frozen=True)
class Decoded:
    """An image as it is used.

    Attributes:
        pixels: (H, W, 3) uint8 RGB.
        format: of the file, as ``file_format`` names it.
        notes: what was converted or left out, none where it was 8-bit RGB already.
    """

    pixels: NDArray[np.uint8]
    format: str
    notes: tuple[str, ...]

    @property
    def note(self) -> str | None:
        """The notes in one line; None where there are none."""
        return joined_notes(self.notes)


def decode(data: bytes, name: str = "image", bits: int | None = None) -> NDArray[np.uint8]:
    """Decode to (H, W, 3) uint8 RGB; see the module for the conversions.

    Args:
        data: a file.
        name: how errors call it.
        bits: that are used of 16-bit numbers, where the file is a part of a larger picture; None:
            what the file says or its largest number shows.

    Raises:
        ImageError: not an image, too large, or damaged.
    """
    return decode_noted(data, name, bits).pixels


def decode_noted(data: bytes, name: str = "image", bits: int | None = None) -> Decoded:
    """As ``decode``, with what was done."""
    with quiet_decoders():
        kind = file_format(data)
        if kind == "TIFF":
            return _decode_tiff(data, name, bits)
        image = open_image(data, name)
        kind = "JPEG" if image.format in JPEG else str(image.format)
        pixels = _plain_jpeg(image, data)
        if pixels is not None:
            return Decoded(pixels, kind, header_notes(image))
        pixels, notes = pixels_and_notes(image, name, data, bits)
        return Decoded(pixels, kind, tuple(notes))


def joined_notes(notes: Sequence[str | None]) -> str | None:
    """Notes in one line, each once, in their order; None where there are none."""
    parts = [part for note in notes if note for part in note.split("; ")]
    return "; ".join(dict.fromkeys(parts)) or None


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a file as (H, W, 3) uint8 RGB; see the module for the conversions.

    Raises:
        ImageError: the file cannot be read or is not a whole image.
    """
    path = Path(path)
    return decode(read_bytes(path), str(path))


def pillow_pixels(image: Image.Image, name: str = "image") -> Decoded:
    """An image that Pillow has opened or made as (H, W, 3) uint8 RGB, converted as files are.

    Raises:
        ImageError: numbers of which nobody can say which is white, or its file turns out to be
            damaged.
    """
    with quiet_decoders():
        pixels, notes = pixels_and_notes(image, name)
        return Decoded(pixels, str(image.format), tuple(notes))


def _plain_jpeg(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """Pixels of an upright colour JPEG in which nothing is wrong; None of any other."""
    if image.format != "JPEG" or image.mode != "RGB" or exif_orientation(image) != 1:
        return None
    profile = image.info.get("icc_profile")
    try:
        pixels = np.asarray(simplejpeg.decode_jpeg(data, "RGB", strict=True), dtype=np.uint8)
    except ValueError:
        return None
    return pixels if not profile else np.array(to_srgb(Image.fromarray(pixels), profile)[0])


def _decode_tiff(data: bytes, name: str, bits: int | None) -> Decoded:
    try:
        picture = find_picture(data)
    except UnreadableLayoutError as error:
        raise ImageError(name, str(error)) from None
    except CutOffError as error:
        raise ImageError(name, str(error)) from None
    if picture is None:
        image = open_image(data, name)
        pixels, notes = pixels_and_notes(image, name, data, bits)
        return Decoded(pixels, "TIFF", tuple(notes))
    page = picture.pages[0]
    require_size(page.width, page.height, name)
    unknown_to_pillow = data[:4] == _BIG_ENDIAN_BIGTIFF
    if unknown_to_pillow and left_to_pillow(page.number(COMPRESSION, NONE)):
        raise ImageError(name, "a big-endian BigTIFF of a kind that is not read; save it with LZW")
    if picture.read_by_pillow and not unknown_to_pillow:
        data = first_page_at(data, page)
        pixels, notes = pixels_and_notes(open_image(data, name), name, data, bits)
    else:
        pixels, notes = _tiff_samples(data, picture, name, bits)
    return Decoded(pixels, "TIFF", (*notes, *picture.notes))


def _tiff_samples(
    data: bytes, picture: TiffPicture, name: str, bits: int | None
) -> tuple[NDArray[np.uint8], list[str]]:
    try:
        picture.require_readable()
        planes = [stored_samples(data, page) for page in picture.pages]
        samples = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
        depth = picture.pages[0].depth, picture.declared_bits
        pixels, notes = rgb_of_samples(
            samples, picture.photometric, picture.extra, depth, picture.profile, bits
        )
    except UnreadableLayoutError as error:
        raise ImageError(name, str(error)) from None
    except Exception as error:  # libtiff and NumPy raise all sorts of things
        reason = find_missing_bytes(data) or f"damaged or truncated ({one_line(error)})"
        raise ImageError(name, reason) from None
    if picture.orientation != 1:
        notes.append(f"EXIF orientation {picture.orientation} applied")
    return oriented(pixels, picture.orientation), notes
