"""A copy of the study's data comes in; every table and figure of the study comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from marrowscope.api.arguments import AnyPath, Say, class_codes, optional_path
from marrowscope.api.recipe_choice import Changes, as_recipe
from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.reproduce.study_folder import FinishedStep
    from marrowscope.training.recipe import Recipe

_ROBUSTNESS = 0.3  # share that is held out in the study's check


@dataclass(frozen=True)
class ReproducedStudy:
    """A finished reproduction.

    Attributes:
        report: its page.
        parts: in their order, each with its section of the report.
    """

    report: Path
    parts: "tuple[FinishedStep, ...]"

    @property
    def table(self) -> pl.DataFrame:
        """One row per part: ``name``, ``title``, ``seconds``, and whether it ``failed``."""
        rows = [(one.name, one.section.title, one.seconds, one.failed) for one in self.parts]
        schema = {
            "name": pl.String,
            "title": pl.String,
            "seconds": pl.Float64,
            "failed": pl.Boolean,
        }
        return pl.DataFrame(rows, schema=schema, orient="row")

    @property
    def warnings(self) -> tuple[str, ...]:
        """Why parts failed."""
        return tuple(
            f"{one.section.title}: {line}"
            for one in self.parts
            if one.failed
            for line in one.section.missing
        )

    def to_dict(self) -> dict[str, Any]:
        """Every part as data for JSON."""
        return {
            "report": str(self.report),
            "parts": [
                {
                    "name": one.name,
                    "seconds": round(one.seconds, 1),
                    "failed": one.failed,
                    **one.section.to_dict(),
                }
                for one in self.parts
            ],
        }


def reproduce_study(
    data: AnyPath,
    output: AnyPath,
    *,
    models: Sequence[str] | str = ("sequential", "features"),
    folds: int = 5,
    robustness: bool = True,
    recipe: "Recipe | AnyPath" = "default",
    changes: Changes | None = None,
    external: AnyPath | None = None,
    mapping: AnyPath | None = None,
    laboratory_from: str | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Stage | None = None,
    say: Say | None = None,
) -> ReproducedStudy:
    """Reproduce the study: every table and figure beside the published numbers, in one report.

    A call that was killed goes on. What cannot be reproduced is listed with the reason.

    Args:
        data: the data set as published, or part of it.
        output: folder for all parts and the report.
        models: the main one first.
        folds: of the cross-validation.
        robustness: also train once on 70 % of the images.
        recipe: as for ``train``.
        changes: as for ``train``; ``{"target_per_class": 400}`` ends in an hour on two cores.
        external: images of another laboratory, in folders named by its classes.
        mapping: with ``external``: YAML or CSV, its classes → compatible classes.
        laboratory_from: where paths have the laboratory, as for ``index``; a list may say it too.
        seed: of splits and trainings.
        device: as for ``train``.
        progress: called with what begins, returns ``advance(done, total=...)``.
        say: is told in a line what a user should know.

    Raises:
        InputError: the extra is missing, no labelled image, or ``output`` holds something else.
    """
    require_extra("train", "reproducing the study")
    from marrowscope.reproduce.data_steps import Study
    from marrowscope.reproduce.study import reproduce

    names = class_codes(models)
    if not names:
        raise InputError(f"`models` {models!r}: name at least one model")
    images, classes = optional_path(external), optional_path(mapping)
    if (images is None) != (classes is None):
        raise InputError("`external` and `mapping` go together: images, and what their classes are")
    study = Study(
        Path(data),
        Path(output),
        names,
        as_recipe(recipe, changes, names[0]),
        folds,
        _ROBUSTNESS if robustness else None,
        seed,
        device,
        None if images is None or classes is None else (images, classes),
        laboratory_from,
    )
    made = reproduce(study, progress, say)
    return ReproducedStudy(made.report, made.parts)
