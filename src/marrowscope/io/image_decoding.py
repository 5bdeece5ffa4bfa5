"""Image files in, (H, W, 3) uint8 RGB out: safe decoding of images from anywhere.

What a file is, is decided by its content, not by its name. JPEG, PNG, TIFF, BMP and WebP are read;
everything comes out as (H, W, 3) uint8 RGB:

- greyscale is repeated into three channels; CMYK is converted; a palette is resolved;
- transparency is laid on white, the colour of empty background;
- 16 bits per channel become 8 by keeping the high byte: 0 stays black and 65535 is white, whatever
  range the values of this image take, for stretching it would change colours that mean something;
- an EXIF orientation is applied;
- of a file with several pages the first is taken.

Refused before any pixel is decoded: files over 512 MB, images over 64 megapixels, 32-bit pixels
(nobody can say which of their values is white).

Undamaged colour JPEGs are decoded by simplejpeg, which lets other threads work meanwhile and copies
nothing; Pillow and OpenCV give the same pixels (all three hold libjpeg-turbo). Where it finds
anything wrong Pillow decides, which prints nothing about damaged data, as OpenCV does.
"""

import io
import re
import stat
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from marrowscope.errors import InputError
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.quiet_decoders import quiet_decoders
from marrowscope.io.truncation import find_missing_bytes

MAX_PIXELS = 64_000_000
MAX_BYTES = 512_000_000
MASK_SUFFIX = ".mask.png"  # the truth of a synthetic image lies beside it; not an image of a cell
SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_ORIENTATION = 0x0112  # EXIF tag
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")

# What libtiff says on standard error.
_LIBTIFF = re.compile(rb"[\w. ]*: ")  # "function: what is wrong" or "file: …"


class ImageError(InputError):
    """An image that cannot be used; ``reason`` is the message without the file name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def read_bytes(path: Path) -> bytes:
    """The content of a file.

    Raises:
        ImageError: missing, a broken link, not permitted, not a file, empty, or over 512 MB.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would wait for ever
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a pipe or device"
            raise ImageError(str(path), f"{kind}, not a file")
        if status.st_size > MAX_BYTES:
            raise ImageError(str(path), f"{status.st_size / 1e6:.0f} MB; the limit is 512 MB")
        data = path.read_bytes()
    except FileNotFoundError:
        reason = "broken link" if path.is_symlink() else "no such file"
        raise ImageError(str(path), reason) from None
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from None
    if not data:
        raise ImageError(str(path), "empty file")
    return data


def decode(data: bytes, name: str = "image") -> NDArray[np.uint8]:
    """Decode to (H, W, 3) uint8 RGB; see the module for the conversions.

    Raises:
        ImageError: not an image, too large, or damaged.
    """
    with quiet_decoders():
        image = open_image(data, name)
        pixels = _plain_jpeg(image, data)
        return decode_pixels(image, name) if pixels is None else pixels


def read_image(path: Path) -> NDArray[np.uint8]:
    """Read a file as (H, W, 3) uint8 RGB; see the module for the conversions.

    Raises:
        ImageError: the file cannot be read or is not a whole image.
    """
    path = Path(path)
    return decode(read_bytes(path), str(path))


def pillow_pixels(image: Image.Image, name: str = "image") -> NDArray[np.uint8]:
    """An image that Pillow has opened or made as (H, W, 3) uint8 RGB, converted as files are.

    Raises:
        ImageError: 32-bit pixels, or its file turns out to be damaged.
    """
    if image.mode == "F":
        raise ImageError(name, "32 bits per pixel value; give 8 or 16")
    with quiet_decoders():
        return decode_pixels(image, name)


def open_image(data: bytes, name: str) -> Image.Image:
    """Read the header with Pillow; ``ImageError`` when it is not an image that we take."""
    if not data:
        raise ImageError(name, "empty file")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError:
        raise ImageError(name, "more than 64 megapixels") from None
    except UnidentifiedImageError:
        unknown = "not a JPEG, PNG, TIFF, BMP or WebP image"
        raise ImageError(name, find_missing_bytes(data) or unknown) from None
    except Exception as error:  # a damaged header makes Pillow raise whatever it stumbles on
        reason = find_missing_bytes(data) or f"damaged header ({one_line(error)})"
        raise ImageError(name, reason) from None
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}×{image.height}"
        raise ImageError(name, f"{size} px is more than 64 megapixels")
    if image.format == "TIFF" and image.mode in ("I", "F"):
        raise ImageError(name, "32 bits per pixel value; save it with 8 or 16")
    return image


def _plain_jpeg(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """Pixels of an upright colour JPEG in which nothing is wrong; None of any other."""
    if image.format != "JPEG" or image.mode != "RGB" or exif_orientation(image) != 1:
        return None
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, "RGB", strict=True), dtype=np.uint8)
    except ValueError:
        return None


def decode_pixels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """All pixels of an opened image, upright, as RGB; ``ImageError`` when any are damaged."""
    # Other libraries (WeasyPrint) turn this on for the whole process, and half an image is black.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        tiles = getattr(image, "tile", ())
        if any(tile[0] == "libtiff" for tile in tiles):  # not for uncompressed ones
            with capture_native_stderr(_LIBTIFF):
                image.load()
        else:
            image.load()
        upright = image if exif_orientation(image) == 1 else ImageOps.exif_transpose(image)
        return _to_rgb(upright)
    except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, …
        raise ImageError(name, f"damaged or truncated ({one_line(error)})") from None


def exif_orientation(image: Image.Image) -> int:
    """1 (upright) to 8, as EXIF says."""
    try:
        value = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # an unreadable EXIF block says nothing about the pixels
        return 1
    return value if 1 <= value <= 8 else 1


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in SIXTEEN_BIT or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        grey = np.clip(values >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", colour.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, colour)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def one_line(error: BaseException) -> str:
    """What an error of a library says, cut to fit a line."""
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
