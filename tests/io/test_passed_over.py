"""Files that are no image by their ending are counted, never left out in silence."""

from pathlib import Path

from marrowscope.io.passed_over import PassedOver, is_image_name, pictures_passed_over


def test_endings_of_images_in_any_case() -> None:
    for name in ("a.JPG", "a.jfif", "a.jpe", "a.TIFF", "a.gif", "a.jp2", "a.avif", "a.webp"):
        assert is_image_name(name), name
    for name in ("a.nd2", "a.czi", "a.txt", "jpg", ".hidden.jpg", "a.mask.png", "._a.jpg"):
        assert not is_image_name(name), name


def test_how_many_of_which_endings() -> None:
    passed = PassedOver()
    assert passed.sentence() is None
    for name in ("a.nd2", "b.ND2", "c.czi", "README", ".DS_Store", "Thumbs.db", "a.mask.png"):
        passed.add(name)
    expected = "4 files passed over, no image by the ending: 2 .nd2, 1 .czi, 1 no ending"
    assert passed.sentence() == expected


def test_many_endings_are_cut_short() -> None:
    passed = PassedOver()
    for number in range(12):
        passed.add(f"a.x{number:02d}")
    assert str(passed.sentence()).endswith("1 .x07 and 4 more endings")


def test_beside_fields_lists_and_reports_are_no_pictures(tmp_path: Path) -> None:
    for name in ("field.png", "cells.csv", "truth.json", "scan.czi", "more.nd2"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "folder.czi").mkdir()
    expected = "2 files passed over, no image by the ending: 1 .czi, 1 .nd2"
    assert pictures_passed_over(tmp_path) == expected
    assert pictures_passed_over(tmp_path / "none") is None
