"""What a map says of a smear in which nothing can be counted."""

import numpy as np
import pytest

from marrowscope.slides.slide import Field
from marrowscope.smear.quality_map import QualityMap, RejectionReason, blood_phrase


def quality_map(*reasons: RejectionReason, ratio: float = float("nan"), **more) -> QualityMap:
    ones = np.ones((1, len(reasons)))
    return QualityMap(np.array([reasons], np.uint8), ones, ones, ones, 100, ratio, **more)


def test_one_square_that_can_be_judged_is_enough() -> None:
    found = quality_map(RejectionReason.THICK, RejectionReason.ACCEPTED)
    assert found.count(RejectionReason.THICK) == 1
    assert found.rejection_summary() is None


def test_the_commonest_reason_is_told_with_its_share_of_the_smear() -> None:
    found = quality_map(
        RejectionReason.OUTSIDE,
        RejectionReason.THICK,
        RejectionReason.THICK,
        RejectionReason.THICK,
        RejectionReason.PALE,
    )
    assert found.rejection_summary() == (
        "no place where cells can be judged (75 % of the smear: cells on top of each other)"
    )


def test_images_of_a_camera_are_called_fields() -> None:
    found = quality_map(RejectionReason.OUT_OF_FOCUS, fields=(Field("a", 0, 0, 10, 10),))
    assert found.rejection_summary() == (
        "no place where cells can be judged (100 % of the fields: out of focus)"
    )


def test_empty_glass_is_called_so() -> None:
    found = quality_map(RejectionReason.OUTSIDE, RejectionReason.OUTSIDE)
    assert found.rejection_summary() == "nothing stained lies on the glass"


def test_blood_is_called_blood_with_its_ratio() -> None:
    found = quality_map(RejectionReason.DILUTED, ratio=250.4)
    assert found.blood_phrase() == "blood rather than marrow, 1 nucleated cell to 250 red cells"
    assert (
        found.rejection_summary() == f"no place where cells can be judged: {found.blood_phrase()}"
    )


@pytest.mark.parametrize("ratio", [3.0, float("nan")])
def test_marrow_and_what_was_not_seen_are_not_called_blood(ratio: float) -> None:
    assert blood_phrase(ratio) is None
