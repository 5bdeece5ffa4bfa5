"""Squares or fields of a smear, each accepted or with the reason why cells cannot be judged."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from marrowscope.slides.slide import Field

# Nucleated cells to red cells: blood has 1:200 to 1:1000, marrow 1:5 to 1:50.
MIN_NUCLEATED_PER_RED = 0.01


class RejectionReason(IntEnum):
    """Why cells are not judged in a square; 0 where they are."""

    ACCEPTED = 0
    OUTSIDE = 1
    NOT_A_SMEAR = 2
    EMPTY = 3
    THICK = 4
    OUT_OF_FOCUS = 5
    PALE = 6
    DILUTED = 7
    CRUSHED = 8

    @property
    def description(self) -> str:
        """In words, for readers."""
        return _WORDS[self]


_WORDS = {
    RejectionReason.ACCEPTED: "can be judged",
    RejectionReason.OUTSIDE: "outside of the smear",
    RejectionReason.NOT_A_SMEAR: "colours that no Romanowsky stain has",
    RejectionReason.EMPTY: "hardly any cells",
    RejectionReason.THICK: "cells on top of each other",
    RejectionReason.OUT_OF_FOCUS: "out of focus",
    RejectionReason.PALE: "too pale",
    RejectionReason.DILUTED: "blood with few nucleated cells",
    RejectionReason.CRUSHED: "crushed cells",
}


def blood_phrase(red_cells_per_nucleated: float) -> str | None:
    """A phrase when there are too many red cells for marrow, else None."""
    if not red_cells_per_nucleated > 1 / MIN_NUCLEATED_PER_RED:
        return None
    return f"blood rather than marrow, 1 nucleated cell to {red_cells_per_nucleated:.0f} red cells"


@dataclass(frozen=True)
class QualityMap:
    """Where cells can be judged; arrays (rows, columns) of squares, or (1, fields).

    Attributes:
        reason: uint8, ``RejectionReason``.
        quality: 0 to 1, 0 where rejected.
        cells: nucleated cells expected in each.
        blur: µm, nan where it was not seen.
        side: of a square in px of level 0; 0 for fields.
        red_cells_per_nucleated: over all squares where cells lie singly and are sharp.
        fields: the fields, for a source of fields.
        lights: RGB of bare glass and of the light between cells, (3,) each, where these differ;
            all was judged in the latter.
    """

    reason: NDArray[np.uint8]
    quality: NDArray[np.float64]
    cells: NDArray[np.float64]
    blur: NDArray[np.float64]
    side: int
    red_cells_per_nucleated: float = float("nan")
    fields: tuple[Field, ...] = ()
    lights: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    def count(self, reason: RejectionReason) -> int:
        """How many squares or fields have this reason."""
        return int((self.reason == reason).sum())

    def blood_phrase(self) -> str | None:
        """As ``blood_phrase``, for the whole smear."""
        return blood_phrase(self.red_cells_per_nucleated)

    def light_phrase(self) -> str | None:
        """A phrase when the glass beside the smear is lit otherwise than the smear, else None."""
        if self.lights is None:
            return None
        glass, own = (" ".join(f"{value:.0f}" for value in light) for light in self.lights)
        return (
            f"the smear is lit otherwise (RGB {own} between its cells) than the glass beside it "
            f"({glass}), and was judged in its own light"
        )

    def rejection_summary(self) -> str | None:
        """Why there is nothing to be counted, in one sentence; None where there is something."""
        if self.count(RejectionReason.ACCEPTED):
            return None
        counts = {
            reason: self.count(reason)
            for reason in RejectionReason
            if reason > RejectionReason.OUTSIDE
        }
        seen = sum(counts.values())
        if not seen:
            return "nothing stained lies on the glass"
        main = max(counts, key=lambda reason: counts[reason])
        if main == RejectionReason.DILUTED:
            return f"no place where cells can be judged: {self.blood_phrase()}"
        place = "fields" if self.fields else "smear"
        share = f"{100 * counts[main] / seen:.0f} % of the {place}: {main.description}"
        return f"no place where cells can be judged ({share})"
