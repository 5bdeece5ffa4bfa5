"""Answers for held-out cells, by which the shares of the classes are corrected."""

from pathlib import Path

import polars as pl

from marrowscope.cells import read_cells
from marrowscope.differential.held_out import HeldOut, held_out_from_table
from marrowscope.errors import InputError
from marrowscope.models.bundle import Bundle

TRAINING = "train"


def held_out_for(bundle: Bundle, path: Path | None) -> tuple[HeldOut | None, str | None]:
    """The answers to correct a count by, and where they are from.

    Raises:
        InputError: as ``held_out_from_file``.
    """
    if path is None:
        return None, None
    return held_out_from_file(path, bundle), str(path)


def held_out_from_file(path: Path, bundle: Bundle) -> HeldOut:
    """Count the answers in a table of held-out predictions of the same classifier.

    Rows of a ``split`` that were trained on are left out.

    Args:
        path: cell table with ``label``, ``predicted`` and ``confidence``.
        bundle: the classifier.

    Raises:
        InputError: it cannot be read, lacks a column, holds no held-out cell, or is of another
            classifier.
    """
    table = read_cells(path, ("label", "predicted", "confidence"))
    if "split" in table.columns:
        table = table.filter(pl.col("split").fill_null("") != TRAINING)
        if table.is_empty():
            raise InputError(f"{path}: all its cells were trained on; give held-out predictions")
    held_out = held_out_from_table(table, str(path))
    answered = set(table["predicted"].drop_nulls().to_list())
    strangers = sorted(answered - set(bundle.card.known))
    if strangers:
        raise InputError(
            f"{path}: holds answers {strangers[0]}, which {bundle.card.name} cannot give; they "
            "must be predictions of the model that counts"
        )
    return held_out
