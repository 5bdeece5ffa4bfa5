"""Pixels of synthetic images → JPEG and PNG bytes that say in a comment that they are synthetic."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

TABLE, LIST, README = "cells.parquet", "cells.csv", "README.txt"
_JPEG_QUALITY = 95


def jpeg_with_comment(image: NDArray[np.uint8], comment: str) -> bytes:
    """A JPEG without colour subsampling.

    Args:
        image: (H, W, 3) uint8 RGB.
        comment: what is written into the file.
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(
        stream, "JPEG", quality=_JPEG_QUALITY, subsampling=0, comment=comment
    )
    return stream.getvalue()


def png_with_comment(
    mask: NDArray[np.uint8] | NDArray[np.uint16], comment: str, compress_level: int = 6
) -> bytes:
    """A PNG of a mask, (H, W) uint8 or uint16.

    Args:
        mask: the mask.
        comment: what is written into the file.
        compress_level: of zlib, from 0 to 9; the pixels are the same.
    """
    stream, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("Comment", comment)
    Image.fromarray(mask).save(stream, "PNG", pnginfo=text, compress_level=compress_level)
    return stream.getvalue()
