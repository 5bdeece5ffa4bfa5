"""What is found in the overview of a smear, made by hand for figures and reports."""

import numpy as np

from marrowscope.smear.contour import Contour, mask_polygons
from marrowscope.smear.field_plan import FieldPlan, PlannedField
from marrowscope.smear.quality_map import QualityMap, RejectionReason


def smear_parts(shape: tuple[int, int]) -> tuple[Contour, QualityMap, FieldPlan]:
    """Outline, quality and planned fields of a smear with a hole, as the overview shows them."""
    mask = np.zeros(shape, bool)
    mask[20:-20, 30:-30] = True
    mask[40:60, 60:80] = False
    picture = np.where(mask[..., None], (200, 150, 190), 245).astype(np.uint8)
    contour = Contour(
        mask_polygons(mask, (10.0, 10.0)), mask, picture, 5.0, (10.0, 10.0), np.full(3, 245.0), 1.2
    )
    rows, columns = shape[0] // 20, shape[1] // 20
    reason = np.arange(rows * columns).reshape(rows, columns) % len(RejectionReason)
    values = np.ones((rows, columns))
    found = QualityMap(reason.astype(np.uint8), values, values, values, 200)
    fields = tuple(
        PlannedField(i, 400 + 300 * i, 400, 250, 200, 0.5, 9.0, 0, str(i)) for i in range(4)
    )
    return contour, found, FieldPlan(fields, 3)
