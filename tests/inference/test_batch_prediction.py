"""Prediction tables: one row out per row in, in order, whatever the files are."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from marrowscope.errors import InputError
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.preprocessing import prepare


class Brightness:
    """An engine whose answer can be worked out by hand: p(light) is the mean intensity."""

    classes, batch_size = ("dark", "light"), 32

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        light = images.mean(axis=(1, 2, 3)) / 255
        return np.stack([1 - light, light], axis=1).astype(np.float32)


def grey(path: Path, level: int, height: int = 250, width: int = 250) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), level, np.uint8))
    return path


def table(paths: list[Path]) -> pl.DataFrame:
    return pl.DataFrame({"path": [str(path) for path in paths]}, schema={"path": pl.String})


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Eleven readable images from dark to light, and two that are not."""
    folder = tmp_path_factory.mktemp("shades")
    paths = [grey(folder / f"{level:03d}.png", level) for level in range(0, 251, 25)]
    (folder / "cut.png").write_bytes(paths[3].read_bytes()[:50])
    return [*paths, folder / "cut.png", folder / "missing.png"]


@given(st.data(), st.integers(1, 9))
@settings(max_examples=40, deadline=None)
def test_rows_come_out_as_they_went_in(shades: list[Path], data, batch_size: int) -> None:
    chosen = data.draw(st.lists(st.sampled_from(shades), min_size=1, max_size=25))
    result = predict_table(Brightness(), table(chosen), batch_size=batch_size)
    assert result["path"].to_list() == [str(path) for path in chosen]
    assert result["cell_id"].n_unique() == len(chosen)
    for path, light, error in result.select("path", "p_light", "error").rows():
        if Path(path).stem.isdigit():
            assert error is None
            assert light == pytest.approx(int(Path(path).stem) / 255, abs=1e-4)
        else:
            assert error
            assert light is None


def test_unreadable_images_are_rows_with_a_reason_and_nulls(shades: list[Path]) -> None:
    result = predict_table(Brightness(), table(shades[-2:]))
    assert "truncated" in result["error"][0]
    assert result["error"][1] == "no such file"
    for column in ("p_dark", "p_light", "predicted", "confidence"):
        assert result[column].null_count() == 2
        assert not result[column].dtype.is_float() or result[column].is_nan().sum() == 0


def test_every_conversion_is_said_in_the_column_note(tmp_path: Path) -> None:
    paths = [grey(tmp_path / "plain.png", 200), tmp_path / "grey.png", tmp_path / "deep.tif"]
    cv2.imwrite(str(paths[1]), np.full((250, 250), 200, np.uint8))
    cv2.imwrite(str(paths[2]), np.full((250, 250), 3200, np.uint16))
    given = table(paths).with_columns(note=pl.Series([None, "blurred", "greyscale to RGB"]))
    result = predict_table(Brightness(), given)
    assert result["note"].to_list() == [
        None,
        "blurred; greyscale to RGB",
        "greyscale to RGB; 12-bit values in 16 bits to 8-bit (the largest is 3200, white is 4095)",
    ]
    assert result["p_light"].to_list() == pytest.approx([200 / 255] * 3, abs=1e-4)
    again = predict_table(Brightness(), result)
    assert again["note"].equals(result["note"])  # said once


@pytest.mark.parametrize(
    ("height", "width", "microns", "note"),
    [
        (250, 250, None, None),
        (500, 480, None, None),
        (480, 640, None, "larger than a cell, squeezed as a whole (640×480 px to 250, of a field "
         "cut the cells out first)"),
        (480, 480, 0.08625, None),
        (480, 640, 0.1, "larger than a cell, only its middle is seen (22 of 64×48 µm)"),
    ],
)  # fmt: skip
def test_a_picture_far_larger_than_a_cell_is_never_predicted_without_a_remark(
    tmp_path: Path, height: int, width: int, microns: float | None, note: str | None
) -> None:
    path = grey(tmp_path / "field.png", 200, height, width)
    result = predict_table(Brightness(), table([path]), microns_per_pixel=microns)
    assert result["note"].to_list() == [note]
    image = np.full((height, width, 3), 200, np.uint8)
    memory = pl.DataFrame({"path": [None]}, schema={"path": pl.String})
    result = predict_table(Brightness(), memory, microns, images=[image])
    assert result["note"].to_list() == [note]


def test_predicted_and_confidence_are_those_of_the_largest_probability(shades: list[Path]) -> None:
    result = predict_table(Brightness(), table(shades[:11]))
    values = result.select("p_dark", "p_light").to_numpy()
    assert result["confidence"].to_list() == pytest.approx(values.max(1).tolist())
    assert result["predicted"].to_list() == [("dark", "light")[k] for k in values.argmax(1)]


class Late(Brightness):
    """Computes only when the answer is asked for; counts what is begun and not asked for yet."""

    name = "late"

    def __init__(self) -> None:
        self.open, self.most = 0, 0

    def begin(self, images: np.ndarray) -> Callable[[], np.ndarray]:
        assert len(images)
        self.open += 1
        self.most = max(self.most, self.open)
        kept = images.copy()

        def answer() -> np.ndarray:
            self.open -= 1
            return self.probabilities(kept)

        return answer


@given(st.data(), st.integers(1, 9))
@settings(max_examples=20, deadline=None)
def test_an_engine_that_begins_the_next_batch_gives_the_same(
    shades: list[Path], data: st.DataObject, batch_size: int
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(shades), min_size=1, max_size=25))
    late = Late()
    found = predict_table(late, table(chosen), batch_size=batch_size)
    assert found.equals(predict_table(Brightness(), table(chosen), batch_size=batch_size))
    assert late.open == 0
    assert late.most <= 2  # memory does not grow with the number of images


class Broken(Brightness):
    """Gives no finite answer for white images, as a network whose values overflow."""

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        values = super().probabilities(images)
        values[values[:, 1] == 1] = [np.nan, np.inf]
        return values


def test_an_answer_that_is_not_finite_is_an_error_and_not_the_first_class(tmp_path: Path) -> None:
    paths = [grey(tmp_path / "grey.png", 200), grey(tmp_path / "white.png", 255)]
    result = predict_table(Broken(), table(paths))
    assert result["predicted"].to_list() == ["light", None]
    assert result["error"].to_list() == [None, "the network's answer is not finite"]
    assert result.row(1)[3:] == (None,) * 5  # the note too


def test_a_row_without_a_path_is_a_row_with_an_error(shades: list[Path]) -> None:
    rows = pl.DataFrame({"path": [None, str(shades[0]), ""]})
    result = predict_table(Brightness(), rows)
    assert result["error"].to_list() == ["no path in the table", None, "no path in the table"]
    assert result["predicted"].to_list() == [None, "dark", None]


def test_rows_without_an_id_get_one_and_the_others_keep_theirs(shades: list[Path]) -> None:
    rows = table(shades[:3]).with_columns(cell_id=pl.Series([None, "mine", None], dtype=pl.String))
    found = predict_table(Brightness(), rows)["cell_id"]
    assert found[1] == "mine"
    assert found.null_count() == 0
    assert found.n_unique() == 3


def test_columns_of_the_table_are_kept_and_old_predictions_replaced(shades: list[Path]) -> None:
    rows = table(shades[:2]).with_columns(
        cell_id=pl.Series(["x", "y"]),
        label=pl.lit("a"),
        mine=pl.Series([1, 2]),
        p_old=pl.Series([0.75, 0.5]),
        p_BLA=pl.lit(0.0),
        p_older=pl.Series([0.25, 0.5]),
        p_value=pl.Series(["0.03", "0.4"]),
        p_rank=pl.Series([1, 2]),
        predicted=pl.lit("old"),
        prediction_set=pl.lit("BLA;NGS"),
        no_call=pl.lit(True),
    )
    result = predict_table(Brightness(), rows)
    assert not {"prediction_set", "no_call"} & set(result.columns)
    assert result["cell_id"].to_list() == ["x", "y"]
    assert result["mine"].to_list() == [1, 2]
    assert result["p_value"].to_list() == ["0.03", "0.4"]
    assert result["p_rank"].to_list() == [1, 2]
    assert not {"p_old", "p_older", "p_BLA"} & set(result.columns)
    assert result["predicted"].to_list() == ["dark", "dark"]


def test_a_second_prediction_gives_the_same_table_whatever_columns_stand_beside(
    shades: list[Path],
) -> None:
    own = table(shades[:3]).with_columns(p_value=pl.Series([0.03, 0.4, 0.99]))
    first = predict_table(Brightness(), own)
    assert first["p_value"].equals(own["p_value"])
    assert "light" not in first["predicted"].to_list()  # known as a class by the model only
    again = predict_table(Brightness(), first)
    assert again.select(sorted(again.columns)).equals(first.select(sorted(first.columns)))


def test_a_users_column_is_not_overwritten_by_a_class_of_the_same_name(shades: list[Path]) -> None:
    rows = table(shades[:2]).with_columns(p_light=pl.Series([0.7, 0.9]))
    with pytest.raises(InputError, match="the table has a column p_light that is not an earlier"):
        predict_table(Brightness(), rows)


def test_an_error_from_the_index_says_more_than_a_second_look(shades: list[Path]) -> None:
    rows = table(shades[-1:]).with_columns(error=pl.lit("file name is not UTF-8; rename the file"))
    assert "UTF-8" in predict_table(Brightness(), rows)["error"][0]


def test_an_error_from_the_index_stays(shades: list[Path]) -> None:
    rows = table(shades[:1]).with_columns(error=pl.lit("duplicate of a.png"))
    assert predict_table(Brightness(), rows)["error"].to_list() == ["duplicate of a.png"]


def test_progress_counts_every_row(shades: list[Path]) -> None:
    seen: list[tuple[int, int]] = []
    predict_table(
        Brightness(), table(shades), batch_size=5,
        advance=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert seen == [(5, 13), (5, 13), (3, 13)]


def disc(side: int, diameter: float) -> np.ndarray:
    image = np.full((side, side, 3), 255, np.uint8)
    middle = (side // 2, side // 2)
    cv2.circle(image, middle, round(diameter / 2), (0, 0, 0), -1)
    return image


@pytest.mark.parametrize("microns", [0.04, 0.08625, 0.1725, 0.3])
def test_with_a_pixel_size_a_cell_keeps_its_size_in_micrometres(microns: float) -> None:
    image = disc(round(43 / microns), 10 / microns)  # a cell of 10 µm in a crop of 43 µm
    found = prepare(image, microns)
    assert found.shape == (250, 250, 3)
    diameter = 2 * np.sqrt((found[..., 0] < 128).sum() / np.pi) * 0.08625
    assert diameter == pytest.approx(10, rel=0.03)


def test_what_is_missing_at_the_border_is_mirrored() -> None:
    image = np.tile(np.arange(100, dtype=np.uint8)[None, :, None], (100, 1, 3))
    found = prepare(image, 0.08625)
    assert found.shape == (250, 250, 3)
    np.testing.assert_array_equal(found[100, 75:175, 0], np.arange(100))
    assert found[100, 74, 0] == 0
    assert found[100, 70, 0] == 4


def test_without_a_pixel_size_the_whole_image_is_scaled() -> None:
    found = prepare(disc(500, 400), None)
    assert (found[125, :, 0] < 128).sum() == pytest.approx(200, abs=2)


@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (251, 249), (2000, 2500)])
@pytest.mark.parametrize("microns", [None, 0.02, 0.5])
def test_any_shape_becomes_the_networks_input(shape: tuple[int, int], microns) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert prepare(image, microns).shape == (250, 250, 3)


@pytest.mark.parametrize("microns", [0, -1, float("nan"), 1e6])
def test_a_pixel_size_that_makes_no_sense_is_refused(shades: list[Path], microns: float) -> None:
    with pytest.raises(InputError, match="microns"):
        predict_table(Brightness(), table(shades[:1]), microns)


class OnePixel(torch.nn.Module):
    """Looks at a single pixel off the middle: nothing depends more on how the image lies."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 5 * x[:, [0, 1, 2, 0], 20, 90]


def engine(views: int) -> TorchEngine:
    card = Card("t", "", ("a", "b", "b", "c"), ("a", "b", "c"), views=views)
    return TorchEngine(Bundle(OnePixel(), card))


def test_torch_probabilities_sum_to_one_over_the_classes() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 250, 250, 3), dtype=np.uint8)
    found = engine(1).probabilities(images)
    assert found.shape == (3, 3)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


def test_eight_views_do_not_care_how_the_image_lies() -> None:
    image = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    turned = [np.rot90(image, k) for k in range(4)]
    all_ways = np.stack([np.ascontiguousarray(v) for t in turned for v in (t, t[:, ::-1])])
    eight = engine(8).probabilities(all_ways)
    np.testing.assert_allclose(eight, np.tile(eight[:1], (8, 1)), atol=1e-6)
    one = engine(1).probabilities(all_ways)
    assert np.abs(one - one[:1]).max() > 0.1  # a single view does care
    np.testing.assert_allclose(eight[0], one.mean(0), atol=1e-6)
