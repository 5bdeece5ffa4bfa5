"""Rows of cells by hand: for a differential count, and placed on a field."""

import numpy as np
import polars as pl

from marrowscope.differential.held_out_answers import (
    HeldOutCounts,
)
from marrowscope.morphology import CODES

KNOWN = ("BLA", "NGS", "EBO", "LYT", "NIF", "ART")


def counted(numbers: dict[str, int]) -> pl.DataFrame:
    """So many cells of each predicted class."""
    codes = [code for code, number in numbers.items() for _ in range(number)]
    return pl.DataFrame({"predicted": codes}, schema={"predicted": pl.String})


def placed(rows: list[tuple[str, float, str | None, float | None, str]]) -> pl.DataFrame:
    """Cells as (id, x0, predicted, confidence, role), 40 px wide."""
    table = pl.DataFrame(
        rows,
        schema={"cell_id": pl.String, "x0": pl.Float64, "predicted": pl.String,
                "confidence": pl.Float32, "role": pl.String},
        orient="row",
    )  # fmt: skip
    return table.with_columns(
        field_id=pl.lit("f"), y0=pl.lit(200.0), x1=pl.col("x0") + 40, y1=pl.lit(240.0),
        p_BLA=pl.lit(0.3, pl.Float32), p_NGS=pl.lit(0.6, pl.Float32), p_LYT=pl.lit(0.1, pl.Float32),
        kind=pl.when(pl.col("cell_id") == "bare").then(pl.lit("naked nucleus"))
        .otherwise(pl.lit("cell")),
    )  # fmt: skip


def cells(confidence: float = 0.9, **counts: int) -> pl.DataFrame:
    """A predicted cell table with so many cells per class."""
    predicted = [code for code, number in counts.items() for _ in range(number)]
    return pl.DataFrame(
        {
            "cell_id": [str(row) for row in range(len(predicted))],
            "predicted": predicted,
            "confidence": np.full(len(predicted), confidence, dtype=np.float32),
        },
        schema_overrides={"predicted": pl.String, "cell_id": pl.String},
    )


def perfect(codes=CODES, each=1000) -> HeldOutCounts:
    """Held-out answers without a mistake, all sure."""
    return HeldOutCounts(tuple(codes), np.kron(np.eye(len(codes), dtype=int) * each, [0, 1]))
