"""A small network that knows three classes, and cells of two of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import torch

from marrowscope.io.image_encoding import encode_png
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.morphology import OUTPUTS_22
from marrowscope.training.adaptation.network_features import image_batches
from marrowscope.training.adaptation.normalization_statistics import adapt_statistics

CARD = Card("old", "sequential", OUTPUTS_22, ("NGS", "EOS", "LYT"))
LEVELS = {"NGS": 150, "LYT": 110}  # of grey: near enough that a random network mixes them up


def small_bundle(**facts: object) -> Bundle:
    """With random weights; ``facts`` are of the card."""
    torch.manual_seed(0)
    network = create("sequential", len(OUTPUTS_22)).eval().requires_grad_(False)
    return Bundle(network, replace(CARD, **facts))  # type: ignore[arg-type]


def settled_bundle(table: pl.DataFrame) -> Bundle:
    """``small_bundle`` whose statistics are those of the images, so that it can learn."""
    bundle = small_bundle()
    images = torch.cat(list(image_batches(table, table.height, torch.device("cpu"), None)))
    return Bundle(adapt_statistics(bundle.model, [images], 1.0), bundle.card)


def grey_cells(folder: Path, of_each: int = 12) -> pl.DataFrame:
    """Images of one grey and a little noise, by class."""
    random, rows = np.random.default_rng(0), []
    folder.mkdir(exist_ok=True)
    for code, level in LEVELS.items():
        (folder / code).mkdir()
        for number in range(of_each):
            path = folder / code / f"{number}.png"
            image = random.normal(level, 8, (25, 25, 3)).repeat(10, 0).repeat(10, 1)
            path.write_bytes(encode_png(image.clip(0, 255).astype(np.uint8)))
            rows.append((f"{code}{number}", str(path), f"{code}{number}", code))
    return pl.DataFrame(rows, schema=["cell_id", "path", "sha256", "label"], orient="row")
