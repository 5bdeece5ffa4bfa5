"""A plan → the table of a fleet, kept up to date while slide after slide is done."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from marrowscope.fleet.fleet_plan import FleetPlan
from marrowscope.fleet.fleet_table import PAGE, WAITING, SlideRow, fleet_frame, write_fleet
from marrowscope.fleet.slide_task import SlideTask, count_slide
from marrowscope.fleet.smear_counter import SmearCounter
from marrowscope.progress import Stage
from marrowscope.report.fleet_page import write_fleet_page

# The reports themselves say what is done; the table may lag behind them.
_TABLE_SECONDS, _PAGE_SECONDS = 2.0, 30.0

Rows = Iterator[tuple[int, SlideRow]]


def in_turn(
    tasks: Sequence[SlideTask], counter: SmearCounter, progress: Stage | None = None
) -> Rows:
    """Count one slide after the other in this process.

    Yields:
        Place and row: of a slide that begins (``waiting``, with one try more), and of its end.
    """
    for task in tasks:
        begun = replace(task.row, tries=task.row.tries + 1)
        yield task.place, begun
        yield task.place, count_slide(replace(task, row=begun), counter, progress)


def run_fleet(
    plan: FleetPlan,
    folder: Path,
    facts: dict[str, Any],
    results: Rows,
    finished: Callable[[SlideRow], None] | None = None,
) -> tuple[SlideRow, ...]:
    """Take rows as they come, and keep table and page.

    Args:
        plan: of the fleet.
        folder: of the fleet.
        facts: what is counted and how, for table and page.
        results: of ``plan.tasks``.
        finished: told of every slide that came to its end now.

    Returns:
        A row for every slide.

    Raises:
        InputError: table or page cannot be written; or what ``results`` raises.
    """
    rows = list(plan.rows)
    written = shown = 0.0
    begun: int | None = None
    write_fleet(rows, folder, facts)
    try:
        for place, row in results:
            rows[place] = row
            under_way = row.state == WAITING
            begun = place if under_way else None
            if not under_way and finished is not None:
                finished(row)
            now = time.monotonic()
            # Before a slide begins: if the process dies with it, the next run knows with which.
            if under_way or now - written > _TABLE_SECONDS:
                write_fleet(rows, folder, facts)
                written = now
            if now - shown > _PAGE_SECONDS:
                write_fleet_page(fleet_frame(rows), folder / PAGE, facts)
                shown = now
    finally:
        if begun is not None:  # this process lives: the slide is not to blame
            rows[begun] = replace(rows[begun], tries=rows[begun].tries - 1)
        write_fleet(rows, folder, facts)
        write_fleet_page(fleet_frame(rows), folder / PAGE, facts)
    return tuple(rows)
