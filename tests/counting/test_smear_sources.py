"""Fields are one smear, slides are one each."""

from pathlib import Path

import pytest
import tifffile

from marrowscope.counting.smear_sources import open_smears
from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from support.smears import PIXEL, piece, write_slide


def field(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_png(piece(side=60)))
    return path


def test_fields_and_folders_of_fields_are_one_smear(tmp_path: Path) -> None:
    one = field(tmp_path / "first.day.png")
    field(tmp_path / "more" / "10.png")
    field(tmp_path / "more" / "9.png")
    (smear,), failures = open_smears([one, tmp_path / "more"], PIXEL)
    assert [one.name for one in smear.slide.fields] == ["first.day.png", "9.png", "10.png"]
    assert smear.sources == (str(one), str(tmp_path / "more"))
    assert smear.name == "first.day"
    assert not failures
    (smear,), _ = open_smears([tmp_path / "more"], PIXEL)
    assert smear.name == "more"


def test_each_slide_is_a_smear_of_its_own_with_a_name_of_its_own(tmp_path: Path) -> None:
    for folder in "ab":
        (tmp_path / folder).mkdir()
        write_slide(tmp_path / folder / "s.tif", piece())
    smears, failures = open_smears([tmp_path / "a" / "s.tif", tmp_path / "b" / "s.tif"], PIXEL)
    assert [smear.name for smear in smears] == ["s", "s-2"]
    assert not failures


def test_a_slide_that_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "s.tif", piece())
    smears, (failure,) = open_smears([tmp_path / "none.tif", slide], PIXEL)
    assert [smear.name for smear in smears] == ["s"]
    assert "no such file" in failure


def test_a_field_that_cannot_be_opened_stops_the_count(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_smears([field(tmp_path / "1.png"), tmp_path / "2.png"], PIXEL)
    with pytest.raises(InputError, match="no such file"):
        open_smears([tmp_path / "2.png", tmp_path / "3.png"], PIXEL)


def test_fields_and_slides_are_not_mixed(tmp_path: Path) -> None:
    slide = write_slide(tmp_path / "s.tif", piece())
    with pytest.raises(InputError, match=r"s\.tif: a whole slide among field images"):
        open_smears([field(tmp_path / "1.png"), slide], PIXEL)


def test_no_field_is_counted_twice(tmp_path: Path) -> None:
    one = field(tmp_path / "1.png")
    with pytest.raises(InputError, match="has the same name"):
        open_smears([one, tmp_path / "1.png"], PIXEL)


def test_without_a_pixel_size_one_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, piece(side=60), tile=(64, 64))
    for source in (path, field(tmp_path / "1.png")):
        with pytest.raises(InputError, match="give `microns_per_pixel`"):
            open_smears([source])
