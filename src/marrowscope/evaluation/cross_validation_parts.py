"""Cells with labels → which of them each training of a cross-validation holds out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from marrowscope.cells import usable
from marrowscope.dataset.laboratories import laboratory_of_rows
from marrowscope.dataset.laboratory_split import (
    LeftOutLaboratory,
    leave_out_laboratory,
    require_laboratories,
)
from marrowscope.dataset.splitting import METHOD, TRAIN, Split, folds, hold_out
from marrowscope.errors import InputError, TableError
from marrowscope.evaluation.fold_training import CrossValidationPlan
from marrowscope.models.architectures import FEATURES

HOLD_OUT = "holdout"


@dataclass(frozen=True)
class CrossValidationPart:
    """One training.

    Attributes:
        name: of its run folder.
        number: of the fold or laboratory; None for a hold-out.
        laboratory: that is held out; None for folds and a hold-out.
    """

    name: str
    number: int | None
    laboratory: str | None = None


@dataclass(frozen=True)
class CrossValidationParts:
    """Which cells each training holds out.

    Attributes:
        table: the cells, with ``fold``, or ``split`` for a hold-out; of laboratories with neither.
        parts: the trainings.
        judged: of laboratories: cells that are judged, with ``fold`` for the number of the part.
        warnings: one sentence each.
    """

    table: pl.DataFrame
    parts: tuple[CrossValidationPart, ...]
    judged: pl.DataFrame
    warnings: tuple[str, ...]


def assign_parts(table: pl.DataFrame, plan: CrossValidationPlan) -> CrossValidationParts:
    """What each training holds out.

    Raises:
        InputError: see ``assign_folds``; or there are not two laboratories, or none that a model of
            the others could be judged on.
    """
    if plan.leave_out is not None:
        return _leave_out(table, plan)
    split = assign_folds(table, plan)
    names = (
        [CrossValidationPart(f"fold-{number}", number) for number in range(plan.folds)]
        if plan.holdout is None
        else [CrossValidationPart(HOLD_OUT, None)]
    )
    return CrossValidationParts(split.table, tuple(names), split.table, split.warnings)


def _leave_out(table: pl.DataFrame, plan: CrossValidationPlan) -> CrossValidationParts:
    """Each laboratory in turn; those that cannot be judged are named with the reason."""
    found = [leave_out_laboratory(table, name) for name in require_laboratories(table)]
    good = [one for one in found if one.problem is None]
    said = [sentence for one in found for sentence in one.sentences()]
    if not good:
        raise TableError(" ".join(said))
    if plan.model == FEATURES:
        for one in good:
            _require_two_to_learn(one)
    names = run_names([one.name for one in good])
    parts = [
        CrossValidationPart(name, number, one.name)
        for number, (name, one) in enumerate(zip(names, good, strict=True))
    ]
    judged = pl.concat(
        one.table.filter(pl.col("split") != TRAIN).with_columns(
            pl.lit(number, pl.Int32).alias("fold")
        )
        for number, one in enumerate(good)
    ).drop("split")
    order = table.select("cell_id").with_row_index("_row")
    judged = judged.join(order, on="cell_id", how="left").sort("_row").drop("_row")
    nameless = usable(table).filter(pl.col("label").is_not_null())
    nameless = nameless.filter(laboratory_of_rows(nameless).is_null())
    if nameless.height:
        said.append(f"{nameless.height} labelled cells name no laboratory and take no part.")
    earlier = [name for name in ("split", "fold", METHOD) if name in table.columns]
    return CrossValidationParts(table.drop(earlier), tuple(parts), judged, tuple(said))


def run_names(laboratories: Sequence[str]) -> list[str]:
    """Names of run folders: ``without-`` and the laboratory in letters and digits, none twice."""
    plain = [
        re.sub(r"[^\w.-]+", "_", name)[:60].strip("_.") or "laboratory" for name in laboratories
    ]
    seen: dict[str, int] = {}
    found = []
    for name in plain:
        seen[name.casefold()] = seen.get(name.casefold(), 0) + 1
        again = seen[name.casefold()]
        found.append(f"without-{name}" if again == 1 else f"without-{name}-{again}")
    return found


def _require_two_to_learn(one: LeftOutLaboratory) -> None:
    train = one.table.filter(pl.col("split") == TRAIN).group_by("label").len().sort("label")
    for label, images in train.rows():
        if images < 2:
            raise TableError(
                f"class {label} would have {images} training image without laboratory {one.name}; "
                "the feature model needs 2 of each class: one to learn from and one to check with"
            )


def assign_folds(table: pl.DataFrame, plan: CrossValidationPlan) -> Split:
    """Give every labelled cell its fold, or its side of the hold-out.

    The same cells and seed give the same parts, whatever the order of rows and the model.

    Raises:
        InputError: no labels, one class only, fewer than 2 folds, or a class (or, in a table with
            patients, a class of one patient) that some part would leave without a training image.
    """
    split = (
        folds(table, plan.folds, plan.seed)
        if plan.holdout is None
        else hold_out(table, plan.holdout, plan.seed)
    )
    rows = usable(split.table).filter(pl.col("label").is_not_null())
    if rows["label"].n_unique() < 2:
        raise TableError(
            f"the table has only class {rows['label'][0]}; a classifier needs at least two"
        )
    if plan.holdout is None and rows["fold"].n_unique() < plan.folds:
        raise InputError(
            f"`folds` {plan.folds}: the {rows.height} labelled cells fill only "
            f"{rows['fold'].n_unique()} folds; take fewer"
        )
    if plan.holdout is None:
        alone = rows.group_by("label").agg(pl.col("fold").n_unique(), pl.len()).sort("label")
        for label, parts, images in alone.rows():
            if parts < 2:
                raise TableError(
                    f"class {label} ({images} images) lies in one fold only, so the model that "
                    "predicts them would never have seen it; leave the class out or add images"
                )
    if plan.model == FEATURES:
        _require_two(rows, plan)
    return split


def _require_two(rows: pl.DataFrame, plan: CrossValidationPlan) -> None:
    """The feature model needs two training cells of every class, in every part."""
    whole = rows.group_by("label").len().sort("label")
    own = (
        rows.group_by("label", "fold").len()
        if plan.holdout is None
        else rows.filter(pl.col("split") != TRAIN).group_by("label").len()
    )
    most = own.group_by("label").agg(held_out=pl.col("len").max())
    left = whole.join(most, on="label", how="left").with_columns(
        left=pl.col("len") - pl.col("held_out").fill_null(0)
    )
    for label, images, remain in left.select("label", "len", "left").rows():
        if remain < 2:
            raise TableError(
                f"class {label} ({images} images) would have {remain} training image in some fold; "
                "the feature model needs 2 of each class: one to learn from and one to check with"
            )
