"""Fit a last layer on a backbone that stays as it is: a job in, the network out.

Features are computed once per image, one view, without augmentation. The last layer is a logistic
regression or the vote of the nearest training cells.
"""

import hashlib
import json

from marrowscope.errors import InputError
from marrowscope.models.architectures import LINEAR
from marrowscope.models.backbone import Backbone, backbone_from_file
from marrowscope.models.outputs import OutputMap
from marrowscope.training.linear_probe.backbone_features import backbone_features
from marrowscope.training.linear_probe.probe_heads import knn_head, linear_head, output_shares
from marrowscope.training.run_setup import StartingPoint
from marrowscope.training.training_job import FittedModel, TrainingJob

CACHE = "frozen"  # features, in the run folder or beside the store


def fit_linear_probe(job: TrainingJob) -> FittedModel:
    """Compute features, or take those in the cache, and fit the last layer.

    Args:
        job: its start names the backbone, its weights and the kind of last layer.

    Raises:
        InputError: the weights are not what they should be, or an image cannot be read.
    """
    start, data = job.start, job.data
    if start.weights is None or start.head is None:
        raise InputError(f"`model` {start.model}: needs `weights`, a file on disk")
    outputs = OutputMap(data.outputs, frozenset(data.known))
    network = backbone_from_file(start.model, start.weights, len(data.outputs))
    values = backbone_features(
        network,
        data.train,
        _made_by(network, start),
        job.feature_cache(CACHE),
        store=job.store,
        device=job.device,
        advance=job.hooks.steps,
    )
    fit = linear_head if start.head == LINEAR else knn_head
    shares = output_shares(outputs, data.known)
    head, choice = fit(values, data.targets(data.train), shares, job.seed)
    job.hooks.say(
        f"{values.shape[1]} features of {start.weights.name}, {start.head}: {choice.summary()}"
    )
    network = Backbone(network.transform, network.trunk, head).eval().requires_grad_(False)
    recipe = {
        "method": f"frozen features, {start.head}",
        "features": int(values.shape[1]),
        **choice.to_dict(),
        "seed": job.seed,
    }
    return FittedModel(network, recipe)


def _made_by(network: Backbone, start: StartingPoint) -> str:
    """Digest of all that decides the features: network, its tensors, transform."""
    facts = [start.model, start.identity()["weights_sha256"], network.transform.facts.to_dict()]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
