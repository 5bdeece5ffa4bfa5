"""The same smear has the same cells whatever file it comes in."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
import tifffile
from numpy.typing import NDArray

from marrowscope.detection.detect_cells import detect_cells
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.slides.source_kind import View
from support.dicom import write_level
from support.slide_files import MICRONS, draw_cells, on_glass, write_ome, write_pyramid


@pytest.fixture(scope="module")
def smear() -> NDArray[np.uint8]:
    sharp = on_glass(draw_cells(400, 360, 0.4, 1500, MICRONS, seed=3), 400)
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.2), np.uint8)


@pytest.fixture(scope="module")
def expected(smear: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return cells_of(write_pyramid(tmp_path_factory.mktemp("plain") / "slide.tif", smear))


def cells_of(path: Path) -> pl.DataFrame:
    return detect_cells(open_slide(path)).cells.select(
        "x", "y", "x0", "y1", "nuclear_area", "score"
    )


def write_svs(path: Path, image: NDArray[np.uint8]) -> Path:
    """As Aperio writes it: the pixel size stands in the description only."""
    note = (
        f"Aperio Image Library v12\n{image.shape[1]}x{image.shape[0]}|AppMag = 40|MPP = {MICRONS}"
    )
    with tifffile.TiffWriter(path) as writer:
        for level, every in enumerate((1, 4)):
            writer.write(
                image[::every, ::every], photometric="rgb", metadata=None, tile=(64, 64),
                compression="zlib", subfiletype=int(level > 0), description=note,
            )  # fmt: skip
    return path


@pytest.mark.parametrize("write", [write_ome, write_svs])
def test_lossless_files_hold_exactly_the_same_cells(
    write: Callable[[Path, NDArray[np.uint8]], Path],
    smear: NDArray[np.uint8],
    expected: pl.DataFrame,
    tmp_path: Path,
) -> None:
    assert expected.height > 100
    found = cells_of(write(tmp_path / ("a.ome.tif" if write is write_ome else "a.svs"), smear))
    assert found.equals(expected)


def test_dicom_holds_the_same_cells_within_what_jpeg_changes(
    smear: NDArray[np.uint8], expected: pl.DataFrame, tmp_path: Path
) -> None:
    write_level(tmp_path / "a.dcm", smear, 0)
    write_level(tmp_path / "b.dcm", smear[::2, ::2], 1)
    found = cells_of(tmp_path)
    assert abs(found.height - expected.height) <= 0.01 * expected.height
    apart = np.hypot(
        *(
            found.select("x", "y").to_numpy()[:, None] - expected.select("x", "y").to_numpy()[None]
        ).transpose(2, 0, 1)
    )
    assert (apart.min(axis=1) * MICRONS < 0.5).mean() > 0.98


def write_png(path: Path, image: NDArray[np.uint8]) -> Path:
    path.write_bytes(encode_png(image))
    return path


def write_strips(path: Path, image: NDArray[np.uint8]) -> Path:
    return write_pyramid(path, image, 1, tile=None)


def test_a_small_picture_has_the_same_cells_in_every_container(tmp_path: Path) -> None:
    sharp = draw_cells(120, 90, 0.4, 1500, MICRONS, seed=4)
    field = np.asarray(cv2.GaussianBlur(sharp, (0, 0), 1.2), np.uint8)
    containers = {
        "a.png": write_png, "tiles.tif": write_pyramid, "a.ome.tif": write_ome,
        "a.svs": write_svs, "strips.tif": write_strips,
    }  # fmt: skip
    found = {
        name: detect_cells(open_slide(write(tmp_path / name, field), MICRONS)).cells.drop(
            "cell_id", "slide_id", "field_id", "path"
        )
        for name, write in containers.items()
    }
    assert found["a.png"].height > 5
    for name, cells in found.items():
        assert cells.equals(found["a.png"]), name


def test_a_picture_with_little_on_it_is_no_empty_slide(tmp_path: Path) -> None:
    sharp = draw_cells(60, 60, 0.3, 500, MICRONS, seed=1)
    path = write_pyramid(tmp_path / "a.tif", sharp)
    with pytest.raises(InputError, match=r"too little for a smear on a slide.*`taken_as=field`"):
        detect_cells(open_slide(path, view=View.SLIDE))
    glass = write_pyramid(tmp_path / "b.tif", np.full_like(sharp, 240))
    with pytest.raises(InputError, match="an empty slide"):
        detect_cells(open_slide(glass, view=View.SLIDE))
