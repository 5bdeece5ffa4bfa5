"""Hand-made measurements of a cell: where it is in its image, and numbers with names and units."""

from marrowscope.features.cell_features import VERSION, measure_cell
from marrowscope.features.cell_segmentation import Segmentation, segment
from marrowscope.features.feature_catalogue import Feature, catalogue

__all__ = ["VERSION", "Feature", "Segmentation", "catalogue", "measure_cell", "segment"]
