"""A file goes in that Pillow opens, its pixels as (H, W, 3) uint8 RGB come out, and what was done.

Pillow reads all but some layouts of TIFF; libheif reads HEIC for it, and OpenCV colour of more
than 8 bits, of which Pillow keeps a part.
"""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from marrowscope.io.colour_profile import LAB, to_srgb
from marrowscope.io.file_signatures import bits_of_jpeg2000, file_format, foreign_format
from marrowscope.io.image_file import READ, ImageError, one_line, require_size
from marrowscope.io.native_stderr import capture_native_stderr
from marrowscope.io.orientation import exif_orientation, oriented
from marrowscope.io.quiet_decoders import no_half_images
from marrowscope.io.sample_colours import rgb_of_samples
from marrowscope.io.tiff_samples import LIBTIFF, UnreadableLayoutError
from marrowscope.io.transparency import without_transparency
from marrowscope.io.truncation import find_missing_bytes

_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "AVIF")
JPEG = ("JPEG", "MPO")  # MPO: a JPEG with further pictures behind the first, as phones make them
SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")


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


def pixels_and_notes(
    image: Image.Image, name: str, data: bytes = b"", bits: int | None = None
) -> tuple[NDArray[np.uint8], list[str]]:
    """All pixels of an opened image, upright, as RGB; and what was converted.

    Args:
        image: of ``open_image``, or made by Pillow.
        name: how errors call it.
        data: the file that it was opened from; needed for colour of more than 8 bits.
        bits: that are used of 16-bit numbers; None: what its largest number shows.

    Raises:
        ImageError: damaged, or numbers of which nobody can say which is white.
    """
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
    "RGB": "",
    "RGBA": "",
    "RGBa": "",
    LAB: "",
    "RGBX": "a fourth channel of unknown meaning ignored",
    "L": "greyscale to RGB",
    "LA": "greyscale to RGB",
    "La": "greyscale to RGB",
    "1": "greyscale to RGB",
    "P": "palette to RGB",
    "PA": "palette to RGB",
    "CMYK": "CMYK to RGB",
}


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
