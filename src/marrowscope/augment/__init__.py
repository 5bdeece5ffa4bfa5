"""Stain and geometry augmentation in one pass over a batch, the same code on CPU and GPU."""

from marrowscope.augment.augmentation_settings import AugmentationSettings
from marrowscope.augment.batch_augmentation import augment_batch
from marrowscope.augment.random_parameters import AugmentationParameters, draw_parameters

__all__ = ["AugmentationParameters", "AugmentationSettings", "augment_batch", "draw_parameters"]
