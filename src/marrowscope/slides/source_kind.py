"""What a path holds: a file or folder goes in, its kind, its files and the reason come out.

This is the one place that decides. Content counts, not the name, and not the container: the same
pixels are a field, or a slide, in every format. ``open_slide`` takes the reader that belongs to
the kind, and asks ``is_field`` once size and pixels are known.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.io.file_signatures import HEAD_BYTES, file_format
from marrowscope.io.image_file import MASK_SUFFIX, MAX_PIXELS, READ, SUFFIXES, one_line
from marrowscope.io.tiff_tags import HAMAMATSU, SAMPLE_FORMAT
from marrowscope.slides.generic_tiff import needs_conversion, openslide_shows
from marrowscope.slides.openslide_guard import probe, probe_each
from marrowscope.slides.tiff_levels import TiffSlide, find_levels
from marrowscope.slides.tiff_structure import TiffStructure, read_directories

MAX_FIELDS = 5_000
_MAX_DICOM_FILES = 256
_GENERIC = "generic-tiff"  # what OpenSlide calls any TIFF in tiles
_NOT_UNPACKED = "Unsupported TIFF compression"  # said by OpenSlide of one that it cannot unpack
# Longest side in µm. The sensor of a camera sees 0.1 to 0.5 mm of a smear with objectives that
# show its cells; the smallest scans are several mm wide.
_SURELY_FIELD, _SURELY_SLIDE = 400.0, 2_000.0


class SourceKind(Enum):
    """What a source is stored as; each kind has one reader."""

    FIELD_IMAGES = "field images"  # one, or a folder of them
    OPENSLIDE = "slide in a format of OpenSlide"  # scanners' own, tiled TIFF, DICOM
    TIFF = "slide in a TIFF"  # OME-TIFF, pyramids in strips, very large images


class View(Enum):
    """What the pixels are, whatever they are stored as: how cells are looked for in them."""

    FIELD = "field"  # all of it is looked at
    SLIDE = "slide"  # places where cells can be judged are looked for first

    @classmethod
    def named(cls, name: str | None) -> "View | None":
        """The view of a name; None for none, which leaves it to size and content.

        Raises:
            InputError: no such view.
        """
        known = {view.value: view for view in cls}
        if name is not None and name not in known:
            raise InputError(f"`taken_as` is {name!r}; expected {' or '.join(known)}")
        return None if name is None else known[name]


@dataclass(frozen=True)
class Source:
    """A source that was identified.

    Attributes:
        path: as given.
        kind: what it is stored as.
        files: the field images in natural order, or the one file by which a slide is opened.
        reason: why it is of that kind, for readers.
    """

    path: Path
    kind: SourceKind
    files: tuple[Path, ...]
    reason: str

    @property
    def name(self) -> str:
        """How messages call it: fields by what was given, a slide by its file."""
        return str(self.path if self.kind is SourceKind.FIELD_IMAGES else self.files[0])


def identify_source(path: Path) -> Source:
    """Decide what a path is: a whole slide, a field image, or a folder of either.

    Args:
        path: a file, a folder of field images, or a folder of one DICOM slide.

    Raises:
        InputError: missing, of no known format, damaged, or a folder that holds no source or
            several.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _identify_folder(path)
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise InputError(f"{path}: a pipe or device, not a file")
        return _identify_file(path)
    except FileNotFoundError:
        reason = "broken link" if path.is_symlink() else "no such file"
        raise InputError(f"{path}: {reason}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or error}") from None


def is_field(size: tuple[int, int], microns_per_pixel: float, on_glass: Callable[[], bool]) -> bool:
    """Whether one picture is a field of a camera, and not a slide of a scanner.

    By its size, and where that leaves it open, by its content: of a slide the bare glass around
    the smear is seen.

    Args:
        size: width and height in px.
        microns_per_pixel: pixel size.
        on_glass: looks at the pixels; called only where the size leaves it open.
    """
    longest = max(size) * microns_per_pixel
    if size[0] * size[1] > MAX_PIXELS or longest > _SURELY_SLIDE:
        return False
    return longest < _SURELY_FIELD or not on_glass()


def _identify_file(path: Path) -> Source:
    head = _head(path)
    if not head:
        raise InputError(f"{path}: empty file")
    content = file_format(head)
    if content == "TIFF" and file_format(bytes(4) + head[4:]) == "DICOM":
        # DICOM leaves the first 128 bytes free, and some writers put the head of a TIFF there.
        content = "DICOM" if _is_dicom(path) else "TIFF"
    if content == "TIFF":
        return _identify_tiff(path, read_directories(path))
    if content is None or content == "DICOM" or path.suffix.lower() == ".mrxs":
        found = probe(path)
        if found.failure is not None:
            raise InputError(f"{path}: a damaged or cut-off slide ({one_line(found.failure)})")
        if found.vendor is not None:
            reason = f"OpenSlide knows it: {found.vendor}"
            return Source(path, SourceKind.OPENSLIDE, (path,), reason)
    if content == "DICOM":
        raise InputError(f"{path}: DICOM, but not a whole-slide image of microscopy")
    if content is None and path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: neither a slide nor an image; expected a format of OpenSlide, TIFF, "
            f"DICOM, or field images as {READ}"
        )
    return Source(path, SourceKind.FIELD_IMAGES, (path,), "an ordinary image")


def _is_dicom(path: Path) -> bool:
    """Whether a file with both heads is DICOM alone, or at least a slide in DICOM."""
    try:
        directories = read_directories(path).directories
    except InputError:
        return True
    return not any(one.width for one in directories) or probe(path).vendor == "dicom"


def _identify_tiff(path: Path, structure: TiffStructure) -> Source:
    first = structure.directories[0]
    if HAMAMATSU in first.values:
        known = _openslide_tiff(path)
        if known is None:
            raise InputError(f"{path}: a damaged slide of Hamamatsu (NDPI)")
        return known
    picture = find_levels(path, structure.directories)
    finest = picture.levels[0]
    small = finest.width * finest.height <= MAX_PIXELS
    converted = Source(path, SourceKind.FIELD_IMAGES, (path,), "an image that has to be converted")
    if small and not _is_plain(picture):
        return converted  # depth, planes and floats are judged by the whole, as in every image
    # OpenSlide takes OME-TIFF for a tiled one, and sees nothing of its pyramid. Of more than 8 bits
    # it keeps the high byte, by which a camera of 12 bits gives black pictures.
    deep = max(finest.bits, default=8) > 8
    tiled = any(one.tiled for one in structure.directories)  # it takes no others
    known = _openslide_tiff(path) if tiled and not picture.is_ome and not deep else None
    if known is not None and not known.reason.endswith(_GENERIC):
        return known
    if small and needs_conversion(finest):
        return converted
    if known is not None and openslide_shows(first, finest):
        return known
    return _own_tiff(picture, path)


def _is_plain(picture: TiffSlide) -> bool:
    """Whether its tiles hold bytes of one picture, that can be taken as they are."""
    finest = picture.levels[0]
    numbers = finest.number(SAMPLE_FORMAT, 1) in (1, 4)  # whole ones, or it does not say
    return picture.stack is None and set(finest.bits) == {8} and numbers


def _openslide_tiff(path: Path) -> Source | None:
    found = probe(path)
    if found.vendor is None or (found.failure or "").startswith(_NOT_UNPACKED):
        return None
    if found.failure is not None:
        raise InputError(f"{path}: a damaged or cut-off slide ({one_line(found.failure)})")
    return Source(path, SourceKind.OPENSLIDE, (path,), f"OpenSlide knows it: {found.vendor}")


def _own_tiff(picture: TiffSlide, path: Path) -> Source:
    finest = picture.levels[0]
    large = finest.width * finest.height > MAX_PIXELS
    if picture.is_ome:
        return Source(path, SourceKind.TIFF, (path,), "OME-TIFF")
    if finest.tiled or len(picture.levels) > 1 or large:
        reason = "TIFF in tiles, with a pyramid, or of more than 64 megapixels"
        return Source(path, SourceKind.TIFF, (path,), reason)
    return Source(path, SourceKind.FIELD_IMAGES, (path,), "an ordinary image")


def _identify_folder(folder: Path) -> Source:
    dicom = _one_dicom_slide(folder)
    if dicom is not None:
        return Source(folder, SourceKind.OPENSLIDE, (dicom,), "DICOM files of one slide")
    images = list_field_images(folder)
    if not images:
        raise InputError(f"{folder}: holds no field images; sub-folders are not searched")
    if len(images) == 1:
        return _identify_alone(folder, images[0])
    for image in images:
        if image.suffix.lower() in (".tif", ".tiff", ".svs") and is_whole_slide(image):
            raise InputError(
                f"{image}: a whole slide among field images; name the slide itself, or move it"
            )
    return Source(folder, SourceKind.FIELD_IMAGES, tuple(images), "a folder of images")


def _identify_alone(folder: Path, image: Path) -> Source:
    try:
        found = _identify_file(image)
    except InputError:
        found = None  # a folder of fields reports its damaged ones by themselves
    if found is not None and found.kind is not SourceKind.FIELD_IMAGES:
        return found
    return Source(folder, SourceKind.FIELD_IMAGES, (image,), "a folder of images")


def is_whole_slide(image: Path, microns_per_pixel: float | None = None) -> bool:
    """Whether a TIFF among fields is larger than any field, and is a slide for this alone.

    Args:
        image: to look at; what cannot be read is none.
        microns_per_pixel: takes the place of what the file says.
    """
    try:
        if file_format(_head(image)) != "TIFF":
            return False
        structure = read_directories(image)
        if HAMAMATSU in structure.directories[0].values:
            return True
        picture = find_levels(image, structure.directories)
    except (InputError, OSError):
        return False  # told with the damaged fields
    finest, sides = picture.levels[0], picture.microns_per_pixel
    if finest.width * finest.height > MAX_PIXELS:
        return True
    if microns_per_pixel is not None:
        sides = (microns_per_pixel, microns_per_pixel)
    inside = finest.tiled and sides is not None and max(sides) < 10  # µm; else of a printer
    # Where the size leaves it open: cameras write no pyramids.
    most = _SURELY_FIELD if len(picture.levels) > 1 else _SURELY_SLIDE
    return inside and max(finest.width, finest.height) * max(sides or (0,)) > most


def list_field_images(folder: Path) -> list[Path]:
    """The images directly in a folder, in natural order, without the masks of phantoms.

    Links are followed wherever they lead: the folder is the user's own.

    Raises:
        InputError: it cannot be listed, or holds too many.
    """
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES
            and not path.name.startswith(".")
            and not path.name.endswith(MASK_SUFFIX)
            and (path.is_symlink() or path.is_file())
        ]
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror or error}") from None
    if len(found) > MAX_FIELDS:
        raise InputError(f"{folder}: {len(found)} images; the limit is {MAX_FIELDS} fields at once")
    return sorted(found, key=_natural_order)


def _natural_order(path: Path) -> list[tuple[int, str, int]]:
    parts = re.split(r"(\d+)", path.name)
    return [(1, "", int(part)) if part.isdecimal() else (0, part, 0) for part in parts if part]


def _one_dicom_slide(folder: Path) -> Path | None:
    """A file of the only whole slide among the DICOM files of a folder; None where there are none.

    Raises:
        InputError: there are several slides, or too many files.
    """
    files = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and file_format(bytes(4) + _head(path)[4:]) == "DICOM"
    ]
    if not files:
        return None
    if len(files) > _MAX_DICOM_FILES:
        raise InputError(f"{folder}: {len(files)} DICOM files; name one file of the slide")
    by_series: dict[str, Path] = {}
    for path, found in zip(files, probe_each(files), strict=True):
        # Label, overview and such are of no format of OpenSlide.
        if not isinstance(found, str) and found.vendor is not None and found.failure is None:
            by_series.setdefault(found.series or "", path)
    if not by_series:
        raise InputError(f"{folder}: its DICOM files are not a whole-slide image, or damaged")
    if len(by_series) > 1:
        raise InputError(f"{folder}: holds {len(by_series)} slides; name one file of the slide")
    return next(iter(by_series.values()))


def _head(path: Path) -> bytes:
    if path.stat().st_size == 0:  # files of the kernel look empty, and are waited for without end
        return b""
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)
