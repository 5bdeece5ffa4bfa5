"""Two submitted readings of a smear → how far they agree: all, along maturation, by class."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from marrowscope.differential.count_roles import role
from marrowscope.morphology import CLASSES, CountRole, in_display_order
from marrowscope.review.database.label_rows import NO_CELL, UNIDENTIFIED
from marrowscope.review.database.tables import label
from marrowscope.review.readings.cohen_kappa import (
    Kappa,
    cohen_kappa,
    linear_weights,
    pair_matrix,
)
from marrowscope.review.readings.reading_access import OpenReading
from marrowscope.scoring import NORMAL_95


def reader_agreement(
    connection: Connection, first: OpenReading, second: OpenReading
) -> dict[str, Any]:
    """Agreement as data for JSON, over the cells that both decided.

    Args:
        connection: to the database.
        first, second: readings of one smear.
    """
    votes = [_votes(connection, one) for one in (first, second)]
    both = sorted(set(votes[0]) & set(votes[1]))
    one, other = ([given[cell] for cell in both] for given in votes)
    used = {*one, *other}
    codes = [
        *in_display_order(used - {UNIDENTIFIED, NO_CELL}),
        *(code for code in (UNIDENTIFIED, NO_CELL) if code in used),
    ]
    counts = pair_matrix(one, other, codes)
    return {
        "cells": len(both),
        "agreed": int(np.trace(counts)),
        "kappa": _data(cohen_kappa(counts)),
        "weighted": dict(_weighted(one, other)),
        "classes": [_class_data(code, place, counts) for place, code in enumerate(codes)],
        "matrix": {"codes": codes, "counts": counts.tolist()},
        "differential": list(_two_counts(one, other, codes)),
    }


def _votes(connection: Connection, found: OpenReading) -> dict[int, str]:
    asked = select(label.c.cell_id, label.c.state).where(
        label.c.reading_id == found.id, label.c.state.is_not(None)
    )
    return {cell: state for cell, state in connection.execute(asked)}


def _weighted(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Kappa with linear weights, of the cells that both put into one maturation series."""
    for series in sorted({kind.series for kind in CLASSES if kind.series is not None}):
        stages = {kind.code: kind.maturity or 0 for kind in CLASSES if kind.series == series}
        pairs = [(a, b) for a, b in zip(one, other, strict=True) if a in stages and b in stages]
        if pairs:
            firsts, seconds = zip(*pairs, strict=True)
            counts = pair_matrix(firsts, seconds, list(stages))
            yield series, _data(cohen_kappa(counts, linear_weights(list(stages.values()))))


def _class_data(code: str, place: int, counts: np.ndarray) -> dict[str, Any]:
    """One class against all others; positive agreement after Spitzer and Fleiss (1974)."""
    both = int(counts[place, place])
    first, second = int(counts[place].sum()), int(counts[:, place].sum())
    rest = int(counts.sum()) - first - second + both
    two = np.array([[both, first - both], [second - both, rest]])
    return {
        "code": code,
        "first": first,
        "second": second,
        "both": both,
        "positive_agreement": round(2 * both / (first + second), 4) if first + second else None,
        "kappa": _data(cohen_kappa(two)),
    }


def _two_counts(
    one: Sequence[str], other: Sequence[str], codes: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Percentages of both counts, and whether chance alone explains their difference (Rümke 1985).

    The limits are those of two samples of so many cells: of the same cells, less is expected.
    """
    counted = [code for code in codes if role(code) is CountRole.COUNTED and code.isalpha()]
    totals = [sum(vote in counted for vote in votes) for votes in (one, other)]
    for code in counted:
        numbers = [votes.count(code) for votes in (list(one), list(other))]
        shares = [
            number / total if total else 0.0 for number, total in zip(numbers, totals, strict=True)
        ]
        pooled = sum(numbers) / sum(totals)
        error = math.sqrt(pooled * (1 - pooled) * sum(1 / total for total in totals if total))
        yield {
            "code": code,
            "first_percent": round(100 * shares[0], 1),
            "second_percent": round(100 * shares[1], 1),
            "limit_percent": round(100 * NORMAL_95 * error, 1),
            "within_limits": abs(shares[0] - shares[1]) <= NORMAL_95 * error + 1e-12,
        }


def _data(kappa: Kappa) -> dict[str, Any]:
    return {
        "value": _real(kappa.value),
        "low": _real(kappa.low),
        "high": _real(kappa.high),
        "cells": kappa.cells,
    }


def _real(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None
