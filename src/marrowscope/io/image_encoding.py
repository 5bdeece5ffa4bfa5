"""(H, W, 3) uint8 RGB in, bytes of an image file out."""

import cv2
import numpy as np
from numpy.typing import NDArray


def encode_jpeg(image: NDArray[np.uint8], quality: int = 90) -> bytes:
    """Encode (H, W, 3) uint8 RGB as JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return bytes(data)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Encode (H, W, 3) uint8 RGB as PNG."""
    _, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    return bytes(data)
