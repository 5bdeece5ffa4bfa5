"""The stream of batches can start anywhere."""

import cv2
import numpy as np
import polars as pl
import pytest

from marrowscope.training.networks.batch_stream import Batch, TrainingBatches, training_schedule
from marrowscope.training.pixel_source import PixelSource

LABELS = np.array([0, 0, 1, 1, 1])


@pytest.fixture(scope="module")
def pixels(tmp_path_factory: pytest.TempPathFactory) -> PixelSource:
    folder = tmp_path_factory.mktemp("images")
    for row in range(5):
        cv2.imwrite(str(folder / f"{row}.png"), np.full((250, 250, 3), row * 10, np.uint8))
    return PixelSource(pl.DataFrame({"path": [str(folder / f"{row}.png") for row in range(5)]}))


def stream(pixels: PixelSource, start: int) -> list[Batch]:
    plan = training_schedule(LABELS, 6, epochs=3, batch_size=5)
    stains = np.arange(30, dtype=np.float32).reshape(5, 6)
    return list(TrainingBatches(pixels, stains, LABELS, plan, 6, 0, lambda: start))


def test_the_plan_leaves_out_the_incomplete_batch() -> None:
    plan = training_schedule(LABELS, 6, epochs=3, batch_size=5)
    assert (plan.images_per_epoch, plan.steps_per_epoch, plan.steps) == (12, 2, 6)


def test_a_batch_larger_than_an_epoch_shrinks_to_it() -> None:
    plan = training_schedule(LABELS, None, epochs=2, batch_size=64)
    assert (plan.batch_size, plan.steps) == (6, 2)


@pytest.mark.parametrize("start", range(7))
def test_starting_late_gives_the_rest_of_the_same_stream(pixels: PixelSource, start: int) -> None:
    whole, rest = stream(pixels, 0), stream(pixels, start)
    assert len(whole) == 6
    assert len(rest) == 6 - start
    for one, two in zip(whole[start:], rest, strict=True):
        assert one[4] == two[4]
        for place in (0, 1, 2, 3, 5):
            assert (one[place] == two[place]).all()


def test_pixels_stains_and_targets_belong_to_the_same_image(pixels: PixelSource) -> None:
    for images, places, stains, targets, _, _ in stream(pixels, 0):
        rows = images[places, 0, 0, 0].numpy() // 10
        assert (stains[:, 0].numpy() == rows * 6).all()
        assert (targets.numpy() == LABELS[rows]).all()


def test_epochs_and_positions_count_up(pixels: PixelSource) -> None:
    assert [item[4] for item in stream(pixels, 0)] == [0, 0, 1, 1, 2, 2]
    assert [int(item[5][0]) for item in stream(pixels, 0)] == [0, 5, 0, 5, 0, 5]
