"""One slide of a fleet: a task goes in, its report is written, its row comes out.

Plain data in and out, so that another process, here or on another machine, can do it.
"""

import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import open_smears
from marrowscope.errors import InputError
from marrowscope.fleet.fleet_table import DONE, FAILED, REFUSED, SlideRow
from marrowscope.fleet.slide_content import ContentState, content_sha256, content_state
from marrowscope.fleet.slide_record import read_record, record_bytes
from marrowscope.fleet.smear_counter import SmearCounter
from marrowscope.io.atomic import replacing
from marrowscope.progress import Stage
from marrowscope.report.count.count_report import RECORD, require_count_folder
from marrowscope.slides.source_kind import View


@dataclass(frozen=True)
class SlideTask:
    """A slide that is to be counted.

    Attributes:
        place: of its row in the fleet.
        path: of the slide; absolute.
        row: as it is now.
        folder: for its report; absolute.
        identity: of model and settings.
        seen: whether the driver sees the slide.
        microns_per_pixel, view: as for ``open_smears``.
    """

    place: int
    path: str
    row: SlideRow
    folder: str
    identity: str
    seen: bool = True
    microns_per_pixel: float | None = None
    view: View | None = None


def this_process() -> str:
    """Name of the machine and number of the process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def count_slide(task: SlideTask, counter: SmearCounter, progress: Stage | None = None) -> SlideRow:
    """Count a slide and write its report, unless one of the same content stands there.

    Never raises for what is wrong with the slide, the folder or the disk: the row says it.
    """
    began = time.perf_counter()
    row = replace(
        task.row.waiting(task.row.tries),
        worker=this_process(),
        model=counter.card.name,
        engine=counter.engine.name,
        identity=task.identity,
    )
    try:
        return _counted(task, row, counter, progress, began)
    except Exception as error:  # a mistake of ours, or no memory: the other slides go on
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        return _timed(row.ended(FAILED, f"{row.slide}: {reason}"), began)


def _counted(
    task: SlideTask, row: SlideRow, counter: SmearCounter, progress: Stage | None, began: float
) -> SlideRow:
    path, folder = Path(task.path), Path(task.folder)
    try:
        require_count_folder(folder)
    except InputError as error:
        return _timed(row.ended(FAILED, str(error)), began)
    try:
        state = content_state(path)
        if state is None and task.seen:
            reason = (
                f"{row.slide}: {row.worker} does not see this slide; put it where all machines of "
                "the cluster see it under this path"
            )
            return _timed(row.ended(FAILED, reason), began)
        if state is not None:
            row = _with_content(row, state, content_sha256(path))
            earlier = read_record(folder)
            if earlier is not None and _same(earlier, row):
                return _kept(replace(earlier, name=row.name), row, folder)
        smears, _ = open_smears([path], task.microns_per_pixel, task.view)
        smear = replace(smears[0], name=row.name)
        if smear.slide.fields:
            raise InputError(f"{row.slide}: a field image, not a slide; count fields by themselves")
        made = counter.count(smear, progress)
        changed = content_state(path) != state
    except InputError as error:
        return _timed(row.ended(REFUSED, str(error)), began)
    if changed:
        reason = f"{row.slide}: was changed while it was counted"
        return _timed(row.ended(FAILED, reason), began)
    row = _timed(_with_result(row, made), began)
    try:
        counter.write(made, folder, record_bytes(row))
    except InputError as error:
        return _timed(row.ended(FAILED, str(error)), began)
    return row


def _same(earlier: SlideRow, row: SlideRow) -> bool:
    facts = ("slide", "sha256", "identity")
    return earlier.state == DONE and all(getattr(earlier, o) == getattr(row, o) for o in facts)


def _kept(earlier: SlideRow, row: SlideRow, folder: Path) -> SlideRow:
    """The report of an earlier run with the size and time that the slide has now."""
    made = replace(earlier, files=row.files, bytes=row.bytes, modified_ns=row.modified_ns)
    with replacing(folder / RECORD) as temporary:
        temporary.write_bytes(record_bytes(made))
    return made


def _with_content(row: SlideRow, state: ContentState, digest: str) -> SlideRow:
    return replace(
        row, files=state.files, bytes=state.size, modified_ns=state.modified_ns, sha256=digest
    )


def _with_result(row: SlideRow, count: SmearCount) -> SlideRow:
    differential = count.differential
    blasts = differential.blasts
    known = blasts.known and differential.tally.countable > 0
    shares = (blasts.counted.value, blasts.counted.low, blasts.counted.high)
    value, low, high = shares if known else (None, None, None)
    return replace(
        row,
        state=DONE,
        cells=differential.tally.countable,
        blasts=value,
        blasts_low=low,
        blasts_high=high,
        remarks=len(count.remarks),
        engine=count.engine,
    )


def _timed(row: SlideRow, began: float) -> SlideRow:
    return replace(row, seconds=round(time.perf_counter() - began, 2))
