"""The walk over the fields: its order, and when it ends."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from marrowscope.io.image_encoding import encode_png
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.slide import CorruptTile, Field, Level
from marrowscope.smear.field_plan import FieldPlan, FieldQueue, PlannedField, plan_fields
from marrowscope.smear.quality_map import QualityMap, RejectionReason

SIDE = 1159  # px of level 0: 100 µm


class Glass:
    """A slide of which only the size is asked."""

    name = "glass"
    microns_per_pixel = MICRONS_PER_PIXEL
    fields: tuple[Field, ...] = ()
    corrupt: tuple[CorruptTile, ...] = ()

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.levels = (Level(width, height, 1.0),)

    def read_region(
        self, x: int, y: int, width: int, height: int, level: int = 0
    ) -> NDArray[np.uint8]:
        raise AssertionError("a plan needs no pixels")


def planned(accepted: NDArray[np.bool_], enough: int = 500, cells: float = 20) -> FieldPlan:
    reason = np.where(accepted, RejectionReason.ACCEPTED, RejectionReason.THICK).astype(np.uint8)
    found = QualityMap(reason, accepted * 0.8, np.full(accepted.shape, cells), accepted * 0.2, SIDE)
    rows, columns = accepted.shape
    return plan_fields(Glass(columns * SIDE, rows * SIDE), found, enough)


def test_the_walk_is_a_meander() -> None:
    plan = planned(np.ones((9, 12), bool), enough=10_000)  # all are needed: no stride
    rows = sorted({field.y for field in plan.fields})
    assert len(rows) > 3
    for turn, y in enumerate(rows):
        across = [field.x for field in plan.fields if field.y == y]
        assert across == sorted(across, reverse=turn % 2 == 1)
    assert [field.y for field in plan.fields] == sorted(field.y for field in plan.fields)
    steps = zip(plan.fields, plan.fields[1:], strict=False)
    assert all(
        abs(one.x - two.x) + abs(one.y - two.y) in (one.width, one.height) for one, two in steps
    )


def test_fields_have_the_size_of_the_camera_and_share_no_pixel() -> None:
    plan = planned(np.ones((12, 15), bool))
    assert {(field.width, field.height) for field in plan.fields} == {(2452, 2056)}
    seen = np.zeros((12 * SIDE // 4, 15 * SIDE // 4), int)
    for f in plan.fields:
        seen[f.y // 4 : (f.y + f.height) // 4, f.x // 4 : (f.x + f.width) // 4] += 1
    assert seen.max() == 1
    assert [field.order for field in plan.fields] == list(range(len(plan.fields)))


def test_expected_cells_are_in_proportion_to_the_area() -> None:
    plan = planned(np.ones((12, 15), bool), cells=20)
    assert plan.fields[0].cells == pytest.approx(20 * 2452 * 2056 / SIDE**2)


def test_the_first_round_goes_over_all_the_smear() -> None:
    plan = planned(np.ones((60, 40), bool))
    first = plan.fields[: plan.first_round]
    assert 500 <= sum(field.cells for field in first) < 1000
    assert len(first) < len(plan.fields) / 10
    heights = [field.y for field in first]
    assert min(heights) < 0.15 * 60 * SIDE
    assert max(heights) > 0.8 * 60 * SIDE


def test_no_field_lies_where_cells_cannot_be_judged() -> None:
    accepted = np.zeros((30, 30), bool)
    accepted[3:25, 2:11] = True
    accepted[8:20, 16:28] = True
    plan = planned(accepted)
    for field in plan.fields:
        part = accepted[
            field.y // SIDE : -(-(field.y + field.height) // SIDE),
            field.x // SIDE : -(-(field.x + field.width) // SIDE),
        ]
        assert part.mean() > 0.5
    assert {field.region for field in plan.fields} == {0, 1}


def test_the_only_small_place_is_planned_however_little_it_covers() -> None:
    accepted = np.zeros((12, 12), bool)
    accepted[5, 5] = True
    assert len(planned(accepted).fields) >= 1


def test_a_slide_smaller_than_a_field_is_one_field() -> None:
    found = QualityMap(
        np.zeros((1, 1), np.uint8), np.ones((1, 1)), np.full((1, 1), 9.0), np.zeros((1, 1)), SIDE
    )
    (field,) = plan_fields(Glass(900, 800), found).fields
    assert (field.x, field.y, field.width, field.height) == (0, 0, 900, 800)


def fields(count: int) -> FieldPlan:
    return FieldPlan(
        tuple(PlannedField(i, 0, 0, 1, 1, 1.0, 10.0, 0, str(i)) for i in range(count)), count
    )


def test_it_ends_with_the_field_with_which_it_is_enough() -> None:
    queue = FieldQueue(fields(10), enough=25)
    for field in queue:
        queue.record_count(field, 10)
    assert (queue.cells, len(queue.used), queue.enough, queue.exhausted) == (30, 3, True, False)


def test_a_smear_without_enough_cells_is_exhausted() -> None:
    queue = FieldQueue(fields(4), enough=500)
    for field in queue:
        queue.record_count(field, 7)
    assert (queue.cells, len(queue.used), queue.enough, queue.exhausted) == (28, 4, False, True)


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    enough=st.integers(1, 200), ahead=st.integers(1, 8), seed=st.integers(0, 1000),
)  # fmt: skip
def test_the_count_is_the_same_however_many_workers_are_ahead(
    counts: list[int], enough: int, ahead: int, seed: int
) -> None:
    alone = FieldQueue(fields(len(counts)), enough)
    for field in alone:
        alone.record_count(field, counts[field.order])
    many, shuffled = FieldQueue(fields(len(counts)), enough), random.Random(seed)
    waiting: list[PlannedField] = []
    for field in many:
        waiting.append(field)
        if len(waiting) == ahead:
            done = waiting.pop(shuffled.randrange(ahead))
            many.record_count(done, counts[done.order])
    shuffled.shuffle(waiting)
    for field in waiting:
        many.record_count(field, counts[field.order])
    assert (many.cells, many.used) == (alone.cells, alone.used)
    assert many.exhausted == alone.exhausted


def test_fields_of_a_camera_keep_their_order(tmp_path: Path) -> None:
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(encode_png(np.full((50, 60, 3), 240, np.uint8)))
    slide = open_slide(tmp_path, 0.25)
    verdicts = np.zeros((1, 2), np.uint8)
    found = QualityMap(
        verdicts, np.ones((1, 2)), np.ones((1, 2)), np.zeros((1, 2)), 0, 9.0, slide.fields
    )
    plan = plan_fields(slide, found)
    assert [field.name for field in plan.fields] == ["a.png", "b.png"]
    assert [(f.x, f.y, f.width, f.height) for f in plan.fields] == [
        (f.x, f.y, f.width, f.height) for f in slide.fields
    ]
