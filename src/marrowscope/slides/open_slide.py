"""Open a source: a path goes in, a ``Slide`` comes out; ``source_kind`` decides which reader."""

from pathlib import Path

from marrowscope.preprocessing import require_pixel_size
from marrowscope.slides.field_reader import FieldReader
from marrowscope.slides.openslide_reader import OpenSlideReader
from marrowscope.slides.slide import Slide
from marrowscope.slides.source_kind import Source, SourceKind, identify_source
from marrowscope.slides.tiff_reader import TiffReader


def open_slide(path: Path, microns_per_pixel: float | None = None) -> Slide:
    """Open a whole slide, a field image, or a folder of field images or of one DICOM slide.

    Args:
        path: file or folder.
        microns_per_pixel: takes the place of what the file says; needed for fields, and for
            slides that do not say their pixel size.

    Raises:
        InputError: missing, of no known format, damaged, or the pixel size is not known.
    """
    if microns_per_pixel is not None:
        require_pixel_size(microns_per_pixel)
    return open_source(identify_source(path), microns_per_pixel)


def open_source(source: Source, microns_per_pixel: float | None = None) -> Slide:
    """Open what was identified; as ``open_slide``."""
    if source.kind is SourceKind.FIELD_IMAGES:
        return FieldReader(list(source.files), source.name, microns_per_pixel)
    if source.kind is SourceKind.TIFF:
        return TiffReader(source.files[0], microns_per_pixel)
    return OpenSlideReader(source.files[0], microns_per_pixel)
