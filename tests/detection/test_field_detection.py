"""Cells on the seam of two fields: offered by both, counted once."""

import numpy as np
import polars as pl

from marrowscope.detection.field_detection import (
    FieldDetections,
    SeamDeduplicator,
    mark_rejected_regions,
)
from marrowscope.smear.field_plan import PlannedField
from marrowscope.smear.quality_map import QualityMap, RejectionReason

MICRONS = 0.5  # two finds within 4 px are one cell


def detections(x: int, *cells: tuple[float, float], margin: int = 50) -> FieldDetections:
    """A field of 100×100 px at (x, 0) with cells at these places of level 0."""
    field = PlannedField(0, x, 0, 100, 100, 1.0, 1.0, 0, f"x{x}")
    places = np.array(cells, float).reshape(-1, 2)
    table = pl.DataFrame({"x": places[:, 0], "y": places[:, 1]})
    pixels = np.zeros((100 + 2 * margin, 100 + 2 * margin, 3), np.uint8)
    return FieldDetections(field, pixels, places - [x, 0] + margin, table, margin)


def test_a_cell_on_the_seam_passes_at_the_first_field_only() -> None:
    seam = SeamDeduplicator(MICRONS)
    first = seam.drop_known(detections(0, (20, 50), (99, 50)))
    assert first.cells.rows() == [(20.0, 50.0), (99.0, 50.0)]
    second = seam.drop_known(detections(100, (101, 50), (101, 60), (150, 50)))
    assert second.cells.rows() == [(101.0, 60.0), (150.0, 50.0)]
    np.testing.assert_array_equal(second.places, [[51, 110], [100, 100]])


def test_two_cells_of_one_field_are_never_taken_for_one() -> None:
    found = SeamDeduplicator(MICRONS).drop_known(detections(0, (97, 50), (99, 50)))
    assert found.cells.height == 2


def test_images_of_a_camera_share_no_cells() -> None:
    seam = SeamDeduplicator(MICRONS)
    for _ in range(2):
        assert seam.drop_known(detections(0, (1, 1), margin=0)).cells.height == 1


def test_the_picture_is_the_field_without_its_margin() -> None:
    found = detections(0, (20, 50))
    assert found.pixels.shape == (200, 200, 3)
    assert found.picture.shape == (100, 100, 3)


def test_cells_in_a_square_that_was_rejected_are_not_judgeable() -> None:
    good, thick, diluted = (
        RejectionReason.ACCEPTED,
        RejectionReason.THICK,
        RejectionReason.DILUTED,
    )
    reason = np.array([[good, thick], [diluted, good]], np.uint8)
    nothing = np.zeros((2, 2))
    quality_map = QualityMap(reason, nothing, nothing, nothing, 100)
    table = pl.DataFrame(
        {"x": [99.0, 100.0, -1.0, 250.0, 99.0], "y": [0.0, 99.9, 100.0, 199.0, 0.0],
         "judgeable": [True] * 4 + [False]}
    )  # fmt: skip
    placed = mark_rejected_regions(table, quality_map)
    assert placed["judgeable"].to_list() == [True, False, False, True, False]
    assert mark_rejected_regions(table, None).equals(table)
