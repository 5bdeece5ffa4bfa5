"""The end of every training: a fitted model in; predictions, card, bundle and run.json out."""

from dataclasses import replace
from typing import Any

from marrowscope.cells import write_cells
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.inference.training_appearance import FACTS
from marrowscope.models.bundle import Bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.training.run_folder import BUNDLE, CHECKPOINT, PREDICTIONS, read_run, write_run
from marrowscope.training.run_setup import card_for
from marrowscope.training.training_job import FittedModel, TrainingJob, TrainingResult
from marrowscope.training.training_quantiles import training_quantiles
from marrowscope.training.validation import strict_scores


def finish_run(job: TrainingJob, fitted: FittedModel) -> TrainingResult:
    """Predict the held-out cells, and write predictions, bundle and the end of ``run.json``.

    Args:
        job: what was asked for.
        fitted: of the trainer.

    Raises:
        InputError: a file cannot be written.
    """
    data, folder = job.data, job.folder
    card = Card(
        job.name,
        job.start.model,
        data.outputs,
        data.known,
        views=fitted.views,
        recipe=fitted.recipe,
        data=data.description | {FACTS: training_quantiles(data.train, job.store)},
        split=data.split,
    )
    card = card_for(job.start, card, fitted.model)
    metrics: dict[str, Any] = {}
    if data.held_out.height:
        engine = TorchEngine(Bundle(fitted.model, card), job.device)
        predictions = predict_table(engine, data.held_out, advance=fitted.predicting)
        write_cells(predictions, folder / PREDICTIONS, card.architecture)
        metrics = {**strict_scores(predictions), **fitted.more_metrics()}
    save_bundle(fitted.model, replace(card, metrics=metrics), folder / BUNDLE)
    finished: dict[str, Any] = {"finished": True, "metrics": metrics}
    if fitted.throughput is not None:
        finished["throughput"] = fitted.throughput.to_dict()
    write_run(folder, {**read_run(folder), **finished})
    (folder / CHECKPOINT).unlink(missing_ok=True)
    return TrainingResult(folder, metrics, fitted.throughput)
