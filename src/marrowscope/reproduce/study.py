"""A copy of the study's data → every part of the study, each done once, in one report."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from marrowscope._about import __version__
from marrowscope.dataset.discovery_rules import discovery_rules
from marrowscope.dataset.image_discovery import discover
from marrowscope.errors import InputError
from marrowscope.evaluation.class_mapping import load_mapping
from marrowscope.progress import Stage
from marrowscope.report.study_page import Section, write_study_page
from marrowscope.reproduce import analysis_steps, data_steps
from marrowscope.reproduce.data_steps import Study
from marrowscope.reproduce.study_folder import FinishedStep, StudyFolder
from marrowscope.training.run_setup import choose_device, choose_starting_point

TITLE = "The study of 171,374 bone-marrow cells (Matek et al., Blood 2021), reproduced"


@dataclass(frozen=True)
class ReproductionResult:
    """A finished reproduction: its page, and every part in order."""

    report: Path
    parts: tuple[FinishedStep, ...]


def reproduce(
    study: Study, stage: Stage | None = None, say: Callable[[str], None] | None = None
) -> ReproductionResult:
    """Do every part that is not done, and write the report.

    A killed run continues with the same call. A part that cannot be done with these data is
    named in the report with its reason; the others are done all the same.

    Args:
        study: what to reproduce.
        stage: progress; called with what is being done, gives ``advance(done, total=...)``.
        say: told one line per part.

    Raises:
        InputError: an option makes no sense, the folder holds something else, or there is no
            labelled image.
    """
    _refuse_nonsense(study)
    stage = stage or (lambda name: lambda *done, **total: None)
    workshop = StudyFolder(study.folder, say or (lambda line: None))
    workshop.claim(_settings(study))
    first = study.models[0]
    done = [
        workshop.step("data", "Data", "materials", partial(data_steps.data, study, stage), True)
    ]
    rest: list[tuple[str, str, str, Callable[[], Section]]] = [
        (
            f"crossval-{model}",
            f"Cross-validation: {model}",
            "Table 1, Figure 2",
            partial(data_steps.cross_validated, study, model, stage),
        )
        for model in study.models
    ]
    if study.holdout is not None:
        rest.append(
            (
                "robustness",
                f"Robustness: {first} with fewer training images",
                "70/30 check",
                partial(data_steps.robustness, study, first, stage),
            )
        )
    if len(study.models) > 1:
        rest.append(
            (
                "comparison",
                "Comparison of the models",
                "Figure 3B",
                partial(analysis_steps.comparison, study),
            )
        )
    rest += [
        (
            "external",
            "External validation",
            "Figure 4",
            partial(analysis_steps.external, study, stage),
        ),
        (
            "explanation",
            f"Explanation: {first}",
            "Figure 5",
            partial(analysis_steps.explanation, study, stage),
        ),
        (
            "embedding",
            f"Embedding: {first}",
            "Figure 6",
            partial(analysis_steps.embedding, study, stage),
        ),
        (
            "calibration",
            "Calibration and no-calls",
            "left to later work",
            partial(analysis_steps.calibration, study),
        ),
        (
            "noise",
            "Labels in doubt",
            "left to later work",
            partial(analysis_steps.label_issues, study),
        ),
    ]
    done += [workshop.step(*one) for one in rest]
    facts = {
        "data": str(study.data),
        "models": ", ".join(study.models),
        "recipe of the networks": _recipe(study),
        "folds": study.folds,
        "seed": study.seed,
        "computed in (last run of each part)": (
            f"{sum(one.seconds for one in done) / 60:.0f} minutes"
        ),
        "marrowscope": __version__,
    }
    page = write_study_page([one.section for one in done], study.folder, TITLE, facts)
    return ReproductionResult(page, tuple(done))


def _refuse_nonsense(study: Study) -> None:
    """Before the folder is claimed for these settings, and hours before a part would find it."""
    for model in study.models:
        choose_starting_point(model, None, None)
    choose_device(study.device)
    discovery_rules(laboratory_from=study.laboratory_from)
    images, mapping = study.external or (study.data, None)
    for place in (study.data, images):
        if not place.exists():
            raise InputError(f"{place}: no such file or folder")
    if mapping is not None:
        load_mapping(mapping)


def _recipe(study: Study) -> str:
    """Name and length: what is shortened must not look like the whole."""
    one = study.recipe
    images = (
        "as many as the largest class has"
        if one.target_per_class is None
        else (f"{one.target_per_class:,}")
    )
    return f"{one.name}, {one.epochs} epochs, images per class and epoch: {images}"


def _settings(study: Study) -> dict[str, Any]:
    """What a later call must agree with: the options, and the content of what they name."""
    images, mapping = study.external or (None, None)
    return {
        "data": str(study.data.resolve()),
        "list of images (files were added, changed or removed)": _files_of(study.data),
        "list of external images (files were added, changed or removed)": _files_of(images),
        "content of the mapping": (
            None if mapping is None else hashlib.sha256(mapping.read_bytes()).hexdigest()
        ),
        "models": list(study.models),
        "recipe": study.recipe.to_dict(),
        "folds": study.folds,
        "holdout": study.holdout,
        "seed": study.seed,
        "laboratory_from": study.laboratory_from,
        "external": None if study.external is None else [str(one) for one in study.external],
    }


def _files_of(place: Path | None) -> str | None:
    """Changes with names, sizes and times of the images of a data set."""
    if place is None:
        return None
    seen = hashlib.sha256()
    for found in discover([place]):
        try:
            facts = os.stat(found.path)
        except OSError:  # told by name when it is read
            seen.update(f"{found.path!r} -".encode("utf-8", "replace"))
            continue
        text = f"{found.path!r} {found.label} {facts.st_size} {facts.st_mtime_ns}"
        seen.update(text.encode("utf-8", "replace"))
    return seen.hexdigest()
