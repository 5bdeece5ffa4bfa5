"""The whole way in a few minutes: images, index, split, a short training, an honest report.

Without data it draws synthetic cells; with ``data`` it does the same on real images. The training
is far too short for a good classifier: the demo shows the way, not what can be reached.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marrowscope.cells import write_cells
from marrowscope.dataset.indexing import index
from marrowscope.dataset.splitting import hold_out
from marrowscope.errors import InputError
from marrowscope.evaluation.evaluate_predictions import evaluate
from marrowscope.evaluation.evaluation_result import Evaluation
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.bundle import load_bundle
from marrowscope.phantom.synthetic_dataset import LIST, write_dataset
from marrowscope.progress import Stage
from marrowscope.report.evaluation_page import write_report
from marrowscope.training.networks.train_network import train
from marrowscope.training.networks.trainer import TrainingHooks
from marrowscope.training.recipe import load_recipe
from marrowscope.training.training_cells import select_training_cells

CELLS_PER_CLASS = 40  # synthetic images of each class
TEST_SHARE = 0.25
EPOCHS = 6
IMAGES_PER_EPOCH = 2100  # augmented; two cores see about 150 a second


@dataclass(frozen=True)
class Demo:
    """Where the demo left its things."""

    report: Path
    bundle: Path
    result: Evaluation


def run_demo(
    folder: Path, data: Path | None = None, seed: int = 0, stage: Stage | None = None
) -> Demo:
    """Run the demo in ``folder``.

    Args:
        folder: is made; it must be empty or hold an earlier demo's beginning.
        data: folder or list of labelled images; None draws synthetic cells.
        seed: of drawing, split and training.
        stage: called with the name of each stage; returns where its progress goes.

    Raises:
        InputError: ``folder`` holds something else, or the images cannot be used.
    """
    stage = stage or (lambda name: lambda *done, **total: None)
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: is not empty; choose another folder with -o")
    if data is None:
        write_dataset(folder / "phantom", CELLS_PER_CLASS, seed, advance=stage("drawing cells"))
        data = folder / "phantom" / LIST
    table = index([data], folder / "cells.parquet", advance=stage("indexing"))
    split = hold_out(table, TEST_SHARE, seed)
    write_cells(split.table, folder / "split.parquet")
    recipe = load_recipe("default")
    classes = len(select_training_cells(split.table).known)
    recipe = replace(
        recipe,
        name="demo (short)",
        epochs=EPOCHS,
        target_per_class=max(1, IMAGES_PER_EPOCH // classes),
        average=0.98,  # a short training forgets its first steps sooner
    )
    hooks = TrainingHooks(stage("stain vectors"), stage("decoding"), stage("training steps"))
    train(split.table, "sequential", recipe, folder / "run", name="demo", seed=seed,
          hooks=hooks)  # fmt: skip
    bundle = load_bundle(folder / "run" / "bundle")
    held_out = select_training_cells(split.table).held_out
    advance = stage("predicting held-out cells")
    predictions = predict_table(TorchEngine(bundle), held_out, advance=advance)
    write_cells(predictions, folder / "predictions.parquet")
    result = evaluate(predictions, seed=seed)
    facts: dict[str, Any] = {
        "model": "sequential, trained for the demo only",
        "training": f"{EPOCHS} short epochs; far from what the recipe reaches",
        "trained on": f"{sum(bundle.card.data['images'].values())} images of {classes} classes",
        "split": bundle.card.split["method"],
    }
    title = "marrowscope demo: " + ("synthetic cells" if result.synthetic else "your images")
    write_report(result, predictions, folder / "report", title, facts)
    return Demo(folder / "report" / "report.html", folder / "run" / "bundle", result)
