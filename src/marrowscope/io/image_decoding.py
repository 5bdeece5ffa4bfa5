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

import io
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from marrowscope.errors import InputError
from marrowscope.io.colour_profile import LAB, to_srgb
from marrowscope.io.file_signatures import bits_of_jpeg2000, file_format, foreign_format
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.orientation import exif_orientation, oriented
from marrowscope.io.quiet_decoders import no_half_images, quiet_decoders
from marrowscope.io.sample_colours import rgb_of_samples
from marrowscope.io.tiff_directory import CutOffError, first_page_at
from marrowscope.io.tiff_picture import TiffPicture, find_picture
from marrowscope.io.tiff_samples import LIBTIFF, UnreadableLayoutError, stored_samples
from marrowscope.io.transparency import without_transparency
from marrowscope.io.truncation import find_missing_bytes

MAX_PIXELS = 64_000_000
MAX_BYTES = 512_000_000
MASK_SUFFIX = ".mask.png"  # the truth of a synthetic image lies beside it; not an image of a cell
SUFFIXES: tuple[str, ...] = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2",
    ".j2k", ".jpx", ".avif", ".heic", ".heif",
)  # fmt: skip
READ = "JPEG, PNG, TIFF, BMP, WebP, GIF, JPEG 2000, AVIF or HEIC"

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "AVIF")
JPEG = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind the first, as phones make them
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


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
        # Logs of the kernel look like empty files, and would be waited for without end.
        data = path.read_bytes() if status.st_size else b""
    except FileNotFoundError:
        reason = "broken link" if path.is_symlink() else "no such file"
        raise ImageError(str(path), reason) from None
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from None
    if not data:
        raise ImageError(str(path), "empty file")
    return data


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
        pixels, notes = _pixels_and_notes(image, data, name, bits)
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
        pixels, notes = _pixels_and_notes(image, b"", name, None)
        return Decoded(pixels, str(image.format), tuple(notes))


def open_image(data: bytes, name: str) -> Image.Image:
    """Read the header with Pillow; ``ImageError`` when it is not an image that we take."""
    if not data:
        raise ImageError(name, "empty file")
    foreign = foreign_format(data[:4096])
    if foreign is not None:
        raise ImageError(name, foreign)
    try:
        if file_format(data) == "HEIC":
            return _open_heic(data, name)
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except ImageError:
        raise
    except Image.DecompressionBombError:
        raise ImageError(name, "more than 64 megapixels") from None
    except UnidentifiedImageError:
        raise ImageError(name, _why_unidentified(data)) from None
    except Exception as error:  # a damaged header makes Pillow raise whatever it stumbles on
        reason = find_missing_bytes(data) or f"damaged header ({one_line(error)})"
        raise ImageError(name, reason) from None
    require_size(image.width, image.height, name)
    frames = 1 if image.format in ("TIFF", "MPO") else getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(name, f"an animation of {frames} pictures; save the one that is meant")
    return image


def _open_heic(data: bytes, name: str) -> Image.Image:
    """The main picture of a HEIC, upright, with 8 bits a value; libheif decodes it."""
    import pillow_heif

    opened = pillow_heif.open_heif(io.BytesIO(data))
    width, height = opened.size
    require_size(width, height, name)
    image: Image.Image = opened.to_pillow()
    image.format = "HEIC"
    return image


def require_size(width: int, height: int, name: str) -> None:
    """Refuse what is too large before its pixels are decoded.

    Raises:
        ImageError: over 64 megapixels.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(name, f"{width}×{height} px is more than 64 megapixels")


def _why_unidentified(data: bytes) -> str:
    missing = find_missing_bytes(data)
    if missing is not None:
        return missing
    kind = file_format(data)
    if kind == "AVIF" and "AVIF" not in Image.registered_extensions().values():
        return "AVIF needs Pillow 11.3 or newer: pip install --upgrade pillow"
    if kind is not None:
        return f"a damaged {kind}, or of a kind that is not read; save it as PNG"
    return f"not a {READ} image"


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


def header_notes(image: Image.Image) -> tuple[str, ...]:
    """What will be done with a JPEG, from its header alone."""
    notes = []
    if image.mode == "L":
        notes.append("greyscale to RGB")
    elif image.mode == "CMYK":
        notes.append("CMYK to RGB")
    profile = image.info.get("icc_profile")
    if profile:
        notes.append(to_srgb(Image.new(image.mode, (1, 1)), profile)[1] or "")
    orientation = exif_orientation(image)
    if orientation != 1:
        notes.append(f"EXIF orientation {orientation} applied")
    if getattr(image, "n_frames", 1) > 1:
        notes.append("first of several pictures")
    return tuple(note for note in notes if note)


def decode_pixels(image: Image.Image, name: str) -> NDArray[np.uint8]:
    """All pixels of an opened image, upright, as RGB; ``ImageError`` when any are damaged."""
    return _pixels_and_notes(image, b"", name, None)[0]


def _pixels_and_notes(
    image: Image.Image, data: bytes, name: str, bits: int | None
) -> tuple[NDArray[np.uint8], list[str]]:
    try:
        # Of a TIFF it is forgotten on loading. Of a PNG it may stand behind the pixels, and if
        # these are damaged, a second attempt to load them passes for success.
        orientation = 1 if image.format == "PNG" else exif_orientation(image)
        _load(image)
        if image.format == "PNG":
            orientation = exif_orientation(image)
        upright = image if exif_orientation(image) == 1 else ImageOps.exif_transpose(image)
        pixels, notes = _to_rgb(upright, bits)
        stored = _bits_of_colour(image, data)
        if stored > 8:
            profile = image.info.get("icc_profile")
            pixels, notes = _deep_colour(data, orientation, (stored, bits), profile)
    except UnreadableLayoutError as error:
        raise ImageError(name, str(error)) from None
    except Exception as error:  # decoders raise OSError, SyntaxError, EOFError, struct.error, …
        raise ImageError(name, f"damaged or truncated ({one_line(error)})") from None
    if orientation != 1:
        notes.append(f"EXIF orientation {orientation} applied")
    if image.format == "MPO":
        notes.append("first of several pictures")
    if image.format == "HEIC" and image.info.get("bit_depth", 8) > 8:
        notes.append(f"{image.info['bit_depth']} bits to 8")
    return pixels, notes


def _load(image: Image.Image) -> None:
    with no_half_images():
        tiles = getattr(image, "tile", ())
        if any(tile[0] == "libtiff" for tile in tiles):  # not for uncompressed ones
            with capture_native_stderr(LIBTIFF):
                image.load()
        else:
            image.load()


def _to_rgb(image: Image.Image, bits: int | None) -> tuple[NDArray[np.uint8], list[str]]:
    profile = image.info.get("icc_profile")
    if image.mode in SIXTEEN_BIT or image.mode in ("I", "F"):
        values = np.asarray(image)[..., None]
        if image.mode == "I":  # Pillow's own word for 16 bits too, in PNGs of earlier versions
            if image.format != "PNG":
                raise UnreadableLayoutError(
                    "32-bit whole numbers; nobody can say which is white: give 8 or 16 bits"
                )
            values = values.astype(np.uint16)
        return rgb_of_samples(values, 1, (), (16, None), profile, bits)
    notes = [_MODES.get(image.mode, f"{image.mode} to RGB")]
    if image.mode == "RGBX":
        image = image.convert("RGB")
    if image.has_transparency_data or image.mode in ("RGBa", "La"):
        image, told = without_transparency(image)
        notes.append(told or "")
    elif image.mode == "1":
        image = image.convert("L")
    if profile or image.mode == LAB:
        image, told = to_srgb(image, profile)
        notes.append(told or "")
    pixels = np.array(image if image.mode == "RGB" else image.convert("RGB"), dtype=np.uint8)
    return pixels, [note for note in notes if note]


# What a mode of Pillow means for whoever reads a note; the empty ones say it elsewhere.
_MODES = {
    "RGB": "", "RGBA": "", "RGBa": "", LAB: "",
    "RGBX": "a fourth channel of unknown meaning ignored",
    "L": "greyscale to RGB", "LA": "greyscale to RGB", "La": "greyscale to RGB",
    "1": "greyscale to RGB", "P": "palette to RGB", "PA": "palette to RGB", "CMYK": "CMYK to RGB",
}  # fmt: skip


def _bits_of_colour(image: Image.Image, data: bytes) -> int:
    """Bits of a value where Pillow keeps 8 of them: in colour of PNG and JPEG 2000."""
    if image.mode in SIXTEEN_BIT or image.mode == "I":
        return 8
    if image.format == "PNG" and len(data) > 24:
        return data[24]  # in the header chunk
    return bits_of_jpeg2000(data) if image.format == "JPEG2000" else 8


def _deep_colour(
    data: bytes, orientation: int, bits: tuple[int, int | None], profile: bytes | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """Colour of more than 8 bits, of a file that Pillow has found whole.

    Pillow keeps the high byte, by which 12 bits in 16 cannot be told; and in JPEG 2000 it rounds
    up, so that white becomes black.
    """
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.ndim != 3:
        raise UnreadableLayoutError(f"colour of {bits[0]} bits that is not read; save it with 8")
    order = [2, 1, 0, 3][: found.shape[2]]
    pixels, notes = rgb_of_samples(
        found[..., order], extra=(2,), bits=(bits[0], None), profile=profile, used=bits[1]
    )
    return oriented(pixels, orientation), notes


def _decode_tiff(data: bytes, name: str, bits: int | None) -> Decoded:
    try:
        picture = find_picture(data)
    except UnreadableLayoutError as error:
        raise ImageError(name, str(error)) from None
    except CutOffError as error:
        raise ImageError(name, str(error)) from None
    if picture is None:
        image = open_image(data, name)
        pixels, notes = _pixels_and_notes(image, data, name, bits)
        return Decoded(pixels, "TIFF", tuple(notes))
    page = picture.pages[0]
    require_size(page.width, page.height, name)
    if picture.read_by_pillow:
        data = first_page_at(data, page)
        pixels, notes = _pixels_and_notes(open_image(data, name), data, name, bits)
    else:
        pixels, notes = _tiff_samples(data, picture, name, bits)
    return Decoded(pixels, "TIFF", (*notes, *picture.notes))


def _tiff_samples(
    data: bytes, picture: TiffPicture, name: str, bits: int | None
) -> tuple[NDArray[np.uint8], list[str]]:
    first = picture.pages[0]
    try:
        picture.require_readable()
        planes = [stored_samples(data, page) for page in picture.pages]
        samples = planes[0] if len(planes) == 1 else np.concatenate(planes, axis=2)
        pixels, notes = rgb_of_samples(
            samples, picture.photometric, picture.extra, (first.bits, picture.declared_bits),
            picture.profile, bits,
        )  # fmt: skip
    except UnreadableLayoutError as error:
        raise ImageError(name, str(error)) from None
    except Exception as error:  # libtiff and NumPy raise all sorts of things
        reason = find_missing_bytes(data) or f"damaged or truncated ({one_line(error)})"
        raise ImageError(name, reason) from None
    if picture.orientation != 1:
        notes.append(f"EXIF orientation {picture.orientation} applied")
    return oriented(pixels, picture.orientation), notes


def one_line(error: BaseException | str) -> str:
    """What an error of a library says, without control characters, cut to fit a line."""
    text = "".join(letter if letter.isprintable() else " " for letter in str(error))
    return (" ".join(text.split()) or type(error).__name__)[:120]
