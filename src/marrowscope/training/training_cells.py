"""A split table → which cells train and which are held out."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.cells import LABORATORY, group_column, usable
from marrowscope.dataset.laboratories import (
    cells_by_class_and_laboratory,
    laboratory_names,
    printable_name,
)
from marrowscope.dataset.splitting import METHOD, TRAIN
from marrowscope.errors import InputError, TableError
from marrowscope.morphology import CODES, OUTPUTS_22, in_display_order


@dataclass(frozen=True)
class TrainingData:
    """The training cells, the held-out cells, and the classes.

    Attributes:
        train, held_out: rows of the cell table; ``held_out`` may be empty.
        known: classes that occur, in display order.
        outputs: class of each network output: 22 for the study's scheme, else one per class.
        description: for the model card.
        split: for the model card.
    """

    train: pl.DataFrame
    held_out: pl.DataFrame
    known: tuple[str, ...]
    outputs: tuple[str, ...]
    description: dict[str, Any]
    split: dict[str, Any]

    def targets(self, rows: pl.DataFrame) -> NDArray[np.int64]:
        """Index of each row's label in ``known``."""
        place = {code: index for index, code in enumerate(self.known)}
        return np.array([place[label] for label in rows["label"]], dtype=np.int64)


def select_training_cells(
    table: pl.DataFrame, fold: int | None = None, share: float = 1.0, seed: int = 0
) -> TrainingData:
    """Choose by the ``split`` column, or by the ``fold`` column and the fold to hold out.

    A table with neither trains on everything and holds nothing out.

    Args:
        table: with ``label``.
        fold: to hold out.
        share: of each class's training cells that is used, at least one; what is held out stays.
            A smaller share of the same seed lies within a larger one.
        seed: of the choice.

    Raises:
        InputError: a share that is not above 0 and at most 1, no labels, fewer than two classes,
            no such fold, or a class whose images are all held out.
    """
    if not 0 < share <= 1:
        raise InputError(f"`share` {share:g}: give a share above 0, at most 1")
    rows = usable(table)
    if "label" not in rows.columns or rows["label"].null_count() == rows.height:
        raise TableError("the table has no labels; training needs them")
    rows = rows.filter(pl.col("label").is_not_null())
    if fold is not None:
        if "fold" not in rows.columns or fold not in rows["fold"].to_list():
            raise TableError(f"`fold` {fold}: the table has no such fold; see 'marrowscope split'")
        train = rows.filter(pl.col("fold").is_not_null() & (pl.col("fold") != fold))
        held_out = rows.filter(pl.col("fold") == fold)
    elif "split" in rows.columns:
        train = rows.filter(pl.col("split") == TRAIN)
        if not train.height:
            there = sorted(str(part) for part in rows["split"].drop_nulls().unique())
            raise TableError(
                f"no row has the split {TRAIN}; the column split has "
                f"{', '.join(map(repr, there[:5])) or 'no value'}; 'marrowscope index' and 'split' "
                "write train, test and val"
            )
        held_out = rows.filter(pl.col("split").is_not_null() & (pl.col("split") != TRAIN))
    elif "fold" in rows.columns:
        raise TableError("the table has folds; name the one to hold out as `fold`")
    else:
        train, held_out = rows, rows.clear()
    known = tuple(in_display_order(set(rows["label"].to_list())))
    missing = [code for code in known if code not in set(train["label"].to_list())]
    if missing:
        raise InputError(f"no training image for class {', '.join(missing)}: all are held out")
    if len(known) < 2:
        raise TableError(f"the table has only class {known[0]}; at least two are needed")
    train = _fewer(train, share, seed)
    outputs = OUTPUTS_22 if set(known) <= set(CODES) else known
    return TrainingData(
        train, held_out, known, outputs, _describe(train, known), _split_facts(table, fold)
    )


def laboratory_indices(rows: pl.DataFrame) -> NDArray[np.int64]:
    """Which laboratory made each row's image, in the order of their names; one where none is named.

    Images without a name among others that have one count as a laboratory of their own.
    """
    if LABORATORY not in rows.columns:
        return np.zeros(rows.height, np.int64)
    ranks = rows[LABORATORY].fill_null("").rank("dense").cast(pl.Int64) - 1
    return ranks.to_numpy()


def _fewer(train: pl.DataFrame, share: float, seed: int) -> pl.DataFrame:
    """A share of every class, the same on any machine, in the order of the table."""
    if share == 1:
        return train
    keys = [hashlib.sha256(f"{seed}\n{cell}".encode()).hexdigest() for cell in train["cell_id"]]
    ranked = train.with_columns(pl.Series("_key", keys)).with_columns(
        pl.col("_key").rank("ordinal").over("label").alias("_rank"),
        (pl.len().over("label") * share).round().clip(lower_bound=1).alias("_wanted"),
    )
    return ranked.filter(pl.col("_rank") <= pl.col("_wanted")).drop("_key", "_rank", "_wanted")


def _describe(train: pl.DataFrame, known: tuple[str, ...]) -> dict[str, Any]:
    counts = dict(train.group_by("label").len().rows())
    identity = "sha256" if "sha256" in train.columns else "cell_id"
    content = "\n".join(sorted(str(value) for value in train[identity]))
    annotators = set(train["annotator"].to_list()) if "annotator" in train.columns else set()
    return {
        **_of_laboratories(train, known),
        "images": {code: counts[code] for code in known},
        "content_sha256": hashlib.sha256(content.encode()).hexdigest(),
        "synthetic": annotators == {"synthetic"},
    }


def _of_laboratories(train: pl.DataFrame, known: tuple[str, ...]) -> dict[str, Any]:
    """Images by laboratory and class, where laboratories are named; "" for those that name none."""
    names = laboratory_names(train)
    if not names:
        return {}
    counts = cells_by_class_and_laboratory(train)
    owners = [*names, *([""] if "" in counts[known[0]] else [])]
    of_each = {
        printable_name(name): {code: counts[code][name] for code in known if counts[code][name]}
        for name in owners
    }
    return {"laboratories": of_each}


def _split_facts(table: pl.DataFrame, fold: int | None) -> dict[str, Any]:
    method = table[METHOD][0] if METHOD in table.columns and table.height else "none"
    return {"method": method, "fold": fold, "grouped_by": group_column(table)}
