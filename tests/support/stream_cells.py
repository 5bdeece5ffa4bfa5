"""Cells of the decoding matrix whose strips or tiles are pictures of another format.

Written and read by tifffile with imagecodecs, as ``decoding_cells``.
"""

import io
import itertools
from collections.abc import Iterator

import numpy as np
import tifffile

from support.decoding_cells import DEPTHS, Cell, looks, read_again, smooth_picture, stored_numbers

_REFUSED = {"jpegxl": "JPEG XL", "jpegxr": "JPEG XR", "lerc": "LERC"}
_YCBCR = "aperio_jp2000_ycbc"


def stream_cells() -> Iterator[Cell]:
    """JPEG 2000 and WebP, which are read, and those that are refused by their names."""
    for layout, depth, order, tiled in itertools.product(
        ("grey", "RGB", "RGBA", "RGB planes", "white is zero", "RGB and unknown"),
        ("8", "10 in 16", "12 in 16", "16"), "<>", (False, True),
    ):  # fmt: skip
        stored = stored_numbers(layout, depth)
        if depth != "8" and order == ">":
            continue
        data = _tiff(stored, layout, "jpeg2000", order, tiled, {"level": 0})
        yield _cell(f"jpeg2000 · {layout} · {depth}", data, layout, depth, order, tiled)
    for layout, lossless, tiled in itertools.product(("RGB", "RGBA"), (False, True), (False, True)):
        stored = stored_numbers(layout, "8") if lossless else smooth_picture()
        layout = layout if lossless else "RGB"
        data = _tiff(stored, layout, "webp", "<", tiled, {"lossless": lossless})
        yield _cell(f"webp · {layout}", data, layout, "8", "<", tiled)
    for kind, tiled in itertools.product((*_REFUSED, _YCBCR), (False, True)):
        for layout in ("grey", "RGB"):
            data = _tiff(stored_numbers(layout, "8"), layout, kind, "<", tiled, {})
            yield Cell(f"TIFF · {kind} · {layout}", data, None, _REFUSED.get(kind, "JPEG 2000"))


def _cell(name: str, data: bytes, layout: str, depth: str, order: str, tiled: bool) -> Cell:
    shown = looks(read_again(data, layout), layout, DEPTHS[depth][2])
    order, pieces = {"<": "little", ">": "big"}[order], "tiles" if tiled else "strips"
    return Cell(f"TIFF · {name} · {order} · {pieces}", data, shown, near=int(layout == "RGBA"))


def _tiff(
    stored: np.ndarray, layout: str, compression: str, order: str, tiled: bool, how: dict
) -> bytes:
    extra = {"RGBA": ["unassalpha"], "RGB and unknown": ["unspecified"]}.get(layout)
    photometric = {"grey": "minisblack", "white is zero": "miniswhite"}.get(layout, "rgb")
    planes = layout == "RGB planes"
    picture = np.ascontiguousarray(np.moveaxis(stored, 2, 0)) if planes else stored
    stream = io.BytesIO()
    tifffile.imwrite(
        stream, picture[..., 0] if stored.shape[2] == 1 else picture, byteorder=order,
        photometric=photometric, extrasamples=extra, compression=compression,
        compressionargs=how, planarconfig="separate" if planes else None, metadata=None,
        **({"tile": (32, 32)} if tiled else {"rowsperstrip": 20}),
    )  # fmt: skip
    return stream.getvalue()
