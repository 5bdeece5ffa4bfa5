"""Class codes → what they do in a count: role, lineage, name, from the scheme's own data."""

from collections.abc import Iterable
from enum import StrEnum

from marrowscope.morphology import BY_CODE, CLASSES, CountRole, Lineage


class CellRole(StrEnum):
    """What becomes of one located cell in a count; the values of the column ``role``."""

    COUNTED = "counted"
    NOT_CLASSIFIED = "not classified"  # its class is not counted, or the answer is too unsure
    NOVEL = "novel"  # unlike anything that the model knows, whatever the answer
    NOT_COUNTED = "not counted"  # its class is excluded
    LEFT_OUT = "left out"  # cut off, not an intact cell, or where cells cannot be judged


_ROLE_OF_CLASS = {
    CountRole.COUNTED: CellRole.COUNTED,
    CountRole.NOT_CLASSIFIED: CellRole.NOT_CLASSIFIED,
    CountRole.EXCLUDED: CellRole.NOT_COUNTED,
}


# The least mature stage of the granulocytic series.
BLASTS: tuple[str, ...] = tuple(
    cell.code for cell in CLASSES if cell.series == "granulocytic" and cell.maturity == 0
)

# ICSH 2008 counts or reports these; the 21 classes have no place for them.
NOT_IN_SCHEME: tuple[str, ...] = ("mast cells", "promonocytes", "megakaryocytes")


def role(code: str) -> CountRole:
    """Role of a class; one of a user's own scheme is counted."""
    return BY_CODE[code].role if code in BY_CODE else CountRole.COUNTED


def cell_role(code: str) -> CellRole:
    """What becomes of a cell of this class when nothing else speaks against it."""
    return _ROLE_OF_CLASS[role(code)]


def role_codes(wanted: CountRole, codes: Iterable[str]) -> tuple[str, ...]:
    """Those of ``codes`` with a role, in their order."""
    return tuple(code for code in codes if role(code) is wanted)


def lineage(code: str) -> Lineage:
    """Lineage of a class; one of a user's own scheme is in none of the three."""
    return BY_CODE[code].lineage if code in BY_CODE else Lineage.OTHER


def lineage_codes(wanted: Lineage, codes: Iterable[str]) -> tuple[str, ...]:
    """Counted classes of a lineage among ``codes``, in their order."""
    return tuple(
        code for code in codes if role(code) is CountRole.COUNTED and lineage(code) is wanted
    )


def name(code: str) -> str:
    """English name of a class; its code where it is not in the scheme."""
    return BY_CODE[code].name if code in BY_CODE else code
