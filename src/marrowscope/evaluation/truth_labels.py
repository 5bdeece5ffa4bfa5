"""Predictions without labels and a cell table with them → predictions with labels."""

import polars as pl

from marrowscope.cells import GROUPS, LABORATORY
from marrowscope.dataset.splitting import METHOD
from marrowscope.errors import InputError

# What a report must know of a cell beside its label: who drew or named it, whose it is and where
# it was made, which part.
_BROUGHT = ("annotator", LABORATORY, *GROUPS, "split", "fold", METHOD)


def add_labels(predictions: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """Give every prediction the label of the same cell in another table.

    Cells are matched by ``cell_id``; a cell whose id is not there is matched by ``path``. The
    laboratory, patient and slide ids, split and annotator come along where the predictions have no
    such column, for the intervals and the warnings of an evaluation depend on them. Rows and their
    order stay.

    Args:
        predictions: with ``cell_id``; a ``label`` there is replaced.
        truth: with ``cell_id`` and ``label``; other columns as in ``marrowscope.cells``.

    Raises:
        InputError: no cell is in both tables, or one cell has two labels in ``truth``.
    """
    brought = [
        name for name in _BROUGHT if name in truth.columns and name not in predictions.columns
    ]
    known = truth.filter(pl.col("label").is_not_null())
    columns = ("label", *brought)
    rows = predictions.drop("label", strict=False)
    by_id = _matched(rows, known, "cell_id", columns)
    if "path" in rows.columns and "path" in known.columns:
        by_path = _matched(rows, known, "path", columns)
        found = by_id["label"].is_not_null()
        by_id = by_id.with_columns(
            by_id[name].zip_with(found, by_path[name]).alias(name) for name in columns
        )
    if by_id["label"].null_count() == by_id.height:
        raise InputError("shares neither cell_id nor path with the predictions")
    return rows.hstack(by_id)


def _matched(
    rows: pl.DataFrame, known: pl.DataFrame, key: str, columns: tuple[str, ...]
) -> pl.DataFrame:
    """The columns of the row of ``known`` with the same key, null where there is none."""
    known = known.filter(pl.col(key).is_not_null())
    labels = known.group_by(key).agg(pl.col("label").n_unique())
    twice = labels.filter(pl.col("label") > 1).join(rows, on=key, how="semi").sort(key)
    if twice.height:
        raise InputError(
            f"{key} {twice[key][0]} has more than one label; keep one row of each cell"
        )
    one_each = known.unique(key, keep="first", maintain_order=True).select(key, *columns)
    return (
        rows.select(key).join(one_each, on=key, how="left", maintain_order="left").select(columns)
    )
