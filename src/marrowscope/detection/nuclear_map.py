"""Where nuclei are: a map in which Romanowsky-stained nuclei are bright and red cells are dark.

Nuclei (azure, blue to violet) take away red light above all; red cells (eosin, haemoglobin) take
away blue and green light and let red pass. The optical density of the red channel, less a share of
that of the blue channel, is therefore high in nuclei, low in cytoplasm, and about zero in red cells
and in the empty background, whatever the lamp: densities are taken against the field's own
background.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from marrowscope.stain import background_colour

# Everything about shape is judged at this pixel size: nuclei are 20 pixels wide, lobes 8.
WORKING_MICRONS = 0.3
# Share of the blue channel's density that is taken off: red cells come out at zero.
BLUE_SHARE = 0.6
# Beyond this density a nucleus is simply dark; differences say nothing about what belongs together.
DARKEST = 1.1
# Density of green of single red cells, and of what is as pale.
THIN, THICK = 0.1, 0.6
# Detail finer than this is chromatin and noise (standard deviation of the smoothing, µm).
SMOOTHING_MICRONS = 0.35

LOG_INTENSITY = np.log(np.maximum(np.arange(256, dtype=np.float32), 1.0)).astype(np.float32)


@dataclass(frozen=True)
class NuclearMap:
    """The map and how its pixels lie in the field.

    Attributes:
        density: (h, w) float32 in [0, DARKEST].
        scale: working pixels per field pixel.
        background: R, G, B of empty glass in this field, 0 to 255.
        red_cell: density in a red cell; 0 in most stains.
    """

    density: NDArray[np.float32]
    scale: float
    background: NDArray[np.float32]
    red_cell: float

    def to_field(self, x: float, y: float) -> tuple[float, float]:
        """From the centre of a working pixel to field pixels."""
        return (x + 0.5) / self.scale - 0.5, (y + 0.5) / self.scale - 0.5


def nuclear_map(image: NDArray[np.uint8], microns_per_pixel: float) -> NuclearMap:
    """Compute the map of one field.

    Args:
        image: (H, W, 3) uint8 RGB.
        microns_per_pixel: of the image.
    """
    scale = microns_per_pixel / WORKING_MICRONS
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(image, (width, height), interpolation=way), dtype=np.uint8)
    background = background_colour(small)
    white = np.log(background)
    red = white[0] - LOG_INTENSITY[small[..., 0]]
    blue = white[2] - LOG_INTENSITY[small[..., 2]]
    density = np.maximum(red - BLUE_SHARE * np.maximum(blue, 0.0), 0.0)
    sigma = SMOOTHING_MICRONS / WORKING_MICRONS
    smooth = cv2.GaussianBlur(density, (0, 0), sigma)
    green = white[1] - LOG_INTENSITY[small[::2, ::2, 1]]
    like_red = smooth[::2, ::2][(green > THIN) & (green < THICK)]
    # The lower quartile: cytoplasm is as dense in green, and lies higher in the map.
    red_cell = float(np.percentile(like_red, 25)) if like_red.size else 0.0
    return NuclearMap(np.minimum(smooth, np.float32(DARKEST)), scale, background, red_cell)
