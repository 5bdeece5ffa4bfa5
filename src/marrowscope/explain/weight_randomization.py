"""A network and cells → whether explanations depend on its weights (Adebayo et al. 2018).

Weights are replaced by random ones from the last layer down to the first, each time keeping those
already replaced. An explanation of the network must fall apart on the way; one that stays the same
shows edges of the image and nothing of the network.
"""

import copy
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.explain.attribution import METHODS, AttributionMap
from marrowscope.models.bundle import Bundle

LEARNED = "learned"
SAMPLES = 16  # of SmoothGrad: many maps are made
STEPS = 12  # in which a network is made random


def cascading_randomization(
    bundle: Bundle, cells: Sequence[tuple[NDArray[np.uint8], str]], seed: int = 0
) -> pl.DataFrame:
    """Similarity of explanations to those of the learned network, as weights become random.

    Args:
        bundle: a network.
        cells: images (H, W, 3) uint8 RGB with the class that is explained.
        seed: of the random weights.

    Returns:
        One row per method and step: ``method``, ``step`` (0 = learned), ``layer`` replaced last,
        ``spearman`` (rank correlation of the pixels) and ``ssim`` (structural similarity of maps
        scaled to 0…1), means over the cells.
    """
    first = explain_all(bundle, cells)
    model = copy.deepcopy(bundle.model)
    random = Bundle(model, bundle.card)
    rows = [(name, 0, LEARNED, 1.0, 1.0) for name in METHODS]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for step, (layer, modules) in enumerate(_learned_layers(model), start=1):
            for module in modules:
                module.reset_parameters()
            for name in METHODS:
                maps = [_explain(name, random, *cell) for cell in cells]
                rows.append((name, step, layer, *similarity(first[name], maps)))
    schema = ["method", "step", "layer", "spearman", "ssim"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def explain_all(
    bundle: Bundle, cells: Sequence[tuple[NDArray[np.uint8], str]]
) -> dict[str, list[AttributionMap]]:
    """Maps of all cells per method, with the class that is explained."""
    return {name: [_explain(name, bundle, *cell) for cell in cells] for name in METHODS}


def similarity(
    first: Sequence[AttributionMap], second: Sequence[AttributionMap]
) -> tuple[float, float]:
    """Mean Spearman correlation and SSIM of pairs of maps, nan where a map is even."""
    from scipy.stats import spearmanr
    from skimage.metrics import structural_similarity

    ranks, structures = [], []
    for one, two in zip(first, second, strict=True):
        if np.ptp(one) == 0 or np.ptp(two) == 0:
            continue
        ranks.append(float(spearmanr(one.ravel(), two.ravel()).statistic))
        structures.append(float(structural_similarity(_scaled(one), _scaled(two), data_range=1.0)))
    if not ranks:
        return float("nan"), float("nan")
    return float(np.mean(ranks)), float(np.mean(structures))


def _scaled(values: AttributionMap) -> AttributionMap:
    """To 0…1; the brightest hundredth is cut, so that one pixel does not decide."""
    top = float(np.percentile(values, 99)) or float(values.max())
    return np.asarray(np.clip(values / top, 0, 1), dtype=np.float32)


def _explain(name: str, bundle: Bundle, image: NDArray[np.uint8], code: str) -> AttributionMap:
    options: dict[str, Any] = {"samples": SAMPLES} if name == "SmoothGrad" else {}
    return METHODS[name](bundle, image, code, **options)


def _learned_layers(model: nn.Module) -> list[tuple[str, list[Any]]]:
    """Layers with weights, the last first, in at most ``STEPS`` groups named by their first."""
    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, kinds)]
    found.reverse()
    bounds = np.unique(np.linspace(0, len(found), min(STEPS, len(found)) + 1).astype(int))
    return [
        (found[high - 1][0], [module for _, module in found[low:high]])
        for low, high in pairwise(bounds.tolist())
    ]
