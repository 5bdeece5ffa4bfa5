"""Labelled cells and a network whose last layer fits them → the network, trained as a whole.

The last layer comes first, because one that does not fit would distort the layers below it (Kumar
et al., ICLR 2022). Then all weights learn, slowly and for a fixed number of steps, from
turned, shifted and restained images of the cells. Normalization keeps its statistics: they were
measured on more images than these.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import nll_loss

from marrowscope.augment import AugmentationSettings, augment_batch, draw_parameters
from marrowscope.errors import InputError
from marrowscope.models.outputs import OutputMap
from marrowscope.progress import Advance
from marrowscope.training.networks.virtual_epoch import virtual_epoch
from marrowscope.training.pixel_source import PixelSource

BATCH = 32
# Chosen by measurement (docs/adaptation.md).
RATE = 3e-4
STEPS = 80
WARM = 0.1  # share of the steps in which the rate rises
DECAY = 0.05
AUGMENTATION = AugmentationSettings(
    shift=0.08, shear=0.1, zoom=0.15, stain_scale=0.1, stain_shift=0.05, light=0.03
)


@dataclass(frozen=True)
class Lessons:
    """Labelled cells as a training sees them.

    Attributes:
        pixels: of N cells.
        stains: (N, 6) float32 stain vectors.
        labels: (N,) int64, places in the classes of the model; all of them known.
    """

    pixels: PixelSource
    stains: NDArray[np.float32]
    labels: NDArray[np.int64]


def fine_tune(
    network: nn.Module,
    lessons: Lessons,
    rows: NDArray[np.int64],
    outputs: OutputMap,
    *,
    seed: int,
    steps: int = STEPS,
    rate: float = RATE,
    advance: Advance | None = None,
) -> nn.Module:
    """Train a copy of a network; classes weigh the same whatever their number of cells.

    Args:
        network: in evaluation mode, on the device that trains; is not changed.
        lessons: cells.
        rows: (M,) those that teach.
        outputs: what the outputs of the network stand for.
        seed: of the order of the images and of their augmentation.
        steps: of ``BATCH`` images.
        rate: of learning, at its peak.
        advance: progress in steps.

    Raises:
        InputError: the loss is not finite.
    """
    trained = copy.deepcopy(network).eval().requires_grad_(True)
    # As the images come: twice as fast on a processor.
    trained.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    place = next(trained.parameters()).device
    present, targets = np.unique(lessons.labels[rows], return_inverse=True)
    parameters = list(trained.parameters())
    optimizer = torch.optim.AdamW(
        [
            {"params": [one for one in parameters if one.ndim > 1], "weight_decay": DECAY},
            {"params": [one for one in parameters if one.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=rate,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=steps, pct_start=WARM, cycle_momentum=False
    )
    per_class = -(-steps * BATCH // len(present))
    order = rows[virtual_epoch(targets, per_class, seed, 0)][: steps * BATCH]
    stains = torch.from_numpy(lessons.stains)
    for step in range(steps):
        positions = np.arange(step * BATCH, (step + 1) * BATCH)
        chosen = order[positions]
        images, where = lessons.pixels.batch(chosen)
        drawn = draw_parameters(AUGMENTATION, seed, 0, positions)
        batch = augment_batch(
            images.to(place),
            stains[chosen].to(place),
            drawn.to(place),
            None if where is None else where.to(place),
        )
        wanted = torch.from_numpy(lessons.labels[chosen]).to(place)
        with torch.enable_grad():
            with torch.autocast(place.type, torch.bfloat16):
                logits = trained(batch)
            loss = nll_loss(outputs.log_probabilities(logits), wanted)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        if not bool(torch.isfinite(loss)):
            raise InputError("the loss of the training is not finite; the model is damaged")
        optimizer.step()
        schedule.step()
        if advance is not None:
            advance(1, total=steps)
    return trained.requires_grad_(False)
