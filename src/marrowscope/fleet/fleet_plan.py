"""Slides, and what an earlier run left → a row for every slide, and tasks for what is missing.

A slide is done when its report stands, made of the same content with the same model and settings.
A refusal holds as long as neither changes. What failed is tried again.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import (
    DONE,
    FAILED,
    PAGE,
    REFUSED,
    TABLE,
    WAITING,
    SlideRow,
    read_fleet,
    shown_path,
)
from marrowscope.fleet.slide_content import ContentState, content_state
from marrowscope.fleet.slide_record import read_record
from marrowscope.fleet.slide_search import is_address
from marrowscope.fleet.slide_task import SlideTask
from marrowscope.slides.source_kind import View

MOST_TRIES = 3  # of a slide with which the process died


@dataclass(frozen=True)
class FleetPlan:
    """What is known, and what is to be done.

    Attributes:
        rows: of all slides, in the order in which they were named.
        tasks: for those that are not done.
        remarks: what a user should know before.
    """

    rows: tuple[SlideRow, ...]
    tasks: tuple[SlideTask, ...]
    remarks: tuple[str, ...]


def plan_fleet(
    paths: Sequence[str],
    folder: Path,
    identity: str,
    model: str,
    microns_per_pixel: float | None = None,
    view: View | None = None,
) -> FleetPlan:
    """Find out what is to be counted.

    Args:
        paths: absolute paths or addresses of slides, each once.
        folder: of the fleet; absolute.
        identity: of model and settings.
        model: its name, for the remarks.
        microns_per_pixel, view: for the tasks.

    Raises:
        InputError: the folder holds a table that is none of a fleet.
    """
    earlier = {row.slide: row for row in read_fleet(folder)}
    rows, tasks = [], []
    names = _names(paths, folder, earlier)
    for place, (path, name) in enumerate(zip(paths, names, strict=True)):
        slide = shown_path(path)
        report = folder / name
        state = _state(path)
        known = _known(slide, report, earlier.get(slide))
        if known is not None and _holds(known, identity, state):
            rows.append(replace(known, name=name))
            continue
        row = SlideRow(slide, name, tries=_interrupted(earlier.get(slide)))
        if row.tries >= MOST_TRIES:
            reason = f"{slide}: the program ended {row.tries} times while it counted this slide"
            rows.append(replace(row.ended(FAILED, reason), identity=identity))
            continue
        rows.append(row)
        seen = state is not None
        tasks.append(
            SlideTask(place, path, row, str(report), identity, seen, microns_per_pixel, view)
        )
    # Those with which the program ended come last: they keep no other one from being counted.
    tasks.sort(key=lambda task: task.row.tries)
    return FleetPlan(tuple(rows), tuple(tasks), _remarks(rows, tasks, earlier, identity, model))


def _known(slide: str, report: Path, earlier: SlideRow | None) -> SlideRow | None:
    """What an earlier run found: its record beside the report, or a refusal in the table."""
    record = read_record(report)
    if record is not None and record.slide == slide and record.state == DONE:
        return record
    return earlier if earlier is not None and earlier.state == REFUSED else None


def _holds(row: SlideRow, identity: str, state: ContentState | None) -> bool:
    facts = (row.files, row.bytes, row.modified_ns)
    return row.identity == identity and state is not None and facts == tuple(state)


def _state(path: str) -> ContentState | None:
    if is_address(path):
        return None
    try:
        return content_state(Path(path))
    except InputError:
        return None


def _interrupted(row: SlideRow | None) -> int:
    """Counts of a slide during which the program ended."""
    return row.tries if row is not None and row.state == WAITING else 0


def _names(paths: Sequence[str], folder: Path, earlier: dict[str, SlideRow]) -> list[str]:
    """Folder of each report: the stem of the slide, with a number where several have it.

    A slide keeps the name that it has, whatever is named beside it now.
    """
    given = [earlier.get(shown_path(path)) for path in paths]
    taken = {row.name.casefold() for row in earlier.values()} | {TABLE, PAGE}
    names = []
    for path, row in zip(paths, given, strict=True):
        if row is not None:
            names.append(row.name)
            continue
        stem, number = _stem(path), 1
        name = stem
        while name.casefold() in taken or _is_of_another(folder / name, shown_path(path)):
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def _is_of_another(report: Path, slide: str) -> bool:
    record = read_record(report)
    return record is not None and record.slide != slide


def _stem(path: str) -> str:
    name = path.rstrip("/").rpartition("/")[2] if is_address(path) else os.path.basename(path)
    whole = shown_path(name if os.path.isdir(path) else os.path.splitext(name)[0])
    return whole.replace("/", "_").strip(". ") or "slide"


def _remarks(
    rows: Sequence[SlideRow],
    tasks: Sequence[SlideTask],
    earlier: dict[str, SlideRow],
    identity: str,
    model: str,
) -> tuple[str, ...]:
    lines = []
    done = sum(row.state == DONE for row in rows)
    if done and tasks:
        lines.append(f"an earlier run goes on: {done} of {len(rows)} slides are done")
    others = [
        row
        for task in tasks
        if (row := earlier.get(task.row.slide)) is not None
        and row.state == DONE
        and row.identity != identity
    ]
    if others:
        by = sorted({str(row.model) for row in others})
        what = f"by {', '.join(by)}" if by != [model] else "with other settings"
        lines.append(
            f"{len(others)} slides were counted {what}: they are counted again by {model}, and "
            "each earlier report stands until the new one is complete"
        )
    gone = [row for slide, row in earlier.items() if slide not in {one.slide for one in rows}]
    if gone:
        lines.append(
            f"{len(gone)} slides of an earlier run, such as {gone[0].slide}, are not named now: "
            "they leave the table, their reports stay"
        )
    return tuple(lines)
