"""The table follows the fleet, so that whatever ends it costs the slide under way."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from marrowscope.fleet.fleet_plan import FleetPlan, plan_fleet
from marrowscope.fleet.fleet_run import in_turn, run_fleet
from marrowscope.fleet.fleet_table import DONE, PAGE, WAITING, SlideRow, read_fleet
from support.fleets import MODEL, a_counter, write_slides
from support.smears import PIXEL

ROWS = tuple(SlideRow(f"/{name}.svs", name) for name in "abc")


def done(place: int) -> tuple[int, SlideRow]:
    return place, replace(ROWS[place], state=DONE, seconds=1.0, tries=1)


def test_rows_come_in_any_order_and_stay_in_theirs(tmp_path: Path) -> None:
    told: list[str] = []
    plan = FleetPlan(ROWS, (), ())
    results = iter([done(2), done(0), done(1)])
    rows = run_fleet(plan, tmp_path, {}, results, lambda row: told.append(row.name))
    assert [row.name for row in rows] == ["a", "b", "c"]
    assert told == ["c", "a", "b"]
    assert read_fleet(tmp_path) == list(rows)
    assert "3: 3 done" in (tmp_path / PAGE).read_text()


def test_while_a_slide_is_counted_the_table_says_so(tmp_path: Path) -> None:
    def results() -> Iterator[tuple[int, SlideRow]]:
        assert len(read_fleet(tmp_path)) == 3  # before anything is done
        yield done(0)
        yield 1, replace(ROWS[1], tries=1)
        found = read_fleet(tmp_path)
        assert [(row.state, row.tries) for row in found] == [(DONE, 1), (WAITING, 1), (WAITING, 0)]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_fleet(FleetPlan(ROWS, (), ()), tmp_path, {}, results())
    # Whoever stops it by hand does not blame the slide.
    assert [row.tries for row in read_fleet(tmp_path)] == [1, 0, 0]


@pytest.mark.usefixtures("blank_figures")
def test_one_slide_after_the_other_is_counted(tmp_path: Path) -> None:
    paths = [str(path) for path in (*write_slides(tmp_path / "in"), tmp_path / "none.svs")]
    plan = plan_fleet(paths, tmp_path / "out", MODEL, "m", PIXEL)
    states = [(place, row.state) for place, row in in_turn(plan.tasks, a_counter())]
    assert states == [
        (0, "waiting"), (0, "done"), (1, "waiting"), (1, "done"), (2, "waiting"), (2, "refused"),
    ]  # fmt: skip
