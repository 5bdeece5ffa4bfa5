"""Many slides come in; a report for each, and one table of all, come out."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.api.arguments import AnyPath, Say, cluster_choice, path_list
from marrowscope.api.classifier import Model, as_model
from marrowscope.api.smear_counting import smear_counter
from marrowscope.errors import InputError
from marrowscope.fleet import slide_search
from marrowscope.fleet.fleet_identity import fleet_facts, fleet_identity
from marrowscope.fleet.fleet_plan import plan_fleet
from marrowscope.fleet.fleet_run import in_turn, run_fleet
from marrowscope.fleet.fleet_table import DONE, PAGE, STATES, TABLE, SlideRow, fleet_frame
from marrowscope.fleet.slide_search import FoundSlides
from marrowscope.fleet.worker_slides import WorkerSetup, on_cluster
from marrowscope.inference.resume_cache import prediction_identity
from marrowscope.preprocessing import require_pixel_size
from marrowscope.progress import Stage
from marrowscope.report.count.count_data import report_summary
from marrowscope.slides.source_kind import View


@dataclass(frozen=True)
class Fleet:
    """What became of many slides.

    Attributes:
        folder: with a report for each slide, ``fleet.parquet`` and ``fleet.html``.
        rows: one for every slide that was named, in that order.
        remarks: what a user should know beside them.
    """

    folder: Path
    rows: tuple[SlideRow, ...]
    remarks: tuple[str, ...] = ()

    @property
    def table(self) -> pl.DataFrame:
        """One row per slide: ``slide``, ``state``, ``reason``, ``cells``, ``blasts`` and so on."""
        return fleet_frame(self.rows)

    @property
    def page(self) -> Path:
        """The table for readers, with a link to every report."""
        return self.folder / PAGE

    @property
    def states(self) -> dict[str, int]:
        """Slides by what became of them."""
        found = Counter(row.state for row in self.rows)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def failed(self) -> tuple[str, ...]:
        """One line for every slide that is not done."""
        return tuple(
            row.reason or f"{row.slide}: not counted yet" for row in self.rows if row.state != DONE
        )

    def to_dict(self) -> dict[str, Any]:
        """Every slide as data for JSON, with the numbers of its report."""
        smears = [report_summary(self.folder / row.name) for row in self.rows if row.state == DONE]
        return {
            "fleet": {
                "folder": str(self.folder),
                "table": str(self.folder / TABLE),
                "page": str(self.page),
                "states": self.states,
                "slides": [row.to_dict() for row in self.rows],
            },
            "smears": smears,
            "failed": list(self.failed),
        }

    def __repr__(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.states.items())
        return f"<fleet of {len(self.rows)} slides in {self.folder}: {states}>"


def find_slides(
    sources: AnyPath | Sequence[AnyPath],
    *,
    alone: bool = False,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
) -> FoundSlides | None:
    """The slides that sources name; None where they are one smear, for ``count``.

    Args:
        sources: slides, folders of slides, patterns with ``*``, lists of slides (.txt with a path
            per line, .csv or .tsv with a column ``slide`` or ``path``).
        alone: whether a single slide is one of many, too.
        microns_per_pixel, taken_as: as for ``count``.

    Raises:
        InputError: a pattern, folder or list without a slide, or a folder that mixes slides and
            fields.
    """
    names = [os.fspath(one) for one in path_list(sources)]
    if microns_per_pixel is not None:
        require_pixel_size(microns_per_pixel)
    return slide_search.find_slides(names, alone, microns_per_pixel, View.named(taken_as))


def count_fleet(
    sources: AnyPath | Sequence[AnyPath] | FoundSlides,
    model: Model | AnyPath | None = None,
    *,
    output: AnyPath,
    cells: int = 500,
    microns_per_pixel: float | None = None,
    taken_as: str | None = None,
    held_out: AnyPath | None = None,
    min_confidence: float | None = None,
    remarks: Sequence[str] = (),
    seed: int = 0,
    pdf: bool = False,
    geojson: bool = False,
    laboratory: str | None = None,
    novelty: bool = True,
    cluster: str | None = None,
    per_task: Sequence[str] = (),
    progress: Stage | None = None,
    finished: Callable[[SlideRow], None] | None = None,
    say: Say | None = None,
) -> Fleet:
    """Count many slides, each with a report; called again, it does what is missing or changed.

    The arguments that are not listed are those of ``count``.

    Args:
        sources: as for ``find_slides``, or what it found.
        output: folder for a report of each slide, ``fleet.parquet`` and ``fleet.html``.
        cluster: count on Dask workers (extra cluster): ``local``, ``local:N``, the address of a
            scheduler, or the file that it wrote. The counts are the same.
        per_task: what each count gets there: ``threads=N``, ``memory=8GB``, ``GPU=1``.
        finished: is told of every slide that came to its end now.
        say: is told in a line what a user should know before.

    Returns:
        A row for every slide that was named: done, refused with its reason, or failed.

    Raises:
        InputError: no slide, fields instead of slides, a setting out of range, a cluster that
            cannot be used, or a table that cannot be written or belongs to something else. Never
            because of one slide.
    """
    view = View.named(taken_as)
    workers = cluster_choice(cluster, per_task)
    found = (
        sources
        if isinstance(sources, FoundSlides)
        else find_slides(
            sources, alone=True, microns_per_pixel=microns_per_pixel, taken_as=taken_as
        )
    )
    if found is None:
        raise InputError("`sources` are fields, which together are one smear; count them alone")
    chosen = as_model(model)
    counter = smear_counter(
        chosen, cells, microns_per_pixel, held_out, min_confidence, remarks, seed, output, pdf,
        geojson, laboratory, novelty,
    )  # fmt: skip
    folder = Path(os.path.abspath(output))
    facts = fleet_facts(
        chosen.name, chosen.engine.name, counter.settings, counter.reports, microns_per_pixel, view
    )
    made_by = prediction_identity(chosen.bundle, chosen.engine.name, chosen.calibrated)
    identity = fleet_identity(made_by, counter.settings, facts)
    plan = plan_fleet(found.paths, folder, identity, chosen.name, microns_per_pixel, view)
    told = (*found.passed_over, *plan.remarks)
    speak: Say = say if say is not None else lambda line: None
    for line in told:
        speak(line)
    if workers is None:
        results = in_turn(plan.tasks, counter, progress)
    else:
        setup = WorkerSetup(
            chosen.choice, counter.settings, counter.reports, str(folder), workers.threads
        )
        results = on_cluster(plan.tasks, setup, workers, speak)
    return Fleet(Path(output), run_fleet(plan, folder, facts, results, finished), told)
