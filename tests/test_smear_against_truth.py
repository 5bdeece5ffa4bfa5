"""Contour, map and plan against the truth of a synthetic slide, which is made otherwise."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.phantom.background import PhantomRegion as Truth
from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import Slide
from marrowscope.smear.contour import Contour, smear_contour
from marrowscope.smear.field_plan import plan_fields
from marrowscope.smear.quality_map import QualityMap, RejectionReason
from marrowscope.smear.suitability import map_smear_quality

SETTINGS = SlideSettings(width=5600, height=2800, microns_per_pixel=0.5, per_class=3)


@cache
def phantom() -> tuple[Path, pl.DataFrame]:
    path = Path(mkdtemp()) / "slide.tif"
    return path, write_slide(path, SETTINGS, seed=5)


@cache
def seen() -> tuple[Slide, Contour, QualityMap]:
    slide = open_slide(phantom()[0])
    contour = smear_contour(slide)
    return slide, contour, map_smear_quality(slide, contour)


def zones(side: int, shape: tuple[int, ...]) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    """The most frequent zone of the truth in each square, and its share."""
    path = phantom()[0]
    facts = json.loads(path.with_suffix(".truth.json").read_text())["zones"]
    truth = cv2.imread(str(path.with_suffix(".zones.png")), cv2.IMREAD_UNCHANGED)
    step = facts["pixels_per_step"]
    most, share = np.zeros(shape, int), np.zeros(shape)
    for row, column in np.ndindex(*shape):
        rows, columns = (
            slice(int(v * side / step), int((v + 1) * side / step)) for v in (row, column)
        )
        counts = np.bincount(truth[rows, columns].ravel(), minlength=len(Truth))
        most[row, column], share[row, column] = counts.argmax(), counts.max() / counts.sum()
    return most, share


def test_the_pixel_size_is_read_from_the_slide() -> None:
    assert np.isclose(seen()[0].microns_per_pixel, 0.5)


def test_the_contour_covers_the_smear_and_nothing_else() -> None:
    _, contour, _ = seen()
    facts = json.loads(phantom()[0].with_suffix(".truth.json").read_text())
    drawn = np.zeros(contour.mask.shape, np.uint8)
    for ring, value in [(facts["contour"], 1), *((hole, 0) for hole in facts["holes"])]:
        points = np.asarray(ring) / contour.downsample - 0.5
        cv2.fillPoly(drawn, [np.round(points).astype(np.int32)], value)
    truth = drawn > 0
    assert (truth & contour.mask).sum() / (truth | contour.mask).sum() > 0.96


def test_squares_are_accepted_where_cells_can_be_judged() -> None:
    _, _, found = seen()
    truth, share = zones(found.side, found.reason.shape)
    clear = share > 0.8
    accepted = found.reason == RejectionReason.ACCEPTED
    right = (clear & accepted & (truth == Truth.JUDGEABLE)).sum()
    assert right / (clear & accepted).sum() > 0.85
    assert right / (clear & (truth == Truth.JUDGEABLE)).sum() > 0.85
    thick = clear & ((truth == Truth.THICK) | (truth == Truth.PARTICLE))
    assert (found.reason[thick] == RejectionReason.THICK).mean() > 0.9


def test_planned_fields_hold_about_the_cells_that_are_expected() -> None:
    slide, _, found = seen()
    plan = plan_fields(slide, found, 300)
    cells = phantom()[1]
    held = [
        cells.filter(
            pl.col("x").is_between(f.x, f.x + f.width) & pl.col("y").is_between(f.y, f.y + f.height)
        )
        for f in plan.fields
    ]
    number = sum(part.height for part in held)
    assert 0.7 < plan.expected_cells / number < 1.3
    judgeable = sum(part["judgeable"].sum() for part in held)
    assert judgeable / number > 0.85
