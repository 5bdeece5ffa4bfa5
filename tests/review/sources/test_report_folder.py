"""The report of a count becomes a smear: fields with their pictures, or rectangles of a slide."""

import json
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.report.count.count_report import write_count_report
from marrowscope.review.sources.report_folder import is_report_folder, read_report_folder
from support.counts import a_count, drawn


@pytest.fixture
def folder(tmp_path: Path, blank_figures: None) -> Path:
    made = a_count(corrected=False)
    write_count_report(made, tmp_path / "report", pdf=False)
    return tmp_path / "report"


def relocated(folder: Path, sources: list[str]) -> None:
    data = json.loads((folder / "count.json").read_text())
    data["sources"] = sources
    (folder / "count.json").write_text(json.dumps(data))


def test_fields_of_a_camera_are_found_beside_the_report(folder: Path) -> None:
    pictures = folder.parent / "fields"
    pictures.mkdir()
    for number in range(2):
        (pictures / f"field_{number:02d}.jpg").write_bytes(b"picture")
    relocated(folder, ["fields"])
    found = read_report_folder(folder)
    assert found.kind == "fields"
    assert [one.path for one in found.fields] == [
        str(pictures / "field_00.jpg"), str(pictures / "field_01.jpg")
    ]  # fmt: skip
    assert found.cells.height == sum(len(one.cells) for one in drawn(2, 900, 760, 2500.0))
    assert set(found.cells["path"]) == {one.path for one in found.fields}
    assert found.cells["in_field"].all()
    assert found.model == ("a-model", "ab" * 32)


def test_fields_of_a_slide_are_rectangles_of_it(tmp_path: Path, blank_figures: None) -> None:
    write_count_report(a_count(corrected=False, slide=True), tmp_path / "report", pdf=False)
    relocated(tmp_path / "report", ["/slides/one.svs"])
    found = read_report_folder(tmp_path / "report")
    assert found.kind == "slide"
    assert {one.path for one in found.fields} == {None}
    assert set(found.cells["path"]) == {"/slides/one.svs"}


def test_a_folder_that_is_no_report_is_told(folder: Path) -> None:
    assert is_report_folder(folder)
    (folder / "count.json").write_text('{"kind": "another"}')
    with pytest.raises(InputError, match="is not the count of a smear"):
        read_report_folder(folder)
    (folder / "count.json").write_text("{")
    with pytest.raises(InputError, match="is no count"):
        read_report_folder(folder)
