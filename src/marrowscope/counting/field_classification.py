"""The cells of one field through the classifier, and what becomes of each in the count."""

from collections.abc import Iterable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import crop_from_field
from marrowscope.cells import PROBABILITY
from marrowscope.detection.field_detection import FieldDetections
from marrowscope.detection.object_types import DEBRIS, NAKED, SMUDGE
from marrowscope.differential.count_roles import CellRole, cell_role
from marrowscope.inference.calibrated_engine import NOVEL, novelty_columns
from marrowscope.inference.engine import Engine
from marrowscope.models.novelty import Novelty
from marrowscope.morphology import ARTEFACT, NOT_IDENTIFIABLE, SMUDGE_CELL

# What is located, but no intact cell, and the class that stands for it.
_CLASS_OF = {NAKED: NOT_IDENTIFIABLE, SMUDGE: SMUDGE_CELL, DEBRIS: ARTEFACT}


def classify_cells(
    detections: FieldDetections, microns_per_pixel: float, engine: Engine
) -> NDArray[np.float32]:
    """Class probabilities of the cells of a field, (N, classes); nan where there is no answer.

    Crops are cut batch by batch, as many as the engine takes at once, so memory does not grow with
    the number of cells.
    """
    parts = [np.empty((0, len(engine.classes)), np.float32)]
    for start in range(0, len(detections.places), engine.batch_size):
        places = detections.places[start : start + engine.batch_size].tolist()
        crops = np.stack(
            [crop_from_field(detections.pixels, x, y, microns_per_pixel) for x, y in places]
        )
        parts.append(engine.probabilities(crops))
    values = np.concatenate(parts)
    values[~np.isfinite(values).all(axis=1)] = np.nan
    return values


def excluded_object_types(known: Iterable[str]) -> tuple[str, ...]:
    """Kinds of objects that are left out of the count for their look.

    None for which the classifier was taught a class: then its word is taken, for it has seen more
    such cells than the detection has.

    Args:
        known: codes that the classifier was taught.
    """
    taught = set(known)
    return tuple(kind for kind, code in _CLASS_OF.items() if code not in taught)


def add_predictions(
    cells: pl.DataFrame,
    values: NDArray[np.float32],
    classes: tuple[str, ...],
    min_confidence: float | None = None,
    non_cells: tuple[str, ...] = (),
    novelty: Novelty | None = None,
) -> pl.DataFrame:
    """Add ``p_<CODE>``, ``predicted``, ``confidence`` and ``role`` to the cells of a field.

    Cells that touch the border of the field, those that lie where cells cannot be judged, those
    that are no intact cell, and those without an answer, are left out of the count; the others have
    the role of their class, unless they are unlike anything that the model knows (then with
    ``novelty`` and ``novel``), or not classified below a confidence.

    Args:
        cells: (N) rows with ``touches_border``, ``judgeable`` and ``kind``.
        values: (N, classes) probabilities, nan where there is no answer.
        classes: their codes.
        min_confidence: below it an answer is none.
        non_cells: kinds that are left out.
        novelty: by which cells unlike anything known are told; None: they are not.
    """
    good: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(axis=1))
    best = np.where(good[:, None], values, 0).argmax(axis=1)
    answers = {
        **{
            PROBABILITY + code: pl.Series(values[:, place], dtype=pl.Float32).fill_nan(None)
            for place, code in enumerate(classes)
        },
        "predicted": pl.Series(
            [classes[place] if ok else None for place, ok in zip(best, good, strict=True)],
            dtype=pl.String,
        ),
        "confidence": pl.Series(values[np.arange(len(best)), best], dtype=pl.Float32).fill_nan(
            None
        ),
    }
    known = {code: cell_role(code).value for code in classes}
    role = pl.col("predicted").replace_strict(known, default=None, return_dtype=pl.String)
    if min_confidence is not None:
        # As the differential count compares, so that both have the same cells.
        unsure = pl.col("confidence").cast(pl.Float64) < min_confidence
        role = pl.when(unsure).then(pl.lit(CellRole.NOT_CLASSIFIED.value)).otherwise(role)
    if novelty is not None:
        columns = [classes.index(code) for code in novelty.classes]
        score, novel = novelty_columns(values[:, columns], novelty)
        answers |= {score.name: score, novel.name: novel}
        unlike = pl.col(NOVEL).fill_null(False)
        role = pl.when(unlike).then(pl.lit(CellRole.NOVEL.value)).otherwise(role)
    out = pl.any_horizontal(
        pl.col("touches_border"),
        ~pl.col("judgeable"),
        pl.col("kind").is_in(non_cells),
        pl.col("predicted").is_null(),
    )
    role = pl.when(out).then(pl.lit(CellRole.LEFT_OUT.value)).otherwise(role)
    return cells.with_columns(**answers).with_columns(role=role)
