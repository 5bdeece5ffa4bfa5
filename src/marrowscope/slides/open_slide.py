"""Open a source: a path goes in, a ``Slide`` comes out; ``source_kind`` decides which reader.

Or fields in memory go in, as if they had been read from a folder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_file import MAX_PIXELS
from marrowscope.io.passed_over import pictures_passed_over
from marrowscope.preprocessing import require_pixel_size
from marrowscope.slides.field_reader import FieldPixels, FieldReader
from marrowscope.slides.glass_border import lies_on_glass
from marrowscope.slides.openslide_reader import OpenSlideReader
from marrowscope.slides.slide import Field, Slide
from marrowscope.slides.source_kind import Source, SourceKind, View, identify_source, is_field
from marrowscope.slides.tiff_reader import TiffReader
from marrowscope.slides.tiled_slide import TiledReader


def open_slide(
    path: Path, microns_per_pixel: float | None = None, view: View | None = None
) -> Slide:
    """Open a whole slide, a field image, or a folder of field images or of one DICOM slide.

    Args:
        path: file or folder.
        microns_per_pixel: takes the place of what the file says; needed for fields, and for
            slides that do not say their pixel size.
        view: what the picture is taken for; None: what its size and content say.

    Raises:
        InputError: missing, of no known format, damaged, the pixel size is not known, or it cannot
            be what it is to be taken for.
    """
    if microns_per_pixel is not None:
        require_pixel_size(microns_per_pixel)
    return open_source(identify_source(path), microns_per_pixel, view)


def open_source(
    source: Source, microns_per_pixel: float | None = None, view: View | None = None
) -> TiledReader:
    """Open what was identified; as ``open_slide``."""
    slide: TiledReader
    if source.kind is SourceKind.FIELD_IMAGES:
        slide = FieldReader(list(source.files), source.name, microns_per_pixel)
    elif source.kind is SourceKind.TIFF:
        slide = TiffReader(source.files[0], microns_per_pixel)
    else:
        slide = OpenSlideReader(source.files[0], microns_per_pixel)
    if source.path.is_dir() and source.kind is SourceKind.FIELD_IMAGES:
        slide.passed_over = pictures_passed_over(source.path)
    stored_as = View.FIELD if source.kind is SourceKind.FIELD_IMAGES else View.SLIDE
    _take_as(slide, [path.name for path in source.files], stored_as, view)
    return slide


def open_fields(
    pixels: Sequence[NDArray[np.uint8]],
    microns_per_pixel: float | None,
    view: View | None = None,
    name: str = "fields",
) -> Slide:
    """Pictures in memory, as if they lay as field-1.png, field-2.png … in a folder of that name.

    Args:
        pixels: (H, W, 3) uint8 RGB each.
        microns_per_pixel: of all of them.
        view: as for ``open_slide``.
        name: of the whole.

    Raises:
        InputError: there is none, the pixel size is not known, or they cannot be what they are to
            be taken for.
    """
    images = [FieldPixels(f"field-{place}.png", one) for place, one in enumerate(pixels, 1)]
    slide = FieldReader(images, name, microns_per_pixel)
    _take_as(slide, [image.name for image in images], View.FIELD, view)
    return slide


def _take_as(slide: TiledReader, names: list[str], stored_as: View, view: View | None) -> None:
    """Let a single picture be the field or the slide that it is, whatever it is stored as."""
    if len(names) > 1:
        if view is View.SLIDE:
            raise InputError(f"{slide.name}: {len(names)} field images are not a slide")
        return
    width, height = slide.size
    if view is View.FIELD and width * height > MAX_PIXELS:
        raise InputError(
            f"{slide.name}: {width}×{height} px is more than 64 megapixels, too large for a field"
        )
    taken = view
    if taken is None:
        field = is_field(slide.size, slide.microns_per_pixel, lambda: lies_on_glass(slide))
        taken = View.FIELD if field else View.SLIDE
        slide.close()  # what was looked at need not be kept
    if taken is View.SLIDE:
        slide.fields = ()
    elif not slide.fields:
        slide.fields = (Field(names[0], 0, 0, width, height),)
    if view is None and taken is not stored_as:
        sides = "×".join(f"{side * slide.microns_per_pixel / 1000:.2g}" for side in slide.size)
        damage = f"{slide.remark}; " if slide.remark else ""
        slide.remark = (
            f"{damage}{slide.name}: {width}×{height} px, {sides} mm, taken for a {taken.value}; "
            f"`taken_as={stored_as.value}` takes it for one"
        )
