"""Scores by laboratory → tables for files: one row per laboratory, and one per class of each."""

from typing import Any

import polars as pl

from marrowscope.evaluation.evaluation_result import TOTALS, Evaluation
from marrowscope.io.json_data import finite
from marrowscope.scoring import Estimate


def laboratory_table(result: Evaluation) -> pl.DataFrame:
    """One row per laboratory: ``laboratory``, ``cells``, every total and its interval.

    No row where there are not several. The name is null for cells that name none.
    """
    rows = []
    for one in result.laboratories:
        row: dict[str, Any] = {"laboratory": one.name or None, "cells": one.cells}
        for kind in ("strict", "tolerant"):
            for name in TOTALS:
                row |= _three(f"{kind}_{name}", getattr(one, kind)[name])
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def laboratory_totals(result: Evaluation) -> dict[str, dict[str, Any]]:
    """Cells and totals by laboratory, as data for JSON; "" for cells that name none."""
    return {
        one.name: {
            "cells": one.cells,
            "strict": {name: finite(value.value) for name, value in one.strict.items()},
            "tolerant": {name: finite(value.value) for name, value in one.tolerant.items()},
        }
        for one in result.laboratories
    }


def class_by_laboratory_table(result: Evaluation) -> pl.DataFrame:
    """One row per laboratory and class that it has: cells, predictions, scores and intervals."""
    rows = []
    for one in result.laboratories:
        for entry in one.classes:
            row: dict[str, Any] = {
                "laboratory": one.name or None,
                "code": entry.code,
                "name": entry.name,
                "cells": entry.cells,
                "predicted": entry.predicted,
            }
            for kind in ("strict", "tolerant"):
                for name, value in getattr(entry, kind).items():
                    row |= _three(f"{kind}_{name}", value)
            rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _three(name: str, value: Estimate) -> dict[str, float | None]:
    ends = {"": value.value, "_low": value.low, "_high": value.high}
    return {name + end: finite(number) for end, number in ends.items()}
