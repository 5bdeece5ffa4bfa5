"""The first sheet of a workbook, and workbooks made to exhaust a reader."""

import io
import zipfile

import pytest

from marrowscope.errors import InputError
from marrowscope.io.spreadsheet import first_sheet, is_workbook
from support.workbooks import workbook


def test_text_stays_text_and_whole_numbers_have_no_point() -> None:
    data = workbook([["id", "x"], ["0012", 3], [None, 2.5]])
    assert is_workbook(data)
    assert first_sheet(data, "l.xlsx") == [["id", "x"], ["0012", "3"], ["", "2.5"]]
    assert not is_workbook(b"id,x")


def test_a_workbook_with_a_cell_far_out_or_one_that_unpacks_without_end_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match="reaches to row 1048576 and column 16384"):
        first_sheet(workbook([["a"]], last="XFD1048576"), "list.xlsx")
    monkeypatch.setattr("marrowscope.io.spreadsheet.MAX_UNPACKED", 1000)
    with pytest.raises(InputError, match="unpacks to more than"):
        first_sheet(workbook([["a" * 5000]]), "list.xlsx")


def test_an_archive_that_is_no_workbook_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("readme.xml", "<a/>")
    with pytest.raises(InputError, match="not a readable Excel workbook"):
        first_sheet(out.getvalue(), "list.xlsx")
