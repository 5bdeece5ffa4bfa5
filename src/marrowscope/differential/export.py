"""Differential count → a table for CSV, and plain data for JSON."""

from typing import Any

import polars as pl

from marrowscope.differential.differential_result import Differential, Entry
from marrowscope.differential.myeloid_erythroid_ratio import RatioEstimate
from marrowscope.differential.sentences import MIN_CELLS_TO_EXTRAPOLATE, RATIO_CONVENTION, sentences
from marrowscope.io.json_data import finite


def to_frame(result: Differential) -> pl.DataFrame:
    """One row per counted class; shares in [0, 1], null where they do not exist."""
    rows = [_entry(entry) for entry in result.classes]
    whole = {"count": pl.Int64, "known": pl.Boolean}
    text = {"code": pl.String, "name": pl.String, "lineage": pl.String}
    schema = {key: {**whole, **text}.get(key, pl.Float64) for key in rows[0]}
    return pl.DataFrame(rows, schema=schema)


def to_dict(result: Differential) -> dict[str, Any]:
    """Everything as data for JSON; what does not exist, and infinity, is None."""
    cells, goal = result.tally, result.progress
    extrapolated = (
        cells.countable >= MIN_CELLS_TO_EXTRAPOLATE
    )  # of fewer cells how many more are needed is not said
    return {
        "countable": cells.countable,
        "looked_at": cells.looked_at,
        "not_classified": cells.not_classified,
        "excluded": cells.excluded,
        "left_out": cells.left_out,
        "target": goal.target,
        "target_reached": goal.reached,
        "classes": [_entry(entry) for entry in result.classes],
        "lineages": [_entry(entry) for entry in result.lineages],
        "blasts": _entry(result.blasts),
        "me_ratio": _ratio(result.ratio),
        "me_ratio_corrected": _ratio(result.corrected_ratio),
        "me_ratio_convention": RATIO_CONVENTION,
        "open_decisions": [
            {
                "threshold": decision.threshold,
                "more_cells": decision.more if extrapolated else None,
                "practically_never": decision.practically_never,
            }
            for decision in result.decisions
        ],
        "open_decisions_corrected": [
            {
                "threshold": decision.threshold,
                "times_as_many_cells": decision.factor if extrapolated else None,
            }
            for decision in result.corrected_decisions
        ],
        "unknown": list(result.unknown),
        "uncorrected": list(result.uncorrected),
        "seed": result.seed,
        "remarks": list(sentences(result)),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    corrected = entry.corrected
    return {
        "code": entry.code,
        "name": entry.name,
        "lineage": entry.lineage,
        "known": entry.known,
        "count": entry.count,
        "percent": finite(entry.percent),
        "share": finite(entry.counted.value),
        "low": entry.counted.low,
        "high": entry.counted.high,
        "lowest": entry.bounds[0],
        "highest": entry.bounds[1],
        "corrected_percent": finite(entry.corrected_percent),
        "corrected_share": finite(corrected.value) if corrected else None,
        "corrected_low": corrected.low if corrected else None,
        "corrected_high": corrected.high if corrected else None,
    }


def _ratio(ratio: RatioEstimate | None) -> dict[str, float | None] | None:
    if ratio is None:
        return None
    return {
        "value": finite(ratio.value),
        "low": finite(ratio.low),
        "high": finite(ratio.high),
    }
