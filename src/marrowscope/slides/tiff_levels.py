"""The picture of a TIFF slide: directories go in, its levels and its pixel size come out.

Of several pictures (label, overview, further series) the largest is taken. Its coarser levels are
its sub-directories, as OME-TIFF has them, or later directories of the same shape. Pixel sizes are
those of the OME description, of ImageJ, or of the resolution tags.
"""

import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import RESOLUTION_UNIT, SUBFILE_TYPE, X_RESOLUTION, Y_RESOLUTION
from marrowscope.slides.slide import square_pixel_size

_MICRONS = {
    "µm": 1.0,
    "um": 1.0,
    "μm": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "nm": 1e-3,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "inch": 25_400.0,
}
_RESOLUTION_UNITS = {2: 25_400.0, 3: 10_000.0}  # inch and centimetre, in µm
_REDUCED = 1  # bit of the subfile type: a coarser version of another picture
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")  # as Java writes µ


@dataclass(frozen=True)
class TiffSlide:
    """One picture with its levels.

    Attributes:
        levels: directories from the finest to the coarsest; at least one.
        stack: what makes it more than one RGB picture, as "5 × C"; None for a single one.
        is_ome: whether an OME description came with it.
        microns_per_pixel: width and height of a pixel in µm; None where the file does not say it.
    """

    levels: tuple[TiffDirectory, ...]
    stack: str | None
    is_ome: bool
    microns_per_pixel: tuple[float, float] | None


def find_levels(path: Path, directories: tuple[TiffDirectory, ...]) -> TiffSlide:
    """The largest picture of a TIFF.

    Raises:
        InputError: no directory has a picture, or the OME description is damaged.
    """
    pictured = [one for one in directories if one.width and one.height]
    if not pictured:
        raise InputError(f"{path}: a TIFF without any image; was it cut off?")
    if is_ome(directories[0]):
        return _ome_picture(path, directories)
    first = max(pictured, key=lambda one: one.width * one.height)  # of equal ones the first
    equal = [one for one in pictured if (one.width, one.height) == (first.width, first.height)]
    stack = f"{len(equal)} pages of {first.width}×{first.height} px" if len(equal) > 1 else None
    levels = _levels(first, pictured[pictured.index(first) + 1 :])
    return TiffSlide(levels, stack or _not_rgb(first), False, _plain_pixel_size(first))


def is_ome(first: TiffDirectory) -> bool:
    """Whether the description in the first directory is one of OME."""
    return first.description[-20:].rstrip().endswith("OME>")


def _levels(first: TiffDirectory, others: list[TiffDirectory]) -> tuple[TiffDirectory, ...]:
    below = [one for one in first.children if one.width and one.height] or [
        one for one in others if one.tiled == first.tiled or one.number(SUBFILE_TYPE, 0) & _REDUCED
    ]
    found = [first]
    for one in sorted(below, key=lambda one: -one.width * one.height):
        last = found[-1]
        alike = (one.samples, one.bits, one.planes) == (first.samples, first.bits, first.planes)
        if (
            alike
            and one.width < last.width
            and one.height < last.height
            and _same_shape(first, one)
        ):
            found.append(one)
    return tuple(found)


def _same_shape(first: TiffDirectory, other: TiffDirectory) -> bool:
    """Whether width and height shrank alike; levels are rounded up or down to whole pixels."""
    down = first.width / other.width
    return abs(first.height / down - other.height) <= max(2.0, 0.01 * other.height)


def _not_rgb(one: TiffDirectory) -> str | None:
    return None if one.samples in (1, 3, 4) else f"{one.samples} × S"


def _ome_picture(path: Path, directories: tuple[TiffDirectory, ...]) -> TiffSlide:
    best: tuple[int, TiffDirectory, str | None, tuple[float, float] | None] | None = None
    following = 0
    for pixels in _ome_pixels(path, directories[0].description):
        channels = _whole(path, pixels, "SizeC")
        channel = next((one for one in pixels if _tag(one) == "Channel"), None)
        within = _whole(path, channel, "SamplesPerPixel") if channel is not None else 1
        sides = {"C": -(-channels // max(1, within))}
        sides |= {axis: _whole(path, pixels, f"Size{axis}") for axis in "ZT"}
        places, elsewhere = [], False
        for data in (one for one in pixels if _tag(one) == "TiffData"):
            uuid = next((one for one in data if _tag(one) == "UUID"), None)
            if uuid is not None and uuid.get("FileName", path.name) != path.name:
                elsewhere = True  # a file is not opened because this one names it
                continue
            places.append(_whole(path, data, "IFD", 0))
        place = min(places, default=following)
        following = place + math.prod(sides.values())
        if place >= len(directories) or (elsewhere and not places):
            continue
        first = directories[place]
        many = ", ".join(f"{number} × {axis}" for axis, number in sides.items() if number > 1)
        area = first.width * first.height
        if first.width and first.height and (best is None or area > best[0]):
            best = area, first, many or _not_rgb(first), _ome_pixel_size(pixels)
    if best is None:
        raise InputError(f"{path}: an OME-TIFF whose pixels lie in other files; name one of these")
    _, first, stack, size = best
    after = [] if stack else list(directories[directories.index(first) + 1 :])
    reduced = [one for one in after if one.number(SUBFILE_TYPE, 0) & _REDUCED]
    return TiffSlide(_levels(first, reduced), stack, True, size)


def _ome_pixels(path: Path, description: str) -> list[ElementTree.Element]:
    # The parser does not follow external names; entities of a document's own could grow.
    if "<!DOCTYPE" in description or "<!ENTITY" in description:
        raise InputError(f"{path}: its OME description declares entities; it is refused")
    try:
        root = ElementTree.fromstring(description)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{path}: its OME description is damaged ({reason})") from None
    images = [one for one in root if _tag(one) == "Image"]
    pixels = [part for image in images for part in image if _tag(part) == "Pixels"]
    if not pixels:
        raise InputError(f"{path}: its OME description names no picture")
    return pixels


def _tag(element: ElementTree.Element) -> str:
    """Name without the schema, which has a new address every few years."""
    return element.tag.rpartition("}")[2]


def _whole(path: Path, element: ElementTree.Element, name: str, default: int = 1) -> int:
    text = element.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InputError(f"{path}: its OME description says {name} is {text[:40]!r}; it is damaged")
    return int(text)


def _ome_pixel_size(pixels: ElementTree.Element) -> tuple[float, float] | None:
    sizes = []
    for axis in "XY":
        unit = _MICRONS.get(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        text = pixels.get(f"PhysicalSize{axis}")
        if text is None or unit is None:
            return None
        try:
            sizes.append(float(text) * unit)
        except ValueError:
            return None
    return sizes[0], sizes[1]


def _plain_pixel_size(one: TiffDirectory) -> tuple[float, float] | None:
    across, along = one.ratio(X_RESOLUTION), one.ratio(Y_RESOLUTION)
    if not (across > 0 and along > 0):
        return None
    unit = _imagej_unit(one.description)
    if unit is None:
        unit = _RESOLUTION_UNITS.get(one.number(RESOLUTION_UNIT, 1))
    return None if unit is None else (unit / across, unit / along)


def _imagej_unit(description: str) -> float | None:
    """µm of the unit in which ImageJ counts pixels; None of other programs."""
    if not description.startswith("ImageJ="):
        return None
    facts = dict(line.partition("=")[::2] for line in description.splitlines())
    unit = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), facts.get("unit", "").strip())
    return _MICRONS.get(unit)


def side_of_pixel(path: Path, picture: TiffSlide) -> float | None:
    """Side of a pixel in µm as the file says it, None where it does not.

    Raises:
        InputError: width and height differ by more than 5 %.
    """
    size = picture.microns_per_pixel
    return None if size is None else square_pixel_size(path, *size)
