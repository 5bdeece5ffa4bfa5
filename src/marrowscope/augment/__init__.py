"""Stain and geometry augmentation in one pass over a batch, the same code on CPU and GPU."""

from marrowscope.augment.apply import augment_batch
from marrowscope.augment.parameters import Parameters, draw_parameters
from marrowscope.augment.settings import AugmentationSettings

__all__ = ["AugmentationSettings", "Parameters", "augment_batch", "draw_parameters"]
