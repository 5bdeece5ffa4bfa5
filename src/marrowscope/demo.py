"""The whole way in two minutes: from labelled cells to a judged model, from a slide to a count.

Without data it draws synthetic cells; with ``data`` it does the same on real images, up to the
judged model. The training is far too short for a good classifier: the demo shows the way, not what
can be reached. Where the extra ``train`` is not installed the shipped model takes its place.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from marrowscope.cells import read_cells, write_cells
from marrowscope.counting.count_smear import CountSettings, count_smear
from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import open_smears
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.evaluation_result import Evaluation
from marrowscope.extras import install_line, missing_modules
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models import DEFAULT_MODEL, SMALL_MODEL
from marrowscope.models.bundle import WEIGHTS, load_bundle
from marrowscope.phantom.marked_images import LIST
from marrowscope.phantom.synthetic_dataset import write_dataset
from marrowscope.phantom.synthetic_slide import SlideSettings, write_slide
from marrowscope.progress import Stage
from marrowscope.report.count.count_report import write_count_report
from marrowscope.report.evaluation_page import write_report

CELLS_PER_CLASS = 40  # synthetic images of each class
TEST_SHARE = 0.25
EPOCHS = 4
IMAGES_PER_EPOCH = 1260  # augmented
SLIDE_SIDE = 8000  # px, .7 mm
SLIDE_CELLS_PER_MM2 = 5000.0  # a cellular marrow, so that a small slide has enough cells
SLIDE_CELLS = 200  # countable ones, with which the count ends


@dataclass(frozen=True)
class Demo:
    """Where the demo left its things.

    Attributes:
        table: of the cells, with their split.
        cells: how many of them could be used.
        bundle: the model that was trained; None: the shipped one was taken.
        report: page of the evaluation.
        result: of the evaluation.
        count: of the synthetic slide; None for images of one's own.
        count_report: page of that count.
    """

    table: Path
    cells: int
    bundle: Path | None
    report: Path
    result: Evaluation
    count: SmearCount | None
    count_report: Path | None


def run_demo(
    folder: Path, data: Path | None = None, seed: int = 0, stage: Stage | None = None
) -> Demo:
    """Run the demo in ``folder``.

    Args:
        folder: is made; it must be empty or hold an earlier demo's beginning.
        data: folder or list of labelled images; None draws synthetic cells and a slide.
        seed: of drawing, split and training.
        stage: called with the name of each stage; returns where its progress goes.

    Raises:
        InputError: ``folder`` holds something else, or the images cannot be used.
    """
    stage = stage or (lambda name: lambda *done, **total: None)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; choose another folder")
    source = data
    if source is None:
        write_dataset(folder / "phantom", CELLS_PER_CLASS, seed, advance=stage("drawing cells"))
        source = folder / "phantom" / LIST
    table = index([source], folder / "cells.parquet", advance=stage("indexing"))
    split = hold_out(table, TEST_SHARE, seed).table
    write_cells(split, folder / "split.parquet")
    trains = not missing_modules("train")
    if trains:
        predictions, facts = _trained(split, folder / "run", seed, stage)
    else:
        predictions, facts = _shipped(split, stage)
    write_cells(predictions, folder / "predictions.parquet")
    result = evaluate(predictions, seed=seed)
    title = "marrowscope demo: " + ("synthetic cells" if result.synthetic else "your images")
    write_report(result, predictions, folder / "report", title, facts)
    bundle = folder / "run" / "bundle" if trains else None
    counted = None if data is not None else _count(folder, bundle or DEFAULT_MODEL, seed, stage)
    return Demo(
        folder / "split.parquet",
        split.height,
        bundle,
        folder / "report" / "report.html",
        result,
        counted,
        None if counted is None else folder / "count" / "report.html",
    )


def _trained(
    split: pl.DataFrame, run: Path, seed: int, stage: Stage
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Held-out answers of a model that starts from the shipped one, and facts for the report."""
    from marrowscope.training.hooks import TrainingHooks
    from marrowscope.training.recipe import load_recipe
    from marrowscope.training.run_folder import PREDICTIONS
    from marrowscope.training.train import train
    from marrowscope.training.training_cells import select_training_cells

    classes = len(select_training_cells(split).known)
    recipe = replace(
        load_recipe("default"),
        name="demo (short)",
        epochs=EPOCHS,
        target_per_class=max(1, IMAGES_PER_EPOCH // classes),
        average=0.97,  # a short training forgets its first steps sooner
        views=1,  # of eight: each cell is looked at once
    )
    start = load_bundle(SMALL_MODEL).folder
    assert start is not None  # a shipped bundle is a folder
    hooks = TrainingHooks(stage("stain vectors"), stage("decoding"), stage("training steps"))
    train(
        split,
        "sequential",
        recipe,
        run,
        name="demo",
        seed=seed,
        hooks=hooks,
        weights=start / WEIGHTS,
    )
    card = load_bundle(run / "bundle").card
    return read_cells(run / PREDICTIONS), {
        "model": "sequential, trained for the demo only",
        "training": f"{EPOCHS} short epochs from {SMALL_MODEL}; far from what the recipe reaches",
        "trained on": f"{sum(card.data['images'].values())} images of {classes} classes",
        "split": card.split["method"],
    }


def _shipped(split: pl.DataFrame, stage: Stage) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Answers of the shipped model for the held-out cells, and facts for the report."""
    bundle = load_bundle(DEFAULT_MODEL)
    engine, _ = choose_engine(bundle)
    held_out = split.filter(pl.col("split") == "test")
    known = ", ".join(bundle.card.known)
    return predict_table(engine, held_out, advance=stage("predicting held-out cells")), {
        "model": f"{DEFAULT_MODEL}, as it comes with the package; it knows {known} only",
        "training": f"none: that needs {install_line('train')}",
    }


def _count(folder: Path, model: Path | str, seed: int, stage: Stage) -> SmearCount:
    """Draw a slide, count it, write the report of the count."""
    settings = SlideSettings(
        width=SLIDE_SIDE, height=SLIDE_SIDE, cells_per_mm2=SLIDE_CELLS_PER_MM2, per_class=20
    )
    slide = folder / "slide" / "slide.tif"
    write_slide(slide, settings, seed, advance=stage("drawing a slide"))
    bundle = load_bundle(model)
    engine, said = choose_engine(bundle)
    (smear,), _ = open_smears([slide])
    counted = count_smear(
        smear, engine, bundle.card, CountSettings(SLIDE_CELLS, seed=seed), stage, said
    )
    write_count_report(counted, folder / "count", pdf=False)
    return counted
