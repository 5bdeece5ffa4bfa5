"""What a run has to do follows from the reports and the table that an earlier one left."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.fleet.fleet_plan import MOST_TRIES, FleetPlan, plan_fleet
from marrowscope.fleet.fleet_table import DONE, FAILED, REFUSED, SlideRow, write_fleet
from support.fleets import MODEL, a_done_row, leave_record


@pytest.fixture
def slides(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "in" / f"{name}.svs" for name in "abc"]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_bytes(path.name.encode())
    return paths


def plan(slides: list[Path], folder: Path, identity: str = MODEL) -> FleetPlan:
    return plan_fleet([str(path) for path in slides], folder, identity, "m")


def waiting(found: FleetPlan) -> list[str]:
    return [task.row.name for task in found.tasks]


def test_a_first_run_counts_every_slide_in_its_order(slides: list[Path], tmp_path: Path) -> None:
    found = plan(slides, tmp_path / "out")
    assert waiting(found) == ["a", "b", "c"]
    assert [row.slide for row in found.rows] == [str(path) for path in slides]


def test_a_record_is_enough_where_the_table_was_lost(slides: list[Path], tmp_path: Path) -> None:
    leave_record(tmp_path, a_done_row(slides[1], "b"))
    found = plan(slides, tmp_path)
    assert waiting(found) == ["a", "c"]
    assert found.rows[1].cells == 500
    assert found.remarks == ("an earlier run goes on: 1 of 3 slides are done",)


def test_another_content_model_or_setting_is_counted_again(
    slides: list[Path], tmp_path: Path
) -> None:
    rows = [a_done_row(path, path.stem) for path in slides]
    for row in rows:
        leave_record(tmp_path, row)
    write_fleet(rows, tmp_path, {})
    assert waiting(plan(slides, tmp_path)) == []
    os.utime(slides[0], ns=(1, 2))
    slides[2].write_bytes(b"more than before")
    assert waiting(plan(slides, tmp_path)) == ["a", "c"]
    other = plan(slides, tmp_path, "other settings")
    assert waiting(other) == ["a", "b", "c"]
    assert "3 slides were counted with other settings" in other.remarks[0]
    write_fleet([replace(row, model="earlier") for row in rows], tmp_path, {})
    (line,) = plan(slides, tmp_path, "another model").remarks
    assert "3 slides were counted by earlier: they are counted again by m" in line


def test_a_refusal_holds_and_a_failure_does_not(slides: list[Path], tmp_path: Path) -> None:
    refused = replace(a_done_row(slides[0], "a"), state=REFUSED, reason="no cell")
    failed = replace(a_done_row(slides[1], "b"), state=FAILED, reason="a worker died")
    write_fleet([refused, failed], tmp_path, {})
    found = plan(slides, tmp_path)
    assert waiting(found) == ["b", "c"]
    assert found.rows[0] == refused
    slides[0].write_bytes(b"scanned again")
    assert waiting(plan(slides, tmp_path)) == ["a", "b", "c"]


def test_a_slide_with_which_the_program_ended_comes_last_and_in_the_end_fails(
    slides: list[Path], tmp_path: Path
) -> None:
    write_fleet([SlideRow(str(slides[0]), "a", tries=1)], tmp_path, {})
    assert waiting(plan(slides, tmp_path)) == ["b", "c", "a"]
    write_fleet([SlideRow(str(slides[0]), "a", tries=MOST_TRIES)], tmp_path, {})
    found = plan(slides, tmp_path)
    assert waiting(found) == ["b", "c"]
    assert found.rows[0].state == FAILED
    assert "the program ended 3 times" in str(found.rows[0].reason)
    write_fleet(found.rows, tmp_path, {})  # a later run begins anew
    assert waiting(plan(slides, tmp_path)) == ["a", "b", "c"]


def test_slides_of_one_name_keep_their_own_reports(slides: list[Path], tmp_path: Path) -> None:
    twin = tmp_path / "other" / "a.svs"
    twin.parent.mkdir()
    twin.write_bytes(b"twin")
    first = plan([slides[0], twin], tmp_path / "out")
    assert [row.name for row in first.rows] == ["a", "a-2"]
    write_fleet(first.rows, tmp_path / "out", {})
    assert [row.name for row in plan([twin, slides[0]], tmp_path / "out").rows] == ["a-2", "a"]
    # Without the table the records tell.
    leave_record(tmp_path / "new", a_done_row(slides[0], "a"))
    assert [row.name for row in plan([twin], tmp_path / "new").rows] == ["a-2"]


def test_names_stay_inside_the_folder_of_the_fleet(tmp_path: Path) -> None:
    paths = ["/x/...svs", "s3://bucket/day one/b.svs", "/x/fleet.html.svs", "/x/A.svs", "/y/a.svs"]
    names = [row.name for row in plan_fleet(paths, tmp_path, MODEL, "m").rows]
    assert names == ["svs", "b", "fleet.html-2", "A", "a-2"]


def test_a_slide_that_is_not_named_now_is_told(slides: list[Path], tmp_path: Path) -> None:
    write_fleet([a_done_row(path, path.stem) for path in slides], tmp_path, {})
    found = plan(slides[:2], tmp_path)
    assert len(found.rows) == 2
    assert "1 slides of an earlier run" in found.remarks[-1]
    assert all(row.state != DONE for row in found.rows)  # no report stands there
