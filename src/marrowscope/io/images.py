"""Safe decoding and encoding of images from anywhere.

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
import logging
import re
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from marrowscope.errors import InputError
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.truncation import find_missing_bytes, is_later_page_truncated

MAX_PIXELS = 64_000_000
MAX_BYTES = 512_000_000
MASK_SUFFIX = ".mask.png"  # the truth of a synthetic image lies beside it; not an image of a cell
SUFFIXES: tuple[str, ...] = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_ORIENTATION = 0x0112  # EXIF tag
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_JPEG = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind the first, as phones make them

# What libjpeg and libtiff say on standard error. Of the former only the first kind means damage.
_JPEG_DAMAGE = ("Corrupt JPEG data", "Premature end of JPEG", "Inconsistent progression")
_SCAN = b"\xff\xda"
# Markers (ITU-T T.81, table B.1) that have no place behind the beginning of the first scan.
_NO_MARKER = re.compile(rb"\xff[\x01-\xc3\xc5-\xcb\xcd-\xcf\xd8\xde\xdf\xf0-\xfd]")
_LIBJPEG = re.compile(
    rb"Corrupt JPEG|Premature end|Inconsistent progression|Invalid SOS|Unknown Adobe|Warning: unk"
)
_LIBTIFF = re.compile(rb"[\w. ]*: ")  # "function: what is wrong" or "file: …"

# Our own, stricter limit takes the place of Pillow's warning.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Damaged files are reported by our own errors; these would come on top, without a file name.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
logging.getLogger("PIL").setLevel(logging.CRITICAL)
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class ImageError(InputError):
    """An image that cannot be used; ``reason`` is the message without the file name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class ImageFacts:
    """What the header says; width and height in px after the EXIF orientation is applied.

    ``note`` says how the image is converted on reading, None when it is 8-bit RGB already.
    """

    width: int
    height: int
    format: str
    note: str | None


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
    image = _open(source, name)
    missing = find_missing_bytes(source)
    if missing is not None:
        raise ImageError(name, missing)
    if image.format == "PNG":
        # Its EXIF block may follow the pixels, and Pillow reads on for it. Pixels first: a second
        # attempt on damaged ones passes for success.
        _pixels(image, name)
        return _facts(image, source, name)
    facts = _facts(image, source, name)  # facts first: Pillow turns a TIFF and forgets that it did
    if image.format in _JPEG:
        _check_jpeg(source, name)
    else:
        _pixels(image, name)
    return facts


def decode(data: bytes, name: str = "image") -> NDArray[np.uint8]:
    """Decode to (H, W, 3) uint8 RGB; see the module for the conversions.

    Raises:
        ImageError: not an image, too large, or damaged.
    """
    image = _open(data, name)
    pixels = _plain_jpeg(image, data)
    return _pixels(image, name) if pixels is None else pixels


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
    return _pixels(image, name)


def resize(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize (H, W, 3): area averaging when shrinking, bicubic when growing."""
    if image.shape[:2] == (height, width):
        return image
    shrinking = image.shape[0] * image.shape[1] > height * width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), dtype=np.uint8)


def encode_jpeg(image: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode (H, W, 3) uint8 RGB as JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return bytes(data)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3) uint8 RGB as PNG."""
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return bytes(data)


def _open(data: bytes, name: str) -> Image.Image:
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
        reason = find_missing_bytes(data) or f"damaged header ({_one_line(error)})"
        raise ImageError(name, reason) from None
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width}×{image.height}"
        raise ImageError(name, f"{size} px is more than 64 megapixels")
    if image.format == "TIFF" and image.mode in ("I", "F"):
        raise ImageError(name, "32 bits per pixel value; save it with 8 or 16")
    return image


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
        _pixels(_open(data, name), name)


def _plain_jpeg(image: Image.Image, data: bytes) -> NDArray[np.uint8] | None:
    """Pixels of an upright colour JPEG in which nothing is wrong; None of any other."""
    if image.format != "JPEG" or image.mode != "RGB" or _orientation(image) != 1:
        return None
    try:
        return np.asarray(simplejpeg.decode_jpeg(data, "RGB", strict=True), dtype=np.uint8)
    except ValueError:
        return None


def _pixels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    # Other libraries (WeasyPrint) turn this on for the whole process, and half an image is black.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        tiles = getattr(image, "tile", ())
        if any(tile[0] == "libtiff" for tile in tiles):  # not for uncompressed ones
            with capture_native_stderr(_LIBTIFF):
                image.load()
        else:
            image.load()
        upright = image if _orientation(image) == 1 else ImageOps.exif_transpose(image)
        return _to_rgb(upright)
    except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, …
        raise ImageError(name, f"damaged or truncated ({_one_line(error)})") from None


def _orientation(image: Image.Image) -> int:
    try:
        value = int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # an unreadable EXIF block says nothing about the pixels
        return 1
    return value if 1 <= value <= 8 else 1


def _facts(image: Image.Image, data: bytes, name: str) -> ImageFacts:
    try:
        orientation = _orientation(image)
        turned = orientation >= 5 and image.format != "TIFF"  # Pillow turns TIFFs on its own
        width, height = image.size[::-1] if turned else image.size
        kind = "JPEG" if image.format in _JPEG else str(image.format)
        return ImageFacts(width, height, kind, _note(image, data, orientation))
    except Exception as error:  # counting the pages of a damaged TIFF raises all sorts of things
        raise ImageError(name, f"damaged header ({_one_line(error)})") from None


def _note(image: Image.Image, data: bytes, orientation: int) -> str | None:
    notes = []
    if _is_deep(image, data):
        notes.append("16-bit to 8-bit")
    if image.mode in ("1", "L", "LA", "I", *_SIXTEEN_BIT):
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


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode in _SIXTEEN_BIT or image.mode == "I":
        values = np.asarray(image).astype(np.int64)
        grey = np.clip(values >> 8, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        colour = image.convert("RGBA")
        white = Image.new("RGBA", colour.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, colour)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)


def _is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether a channel has 16 bits; Pillow takes the high byte of colour without saying so."""
    if image.format == "PNG":
        return data[24] == 16  # bit depth in the header chunk
    bits = getattr(image, "tag_v2", {}).get(258, 8)  # BitsPerSample
    return 16 in (bits if isinstance(bits, tuple) else (bits,))


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:120]
