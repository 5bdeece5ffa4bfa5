"""Whether OpenSlide shows a TIFF in tiles, of no scanner that it knows, as the file means it.

OpenSlide leaves such files to the quick way of libtiff, which has no means to refuse: of three
values that a writer called grey it shows the first, a fourth value of unknown meaning makes the
picture transparent, a turned picture is turned tile by tile, and a thumbnail that comes first is
taken for the picture. Uncompressed tiles it reads only where their bytes fill whole kilobytes.
``tests/test_decoding_matrix.py`` holds it against other readers.
"""

from marrowscope.io.tiff_directory import TiffDirectory
from marrowscope.io.tiff_tags import COMPRESSION, EXTRA_SAMPLES, ORIENTATION, PHOTOMETRIC, PROFILE

_NO_COMPRESSION = 1
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _CMYK, _YCBCR = 0, 1, 2, 5, 6
# Colours with as many values as they have.
_USUAL = {(_WHITE_IS_ZERO, 1), (_BLACK_IS_ZERO, 1), (_RGB, 3), (_YCBCR, 3), (_CMYK, 4)}


def openslide_shows(first: TiffDirectory, finest: TiffDirectory) -> bool:
    """Whether OpenSlide's pixels are those that the file means.

    Args:
        first: directory of the file, which OpenSlide takes for the finest level.
        finest: level of the picture, 8 bits a value.
    """
    colours = finest.number(PHOTOMETRIC, _BLACK_IS_ZERO), finest.samples
    transparent = colours == (_RGB, 4) and finest.number(EXTRA_SAMPLES, 0) in (1, 2)
    return (
        finest is first
        and (colours in _USUAL or transparent)
        and finest.number(ORIENTATION, 1) == 1
        and finest.number(COMPRESSION, _NO_COMPRESSION) != _NO_COMPRESSION
    )


def needs_conversion(finest: TiffDirectory) -> bool:
    """Whether readers of images have to see to it: to a colour profile, a turn, four planes."""
    turned = finest.number(ORIENTATION, 1) != 1
    return PROFILE in finest.values or turned or finest.planes not in (1, 3)
