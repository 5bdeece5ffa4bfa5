"""What a path holds: a file or folder goes in, its kind, its files and the reason come out.

This is the one place that decides. Content counts, not the name; ``open_slide`` takes the reader
that belongs to the kind.
"""

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import tifffile
from openslide import OpenSlide, OpenSlideError

from marrowscope.errors import InputError
from marrowscope.io.file_signatures import HEAD_BYTES, file_format
from marrowscope.io.image_decoding import MASK_SUFFIX, MAX_PIXELS, SUFFIXES, one_line
from marrowscope.io.quiet_decoders import quiet_decoders

MAX_FIELDS = 5_000
_MAX_DICOM_FILES = 256
_SERIES = "dicom.SeriesInstanceUID"


class SourceKind(Enum):
    """What a source is; each kind has one reader."""

    FIELD_IMAGES = "field images"  # one, or a folder of them
    OPENSLIDE = "slide in a format of OpenSlide"  # scanners' own, tiled TIFF, DICOM
    TIFF = "slide in a TIFF"  # OME-TIFF, pyramids in strips, very large images


@dataclass(frozen=True)
class Source:
    """A source that was identified.

    Attributes:
        path: as given.
        kind: what it is.
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
        InputError: missing, of no known format, or a folder that holds no source or several.
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
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _identify_file(path: Path) -> Source:
    head = _head(path)
    if not head:
        raise InputError(f"{path}: empty file")
    content, vendor = file_format(head), _openslide_vendor(path)
    tiff = _tiff_kind(path) if content == "TIFF" and vendor in (None, "generic-tiff") else None
    # OpenSlide takes an OME-TIFF for a tiled one, and sees nothing of its pyramid.
    if vendor is not None and tiff != "OME-TIFF":
        return Source(path, SourceKind.OPENSLIDE, (path,), f"OpenSlide knows it: {vendor}")
    if tiff is not None:
        return Source(path, SourceKind.TIFF, (path,), tiff)
    if content == "DICOM":
        raise InputError(f"{path}: DICOM, but not a whole-slide image of microscopy")
    if content is None and path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path}: neither a slide nor an image; expected a format of OpenSlide, TIFF, "
            "DICOM, or field images as JPEG, PNG, TIFF, BMP or WebP"
        )
    return Source(path, SourceKind.FIELD_IMAGES, (path,), "an ordinary image")


def _identify_folder(folder: Path) -> Source:
    dicom = _one_dicom_slide(folder)
    if dicom is not None:
        return Source(folder, SourceKind.OPENSLIDE, (dicom,), "DICOM files of one slide")
    images = list_field_images(folder)
    tiffs = (path for path in images if path.suffix.lower() in (".tif", ".tiff"))
    slides = [path for path in tiffs if _openslide_vendor(path) is not None]
    if slides and len(slides) == len(images) == 1:
        return _identify_file(slides[0])
    if slides:
        raise InputError(
            f"{slides[0]}: a whole slide (a TIFF in tiles) among field images; name the slide "
            "itself, or save a field without tiles, as PNG for instance"
        )
    if not images:
        raise InputError(f"{folder}: holds no field images; sub-folders are not searched")
    return Source(folder, SourceKind.FIELD_IMAGES, tuple(images), "a folder of images")


def list_field_images(folder: Path) -> list[Path]:
    """The images directly in a folder, in natural order, without the masks of phantoms.

    Raises:
        InputError: it cannot be listed, holds too many, or a link in it leads elsewhere.
    """
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in SUFFIXES
            and not path.name.startswith(".")
            and not path.name.endswith(MASK_SUFFIX)
            and (path.is_file() or path.is_symlink())
        ]
        home = folder.resolve()
        for path in found:
            if path.is_symlink() and home not in path.resolve().parents:
                raise InputError(f"{path}: a link that leads out of its folder; copy the file")
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
        if path.is_file() and file_format(_head(path)) == "DICOM"
    ]
    if not files:
        return None
    if len(files) > _MAX_DICOM_FILES:
        raise InputError(f"{folder}: {len(files)} DICOM files; name one file of the slide")
    by_series: dict[str, Path] = {}
    for path in files:
        try:
            with OpenSlide(path) as slide:
                by_series.setdefault(slide.properties.get(_SERIES, ""), path)
        except OpenSlideError:
            continue  # label, overview and such
    if not by_series:
        raise InputError(f"{folder}: its DICOM files are not a whole-slide image, or damaged")
    if len(by_series) > 1:
        raise InputError(f"{folder}: holds {len(by_series)} slides; name one file of the slide")
    return next(iter(by_series.values()))


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def _openslide_vendor(path: Path) -> str | None:
    try:
        vendor = OpenSlide.detect_format(path)
    except OpenSlideError:
        return None
    return None if vendor is None else str(vendor)


def _tiff_kind(path: Path) -> str | None:
    """What makes a TIFF a slide; None for an ordinary picture.

    Raises:
        InputError: its directories are damaged or cut off.
    """
    try:
        with quiet_decoders(), tifffile.TiffFile(path) as tiff:
            if tiff.is_ome:
                return "OME-TIFF"
            if not tiff.pages:
                raise InputError(f"{path}: a TIFF without any image; was it cut off?")
            first = tiff.series[0]
            large = first.keyframe.imagewidth * first.keyframe.imagelength > MAX_PIXELS
            if first.keyframe.is_tiled or first.is_pyramidal or large:
                return "TIFF in tiles, with a pyramid, or of more than 64 megapixels"
            return None
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"{path}: a damaged or cut-off TIFF ({one_line(error)})") from None
