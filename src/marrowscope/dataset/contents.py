"""A cell table → what is in it, beside what the study published."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from marrowscope.cells import GROUPS, IN_FIELD, LABORATORY, group_column, note_counts, usable
from marrowscope.dataset.indexing import outside_scheme
from marrowscope.dataset.label_source import LEFT_OUT
from marrowscope.dataset.laboratories import (
    cells_by_class_and_laboratory,
    laboratory_names,
    laboratory_warnings,
)
from marrowscope.dataset.repeated_content import CONFLICT, DUPLICATE
from marrowscope.identifiers import clean_column, look_alikes
from marrowscope.morphology import BY_CODE, CLASSES, in_display_order
from marrowscope.preprocessing import INPUT_SIZE

_SHOWN = 5
NO_IDS = (
    "No patient or slide ids: cells of one patient can lie on both sides of a split, "
    "so results may look better than they would on new patients."
)


@dataclass(frozen=True)
class ClassCount:
    """Images of one class; ``published`` is None for a class outside the study's scheme."""

    code: str
    name: str
    images: int
    published: int | None

    @property
    def remark(self) -> str:
        """What a reader should notice about this count."""
        if self.published is None:
            return "not one of the study's classes"
        if self.images == 0:
            return "missing"
        if self.images < self.published:
            return f"{self.published - self.images} fewer than published"
        if self.images > self.published:
            return f"{self.images - self.published} more than published"
        return ""


@dataclass(frozen=True)
class CheckResult:
    """Everything ``marrowscope check`` says."""

    rows: int
    usable: int
    unlabelled: int
    classes: tuple[ClassCount, ...]
    bad: tuple[tuple[str, str], ...]  # (path, reason)
    converted: tuple[tuple[str, int], ...]  # (how, count)
    sizes: tuple[tuple[str, int], ...]  # ("W×H", count), most frequent first
    ids: dict[str, int]  # distinct values of each id column
    warnings: tuple[str, ...]
    # Images by class and laboratory ("" where none is named); {} where no row names one.
    laboratories: dict[str, dict[str, int]] = field(default_factory=dict)
    # Images whose name the mapping of the index does not map, by that name; most frequent first.
    left_out: dict[str, int] = field(default_factory=dict)


def check(table: pl.DataFrame) -> CheckResult:
    """Count, compare and list what is wrong."""
    good = usable(table)
    labels = good["label"] if "label" in good.columns else pl.Series([None] * good.height)
    counts = Counter(label for label in labels.to_list() if label is not None)
    strangers = [code for code in in_display_order(set(counts)) if code not in BY_CODE]
    classes = [
        ClassCount(cell.code, cell.name, counts.get(cell.code, 0), cell.published_images)
        for cell in CLASSES
    ] + [ClassCount(code, code, counts[code], None) for code in strangers]
    wrong = (
        table.filter(pl.col("error").is_not_null()).select("path", "error").rows()
        if "error" in table.columns
        else []
    )
    bad = [(path, reason) for path, reason in wrong if not reason.startswith(LEFT_OUT)]
    names = [reason.removeprefix(LEFT_OUT) for _, reason in wrong if reason.startswith(LEFT_OUT)]
    ids = {name: good[name].drop_nulls().n_unique() for name in GROUPS if name in good.columns}
    return CheckResult(
        rows=table.height,
        usable=good.height,
        unlabelled=int(labels.null_count()),
        classes=tuple(classes),
        bad=tuple(bad),
        converted=note_counts(good["note"]) if "note" in good.columns else (),
        sizes=_sizes(good),
        ids=ids,
        warnings=tuple(_warnings(good, counts, bad)),
        laboratories=cells_by_class_and_laboratory(good) if laboratory_names(good) else {},
        left_out=dict(Counter(names).most_common()),
    )


def id_warning(table: pl.DataFrame) -> str | None:
    """The line that every report has to carry when not every image has a patient or slide id."""
    if group_column(table) is not None:
        return None
    name = incomplete_group_column(table)
    if name is None:
        return NO_IDS
    rows = usable(table)
    return (
        f"Only {rows.height - rows[name].null_count()} of {rows.height} images have a {name}; "
        "the others can only be split by image, so results may look better than they would on "
        "new patients."
    )


def look_alike_ids(table: pl.DataFrame) -> tuple[str, ...]:
    """A sentence for each id column in which ids differ only in blanks, case or zeros."""
    found = []
    rows = usable(table)
    for name in (name for name in (LABORATORY, *GROUPS) if name in rows.columns):
        alike = look_alikes(clean_column(rows[name].cast(pl.String)).unique().to_list())
        if alike:
            shown = "; ".join(", ".join(map(repr, ids)) for ids in alike[:_SHOWN])
            more = f" and {len(alike) - _SHOWN} more" if len(alike) > _SHOWN else ""
            found.append(
                f"{name}: {shown}{more} differ only in blanks, signs, case or zeros and count as "
                "different; if they are the same, write them in one way"
            )
    return tuple(found)


def incomplete_group_column(table: pl.DataFrame) -> str | None:
    """Name of the first id column that has a value in some usable row."""
    rows = usable(table)
    filled = [n for n in GROUPS if n in rows.columns and rows[n].null_count() < rows.height]
    return filled[0] if filled else None


def _sizes(table: pl.DataFrame) -> tuple[tuple[str, int], ...]:
    if not {"width", "height"} <= set(table.columns):
        return ()
    if IN_FIELD in table.columns:  # the size of a field says nothing of its cells
        table = table.filter(~pl.col(IN_FIELD).fill_null(False))
    pairs = table.select("width", "height").drop_nulls().rows()
    return tuple(Counter(f"{width}×{height}" for width, height in pairs).most_common())


def _warnings(good: pl.DataFrame, counts: Counter[str], bad: list[tuple[str, str]]) -> list[str]:
    warnings = []
    ids = id_warning(good)
    if ids is not None:
        warnings.append(ids)
    warnings += look_alike_ids(good)
    warnings += laboratory_warnings(good)
    missing = [cell.code for cell in CLASSES if not counts.get(cell.code)]
    if counts and missing and len(missing) < len(CLASSES):
        warnings.append(f"Classes without any image: {', '.join(missing)}.")
    warnings += outside_scheme(good)
    conflicts = sum(reason.startswith(CONFLICT) for _, reason in bad)
    if conflicts:
        warnings.append(f"Files with the content of a differently labelled file: {conflicts}.")
    repeats = sum(reason.startswith(DUPLICATE) for _, reason in bad)
    if repeats:
        warnings.append(f"Files that repeat another one of the same class: {repeats}.")
    expected = f"{INPUT_SIZE}×{INPUT_SIZE}"
    others = sum(count for size, count in _sizes(good) if size != expected)
    if others:
        warnings.append(
            f"Images that are not {expected} px, which the networks see rescaled: {others}."
        )
    return warnings
