"""Image files in, facts or the damage found out: whether all of an image is there and sound."""

import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from marrowscope.io.image_decoding import (
    SIXTEEN_BIT,
    ImageError,
    decode_pixels,
    exif_orientation,
    one_line,
    open_image,
    read_bytes,
)
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.quiet_decoders import quiet_decoders
from marrowscope.io.truncation import find_missing_bytes, is_later_page_truncated

_JPEG = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind the first, as phones make them

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


def _inspect(source: bytes, name: str) -> ImageFacts:
    image = open_image(source, name)
    missing = find_missing_bytes(source)
    if missing is not None:
        raise ImageError(name, missing)
    if image.format == "PNG":
        # Its EXIF block may follow the pixels, and Pillow reads on for it. Pixels first: a second
        # attempt on damaged ones passes for success.
        decode_pixels(image, name)
        return _facts(image, source, name)
    facts = _facts(image, source, name)  # facts first: Pillow turns a TIFF and forgets that it did
    if image.format in _JPEG:
        _check_jpeg(source, name)
    else:
        decode_pixels(image, name)
    return facts


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
        decode_pixels(open_image(data, name), name)


def _facts(image: Image.Image, data: bytes, name: str) -> ImageFacts:
    try:
        orientation = exif_orientation(image)
        turned = orientation >= 5 and image.format != "TIFF"  # Pillow turns TIFFs on its own
        width, height = image.size[::-1] if turned else image.size
        kind = "JPEG" if image.format in _JPEG else str(image.format)
        return ImageFacts(width, height, kind, _note(image, data, orientation))
    except Exception as error:  # counting the pages of a damaged TIFF raises all sorts of things
        raise ImageError(name, f"damaged header ({one_line(error)})") from None


def _note(image: Image.Image, data: bytes, orientation: int) -> str | None:
    notes = []
    if _is_deep(image, data):
        notes.append("16-bit to 8-bit")
    if image.mode in ("1", "L", "LA", "I", *SIXTEEN_BIT):
        notes.append("greyscale to RGB")
    elif image.mode == "CMYK":
        notes.append("CMYK to RGB")
    elif image.mode == "P":
        notes.append("palette to RGB")
    elif image.mode not in ("RGB", "RGBA", "RGBX"):
        notes.append(f"{image.mode} to RGB")
    if image.has_transparency_data:
        notes.append("transparency laid on white")
    if orientation != 1:
        notes.append(f"EXIF orientation {orientation} applied")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("first of several pages")
    if is_later_page_truncated(data):
        notes.append("a later page is truncated")
    return "; ".join(notes) or None


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether a channel has 16 bits; Pillow takes the high byte of colour without saying so."""
    if image.format == "PNG":
        return data[24] == 16  # bit depth in the header chunk
    bits = getattr(image, "tag_v2", {}).get(258, 8)  # BitsPerSample
    return 16 in (bits if isinstance(bits, tuple) else (bits,))
