"""A backbone that stays as it is, with a last layer fitted on its features; a run folder as usual.

Features are computed once per image, one view, without augmentation. The last layer is a logistic
regression or the vote of the nearest training cells.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from marrowscope.cells import write_cells
from marrowscope.dataset.pixel_store import PixelStore
from marrowscope.errors import InputError
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.torch_engine import TorchEngine
from marrowscope.models.architectures import LINEAR
from marrowscope.models.backbone import Backbone, backbone_from_file
from marrowscope.models.bundle import Bundle, save_bundle
from marrowscope.models.card import Card
from marrowscope.models.outputs import OutputMap
from marrowscope.training.linear_probe.backbone_features import backbone_features
from marrowscope.training.linear_probe.probe_heads import knn_head, linear_head, output_shares
from marrowscope.training.networks.trainer import TrainingHooks
from marrowscope.training.run_folder import BUNDLE, PREDICTIONS, prepare_folder, read_run, write_run
from marrowscope.training.run_setup import StartingPoint, card_for
from marrowscope.training.training_cells import TrainingData
from marrowscope.training.validation import strict_scores

CACHE = "frozen"


def train_linear_probe(
    data: TrainingData,
    start: StartingPoint,
    wanted: dict[str, Any],
    folder: Path,
    name: str,
    *,
    seed: int = 0,
    resume: bool = False,
    device: str = "cpu",
    hooks: TrainingHooks | None = None,
    store: PixelStore | None = None,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Train and write the run folder; returns the held-out metrics.

    Args:
        data: training and held-out cells.
        start: the backbone, its weights and the kind of last layer.
        wanted: what a resume must agree with.
        folder: the run folder.
        name: of the model in its card.
        seed: of the folds of the search.
        resume: go on; features that were computed are in the cache.
        device: that computes features and predictions, ``cpu`` or ``cuda``.
        hooks: progress.
        store: to take pixels from.
        cache: folder of features, for all runs on the same cells; default: in the run folder.

    Raises:
        InputError: the weights are not what they should be, an image cannot be read, or another
            run's folder.
    """
    hooks = hooks or TrainingHooks()
    if start.weights is None or start.head is None:
        raise InputError(f"--model {start.model}: needs --weights FILE")
    outputs = OutputMap(data.outputs, frozenset(data.known))
    network = backbone_from_file(start.model, start.weights, len(data.outputs))
    metrics = prepare_folder(folder, wanted, resume)
    if metrics is not None:
        return metrics
    values = backbone_features(
        network, data.train, _made_by(network, start), cache or folder / CACHE,
        store=store, device=device, advance=hooks.steps,
    )  # fmt: skip
    made = linear_head if start.head == LINEAR else knn_head
    head, choice = made(values, data.targets(data.train), output_shares(outputs, data.known), seed)
    hooks.say(
        f"{values.shape[1]} features of {start.weights.name}, {start.head}: {choice.summary()}"
    )
    network = Backbone(network.transform, network.trunk, head).eval().requires_grad_(False)
    recipe = {
        "method": f"frozen features, {start.head}",
        "features": int(values.shape[1]),
        **choice.to_dict(),
        "seed": seed,
    }
    card = Card(name, start.model, data.outputs, data.known, views=1, recipe=recipe,
                data=data.description, split=data.split)  # fmt: skip
    card = card_for(start, card, network)
    metrics = {}
    if data.held_out.height:
        engine = TorchEngine(Bundle(network, card), device)
        predictions = predict_table(engine, data.held_out)
        write_cells(predictions, folder / PREDICTIONS, card.architecture)
        metrics = strict_scores(predictions)
    save_bundle(network, Card(**{**vars(card), "metrics": metrics}), folder / BUNDLE)
    write_run(folder, {**read_run(folder), "finished": True, "metrics": metrics})
    return metrics


def _made_by(network: Backbone, start: StartingPoint) -> str:
    """Digest of all that decides the features: network, its tensors, transform."""
    facts = [start.model, start.identity()["weights_sha256"], network.transform.facts.to_dict()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
