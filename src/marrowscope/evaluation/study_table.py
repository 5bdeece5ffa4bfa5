"""Predictions scored over folds → the study's Table 1 beside its published numbers and totals."""

from typing import Any

import numpy as np
import polars as pl

from marrowscope.evaluation.evaluation_result import TOTALS, Evaluation, FoldStatistics
from marrowscope.io.json_data import finite
from marrowscope.morphology import BY_CODE, CODES


def published_totals() -> dict[str, dict[str, float]]:
    """Macro-F1, balanced accuracy, accuracy and weighted F1 of the study's Table 1.

    Computed from its class-wise means: F1 from precision and recall, the means over 21 classes,
    accuracy as recall weighted by the number of images.
    """
    totals = {}
    cells = [BY_CODE[code] for code in CODES]
    weight = np.array([cell.published_images for cell in cells], dtype=float)
    for kind in ("strict", "tolerant"):
        precision = np.array([getattr(cell.published, f"{kind}_precision")[0] for cell in cells])
        recall = np.array([getattr(cell.published, f"{kind}_recall")[0] for cell in cells])
        f1 = 2 * precision * recall / (precision + recall)
        totals[kind] = {
            "macro_f1": float(f1.mean()),
            "balanced_accuracy": float(recall.mean()),
            "accuracy": float(recall @ weight / weight.sum()),
            "weighted_f1": float(f1 @ weight / weight.sum()),
        }
    return totals


_SCORES = tuple(
    f"{kind}_{name}" for kind in ("strict", "tolerant") for name in ("precision", "recall")
)


def study_table(result: Evaluation) -> pl.DataFrame:
    """One row per class with cells, then one per total.

    Columns: ``class`` (code, or name of a total), ``name``, ``images``, ``published_images``,
    ``folds`` in which the class occurs, and for each score of ``strict_precision`` …
    ``tolerant_recall`` (for a total: only ``strict_total``, ``tolerant_total``) mean and sd over
    folds, and published mean and sd. Without folds the value of all cells stands as the mean, and
    there is no sd. Shares in [0, 1].
    """
    from marrowscope.morphology import BY_CODE

    by_code = {entry.code: entry for entry in result.folds.classes} if result.folds else {}
    rows: list[dict[str, Any]] = []
    for entry in result.classes:
        if not entry.cells:
            continue
        row: dict[str, Any] = {"class": entry.code, "name": entry.name, "images": entry.cells}
        known = BY_CODE.get(entry.code) if entry.published else None
        row["published_images"] = known.published_images if known else None
        row["folds"] = by_code[entry.code].folds if by_code else None
        for score in _SCORES:
            kind, name = score.split("_")
            spread = getattr(by_code[entry.code], kind)[name] if by_code else None
            value = getattr(entry, kind)[name].value
            row |= _pair(score, spread, value)
            mean, sd = (entry.published or {}).get(score, (None, None))
            row |= {f"{score}_published": mean, f"{score}_published_sd": sd}
        rows.append(row)
    published = published_totals() if result.published else {}
    for name in TOTALS:
        row = {"class": name, "name": name.replace("_", " "), "images": result.counts["evaluated"]}
        for kind in ("strict", "tolerant"):
            spread = getattr(result.folds, kind)[name] if result.folds else None
            row |= _pair(f"{kind}_total", spread, getattr(result, kind)[name].value)
            row[f"{kind}_total_published"] = published.get(kind, {}).get(name)
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _pair(score: str, spread: FoldStatistics | None, value: float) -> dict[str, float | None]:
    mean, sd = (value, None) if spread is None else (spread.mean, spread.sd)
    return {f"{score}_mean": finite(mean), f"{score}_sd": finite(sd)}
