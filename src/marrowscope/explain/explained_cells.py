"""Predictions → the cells that are explained, and the share of attribution on the cell."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.cells import usable
from marrowscope.errors import InputError
from marrowscope.explain.attribution import grad_cam, require_network, share_inside, smoothgrad
from marrowscope.models.bundle import Bundle
from marrowscope.morphology import CODES, in_display_order
from marrowscope.phantom.synthetic_cell import draw_cell
from marrowscope.progress import Advance

PHANTOM_SAMPLES = 16  # of SmoothGrad, for a mean over many cells


@dataclass(frozen=True)
class ExplainedCell:
    """A cell with its maps, (H, W) float32; ``title`` says class and probability."""

    title: str
    code: str
    path: str
    image: NDArray[np.uint8]
    smoothgrad: NDArray[np.float32]
    grad_cam: NDArray[np.float32]


def explained_cells(
    bundle: Bundle,
    predictions: pl.DataFrame,
    per_class: int = 1,
    classes: tuple[str, ...] | None = None,
    seed: int = 0,
) -> list[ExplainedCell]:
    """The best classified cells of each class, explained.

    Args:
        bundle: a network.
        predictions: with ``path``, ``predicted``, ``confidence``; where ``label`` is known, only
            cells with a right prediction are taken.
        per_class: cells of each class, the most certain first.
        classes: to show; default: all that occur.
        seed: of the noise.

    Raises:
        InputError: the model is not a network, or there is no correctly classified cell of a class.
    """
    require_network(bundle)
    rows = predictions.filter(pl.col("predicted").is_not_null())
    if "label" in rows.columns:
        rows = rows.filter(pl.col("label").is_null() | (pl.col("label") == pl.col("predicted")))
    there = in_display_order(set(rows["predicted"].to_list()))
    missing = [code for code in classes or () if code not in there]
    if missing or not there:
        name = missing[0] if missing else "any class"
        raise InputError(
            f"no correctly classified cell of {name}; only of {' '.join(there) or 'none'}"
        )
    cells = []
    for code in classes or there:
        best = rows.filter(pl.col("predicted") == code).sort(
            "confidence", descending=True, maintain_order=True
        )
        best = best.head(per_class)
        for row, cell in zip(best.iter_rows(named=True), cell_images(best), strict=True):
            image = read_cell(cell)
            cells.append(
                ExplainedCell(
                    f"{code} {row['confidence']:.2f}",
                    code,
                    row["path"],
                    image,
                    smoothgrad(bundle, image, code, seed),
                    grad_cam(bundle, image, code),
                )
            )
    return cells


def labelled_cells(
    bundle: Bundle, table: pl.DataFrame, per_class: int, seed: int = 0
) -> list[tuple[NDArray[np.uint8], str]]:
    """Images of labelled cells of the classes that a network knows, drawn at random.

    Args:
        bundle: tells the classes.
        table: of cells or predictions, with ``path``; cells without ``label`` are passed over.
        per_class: at most so many of each.
        seed: of the draw.

    Returns:
        (H, W, 3) uint8 RGB with the label, class by class.
    """
    if "label" not in table.columns:
        return []
    rows = usable(table).filter(pl.col("label").is_not_null())
    cells = []
    for code in in_display_order(set(rows["label"]) & set(bundle.card.known)):
        own = rows.filter(pl.col("label") == code)
        drawn = own.sample(min(per_class, own.height), seed=seed)
        cells += [(read_cell(cell), code) for cell in cell_images(drawn)]
    return cells


def attribution_inside_phantoms(
    bundle: Bundle, per_class: int, seed: int = 0, advance: Advance | None = None
) -> dict[str, float]:
    """Mean share of the attribution that lies inside synthetic cells, and the share of their area.

    The class that the network predicts is explained. A share above that of the area says that the
    network looks at the cell rather than at what is around it.

    Args:
        bundle: a network.
        per_class: cells drawn of each of the 21 classes.
        seed: of the first cell; they count on.
        advance: progress over cells.

    Returns:
        ``SmoothGrad``, ``Grad-CAM``, ``area``: means over the cells for which both are defined;
        NaN if that is none, as where Grad-CAM is zero everywhere.
    """
    from marrowscope.inference.torch_engine import TorchEngine

    require_network(bundle)
    engine, rows = TorchEngine(bundle), []
    for code in CODES:
        for number in range(per_class):
            cell = draw_cell(code, seed + number)
            answer = engine.probabilities(cell.image[None])[0]
            predicted = engine.classes[int(answer.argmax())]
            maps = (
                smoothgrad(bundle, cell.image, predicted),
                grad_cam(bundle, cell.image, predicted),
            )
            rows.append(
                [*(share_inside(one, cell.cell_mask) for one in maps), float(cell.cell_mask.mean())]
            )
            if advance is not None:
                advance(1, total=len(CODES) * per_class)
    values = np.array(rows)
    judged = values[np.isfinite(values).all(axis=1)]
    means = judged.mean(axis=0) if len(judged) else np.full(3, np.nan)
    return dict(zip(("SmoothGrad", "Grad-CAM", "area"), means.tolist(), strict=True))
