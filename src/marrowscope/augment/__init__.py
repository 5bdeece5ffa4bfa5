"""Stain and geometry augmentation in one pass over a batch, the same code on CPU and GPU."""

from marrowscope.augment.augmentation_parameters import (
    AugmentationParameters,
    AugmentationSettings,
    draw_parameters,
)
from marrowscope.augment.batch_augmentation import augment_batch

__all__ = ["AugmentationParameters", "AugmentationSettings", "augment_batch", "draw_parameters"]
