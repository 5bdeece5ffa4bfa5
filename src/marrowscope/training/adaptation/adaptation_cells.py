"""A cell table of a laboratory → what a model can be adapted with, or why it cannot."""

from dataclasses import dataclass

import polars as pl

from marrowscope.cells import usable
from marrowscope.dataset.splitting import METHOD, TRAIN, folds
from marrowscope.errors import TableError
from marrowscope.models.card import Card

PART = "_part"  # in which a labelled cell is held out
PARTS = 5
MIN_JUDGED = 20  # labelled cells; of fewer an interval says nothing


@dataclass(frozen=True)
class AdaptationCells:
    """Cells by what they are for.

    Attributes:
        shown: whose images are looked at, labelled or not; held-out cells of a split are not.
        taught: labelled cells of known classes that may teach; empty without labels.
        judged: labelled cells that judge, with ``PART``: a cell of part k is answered by a network
            that no label of part k has taught. Those of a split are one part, which teaches nobody.
        method: how the judged cells were held out; "" where there are none.
        unknown: labelled cells by class that the model does not know; shown, their labels not used.
    """

    shown: pl.DataFrame
    taught: pl.DataFrame
    judged: pl.DataFrame
    method: str
    unknown: dict[str, int]


def adaptation_cells(
    table: pl.DataFrame, card: Card, *, teach: bool = True, seed: int = 0
) -> AdaptationCells:
    """Sort the cells.

    A column ``split`` is kept to; without one labelled cells are held out in turns, a fifth at a
    time, whole patients or slides where the table names them.

    Args:
        table: with ``path``, and ``label`` where known.
        card: of the model; says which classes it knows.
        teach: whether labels teach; else they only judge.
        seed: of the parts.

    Raises:
        InputError: no readable image, or labels that are too few or of one class: what is needed.
    """
    rows = usable(table)
    if not rows.height:
        raise TableError(f"none of {table.height} images can be read; nothing to adapt to")
    if "label" not in rows.columns:
        rows = rows.with_columns(label=pl.lit(None, pl.String))
    known = pl.col("label").is_in(list(card.known))
    named = rows.filter(pl.col("label").is_not_null())
    strange = dict(named.filter(~known).group_by("label").len().sort("label").rows())
    labelled = named.filter(known)
    if strange and not labelled.height:
        raise TableError(
            f"labels are {', '.join(strange)}, and {card.name} knows {', '.join(card.known)}: it "
            "can be adapted to new images, not to new classes; 'marrowscope train' makes a model "
            "of those"
        )
    if not labelled.height:
        return AdaptationCells(rows, labelled, labelled, "", strange)
    if "split" in labelled.columns and labelled["split"].is_not_null().any():
        is_taught = (pl.col("split") == TRAIN).fill_null(False)
        is_judged = (pl.col("split") != TRAIN).fill_null(False)
        shown = rows.filter(~is_judged)
        taught, judged = labelled.filter(is_taught), labelled.filter(is_judged)
        judged = judged.with_columns(pl.lit(0, pl.Int32).alias(PART))
        taught = taught.with_columns(pl.lit(-1, pl.Int32).alias(PART))
        method = str(judged[METHOD][0]) if METHOD in judged.columns and judged.height else "split"
        _require_judges(judged, "held out by the column split")
        if not shown.height:
            raise TableError("all cells are held out by the column split; nothing to adapt to")
    else:
        divided = folds(labelled, PARTS, seed).table.rename({"fold": PART})
        method = f"in turns, {divided[METHOD][0]}"
        shown, taught, judged = rows, divided, divided
        _require_judges(judged, "labelled")
    if not teach:
        taught = taught.clear()
    if taught.height:
        _require_lessons(taught, judged, card)
    return AdaptationCells(shown, taught, judged, method, strange)


def _require_judges(judged: pl.DataFrame, what: str) -> None:
    if judged.height < MIN_JUDGED:
        raise TableError(
            f"{judged.height} cells of known class are {what}; before and after can be compared on "
            f"{MIN_JUDGED} or more: label more cells, or none"
        )


def _require_lessons(taught: pl.DataFrame, judged: pl.DataFrame, card: Card) -> None:
    """Refuse what nothing can be learned from."""
    classes = taught["label"].unique().sort().to_list()
    advice = "or take `layers=none`, with which labels only judge"
    if taught.height < len(card.known):
        raise TableError(
            f"{taught.height} labelled cells may teach, fewer than the {len(card.known)} classes "
            f"of {card.name}; label more, {advice}"
        )
    if len(classes) == 1:
        raise TableError(
            f"labelled cells of {classes[0]} only, and there is something to learn from two "
            f"classes on: label some of another class, {advice}"
        )
    for part in judged[PART].unique().sort():
        if taught.filter(pl.col(PART) != part)["label"].n_unique() < 2:
            raise TableError(
                "labelled cells are of too few patients or slides: with one held out, fewer than "
                f"two classes are left to learn from; label cells of others, {advice}"
            )
