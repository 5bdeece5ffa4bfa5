"""One field of a count: read, judged where nobody has yet, its cells found, a picture of it."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from marrowscope.detection.field_detection import FieldDetections, detect_in_field
from marrowscope.io.image_encoding import encode_jpeg
from marrowscope.preprocessing import resize
from marrowscope.slides.slide import Field, Slide
from marrowscope.smear.field_plan import PlannedField
from marrowscope.smear.quality_map import RejectionReason
from marrowscope.smear.suitability import map_field_quality

# Whoever took a field has chosen it; it is left out only where no cell can be seen at all.
REJECTED_FIELDS = frozenset({RejectionReason.NOT_A_SMEAR, RejectionReason.OUT_OF_FOCUS})
# Longer side of the pictures in px: of the first fields, and of the others, so that a count that
# needs thousands of fields stays small.
_LARGE, _SMALL, _MANY = 1200, 300, 40


@dataclass(frozen=True)
class FieldResult:
    """What was seen of a field.

    Attributes:
        look: its cells, with a column ``judgeable``: false in a particle or a clot; no cells in a
            field that is not counted.
        reason: why cells are not judged in it; on slides always accepted, for it was planned.
        red_cells: estimated in a field image; nan where they could not be seen singly.
        nucleated: estimated at the same time, in the same way.
        picture: JPEG; empty for a field whose cells are not counted.
        unreadable: a field image that is damaged.
    """

    detections: FieldDetections
    reason: RejectionReason
    red_cells: float
    nucleated: float
    picture: bytes
    unreadable: bool = False


def analyse_field(slide: Slide, field: PlannedField) -> FieldResult:
    """Look at a field for a count.

    Raises:
        InputError: a pixel size with which cells cannot be seen.
    """
    detections = detect_in_field(slide, field)
    if slide.fields and any((tile.x, tile.y) == (field.x, field.y) for tile in slide.corrupt):
        return FieldResult(
            _without_cells(detections), RejectionReason.EMPTY, float("nan"), 0.0, b"", True
        )
    reason, reds, nucleated = RejectionReason.ACCEPTED, float("nan"), 0.0
    if slide.fields:
        # Each in its own light: fields of one smear may have been taken on different days.
        image = Field(field.name, field.x, field.y, field.width, field.height)
        quality_map = map_field_quality(slide, 1, (image,))
        reason = RejectionReason(int(quality_map.reason[0, 0]))
        nucleated = max(float(quality_map.cells[0, 0]), 1.0)
        reds = quality_map.red_cells_per_nucleated * nucleated
    if reason in REJECTED_FIELDS:
        return FieldResult(_without_cells(detections), reason, reds, nucleated, b"")
    picture = _small(detections.picture, _LARGE if field.order < _MANY else _SMALL)
    return FieldResult(detections, reason, reds, nucleated, encode_jpeg(picture, 85))


def _without_cells(detections: FieldDetections) -> FieldDetections:
    return replace(detections, cells=detections.cells.clear(), places=detections.places[:0])


def _small(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return image
    return resize(image, max(1, round(height * scale)), max(1, round(width * scale)))
