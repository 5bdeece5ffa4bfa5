"""Whether a picture shows a smear lying on glass: a slide goes in, yes or no comes out."""

import numpy as np
from numpy.typing import NDArray

from marrowscope.slides.slide import Slide, best_level_for

_PIXEL = 2.0  # µm; a coarser level will do
_SHARE = 50  # the border is a fiftieth of the shorter side
_LEAST = 16  # px
_DIMMEST = 110  # glass is brighter; the dark rim that an eyepiece leaves is not
_PALEST = 0.06  # optical density (decadic); what is denser is stained
_BARE = 0.95  # share of a side that is glass, for there is dust
_SIDES = 3  # of four; smears often run off one side


def lies_on_glass(slide: Slide) -> bool:
    """Whether at least three sides of a picture are bare glass.

    White is the 98th percentile of the border, as scanners and cameras leave glass.

    Args:
        slide: of one picture; only its border is read.
    """
    index = best_level_for(slide, _PIXEL)
    width, height = slide.levels[index].width, slide.levels[index].height
    thick = min(max(_LEAST, min(width, height) // _SHARE), width, height)
    sides = [
        slide.read_region(0, 0, width, thick, index),
        slide.read_region(0, height - thick, width, thick, index),
        slide.read_region(0, 0, thick, height, index),
        slide.read_region(width - thick, 0, thick, height, index),
    ]
    white = np.percentile(np.concatenate([side.reshape(-1, 3)[::7] for side in sides]), 98, axis=0)
    return bool(
        white.min() >= _DIMMEST and sum(map(lambda one: _bare(one, white), sides)) >= _SIDES
    )


def _bare(side: NDArray[np.uint8], white: NDArray[np.float64]) -> bool:
    density = np.log10(white / np.maximum(side, 1.0)).mean(axis=2)
    return float((density < _PALEST).mean()) >= _BARE
