"""The stream of batches can start anywhere."""

import cv2
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from marrowscope.training.networks.batch_stream import Batch, TrainingBatches, training_schedule
from marrowscope.training.pixel_source import PixelSource

LABELS = np.array([0, 0, 1, 1, 1])


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> PixelSource:
    folder = tmp_path_factory.mktemp("images")
    for row in range(5):
        cv2.imwrite(str(folder / f"{row}.png"), np.full((250, 250, 3), row * 10, np.uint8))
    return PixelSource(pl.DataFrame({"path": [str(folder / f"{row}.png") for row in range(5)]}))


def stream(pixels: PixelSource, start: int, **options: object) -> list[Batch]:
    plan = training_schedule(LABELS, 6, epochs=3, batch_size=5)
    stains = np.arange(30, dtype=np.float32).reshape(5, 6)
    return list(TrainingBatches(pixels, stains, LABELS, plan, 6, 0, lambda: start, **options))  # type: ignore[arg-type]


def test_the_plan_leaves_out_the_incomplete_batch() -> None:
    plan = training_schedule(LABELS, 6, epochs=3, batch_size=5)
    assert (plan.images_per_epoch, plan.steps_per_epoch, plan.steps) == (12, 2, 6)


def test_a_batch_larger_than_an_epoch_shrinks_to_it() -> None:
    plan = training_schedule(LABELS, None, epochs=2, batch_size=64)
    assert (plan.batch_size, plan.steps) == (6, 2)


@pytest.mark.parametrize("start", range(7))
def test_starting_late_gives_the_rest_of_the_same_stream(pixels: PixelSource, start: int) -> None:
    transfer = {"laboratories": np.array([0, 1, 0, 1, 0]), "stain_transfer": 0.5}
    whole, rest = stream(pixels, 0, **transfer), stream(pixels, start, **transfer)
    assert len(whole) == 6
    assert len(rest) == 6 - start
    for one, two in zip(whole[start:], rest, strict=True):
        assert one.epoch == two.epoch
        for name in ("pixels", "rows", "stains", "rendered", "targets", "positions"):
            assert (getattr(one, name) == getattr(two, name)).all()


def test_pixels_stains_and_targets_belong_to_the_same_image(pixels: PixelSource) -> None:
    for batch in stream(pixels, 0):
        rows = batch.pixels[batch.rows, 0, 0, 0].numpy() // 10
        assert (batch.stains[:, 0].numpy() == rows * 6).all()
        assert (batch.targets.numpy() == LABELS[rows]).all()
        assert batch.rendered is None


def test_epochs_and_positions_count_up(pixels: PixelSource) -> None:
    assert [batch.epoch for batch in stream(pixels, 0)] == [0, 0, 1, 1, 2, 2]
    assert [int(batch.positions[0]) for batch in stream(pixels, 0)] == [0, 5, 0, 5, 0, 5]


def test_images_may_be_shown_in_the_stains_of_others_and_all_laboratories_give() -> None:
    laboratories = np.repeat([0, 1], [1, 4])
    shown = [
        int(donor) // 6
        for batch in stream_of_stains(laboratories, 1.0)
        for donor in batch.rendered[:, 0]  # type: ignore[index]
    ]
    assert set(shown) == {0, 1, 2, 3, 4}
    assert 0.35 < np.mean(np.array(shown) == 0) < 0.65  # the only image of its laboratory


def test_the_share_that_is_not_transferred_keeps_its_own_stains() -> None:
    own = [
        bool((row == other).all())
        for batch in stream_of_stains(np.zeros(5, np.int64), 0.25)
        for row, other in zip(batch.stains, batch.rendered, strict=True)  # type: ignore[arg-type]
    ]
    assert np.mean(own) == pytest.approx(0.75 + 0.25 / 5, abs=0.1)


def test_laboratories_of_a_class_take_turns_where_they_are_balanced(pixels: PixelSource) -> None:
    # Three cells of the second class; one comes from a laboratory that the other two do not.
    laboratories = np.array([0, 0, 0, 1, 1])
    rows = np.concatenate([
        batch.pixels[batch.rows, 0, 0, 0].numpy() // 10
        for batch in stream(pixels, 0, laboratories=laboratories, balanced=True)
    ])  # fmt: skip
    of_second = rows[LABELS[rows] == 1]
    assert np.mean(of_second == 2) == pytest.approx(0.5, abs=0.12)


def stream_of_stains(laboratories: NDArray[np.int64], share: float) -> list[Batch]:
    """Forty epochs of five images, without pixels."""

    class Nothing:
        def batch(self, rows: NDArray[np.int64]) -> tuple[None, None]:
            return None, None

    plan = training_schedule(LABELS, 5, epochs=40, batch_size=10)
    stains = np.arange(30, dtype=np.float32).reshape(5, 6)
    return list(
        TrainingBatches(
            Nothing(),
            stains,
            LABELS,
            plan,
            5,
            0,
            lambda: 0,
            laboratories,
            False,
            share,  # type: ignore[arg-type]
        )
    )
