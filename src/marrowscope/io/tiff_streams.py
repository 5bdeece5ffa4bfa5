"""A strip or tile of a TIFF that is a picture of another format goes in, its numbers come out.

GDAL, QuPath, Bio-Formats and scanners pack pieces as JPEG 2000 (ITU-T T.800) or WebP. Pillow
decodes both; of JPEG 2000 with more than 8 bits it keeps a part, which OpenCV reads whole.
"""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from marrowscope.io.file_signatures import bits_of_jpeg2000
from marrowscope.io.quiet_decoders import no_half_images
from marrowscope.io.tiff_compressions import WEBP

_MODES = {1: ("L",), 2: ("LA",), 3: ("RGB", "RGBX"), 4: ("RGBA", "CMYK")}


def numbers_of_stream(
    piece: bytes, compression: int, shape: tuple[int, int, int]
) -> NDArray[np.generic]:
    """The numbers of one strip or tile.

    Args:
        piece: as it lies in the file.
        compression: one of ``STREAM_CODECS``.
        shape: rows, columns and samples that the directory promises.

    Returns:
        Of that shape, uint8, or uint16 of more than 8 bits.

    Raises:
        ValueError: damaged, or of another shape.
    """
    rows, wide, samples = shape
    kind = "WEBP" if compression == WEBP else "JPEG2000"
    with Image.open(io.BytesIO(piece), formats=(kind,)) as image:
        if image.size != (wide, rows):  # before anything is reserved for it
            raise ValueError(f"{image.width}×{image.height} px where {wide}×{rows} px are promised")
        if kind == "JPEG2000" and bits_of_jpeg2000(piece) > 8:
            return _deep(piece, shape)
        with no_half_images():
            image.load()
        if kind == "WEBP":  # transparency that is nowhere is left out of it
            found = np.asarray(image.convert("RGBA"))[..., :samples]
        else:
            found = np.asarray(image).reshape(rows, wide, -1)
            if image.mode not in _MODES.get(samples, ()):
                raise ValueError(f"values of the kind {image.mode}")
    return _of_shape(found, shape)


def _deep(piece: bytes, shape: tuple[int, int, int]) -> NDArray[np.generic]:
    found = cv2.imdecode(np.frombuffer(piece, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16:
        raise ValueError("JPEG 2000 that cannot be decoded")
    values = np.asarray(found).reshape(*found.shape[:2], -1)
    if values.shape[2] > 2:  # OpenCV has blue first
        values = values[..., [2, 1, 0, 3][: values.shape[2]]]
    return _of_shape(values, shape)


def _of_shape(found: NDArray[np.generic], shape: tuple[int, int, int]) -> NDArray[np.generic]:
    if found.shape != shape:
        raise ValueError(f"{found.shape[-1]} values a pixel where {shape[2]} are promised")
    return found
