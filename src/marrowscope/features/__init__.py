"""Hand-made measurements of a cell: where it is in its image, and numbers with names and units."""

from marrowscope.features.catalogue import Feature, catalogue
from marrowscope.features.measure import VERSION, measure
from marrowscope.features.segment import Segmentation, segment

__all__ = ["VERSION", "Feature", "Segmentation", "catalogue", "measure", "segment"]
