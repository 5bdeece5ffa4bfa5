"""Small smears and a classifier that answers by the colour of a cell, for tests of the count."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from marrowscope.counting.count_smear import CountSettings, count_smear
from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import open_smears
from marrowscope.models.card import Card
from marrowscope.models.novelty import Novelty
from marrowscope.morphology import CODES, OUTPUTS_22
from support.slide_files import draw_cells, on_glass, write_pyramid

PIXEL = 0.5  # µm
CARD = Card("by colour", "sequential", OUTPUTS_22, CODES)


class ByColour:
    """Answers by what the crop shows; the same picture gets the same answer anywhere."""

    name, classes, batch_size = "by colour", CODES, 32

    def __init__(self, codes: tuple[str, ...] = ("NGS", "LYT", "EBO", "BLA", "NIF", "ART")) -> None:
        self.codes = codes
        self.largest_batch = 0

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert images.shape[1:] == (250, 250, 3)
        self.largest_batch = max(self.largest_batch, len(images))
        sums = images.reshape(len(images), -1).sum(axis=1, dtype=np.int64)
        values = np.full((len(images), len(CODES)), 0.001, np.float32)
        places = [CODES.index(code) for code in self.codes]
        values[np.arange(len(images)), [places[total % len(places)] for total in sums]] = (
            0.3 + (sums // 7 % 680) / 1000
        )
        return values


def piece(seed: int = 0, side: float = 300.0, nucleated: float = 1500) -> NDArray[np.uint8]:
    """A square field with red cells in one layer and nucleated ones; at ``PIXEL``."""
    return draw_cells(side, side, 0.4, nucleated, PIXEL, seed)


def write_slide(path: Path, picture: NDArray[np.uint8], border: int = 200) -> Path:
    """A pyramid of a piece of smear on glass."""
    image = on_glass(picture, border) if border else picture
    return write_pyramid(path, image, 3, tile=(256, 256), compression=None)


def counted(
    paths: list[Path],
    settings: CountSettings | None = None,
    engine: ByColour | None = None,
    microns_per_pixel: float = PIXEL,
) -> SmearCount:
    """Count one smear."""
    (smear,), failures = open_smears(paths, microns_per_pixel)
    assert not failures
    return count_smear(smear, engine or ByColour(), CARD, settings)


# Answers of ``ByColour`` for neutrophils and lymphocytes are as these want them, all others are
# unlike anything known: none of the two classes is more probable than the other.
ONLY_TWO = Novelty(
    ("NGS", "LYT"),
    ((3.15, -3.15), (-3.15, 3.15)),
    (((1.0, 0.0), (0.0, 1.0)),) * 2,
    (0.0, 0.0),
    0.99,
    1.0,
    200,
)
