"""Labels of a reading → its differential count: what is decided, else what the model answered."""

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from marrowscope.differential.count_roles import BLASTS, CellRole, lineage_codes, role
from marrowscope.differential.decision_thresholds import open_decisions
from marrowscope.differential.myeloid_erythroid_ratio import ratio_of_counts
from marrowscope.differential.rounding import largest_remainder
from marrowscope.morphology import CODES, CountRole, Lineage, in_display_order
from marrowscope.review.database.label_rows import NO_CELL, UNIDENTIFIED
from marrowscope.review.database.tables import cell, label
from marrowscope.review.readings.reading_access import OpenReading, cells_in_scope
from marrowscope.scoring import wilson_interval


@dataclass(frozen=True)
class ReadingCount:
    """How many cells of a reading are what.

    Attributes:
        classes: cells per class, decided or as the model answers.
        reviewed: cells that were decided, removed ones among them.
        unreviewed: cells that were not.
        unidentified: cells that were looked at and cannot be told.
        removed: places where there is no cell.
        unsure: undecided cells for which the model has no answer that counts.
    """

    classes: dict[str, int]
    reviewed: int
    unreviewed: int
    unidentified: int
    removed: int
    unsure: int


def count_reading(connection: Connection, found: OpenReading) -> ReadingCount:
    """Count the cells of a reading in one query."""
    joined = cell.outerjoin(
        label, (label.c.cell_id == cell.c.id) & (label.c.reading_id == found.id)
    )
    keys = (label.c.state, cell.c.predicted, cell.c.role)
    asked = select(*keys, func.count()).select_from(joined).where(cells_in_scope(found))
    classes: Counter[str] = Counter()
    reviewed = unreviewed = unidentified = removed = unsure = 0
    for state, predicted, part, number in connection.execute(asked.group_by(*keys)):
        if state is None:
            unreviewed += number
            if found.blinded:
                continue
            if predicted is None or below_threshold(predicted, part):
                unsure += number
            else:
                classes[predicted] += number
            continue
        reviewed += number
        if state == NO_CELL:
            removed += number
        elif state == UNIDENTIFIED:
            unidentified += number
        else:
            classes[state] += number
    return ReadingCount(dict(classes), reviewed, unreviewed, unidentified, removed, unsure)


def count_as_data(count: ReadingCount) -> dict[str, Any]:
    """The differential of a count as data for JSON: percent with Wilson 95 % intervals."""
    codes = [code for code in in_display_order({*CODES, *count.classes}) if _is(code, _COUNTED)]
    counts = np.array([count.classes.get(code, 0) for code in codes], dtype=np.int64)
    total = int(counts.sum())
    percent = largest_remainder(counts, 1) if total else np.zeros(len(codes))
    low, high = wilson_interval(counts.astype(np.float64), np.full(len(codes), float(total)))
    over, under = (
        sum(count.classes.get(code, 0) for code in lineage_codes(side, codes))
        for side in (Lineage.MYELOID, Lineage.ERYTHROID)
    )
    ratio = ratio_of_counts(over, under)
    unclassified = sum(count.classes.get(code, 0) for code in count.classes if _is(code, _UNSURE))
    return {
        "countable": total,
        "not_classified": unclassified + count.unidentified + count.unsure,
        "excluded": sum(count.classes[code] for code in count.classes if _is(code, _EXCLUDED)),
        "reviewed": count.reviewed,
        "unreviewed": count.unreviewed,
        "unidentified": count.unidentified,
        "removed": count.removed,
        "classes": [
            {
                "code": code,
                "count": int(counts[place]),
                "percent": round(float(percent[place]), 1),
                "low": _percent(low[place]),
                "high": _percent(high[place]),
            }
            for place, code in enumerate(codes)
        ],
        "others": {
            code: number for code, number in count.classes.items() if not _is(code, _COUNTED)
        },
        "me": {"value": _real(ratio.value), "low": _real(ratio.low), "high": _real(ratio.high)},
        "blasts": _blasts(count, total),
    }


_COUNTED, _UNSURE, _EXCLUDED = CountRole.COUNTED, CountRole.NOT_CLASSIFIED, CountRole.EXCLUDED


def _blasts(count: ReadingCount, total: int) -> dict[str, Any]:
    number = sum(count.classes.get(code, 0) for code in BLASTS)
    low, high = wilson_interval(np.array(float(number)), np.array(float(total)))
    decisions = open_decisions(number, total) if total else ()
    return {
        "count": number,
        "percent": round(100 * number / total, 1) if total else None,
        "low": _percent(low),
        "high": _percent(high),
        "decisions": [
            {
                "threshold": 100 * one.threshold,
                "more": None if one.practically_never else one.more,
            }
            for one in decisions
        ],
    }


def below_threshold(predicted: str, part: str | None) -> bool:
    """Whether the count took no notice of an answer that it would count otherwise."""
    unsure = part == CellRole.NOT_CLASSIFIED.value and role(predicted) is CountRole.COUNTED
    return unsure or part == CellRole.NOVEL.value


def _is(code: str, wanted: CountRole) -> bool:
    return role(code) is wanted


def _percent(share: Any) -> float:
    return round(100 * float(share), 2)


def _real(value: float) -> float | None:
    return round(value, 3) if math.isfinite(value) else None
