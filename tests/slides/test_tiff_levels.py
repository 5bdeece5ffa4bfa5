"""Which picture of a TIFF is the slide, its levels, and the size of its pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from marrowscope.errors import InputError
from marrowscope.slides.tiff_levels import TiffSlide, find_levels, side_of_pixel
from marrowscope.slides.tiff_structure import read_directories
from support.slide_files import noise, write_ome, write_pyramid

IMAGE = noise(200, 300)


def picture_of(path: Path) -> TiffSlide:
    return find_levels(path, read_directories(path).directories)


def pixel_of(path: Path) -> float | None:
    return side_of_pixel(path, picture_of(path))


def widths(path: Path) -> list[int]:
    return [level.width for level in picture_of(path).levels]


def test_levels_are_pages_or_sub_directories_and_no_thumbnail(tmp_path: Path) -> None:
    assert widths(write_pyramid(tmp_path / "a.tif", IMAGE, 3)) == [300, 150, 75]
    assert widths(write_ome(tmp_path / "a.ome.tif", IMAGE)) == [300, 150]
    path = tmp_path / "b.tif"
    with tifffile.TiffWriter(path) as writer:  # a label, the picture, an overview of another shape
        for image in (IMAGE[:50, :50], IMAGE, IMAGE[:100, :80]):
            writer.write(image, tile=(64, 64), metadata=None)
    assert widths(path) == [300]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"resolution": (1e5, 1e5), "resolutionunit": "CENTIMETER"}, 0.1),
        ({"resolution": (254_000, 254_000), "resolutionunit": "INCH"}, 0.1),
        ({"resolution": (10, 10), "imagej": True, "metadata": {"unit": "micron"}}, 0.1),
        ({"resolution": (10, 10), "imagej": True, "metadata": {"unit": "um"}}, 0.1),
        ({"resolution": (10, 10), "imagej": True, "metadata": {"unit": "\\u00B5m"}}, 0.1),
        ({"resolution": (0.01, 0.01), "imagej": True, "metadata": {"unit": "nm"}}, 0.1),
        ({"resolution": (10, 10), "imagej": True, "metadata": {"unit": "pixel"}}, None),
        ({"resolution": (10, 10), "resolutionunit": "NONE"}, None),
        ({}, None),
    ],
)
def test_the_pixel_size_is_that_of_the_resolution_or_of_imagej(
    options: dict[str, Any], size: float | None, tmp_path: Path
) -> None:
    path = tmp_path / "field.tif"
    tifffile.imwrite(path, IMAGE, **{"metadata": None, **options})
    assert pixel_of(path) == (None if size is None else pytest.approx(size, rel=1e-4))


def test_an_ome_description_says_the_pixel_size_in_its_unit(tmp_path: Path) -> None:
    path = write_ome(tmp_path / "a.ome.tif", IMAGE, size=86.25, unit="nm")
    assert pixel_of(path) == pytest.approx(0.08625)
    assert pixel_of(write_ome(tmp_path / "b.ome.tif", IMAGE, size=None)) is None


@pytest.mark.parametrize(("axes", "shape"), [("CYX", (5, 64, 64)), ("ZYX", (4, 64, 64))])
def test_a_stack_is_named(axes: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros(shape, np.uint8), metadata={"axes": axes})
    assert picture_of(path).stack == f"{shape[0]} × {axes[0]}"


def with_description(path: Path, change: tuple[str, str]) -> Path:
    text = tifffile.TiffFile(write_ome(path, IMAGE)).ome_metadata or ""
    assert change[0] in text
    with tifffile.TiffWriter(path) as writer:
        description = text.replace(*change).encode()
        writer.write(IMAGE, tile=(64, 64), metadata=None, description=description)
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<OME", "<!DOCTYPE a [<!ENTITY b 'c'>]><OME"), "declares entities"),
        (("<Pixels", "<Pixels<"), "is damaged"),
        (('SizeZ="1"', 'SizeZ="-1"'), "SizeZ is '-1'"),
        (('SizeT="1"', 'SizeT="99999999999"'), "SizeT is"),
        (("<Pixels", "<Nothing"), "damaged|names no picture"),
        (
            ("<TiffData", "<TiffData><UUID FileName='/etc/passwd'/></TiffData><Other"),
            "lie in other files",
        ),
    ],
)
def test_a_description_that_cannot_be_is_refused(
    change: tuple[str, str], reason: str, tmp_path: Path
) -> None:
    path = with_description(tmp_path / "a.ome.tif", change)
    with pytest.raises(InputError, match=reason):
        picture_of(path)


def test_endless_planes_of_a_description_cost_nothing(tmp_path: Path) -> None:
    path = with_description(tmp_path / "a.ome.tif", ('SizeT="1"', 'SizeT="999999999"'))
    assert picture_of(path).stack == "999999999 × T"
