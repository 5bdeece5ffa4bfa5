"""One slide: counted once, refused with its reason, never counted again for the same content."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import DONE, FAILED, REFUSED, SlideRow
from marrowscope.fleet.slide_record import read_record
from marrowscope.fleet.slide_task import SlideTask, count_slide
from marrowscope.fleet.smear_counter import SmearCounter
from support.fleets import MODEL, a_counter, write_slides
from support.smears import PIXEL, piece, write_slide

pytestmark = pytest.mark.usefixtures("blank_figures")


def a_task(slide: Path, folder: Path, **changes: object) -> SlideTask:
    row = SlideRow(str(slide), slide.stem, tries=1)
    task = SlideTask(0, str(slide), row, str(folder / slide.stem), MODEL, True, PIXEL)
    return replace(task, **changes)  # type: ignore[arg-type]


def test_a_slide_gets_report_record_and_row(tmp_path: Path) -> None:
    (slide,) = write_slides(tmp_path, "a")
    row = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert (row.state, row.reason, row.tries) == (DONE, None, 1)
    assert row.cells is not None
    assert row.cells >= 5
    assert row.blasts is not None
    assert 0 <= row.blasts_low <= row.blasts <= row.blasts_high <= 1  # type: ignore[operator]
    assert read_record(tmp_path / "out" / "a") == row
    assert str(os.getpid()) in str(row.worker)

    # The same content again, with another time: the report stays, the record knows the time.
    page = tmp_path / "out" / "a" / "report.html"
    before = page.stat().st_mtime_ns
    os.utime(slide, ns=(1, 2))
    again = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert page.stat().st_mtime_ns == before
    assert again == replace(row, modified_ns=2) == read_record(tmp_path / "out" / "a")

    # Other settings, or other content: counted again.
    other = count_slide(a_task(slide, tmp_path / "out", identity="b" * 64), a_counter())
    assert page.stat().st_mtime_ns > before
    assert other.identity == "b" * 64


def test_what_is_wrong_with_a_slide_is_its_row(tmp_path: Path) -> None:
    empty = write_slide(tmp_path / "empty.tif", piece(0, 500, 0) * 0 + 240)
    missing = tmp_path / "none.svs"
    for slide, seen, state, words in (
        (empty, True, REFUSED, "empty.tif"),
        (missing, False, REFUSED, "no such file"),
        (missing, True, FAILED, "does not see this slide"),
    ):
        row = count_slide(a_task(slide, tmp_path / "out", seen=seen), a_counter())
        assert row.state == state
        assert words in str(row.reason)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (slide,) = write_slides(tmp_path, "a")
    (tmp_path / "out" / "a").mkdir(parents=True)
    (tmp_path / "out" / "a" / "mine.txt").touch()
    row = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert row.state == FAILED
    assert "holds mine.txt" in str(row.reason)


def test_a_full_disk_and_a_mistake_of_ours_are_failures_that_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slide,) = write_slides(tmp_path, "a")

    def full(*_: object) -> None:
        raise InputError("out: cannot be written: No space left on device")

    monkeypatch.setattr(SmearCounter, "write", full)
    row = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert (row.state, row.reason) == (FAILED, "out: cannot be written: No space left on device")

    def mistaken(*_: object) -> None:
        raise IndexError("list index\nout of range")

    monkeypatch.setattr(SmearCounter, "count", mistaken)
    row = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert row.state == FAILED
    assert str(row.reason).endswith("a.tif: IndexError: list index out of range")


def test_a_slide_that_changes_while_it_is_counted_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (slide,) = write_slides(tmp_path, "a")
    count = SmearCounter.count

    def slow_copy(self: SmearCounter, *given: object) -> object:
        os.utime(slide, ns=(1, 2))
        return count(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(SmearCounter, "count", slow_copy)
    row = count_slide(a_task(slide, tmp_path / "out"), a_counter())
    assert row.state == FAILED
    assert "was changed while it was counted" in str(row.reason)
    assert not (tmp_path / "out").exists()
