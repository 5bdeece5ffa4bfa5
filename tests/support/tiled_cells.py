"""The matrix of pictures in tiles, which are opened as slides: a file each, and what it shows.

Written by tifffile with imagecodecs and read again by them. ``by_openslide`` asks OpenSlide itself,
of which marrowscope's readers make use for some of the files and not for others.
"""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from openslide import OpenSlide, OpenSlideError

from support.decoding_cells import (
    COMPRESSIONS,
    DEPTHS,
    LAYOUTS,
    REASONS,
    Cell,
    as_rgb,
    looks,
    read_again,
    smooth_picture,
    stored_numbers,
    written,
)

# Where OpenSlide shows something else than the file means, and what.
OTHERWISE = {
    "RGB as grey": "the first of three values as grey",
    "RGB as grey planes": "the first of three planes as grey",
    "RGB and unknown": "a value of unknown meaning as transparency",
    "grey and alpha": "no transparency",
    "three pages": "the first page alone",
    "thumbnail first": "the thumbnail",
    "turned": "every tile turned by itself",
    "Adobe RGB": "no colour profile",
}
# Of 16 bits it shows the high byte, of grey and of fewer that are used something else.
_HIGH_BYTE = ("RGB", "RGB planes", "RGBA", "RGBA planes")
APERIO = "Aperio Image Library v12\r\n37x26 (16x32) |AppMag = 40|MPP = 0.25"


def tiled_cells() -> Iterator[Cell]:
    """Every layout and depth in tiles, packed in several ways, in both byte orders."""
    for layout, depth in itertools.product(LAYOUTS, DEPTHS):
        _, _, used, bits = DEPTHS[depth]
        if bits % 8:
            continue  # tifffile writes such numbers in strips only
        few = depth not in ("8", "16")
        for compression, predictor, order in itertools.product(
            ("none", "deflate", "LZW", "PackBits"), (False, True), "<>"
        ):
            if predictor and (compression not in ("deflate", "LZW") or few):
                continue
            if few and (compression != "deflate" or order == ">"):
                continue
            stored = stored_numbers(layout, depth)
            data = written(
                stored, layout, bits, COMPRESSIONS[compression], predictor, order, tile=True
            )
            packed = compression + " with predictor" * predictor
            name = f"{layout} · {depth} · {packed} · {'little' if order == '<' else 'big'}"
            if depth in REASONS:
                yield Cell(name, data, None, REASONS[depth])
            else:
                near = 1 if layout in ("CMYK", "RGBA", "RGBA planes", "grey and alpha") else 0
                yield Cell(name, data, looks(read_again(data, layout), layout, used), near=near)
    yield from _other_cells()


def _other_cells() -> Iterator[Cell]:
    """JPEG, a scanner's file, and what readers of images see to: a turn, a colour profile."""
    smooth = smooth_picture()
    for photometric, scanner in itertools.product(("rgb", "ycbcr", "minisblack"), (False, True)):
        picture = smooth[..., 0] if photometric == "minisblack" else smooth
        data = _tiff(picture, photometric, "jpeg", description=APERIO if scanner else None)
        yield Cell(
            f"{photometric} · JPEG · {'Aperio' if scanner else 'no scanner'}", data,
            as_rgb(tifffile.imread(io.BytesIO(data))), near=6,
        )  # fmt: skip
    for compression in ("zlib", "lzw", "aperio_jp2000_rgb"):
        data = _tiff(smooth, "rgb", compression, description=APERIO)
        yield Cell(f"rgb · {compression} · Aperio", data, tifffile.imread(io.BytesIO(data)))
    data = _tiff(smooth, "rgb", "zlib", extratags=[(274, 3, 1, 6, True)])
    yield Cell("turned · 8 · deflate", data, np.rot90(smooth, -1))
    profile = imagecodecs.cms_profile("adobergb")
    data = _tiff(smooth, "rgb", "zlib", iccprofile=profile)
    srgb = imagecodecs.cms_profile("srgb")
    shown = imagecodecs.cms_transform(smooth, profile, srgb, colorspace="rgb", outcolorspace="rgb")
    yield Cell("Adobe RGB · 8 · deflate", data, shown, near=2)


def _tiff(picture: np.ndarray, photometric: str, compression: str, **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, picture, photometric=photometric, compression=compression, tile=(16, 32),
        metadata=None, **options,
    )  # fmt: skip
    return stream.getvalue()


def by_openslide(path: Path) -> np.ndarray | str:
    """(H, W, 3) uint8 RGB on white; or why there is none."""
    if OpenSlide.detect_format(path) is None:
        return "it knows no such format"
    try:
        with OpenSlide(path) as slide:
            found = np.asarray(slide.read_region((0, 0), 0, slide.dimensions)).astype(int)
    except OpenSlideError as error:
        return str(error)
    colour, weight = found[..., :3], found[..., 3:]
    return ((colour * weight + 255 * (255 - weight) + 127) // 255).astype(np.uint8)


def shown_alike(cell: Cell) -> bool:
    """Whether OpenSlide shows what the file means, where it opens it."""
    layout, depth = cell.name.split(" · ")[:2]
    return layout not in OTHERWISE and (depth != "16" or layout in _HIGH_BYTE) and " in " not in (
        depth
    )  # fmt: skip
