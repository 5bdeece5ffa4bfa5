"""The blood cells of Barcelona are read as they are: coarse folders, labels before ``_``."""

from pathlib import Path

import pytest

import marrowscope as ms
from support.real_data import DATA


@pytest.fixture(scope="module")
def pbc_sample() -> Path:
    folder = DATA / "pbc-sample"
    if not folder.is_dir():
        pytest.skip(f"real sample not found at {folder}; set MARROWSCOPE_DATA to its parent folder")
    return folder


def test_every_image_has_its_class_or_is_left_out_by_name(pbc_sample: Path) -> None:
    said: list[str] = []
    table = ms.index(
        pbc_sample, labels_from="name-prefix", mapping="pbc", laboratory="Barcelona",
        say=said.append,
    )  # fmt: skip
    found = ms.check(table)
    assert table.height == 4750
    assert {one.code: one.images for one in found.classes if one.images} == {
        "BAS": 400, "NGB": 550, "NGS": 450, "EOS": 400, "EBO": 600, "MMZ": 500, "MYB": 550,
        "PMO": 300, "LYT": 400, "MON": 400,
    }  # fmt: skip
    assert found.left_out == {"PLATELET": 150, "IG": 50}
    assert found.bad == ()
    assert set(table["laboratory"]) == {"Barcelona"}
    assert any(line.endswith("PLATELET (150), IG (50)") for line in said)
