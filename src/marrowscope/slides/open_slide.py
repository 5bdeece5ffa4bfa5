"""Which reader a file or a folder needs: told by its content, not by its name."""

from pathlib import Path

from openslide import OpenSlide, OpenSlideError

from marrowscope.errors import InputError
from marrowscope.io.images import SUFFIXES
from marrowscope.slides.field_reader import FieldReader, list_field_images
from marrowscope.slides.openslide_reader import OpenSlideReader
from marrowscope.slides.slide import Slide, resolve_pixel_size
from marrowscope.slides.tiff_reader import TiffReader, is_slide

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DICOM_PLACE, _DICOM = 128, b"DICM"
_SERIES = "dicom.SeriesInstanceUID"
_MAX_DICOM_FILES = 256


def open_slide(path: Path, microns_per_pixel: float | None = None) -> Slide:
    """Open a whole slide, a field image, or a folder of field images or of one DICOM slide.

    Args:
        path: file or folder.
        microns_per_pixel: takes the place of what the file says; needed for fields, and for
            slides that do not say their pixel size.

    Raises:
        InputError: missing, of no known format, damaged, or the pixel size is not known.
    """
    path = Path(path)
    if microns_per_pixel is not None:
        resolve_pixel_size(str(path), microns_per_pixel, None)
    try:
        if path.is_dir():
            return _in_folder(path, microns_per_pixel)
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise InputError(f"{path}: a pipe or device, not a file")
        with path.open("rb") as stream:
            head = stream.read(_DICOM_PLACE + len(_DICOM))
    except FileNotFoundError:
        reason = "broken link" if path.is_symlink() else "no such file"
        raise InputError(f"{path}: {reason}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if not head:
        raise InputError(f"{path}: empty file")
    return _file(path, head, microns_per_pixel)


def _file(path: Path, head: bytes, microns_per_pixel: float | None) -> Slide:
    vendor = _vendor(path)
    tiff = head[:4] in _TIFF
    if vendor is not None and not (tiff and vendor == "generic-tiff" and is_slide(path) == "ome"):
        return OpenSlideReader(path, microns_per_pixel)
    if tiff and is_slide(path) is not None:
        return TiffReader(path, microns_per_pixel)
    if head[_DICOM_PLACE:] == _DICOM:
        raise InputError(f"{path}: DICOM, but not a whole-slide image of microscopy")
    if not tiff and path.suffix.lower() not in SUFFIXES and not _looks_like_image(head):
        raise InputError(
            f"{path}: neither a slide nor an image; expected a format of OpenSlide, TIFF, "
            "DICOM, or field images as JPEG, PNG, TIFF, BMP or WebP"
        )
    return FieldReader([path], str(path), microns_per_pixel)


def _in_folder(folder: Path, microns_per_pixel: float | None) -> Slide:
    dicom = _one_dicom_slide(folder)
    if dicom is not None:
        return OpenSlideReader(dicom, microns_per_pixel)
    found = list_field_images(folder)
    tiffs = (path for path in found if path.suffix.lower() in (".tif", ".tiff"))
    slides = [path for path in tiffs if _vendor(path) is not None]
    if slides and len(slides) == len(found) == 1:
        return open_slide(slides[0], microns_per_pixel)
    if slides:
        raise InputError(
            f"{slides[0]}: a whole slide (a TIFF in tiles) among field images; name the slide "
            "itself, or save a field without tiles, as PNG for instance"
        )
    if not found:
        raise InputError(f"{folder}: holds no field images; sub-folders are not searched")
    return FieldReader(found, str(folder), microns_per_pixel)


def _one_dicom_slide(folder: Path) -> Path | None:
    """A file of the only whole slide among the DICOM files of a folder; None where there are none.

    Raises:
        InputError: there are several slides, or too many files.
    """
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and _is_dicom(path)]
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


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(_DICOM_PLACE + len(_DICOM))[_DICOM_PLACE:] == _DICOM


def _vendor(path: Path) -> str | None:
    try:
        vendor = OpenSlide.detect_format(path)
    except OpenSlideError:
        return None
    return None if vendor is None else str(vendor)


def _looks_like_image(head: bytes) -> bool:
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"BM")) or head[8:12] == b"WEBP"
